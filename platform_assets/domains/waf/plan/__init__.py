"""From decisions, live IP sets and the last apply to the plan of every IP set."""

"""Decisions, live IP sets and what was applied last to the plan of every IP set."""

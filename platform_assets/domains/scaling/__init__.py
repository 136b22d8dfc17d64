"""From a forecast of a cluster's load to its number of nodes: forecasts, plan, blocking checks, apply, undo."""

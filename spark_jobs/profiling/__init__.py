"""Counts of columns in one pass over a table: for monitoring, which compares them elsewhere."""

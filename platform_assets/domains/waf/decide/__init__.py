"""Scores of an hour to decisions."""

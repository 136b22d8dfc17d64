"""Metric samples of one object -> typed rows and rejected samples."""

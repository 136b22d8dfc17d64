"""Scheduled work: compaction, retention, retraining."""

"""What the clock starts: compaction, retention, retraining."""

"""Models that keep learning: watched, retrained when there is reason, proved, released step by step, taken back."""

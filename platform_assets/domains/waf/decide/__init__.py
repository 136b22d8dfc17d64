"""From the scores of an hour to decisions."""

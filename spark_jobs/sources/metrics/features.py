"""The features of a cluster at one time."""

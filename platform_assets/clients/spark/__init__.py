"""Clusters that run jobs; see docs/scaling.md."""

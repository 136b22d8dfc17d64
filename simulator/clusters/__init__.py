"""Clusters that serve the shop, and the metrics that monitoring delivers about them.

`cluster.py` simulates load, incidents and an autoscaler; `files.py` samples and loses; `formats.py` writes; `metrics.py`
assembles them.
"""

"""The metrics of a cluster that Weir knows by name, and their units. `mapping.py` has the names that others use."""

CLUSTER_METRICS = (
    ("cpu_utilization", "percent"),
    ("memory_utilization", "percent"),
    ("network_utilization", "percent"),
    ("pod_count", "running pods"),
    ("node_count", "nodes in service"),
    ("request_rate", "requests a second"),
    ("response_time", "seconds"),
    ("error_rate", "share of requests, as it is delivered"),
    ("queue_depth", "waiting messages"),
    ("spot_price", "price of a spot instance an hour, as it is delivered"),
)
"""Metric and its unit, under the names that users of files know."""
METRICS = tuple(name for name, _ in CLUSTER_METRICS)

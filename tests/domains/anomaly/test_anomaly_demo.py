"""What the demo credits its alarms with."""

from __future__ import annotations

import pandas as pd

from platform_assets.domains.anomaly.demo import match_alarms

START = pd.Timestamp("2026-11-20T10:02:00Z")


def at(minutes: int) -> pd.Timestamp:
    return START.floor("5min") + pd.Timedelta(minutes=minutes)


def test_an_alarm_counts_for_an_incident_on_its_metric_while_it_runs() -> None:
    incidents = pd.DataFrame(
        [
            {"cluster_id": "shop", "kind": "outage", "metrics": ["error_rate"], "start_at": START},
            {"cluster_id": "shop", "kind": "deploy", "metrics": ["cpu_utilization"], "start_at": START},
            {"cluster_id": "blog", "kind": "outage", "metrics": ["error_rate"], "start_at": START},
        ]
    ).assign(end_at=START + pd.Timedelta(minutes=28))
    alarms = [
        ("shop", "error_rate", at(0)),
        ("shop", "error_rate", at(35)),  # the step in which it ends
        ("shop", "error_rate", at(40)),  # after it
        ("shop", "memory_utilization", at(10)),  # another metric
        ("shop", "cpu_utilization", at(10)),  # a deploy is planned
        ("blog", "error_rate", at(-5)),  # before it
    ]
    frame = pd.DataFrame(alarms, columns=["cluster_id", "metric", "event_at"])
    found = match_alarms(incidents, frame, since=START - pd.Timedelta(days=1))
    assert found["incidents"]["after"].tolist()[:2] == [0.0, 8.0]
    assert pd.isna(found["incidents"]["after"].iloc[2])
    assert (found["alarms"], found["unexplained"]) == (6, 4)

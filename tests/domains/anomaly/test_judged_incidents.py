"""What a verdict on an alert or on a cluster at a time is about: incidents without an alert count as missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.domains.anomaly.learning import judged_alert
from platform_assets.domains.anomaly.tables import ANOMALY_ALERTS, ANOMALY_SCORES
from platform_assets.settings import Settings, load_settings
from spark_jobs.contract import HOUR_COLUMN, format_hour

AT = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An hour of two clusters with one alarm at 13:30 on `api`, and its alert."""
    settings = load_settings(tmp_path)
    lake_of(settings).append_rows(
        ANOMALY_SCORES,
        (
            {"cluster_id": cluster, "event_at": at, "score": 0.9 if is_alarm else 0.1, "is_anomaly": is_alarm}
            | {"model_name": "anomaly_detection", "model_version": "4", HOUR_COLUMN: format_hour(at)}
            for cluster in ("api", "web")
            for at in (AT + number * timedelta(minutes=5) for number in range(48))
            for is_alarm in (cluster == "api" and at == AT + timedelta(minutes=30),)
        ),
    )
    alert: dict[str, object] = {
        name: [] for name in ("clusters", "metrics", "alarms", "critical_alarms", "incident_ids")
    }
    times = {"first_at": AT + timedelta(minutes=30), "last_at": AT + timedelta(minutes=30)}
    texts = {"alert_id": "a1", "kind": "incident", "severity": "warning", "state": "open", "sentence": "api"}
    lake_of(settings).append_rows(
        ANOMALY_ALERTS, [alert | times | texts | {"clusters": ["api"], "score": 0.9, "alarm_count": 1}]
    )
    return settings


def test_an_alert_names_the_version_that_raised_it(settings: Settings) -> None:
    found = judged_alert(settings, "a1")
    assert found is not None and (found.is_flagged, found.model_version, found.entity) == (True, "4", "api")


@pytest.mark.parametrize(
    ("subject", "is_flagged"),
    [("api@2026-11-20T13:00", True), ("api@2026-11-20T15:00:00+00:00", False), ("web@2026-11-20T13:00", False)],
)
def test_an_incident_counts_as_found_where_an_alarm_is_near(settings: Settings, subject: str, is_flagged: bool) -> None:
    found = judged_alert(settings, subject)
    assert found is not None and (found.is_flagged, found.model_version) == (is_flagged, "4")


@pytest.mark.parametrize("subject", ["nobody", "nobody@2026-11-20T13:00", "api@2026-11-22T13:00", "api@noon", "@"])
def test_what_was_not_scored_is_not_judged(settings: Settings, subject: str) -> None:
    assert judged_alert(settings, subject) is None

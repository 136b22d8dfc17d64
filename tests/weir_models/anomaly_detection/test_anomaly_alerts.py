"""Alerts: few, none critical lost, every alarm in exactly one, the same name when later alarms join."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weir_models.anomaly_detection.alerts import SEVERITIES, Alert, Grouping, RawAlarm, alerts

START = datetime(2026, 3, 2, tzinfo=UTC)


def alarm(cluster: str, minute: float, severity: str = "info", metric: str = "cpu_utilization") -> RawAlarm:
    return RawAlarm(cluster, metric, START + timedelta(minutes=minute), 0.9, severity)  # type: ignore[arg-type]


ALARMS = st.lists(
    st.builds(
        alarm,
        st.sampled_from([f"c{n}" for n in range(40)]),
        st.integers(0, 2000),
        st.sampled_from(SEVERITIES),
        st.sampled_from(["cpu_utilization", "queue_depth"]),
    ),
    max_size=300,
)


def holds_everything_once(found: list[Alert], raw: list[RawAlarm], most: int) -> None:
    """At most so many alerts; counts add up; each critical alarm is named once, by a critical alert."""
    assert len(found) <= most
    assert sum(alert.alarm_count for alert in found) == len(raw)
    named = Counter(name for alert in found for name in alert.critical_alarms)
    assert named == Counter(one.name for one in raw if one.severity == "critical")
    assert all((alert.severity == "critical") == bool(alert.critical_alarms) for alert in found)
    ids = [name for alert in found for name in alert.incident_ids]
    assert len(ids) == len(set(ids)) and len({alert.alert_id for alert in found}) == len(found)


@settings(max_examples=200, deadline=None)
@given(ALARMS, st.integers(2, 20))
def test_no_alarm_is_lost_nor_critical_unnamed(raw: list[RawAlarm], most: int) -> None:
    holds_everything_once(alerts(raw, START, Grouping(most_alerts=most)), raw, most)


def test_ten_thousand_alarms_become_at_most_twenty_alerts() -> None:
    drawn = random.Random(1)
    raw = [
        alarm(f"c{drawn.randrange(300)}", drawn.uniform(0, 1440), drawn.choices(SEVERITIES, [70, 25, 5])[0])
        for _ in range(10_000)
    ]
    holds_everything_once(alerts(raw, START + timedelta(days=1)), raw, 20)


@settings(max_examples=100, deadline=None)
@given(ALARMS, st.randoms(use_true_random=False))
def test_the_order_of_alarms_does_not_matter(raw: list[RawAlarm], shuffler: random.Random) -> None:
    mixed = list(raw)
    shuffler.shuffle(mixed)
    assert alerts(mixed, START) == alerts(raw, START)


@settings(max_examples=200, deadline=None)
@given(ALARMS, st.integers(0, 2000))
def test_an_alert_keeps_its_identity_with_later_alarms(raw: list[RawAlarm], minute: int) -> None:
    until = START + timedelta(minutes=minute)
    before = alerts([one for one in raw if one.at <= until], until)
    after = {name for alert in alerts(raw, START) for name in (alert.alert_id, *alert.incident_ids)}
    assert {name for alert in before for name in alert.incident_ids} <= after


def test_a_lasting_incident_is_one_alert_until_resolved() -> None:
    raw = [alarm("a", minute) for minute in range(0, 300, 5)]
    begun = alerts(raw[:10], START + timedelta(minutes=46))[0]
    lasting = alerts(raw, START + timedelta(minutes=300))
    assert len(lasting) == 1 and lasting[0].alert_id == begun.alert_id and begun.state == "open"
    assert alerts(raw, START + timedelta(minutes=355))[0].state == "resolved"
    assert lasting[0].sentence == "incident on a: 60 alarms (cpu_utilization)"


def test_clusters_that_fail_together_are_one_storm() -> None:
    storm = [alarm(f"c{n}", n, "critical" if n == 3 else "warning") for n in range(8)]
    alone = [alarm("z", 200)]
    found = alerts(storm + alone, START)
    assert [(one.kind, one.severity, one.alarm_count) for one in found] == [
        ("storm", "critical", 8),
        ("incident", "info", 1),
    ]
    assert found[0].critical_alarms == ("c3/cpu_utilization at 2026-03-02T00:03:00+00:00",)
    assert found[0].alert_id == alerts(storm[:1], START)[0].alert_id


def test_surplus_alerts_go_into_two_digests() -> None:
    raw = [alarm(f"c{n}", 100 * n, "critical" if n < 25 else "info") for n in range(60)]
    found = alerts(raw, START)
    assert Counter(one.kind for one in found) == {"incident": 18, "digest": 2}
    assert [(one.severity, one.alarm_count) for one in found if one.kind == "digest"] == [("critical", 7), ("info", 35)]


def test_settings_that_leave_no_room_are_refused() -> None:
    with pytest.raises(ValueError, match="correct the settings"):
        Grouping(most_alerts=1)

"""Alarms -> alerts -> notifications: which alarms count, and which alerts are new to people.

weir_models.anomaly_detection.alerts groups alarms into alerts. Event clock: alerts are open or resolved as of the newest
scored step that is not after the wall clock, so missing metrics resolve nothing, and a wrong clock hides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from platform_assets.clients import notifier
from platform_assets.domains.anomaly.tables import ANOMALY_ALERTS, ANOMALY_SCORES
from platform_assets.settings import Settings
from spark_jobs.contract import format_hour
from spark_jobs.sources.metrics.tables import STEP_SECONDS
from spark_jobs.storage.lake import Lake
from spark_jobs.wording import counted

if TYPE_CHECKING:
    from weir_models.anomaly_detection.alerts import RawAlarm

SPAN = timedelta(days=7)
"""How far before the newest step alarms are in the table; an incident that reaches into this span is complete."""
NOTIFY_WITHIN = timedelta(days=1)
"""A resolved alert whose last alarm is longer ago is in the table, but nobody is notified."""
KINDS = ("incident", "storm", "digest")
"""By the number of alarms behind them, fewest first."""

Row = dict[str, Any]


def alarms_of(lake: Lake) -> tuple[list[RawAlarm], dict[str, str], datetime | None]:
    """The alarms that count, the reason of each by name, and the end of the newest scored step; None without scores."""
    import pyarrow.dataset as ds

    from weir_models.anomaly_detection.alerts import Grouping, RawAlarm
    from weir_models.anomaly_detection.course import FOLLOWED_SECONDS

    now = clock_of(lake)
    if now is None:
        return [], {}, None
    hours = [hour for hour in lake.hours(ANOMALY_SCORES) if hour <= format_hour(now)]
    # A day more than the span, for the incidents that reach into it.
    first = format_hour(now - SPAN - timedelta(days=1))
    columns = ["cluster_id", "metric", "event_at", "score", "is_anomaly", "severity", "reason"]
    rows = lake.read_arrow(
        ANOMALY_SCORES,
        [hour for hour in hours if hour >= first],
        columns,
        ds.field("reason").is_valid() & (ds.field("event_at") < now),
    ).to_pylist()
    rows = [row | {"event_at": row["event_at"].astimezone(UTC)} for row in rows]
    alarm_rows = [row for row in rows if row["is_anomaly"]]
    follow([row for row in rows if not row["is_anomaly"]], alarm_rows)
    every = [
        RawAlarm(
            row["cluster_id"],
            row["metric"],
            row["event_at"],
            row["score"],
            row["severity"],
            row.get("goes_on", False) and (now - row["event_at"]).total_seconds() <= FOLLOWED_SECONDS,
        )
        for row in alarm_rows
    ]
    counted = within(every, now - SPAN, Grouping().together)
    reasons = {alarm.name: row["reason"] for alarm, row in zip(every, alarm_rows, strict=True)}
    return counted, reasons, now


def follow(followers: Iterable[Row], alarm_rows: Iterable[Row]) -> None:
    """Give each alarm what followed it: the severity that its departure came to, whether it goes on, and its end.

    A follower with a severity lasted or became more severe; one without is the recovery of the metric, with which all
    that began before it on the cluster is over.
    """
    from weir_models.anomaly_detection.alerts import SEVERITIES

    alarms: dict[str, list[Row]] = {}
    for row in sorted(alarm_rows, key=itemgetter("event_at")):
        alarms.setdefault(row["cluster_id"], []).append(row)
    for follower in sorted(followers, key=itemgetter("event_at")):
        earlier = [row for row in alarms.get(follower["cluster_id"], []) if row["event_at"] < follower["event_at"]]
        same = [row for row in earlier if row["metric"] == follower["metric"]]
        if not earlier:
            continue
        alarm, severity = (same or earlier)[-1], follower["severity"]
        alarm["goes_on"] = True
        if severity is None:
            alarm["reason"] += f"; {follower['reason']}"
            for row in earlier:
                row["goes_on"] = False
        elif SEVERITIES.index(severity) > SEVERITIES.index(alarm["severity"]):
            alarm["severity"] = severity
            alarm["reason"] += f"; {severity} since {follower['event_at']:%Y-%m-%d %H:%M}"


def clock_of(lake: Lake) -> datetime | None:
    """The end of the newest scored step that began by the wall clock; None where there is none."""
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    present = datetime.now(UTC)
    begun = ds.field("event_at") <= present
    for hour in reversed([hour for hour in lake.hours(ANOMALY_SCORES) if hour <= format_hour(present)]):
        newest = pc.max(lake.read_arrow(ANOMALY_SCORES, [hour], ["event_at"], begun)["event_at"]).as_py()
        if newest is not None:
            return min(newest.astimezone(UTC) + timedelta(seconds=STEP_SECONDS), present)
    return None


def within(alarms: Iterable[RawAlarm], since: datetime, together: timedelta) -> list[RawAlarm]:
    """Alarms from `since` on, and those before it that belong to the same incident."""
    counted: list[RawAlarm] = []
    next_of: dict[str, datetime] = {}
    for alarm in sorted(alarms, key=lambda alarm: alarm.at, reverse=True):
        follows = next_of.get(alarm.cluster_id)
        if alarm.at >= since or (follows is not None and follows - alarm.at <= together):
            counted.append(alarm)
            next_of[alarm.cluster_id] = alarm.at
    return counted[::-1]


def make_alerts(lake: Lake) -> tuple[list[Row], datetime | None]:
    """The rows of anomaly/alerts from the current scores and earlier notifications, and the event clock."""
    from weir_models.anomaly_detection.alerts import alerts

    alarms, reasons, now = alarms_of(lake)
    if now is None:
        return [], None
    loudest = {alarm.name: alarm.score for alarm in alarms}
    notified = [row for row in lake.read_arrow(ANOMALY_ALERTS).to_pylist() if row["told_at"] is not None]
    rows = []
    for alert in alerts(alarms, now):
        why = reasons[max(alert.alarms, key=lambda name: (loudest[name], name))]
        row: Row = {name: getattr(alert, name) for name in ANOMALY_ALERTS.column_names if hasattr(alert, name)}
        row |= {name: list(value) for name, value in row.items() if isinstance(value, tuple)}
        row |= {"sentence": f"{alert.sentence}: {why}", "told_at": None}
        notified_parts = sharing_incidents(row, notified)
        if notified_parts and not is_news(row, notified_parts):
            row["told_at"] = max(earlier["told_at"] for earlier in notified_parts)
        rows.append(row)
    return rows, now


def sharing_incidents(row: Row, notified: Sequence[Row]) -> list[Row]:
    """The notified alerts that share an incident with this one."""
    incidents = set(row["incident_ids"])
    return [earlier for earlier in notified if incidents & set(earlier["incident_ids"])]


def is_news(row: Row, notified: Sequence[Row]) -> bool:
    """Whether an alert adds to the notified ones: higher severity, another critical alarm, or more clusters."""
    from weir_models.anomaly_detection.alerts import SEVERITIES

    severity = max(SEVERITIES.index(earlier["severity"]) for earlier in notified)
    kind = max(KINDS.index(earlier["kind"]) for earlier in notified)
    named = {name for earlier in notified for name in earlier["critical_alarms"]}
    incidents = {name for earlier in notified for name in earlier["incident_ids"]}
    is_more_severe = SEVERITIES.index(row["severity"]) > severity
    is_larger = KINDS.index(row["kind"]) > kind and not set(row["incident_ids"]) <= incidents
    return is_more_severe or is_larger or not set(row["critical_alarms"]) <= named


def write_alerts(lake: Lake, rows: Sequence[Row]) -> None:
    lake.overwrite_rows(ANOMALY_ALERTS, rows)


def every_alarm_is_in_one_alert(lake: Lake) -> tuple[bool, str, Mapping[str, Any]]:
    """The table against the alarms themselves, both read back from the lake."""
    from weir_models.anomaly_detection.alerts import Grouping

    alarms, _, _ = alarms_of(lake)
    rows = lake.read_arrow(ANOMALY_ALERTS).to_pylist()
    named = sorted(name for row in rows for name in row["alarms"])
    critical = sorted(name for row in rows for name in row["critical_alarms"])
    counts = {"alarms": len(alarms), "critical alarms": len(critical), "alerts": len(rows)}
    problems = [
        sentence
        for sentence, is_wrong in (
            ("alarms are missing from the alerts or in several", named != sorted(alarm.name for alarm in alarms)),
            (
                "critical alarms are not named",
                critical != sorted(alarm.name for alarm in alarms if alarm.severity == "critical"),
            ),
            ("the counts of alarms are wrong", sum(row["alarm_count"] for row in rows) != len(alarms)),
            (f"there are more than {Grouping().most_alerts} alerts", len(rows) > Grouping().most_alerts),
        )
        if is_wrong
    ]
    if problems:
        return False, "; ".join(problems).capitalize() + ".", counts
    return (
        True,
        f"{counted(len(alarms), 'alarm is', 'alarms are')} in {counted(len(rows), 'alert')}, {counted(len(critical), 'critical one')} by name.",
        counts,
    )


def notify_people(settings: Settings, lake: Lake, rows: Sequence[Row], now: datetime) -> int:
    """Notify people of new alerts, and record when; returns how many.

    After all were tried, raises the NotifierError of the first that some target did not get; the next call sends it to
    these targets again.
    """
    failed: notifier.NotifierError | None = None
    count, at = 0, datetime.now(UTC)
    for row in rows:
        is_over = row["state"] == "resolved" and now - row["last_at"] > NOTIFY_WITHIN
        if row["told_at"] is not None or is_over:
            continue
        try:
            notifier.notify(settings, message(row))
        except notifier.NotifierError as error:
            failed = failed or error
        else:
            row["told_at"] = at
            count += 1
    if count:
        write_alerts(lake, rows)
    if failed is not None:
        raise failed
    return count


def message(row: Row) -> notifier.Alert:
    """The notification of an alert. Its key changes when the alert has news, so that no target gets the same twice."""
    import hashlib

    news = "\n".join((row["alert_id"], row["kind"], row["severity"], *sorted(row["critical_alarms"])))
    details = {
        name: row[name]
        for name in ("kind", "state", "clusters", "metrics", "alarm_count", "critical_alarms", "score", "alert_id")
    }
    return notifier.Alert(
        kind="anomaly",
        severity=row["severity"],
        summary=row["sentence"],
        at=row["last_at"],
        details=details | {"first_at": row["first_at"].isoformat(), "last_at": row["last_at"].isoformat()},
        key=f"anomaly:{hashlib.sha256(news.encode()).hexdigest()[:16]}",
    )

"""Grouping of alarms into a bounded number of alerts.

Alarms of a cluster in close succession are one incident; incidents of many clusters that begin together are one storm;
alerts beyond the maximum go into digests, the least severe first. Every alarm is in exactly one alert, and an alert with a
critical alarm is critical and names it. Pure: no clock, no store, no channel.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
"""From the lowest to the highest."""


@dataclass(frozen=True)
class RawAlarm:
    """One alarm of one metric of one cluster."""

    cluster_id: str
    metric: str
    at: datetime
    score: float
    severity: Severity
    goes_on: bool = False
    """Whether the metric has not come back."""

    @property
    def name(self) -> str:
        """The name of the alarm in alerts."""
        return f"{self.cluster_id}/{self.metric} at {self.at.isoformat()}"


@dataclass(frozen=True)
class Grouping:
    """Settings of the grouping."""

    together: timedelta = timedelta(minutes=30)
    """Maximum gap between alarms of one incident."""
    storm_window: timedelta = timedelta(minutes=10)
    storm_clusters: int = 5
    """Number of clusters whose incidents must begin within the window to be a storm."""
    resolved_after: timedelta = timedelta(hours=1)
    """Time after its last alarm at which an alert is resolved, unless what an alarm is of goes on."""
    most_alerts: int = 20

    def __post_init__(self) -> None:
        """ValueError where a limit is below 2."""
        if self.most_alerts < 2 or self.storm_clusters < 2:
            raise ValueError("most_alerts and storm_clusters must be at least 2: correct the settings")


@dataclass(frozen=True)
class Alert:
    """One notification."""

    alert_id: str
    """Stable: the same in a re-run and after later alarms join."""
    kind: Literal["incident", "storm", "digest"]
    severity: Severity
    state: Literal["open", "resolved"]
    first_at: datetime
    last_at: datetime
    score: float
    """The highest of its alarms."""
    clusters: tuple[str, ...]
    metrics: tuple[str, ...]
    alarm_count: int
    alarms: tuple[str, ...]
    """Every alarm by name."""
    critical_alarms: tuple[str, ...]
    """Every critical alarm by name."""
    incident_ids: tuple[str, ...]
    """Ids of its incidents: an alert with one of these ids has become part of this one."""

    @property
    def sentence(self) -> str:
        """One line for a person."""
        clusters = self.clusters[0] if len(self.clusters) == 1 else f"{len(self.clusters)} clusters"
        critical = f", {len(self.critical_alarms)} critical" if self.critical_alarms else ""
        alarms = "alarm" if self.alarm_count == 1 else "alarms"
        return f"{self.kind} on {clusters}: {self.alarm_count} {alarms}{critical} ({', '.join(self.metrics)})"


@dataclass(frozen=True)
class _Incident:
    incident_id: str
    alarms: tuple[RawAlarm, ...]

    @property
    def begins(self) -> datetime:
        return self.alarms[0].at

    @property
    def cluster_id(self) -> str:
        return self.alarms[0].cluster_id


def alerts(raw: Iterable[RawAlarm], now: datetime, grouping: Grouping | None = None) -> list[Alert]:
    """At most `most_alerts` alerts, the most severe first; together they hold every alarm."""
    settings = grouping or Grouping()
    groups = _storms(_incidents(raw, settings), settings)
    ranked = sorted((_alert(*group, now, settings) for group in groups), key=_rank)
    if len(ranked) <= settings.most_alerts:
        return ranked
    by_id = {group[1]: group[2] for group in groups}
    selected, remaining = ranked[: settings.most_alerts - 2], ranked[settings.most_alerts - 2 :]
    for is_critical in (True, False):
        digest_alerts = [alert for alert in remaining if (alert.severity == "critical") == is_critical]
        if digest_alerts:
            incidents = [incident for alert in digest_alerts for incident in by_id[alert.alert_id]]
            day = min(incident.begins for incident in (i for group in groups for i in group[2])).date().isoformat()
            digest_id = _identifier("digest", "critical" if is_critical else "other", day)
            selected.append(_alert("digest", digest_id, incidents, now, settings))
    return sorted(selected, key=_rank)


def _incidents(raw: Iterable[RawAlarm], settings: Grouping) -> list[_Incident]:
    """Incidents in the order of their beginning: runs of alarms of a cluster with gaps of at most `together`."""
    by_cluster: dict[str, list[RawAlarm]] = defaultdict(list)
    for alarm in raw:
        by_cluster[alarm.cluster_id].append(alarm)
    incidents = []
    for cluster_id, alarms in by_cluster.items():
        alarms.sort(key=lambda alarm: (alarm.at, alarm.metric))
        run = [alarms[0]]
        for following in [*alarms[1:], None]:
            if following is not None and following.at - run[-1].at <= settings.together:
                run.append(following)
                continue
            incidents.append(_Incident(_identifier("incident", cluster_id, run[0].at.isoformat()), tuple(run)))
            if following is not None:
                run = [following]
    return sorted(incidents, key=lambda incident: (incident.begins, incident.cluster_id))


_Group = tuple[Literal["incident", "storm", "digest"], str, list[_Incident]]


def _storms(incidents: Sequence[_Incident], settings: Grouping) -> list[_Group]:
    """Groups of incidents: a storm where enough clusters begin within the window, otherwise one incident each."""
    groups: list[_Group] = []
    start = 0
    while start < len(incidents):
        until = incidents[start].begins + settings.storm_window
        end = start
        while end < len(incidents) and incidents[end].begins <= until:
            end += 1
        concurrent = list(incidents[start:end])
        is_storm = len({incident.cluster_id for incident in concurrent}) >= settings.storm_clusters
        members = concurrent if is_storm else concurrent[:1]
        groups.append(("storm" if is_storm else "incident", members[0].incident_id, members))
        start += len(members)
    return groups


def _alert(
    kind: Literal["incident", "storm", "digest"],
    alert_id: str,
    incidents: Sequence[_Incident],
    now: datetime,
    settings: Grouping,
) -> Alert:
    alarms = [alarm for incident in incidents for alarm in incident.alarms]
    last_at = max(alarm.at for alarm in alarms)
    critical = sorted((a for a in alarms if a.severity == "critical"), key=lambda a: (a.at, a.cluster_id, a.metric))
    is_open = now - last_at < settings.resolved_after or any(alarm.goes_on for alarm in alarms)
    return Alert(
        alert_id=alert_id,
        kind=kind,
        severity=max((alarm.severity for alarm in alarms), key=SEVERITIES.index),
        state="open" if is_open else "resolved",
        first_at=min(alarm.at for alarm in alarms),
        last_at=last_at,
        score=max(alarm.score for alarm in alarms),
        clusters=tuple(sorted({alarm.cluster_id for alarm in alarms})),
        metrics=tuple(sorted({alarm.metric for alarm in alarms})),
        alarm_count=len(alarms),
        alarms=tuple(sorted(alarm.name for alarm in alarms)),
        critical_alarms=tuple(alarm.name for alarm in critical),
        incident_ids=tuple(incident.incident_id for incident in incidents),
    )


def _rank(alert: Alert) -> tuple[int, bool, float, datetime, str]:
    """Sort key: most severe, open, highest score, earliest."""
    return (-SEVERITIES.index(alert.severity), alert.state == "resolved", -alert.score, alert.first_at, alert.alert_id)


def _identifier(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

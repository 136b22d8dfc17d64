"""Raw alarms to alerts: what belongs together becomes one, and there are never more than a person can read.

Alarms of a cluster that follow each other closely are one incident; incidents of many clusters that begin together are
one storm; what is beyond the most alerts allowed goes, lowest first, into a digest. Every raw alarm is in exactly one
alert, and an alert that holds a critical alarm is critical and names it. Pure: no clock, no store, no channel.
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
WARNING_SCORE, CRITICAL_SCORE = 0.9, 0.999
"""Seen once in ten weeks; once in a thousand."""


@dataclass(frozen=True)
class RawAlarm:
    """One alarm of one metric of one cluster."""

    cluster_id: str
    metric: str
    at: datetime
    score: float
    severity: Severity

    @property
    def name(self) -> str:
        """How an alert names it."""
        return f"{self.cluster_id}/{self.metric} at {self.at.isoformat()}"


@dataclass(frozen=True)
class Grouping:
    """What belongs together."""

    together: timedelta = timedelta(minutes=30)
    """Alarms of a cluster at most so far apart are one incident."""
    storm_window: timedelta = timedelta(minutes=10)
    storm_clusters: int = 5
    """So many clusters whose incidents begin within the window are one storm."""
    resolved_after: timedelta = timedelta(hours=1)
    """An alert is resolved when its last alarm is so long ago."""
    most_alerts: int = 20

    def __post_init__(self) -> None:
        """ValueError where the settings leave no room for the alerts that must be."""
        if self.most_alerts < 2 or self.storm_clusters < 2:
            raise ValueError("most_alerts and storm_clusters must be at least 2: correct the settings")


@dataclass(frozen=True)
class Alert:
    """What a person is told once."""

    alert_id: str
    """The same in a re-run and when later alarms join."""
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
    """Of the incidents it holds: an alert known by one of these ids has become this one."""

    @property
    def sentence(self) -> str:
        """One line for a person."""
        where = self.clusters[0] if len(self.clusters) == 1 else f"{len(self.clusters)} clusters"
        critical = f", {len(self.critical_alarms)} critical" if self.critical_alarms else ""
        alarms = "alarm" if self.alarm_count == 1 else "alarms"
        return f"{self.kind} on {where}: {self.alarm_count} {alarms}{critical} ({', '.join(self.metrics)})"


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


def severity_of(score: float) -> Severity:
    """How severe an alarm of such a score is, where nothing else says it."""
    return "critical" if score >= CRITICAL_SCORE else "warning" if score >= WARNING_SCORE else "info"


def alerts(raw: Iterable[RawAlarm], now: datetime, grouping: Grouping | None = None) -> list[Alert]:
    """At most `most_alerts` alerts, the most severe first; their alarm counts add up to the raw alarms."""
    settings = grouping or Grouping()
    groups = _storms(_incidents(raw, settings), settings)
    made = sorted((_alert(*group, now, settings) for group in groups), key=_rank)
    if len(made) <= settings.most_alerts:
        return made
    by_id = {group[1]: group[2] for group in groups}
    kept, rest = made[: settings.most_alerts - 2], made[settings.most_alerts - 2 :]
    for is_critical in (True, False):
        part = [alert for alert in rest if (alert.severity == "critical") == is_critical]
        if part:
            incidents = [incident for alert in part for incident in by_id[alert.alert_id]]
            day = min(incident.begins for incident in (i for group in groups for i in group[2])).date().isoformat()
            digest_id = _identifier("digest", "critical" if is_critical else "other", day)
            kept.append(_alert("digest", digest_id, incidents, now, settings))
    return sorted(kept, key=_rank)


def _incidents(raw: Iterable[RawAlarm], settings: Grouping) -> list[_Incident]:
    """Alarms of one cluster, each no later than `together` after the one before; ordered by their beginning."""
    by_cluster: dict[str, list[RawAlarm]] = defaultdict(list)
    for alarm in raw:
        by_cluster[alarm.cluster_id].append(alarm)
    found = []
    for cluster_id, alarms in by_cluster.items():
        alarms.sort(key=lambda alarm: (alarm.at, alarm.metric))
        run = [alarms[0]]
        for following in [*alarms[1:], None]:
            if following is not None and following.at - run[-1].at <= settings.together:
                run.append(following)
                continue
            found.append(_Incident(_identifier("incident", cluster_id, run[0].at.isoformat()), tuple(run)))
            if following is not None:
                run = [following]
    return sorted(found, key=lambda incident: (incident.begins, incident.cluster_id))


_Group = tuple[Literal["incident", "storm", "digest"], str, list[_Incident]]


def _storms(incidents: Sequence[_Incident], settings: Grouping) -> list[_Group]:
    """Incidents of enough clusters that begin within the window after the first of them, as one; the rest each alone."""
    groups: list[_Group] = []
    place = 0
    while place < len(incidents):
        until = incidents[place].begins + settings.storm_window
        end = place
        while end < len(incidents) and incidents[end].begins <= until:
            end += 1
        together = list(incidents[place:end])
        is_storm = len({incident.cluster_id for incident in together}) >= settings.storm_clusters
        chosen = together if is_storm else together[:1]
        groups.append(("storm" if is_storm else "incident", chosen[0].incident_id, chosen))
        place += len(chosen)
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
    return Alert(
        alert_id=alert_id,
        kind=kind,
        severity=max((alarm.severity for alarm in alarms), key=SEVERITIES.index),
        state="resolved" if now - last_at >= settings.resolved_after else "open",
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
    """Most severe first; then open ones, higher scores, earlier beginnings."""
    return (-SEVERITIES.index(alert.severity), alert.state == "resolved", -alert.score, alert.first_at, alert.alert_id)


def _identifier(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

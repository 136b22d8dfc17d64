"""A client in the lake: when it was last active, its score, and its features compared with those of other clients."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from platform_assets.core.times import as_utc
from platform_assets.domains.waf.explain.rows import TABLES, newest_first, overlapping, rows_where
from platform_assets.domains.waf.networks import Network, is_one_address, parse_network
from spark_jobs.contract import parse_hour
from spark_jobs.storage.lake import Lake
from spark_jobs.wording import counted

LEADING_FEATURES = 20


@dataclass(frozen=True)
class Score:
    """The client model's score of a client in an hour; the fields are columns of client_scores."""

    client: str
    hour_at: datetime
    abuse_probability: float
    is_abuse: bool
    abuse_kind: str | None
    reason: str | None
    request_count: int
    model_name: str
    model_version: str
    request_model_version: str | None


@dataclass(frozen=True)
class Comparison:
    """A client's value, and median and 99th percentile of all clients of its kind in the same hour."""

    value: float
    median: float
    p99: float


@dataclass(frozen=True)
class Feature:
    """A feature in the hour and in the 24 hours that end with it; None where the lake does not hold it."""

    name: str
    hour: Comparison | None
    day: Comparison | None

    @property
    def distance(self) -> float:
        """How unusual the feature is: 1 at the 99th percentile, or at zero where the median is above it."""
        min_span = 0.1 if self.name.startswith("attack_probability") else 1.0
        comparisons = [comparison for comparison in (self.day, self.hour) if comparison is not None]
        above = [(each.value - each.median) / max(each.p99 - each.median, min_span) for each in comparisons]
        below = [(each.median - each.value) / max(each.median, min_span) for each in comparisons]
        return max(above + below)


def last_active(lake: Lake, network: Network, since: datetime | None = None) -> tuple[str, str] | None:
    """Client and hour of the last activity: the network itself where it has a score, else its worst address."""
    hours = [hour for hour in lake.hours(TABLES["client_hourly"]) if since is None or parse_hour(hour) >= since]
    for block in newest_first(hours):
        alone = is_one_address(network)
        names = [str(network)] if alone else overlapping(lake, "client_hourly", block, "client", network)
        rows = rows_where(lake, "client_hourly", block, ["client", "event_hour", "request_count"], client=names)
        if rows:
            hour = max(row["event_hour"] for row in rows)
            counts = {row["client"]: row["request_count"] for row in rows if row["event_hour"] == hour}
            clients = [*counts, str(network)]
            scored = rows_where(lake, "client_scores", [hour], ["client", "abuse_probability"], client=clients)
            scores = {row["client"]: row["abuse_probability"] for row in scored}
            if str(network) in scores:
                return str(network), hour
            return max(counts, key=lambda name: (scores.get(name, -1.0), counts[name], name)), hour
    return None


def never_seen(lake: Lake, subject: str) -> str:
    """The sentence on a subject without any request in the lake."""
    hours = lake.hours(TABLES["client_hourly"])
    if not hours:
        return f"The lake holds no requests yet, of {subject} or anybody; `weir run edge --input …` reads logs."
    return f"{subject} is unknown: no decision, and no request in the {counted(len(hours), 'hour')} that the lake holds ({hours[0]} to {hours[-1]})."


def activity(lake: Lake, client: str, hour: str) -> str:
    """The sentence on a client's last activity."""
    rows = rows_where(lake, "client_daily", [hour], ["request_count", "active_hour_count"], client=[client])
    activity_of_day = (
        f", with {counted(rows[0]['request_count'], 'request')} in the 24 hours that end with it" if rows else ""
    )
    return f"{client} was last active in the hour {hour}{activity_of_day}."


def score_of(lake: Lake, client: str, hour: str) -> Score | None:
    """The client's score of the hour."""
    rows = rows_where(lake, "client_scores", [hour], [column.name for column in fields(Score)], client=[client])
    return Score(**{**rows[0], "hour_at": as_utc(rows[0]["hour_at"])}) if rows else None


def leading_features(lake: Lake, client: str, hour: str) -> tuple[Feature, ...]:
    """The client's most unusual features, at most 20, the most unusual first."""
    kind = "address" if is_one_address(parse_network(client)) else "network"
    by_day, population = _comparisons(lake, "client_daily", client, hour, kind)
    by_hour, _ = _comparisons(lake, "client_hourly", client, hour, kind)
    attacks, _ = _comparisons(lake, "client_attacks", client, hour, kind, population)
    for name, comparison in attacks.items():
        (by_hour if name.startswith("hour_") else by_day)[name.partition("_")[2]] = comparison
    features = [Feature(name, by_hour.get(name), by_day.get(name)) for name in dict.fromkeys([*by_day, *by_hour])]
    return tuple(sorted(features, key=lambda feature: (-feature.distance, feature.name))[:LEADING_FEATURES])


def _comparisons(
    lake: Lake, table: str, client: str, hour: str, kind: str, population: int = 0
) -> tuple[dict[str, Comparison], int]:
    """Comparisons by column, and the number of clients; with `population`, clients without a row count as zero."""
    import numpy as np
    import pyarrow.compute as pc

    names = [column.name for column in TABLES[table].columns if column.type in ("int64", "double")]
    kind_only = pc.field("client_kind") == kind
    rows = lake.read_arrow(TABLES[table], [hour], ["client", *names], kind_only).to_pandas()
    own = rows[rows["client"] == client]
    comparisons = {}
    for name in names if len(own) or population else ():
        values = np.zeros(max(population, len(rows)))
        values[: len(rows)] = rows[name].to_numpy()
        median, p99 = np.quantile(values, (0.5, 0.99))
        comparisons[name] = Comparison(float(own[name].iloc[0]) if len(own) else 0.0, float(median), float(p99))
    return comparisons, len(rows)

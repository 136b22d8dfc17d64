"""The queries of `client_hourly` and `client_daily` in the SQL that the peers have in common, and where they differ."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.throughput.definitions import (
    AGENT_PATTERNS,
    GREATEST,
    MARKS,
    PATH_COUNTS,
    PATH_PATTERNS,
    SUMS,
    regular_expressions,
)


@dataclass(frozen=True)
class Dialect:
    """What engines write differently; the defaults are DuckDB's and Spark's."""

    prefix: str = ""
    """Of a string literal in which a backslash stands for itself."""
    backslash: str = "\\"
    """How a backslash is written in a string literal."""
    matches: str = "regexp_like({text}, {pattern})"
    first_match: str = "regexp_extract({text}, {pattern}, 0)"
    hour: str = "hour({at})"
    hours_before: str = "{at} - INTERVAL 23 HOURS"
    preceding: str = "INTERVAL 23 HOURS PRECEDING"
    has_fast_windows: bool = True
    """Whether windows over time are cheaper than a join of each hour with the hours before it."""

    def literal(self, pattern: str) -> str:
        """A pattern as a string literal."""
        return f"{self.prefix}'{pattern.replace(chr(92), self.backslash)}'"


COMMON = Dialect()
V6_PREFIX, V4_PREFIX = "^(?:[0-9a-f]+:){4}", r"^\d+\.\d+\.\d+\."


def hourly(requests: str, dialect: Dialect = COMMON) -> str:
    """Features of each address and hour, from a relation of requests."""
    regex = {name: dialect.literal(pattern) for name, pattern in regular_expressions().items()}
    marks = ", ".join(f"sum(CAST(({sql}) AS INT)) AS {name}" for name, sql in MARKS.items())
    path_marks = ", ".join(
        f"{dialect.matches.format(text='path', pattern=regex[name])} AS {mark}" for mark, name in PATH_PATTERNS.items()
    )
    path_sums = ", ".join(
        f"sum(CASE WHEN {mark} THEN {n} ELSE 0 END) AS {name}" for name, (mark, n) in PATH_COUNTS.items()
    )
    agent_sums = ", ".join(
        f"sum(CASE WHEN {dialect.matches.format(text='agent', pattern=regex[name])} THEN n ELSE 0 END) AS {column}"
        for column, name in AGENT_PATTERNS.items()
    )
    return f"""
        WITH lines AS (
            SELECT *, date_trunc('hour', event_at) AS hour_at, coalesce(uri_path, '') AS path FROM {requests}
        ), paths AS (
            SELECT client_ip, event_hour, hour_at, path, count(*) AS n, {marks},
                sum(coalesce(bytes_sent, 0)) AS bytes_sent, sum(coalesce(time_taken_seconds, 0)) AS time_taken_seconds,
                min(event_at) AS first_event_at, max(event_at) AS last_event_at
            FROM lines GROUP BY client_ip, event_hour, hour_at, path
        ), marked AS (
            SELECT path, path = '/robots.txt' AS is_robots, {path_marks} FROM (SELECT DISTINCT path FROM paths) p
        ), by_path AS (
            SELECT client_ip, event_hour, hour_at, sum(n) AS request_count, count(*) AS distinct_path_count,
                sum(n * log2(n)) AS n_log_n, {path_sums}, {", ".join(f"sum({name}) AS {name}" for name in MARKS)},
                sum(bytes_sent) AS bytes_sent, sum(time_taken_seconds) AS time_taken_seconds,
                min(first_event_at) AS first_event_at, max(last_event_at) AS last_event_at
            FROM paths JOIN marked USING (path) GROUP BY client_ip, event_hour, hour_at
        ), by_agent AS (
            SELECT client_ip, event_hour, coalesce(user_agent, '') AS agent, count(*) AS n FROM lines
            GROUP BY client_ip, event_hour, coalesce(user_agent, '')
        ), agents AS (
            SELECT client_ip, event_hour, count(*) AS distinct_user_agent_count, {agent_sums}
            FROM by_agent GROUP BY client_ip, event_hour
        ), by_minute AS (
            SELECT client_ip, event_hour, date_trunc('minute', event_at) AS minute_at, count(*) AS n FROM lines
            GROUP BY client_ip, event_hour, date_trunc('minute', event_at)
        ), minutes AS (
            SELECT client_ip, event_hour, count(*) AS active_minute_count, max(n) AS peak_minute_request_count
            FROM by_minute GROUP BY client_ip, event_hour
        )
        SELECT concat(by_path.client_ip, CASE WHEN by_path.client_ip LIKE '%:%' THEN '/128' ELSE '/32' END) AS client,
            'address' AS client_kind, hour_at, CAST(1 AS BIGINT) AS address_count,
            greatest(log2(request_count) - n_log_n / request_count, 0) AS path_entropy_bits,
            {", ".join((*SUMS, *GREATEST))}, first_event_at, last_event_at, by_path.event_hour AS event_hour
        FROM by_path JOIN agents ON agents.client_ip = by_path.client_ip AND agents.event_hour = by_path.event_hour
        JOIN minutes ON minutes.client_ip = by_path.client_ip AND minutes.event_hour = by_path.event_hour"""


def daily(client_hourly: str, dialect: Dialect = COMMON) -> str:
    """The trailing 24 hours of each address and of each network of several addresses, in the hours of its activity."""
    network_of = {
        version: dialect.first_match.format(text="client", pattern=dialect.literal(pattern))
        for version, pattern in (("v4", V4_PREFIX), ("v6", V6_PREFIX))
    }
    return f"""
        WITH addresses AS (
            SELECT *, path_entropy_bits * request_count AS weighted, CASE WHEN client LIKE '%:%'
                THEN concat({network_of["v6"]}, ':/64')
                ELSE concat({network_of["v4"]}, '0/24') END AS network
            FROM {client_hourly}
        ), members AS (
            SELECT * FROM addresses WHERE network IN (
                SELECT network FROM addresses GROUP BY network HAVING count(DISTINCT client) > 1
            )
        ), summed AS (
            SELECT network AS client, event_hour, hour_at, {", ".join(f"sum({name}) AS {name}" for name in SUMS)},
                {", ".join(f"max({name}) AS {name}" for name in GREATEST)}, sum(weighted) AS weighted
            FROM members GROUP BY network, event_hour, hour_at
        ), counted AS (
            SELECT n.client, n.hour_at, CAST(count(DISTINCT m.client) AS BIGINT) AS address_count
            FROM summed n JOIN members m
                ON m.network = n.client AND m.hour_at BETWEEN {dialect.hours_before.format(at="n.hour_at")} AND n.hour_at
            GROUP BY n.client, n.hour_at
        ), networks AS (
            SELECT summed.*, address_count FROM summed JOIN counted
                ON counted.client = summed.client AND counted.hour_at = summed.hour_at
        )
        {_days("addresses", "address", dialect)}
        UNION ALL
        SELECT * FROM ({_days("networks", "network", dialect)}) n WHERE address_count > 1"""


def _days(relation: str, kind: str, dialect: Dialect) -> str:
    """The trailing 24 hours of each client of a relation, by a window or by a join with its hours before."""
    over, before = (" OVER day", "a") if dialect.has_fast_windows else ("", "b")
    night = f"CASE WHEN {dialect.hour.format(at=f'{before}.hour_at')} < 6 THEN {before}.request_count ELSE 0 END"
    aggregated = {
        **{name: f"sum({before}.{name}){over}" for name in SUMS},
        **{name: f"max({before}.{name}){over}" for name in GREATEST},
        "path_entropy_bits": f"sum({before}.weighted){over} / greatest(sum({before}.request_count){over}, 1)",
        "active_hour_count": f"count(*){over}",
        "peak_hour_request_count": f"max({before}.request_count){over}",
        "night_request_count": f"sum({night}){over}",
    }
    grain = ("client", "hour_at", "event_hour", "address_count")
    select = f"""SELECT {", ".join(f"a.{name} AS {name}" for name in grain)}, '{kind}' AS client_kind,
            {", ".join(f"{sql} AS {name}" for name, sql in aggregated.items())}
        FROM {relation} a"""
    if dialect.has_fast_windows:
        frame = f"ORDER BY a.hour_at RANGE BETWEEN {dialect.preceding} AND CURRENT ROW"
        return f"{select} WINDOW day AS (PARTITION BY a.client {frame})"
    return f"""{select} JOIN {relation} b
        ON b.client = a.client AND b.hour_at BETWEEN {dialect.hours_before.format(at="a.hour_at")} AND a.hour_at
        GROUP BY {", ".join(f"a.{name}" for name in grain)}"""

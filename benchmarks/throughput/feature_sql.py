"""The queries of `client_hourly` and `client_daily` in the SQL that DuckDB and Spark have in common.

`regexp_like` is a macro in DuckDB; string literals with backslashes have the prefix `r` in Spark.
"""

from __future__ import annotations

from benchmarks.throughput.definitions import (
    AGENT_PATTERNS,
    GREATEST,
    MARKS,
    PATH_COUNTS,
    PATH_PATTERNS,
    SUMS,
    regular_expressions,
)

V6_PREFIX, V4_PREFIX = "^(?:[0-9a-f]+:){4}", r"^\d+\.\d+\.\d+\."


def hourly(requests: str, prefix: str = "") -> str:
    """Features of each address and hour, from a relation of requests."""
    regex = {name: f"{prefix}'{pattern}'" for name, pattern in regular_expressions().items()}
    marks = ", ".join(f"sum(CAST(({sql}) AS INT)) AS {name}" for name, sql in MARKS.items())
    path_marks = ", ".join(f"regexp_like(path, {regex[name]}) AS {mark}" for mark, name in PATH_PATTERNS.items())
    path_sums = ", ".join(
        f"sum(CASE WHEN {mark} THEN {n} ELSE 0 END) AS {name}" for name, (mark, n) in PATH_COUNTS.items()
    )
    agent_sums = ", ".join(
        f"sum(CASE WHEN regexp_like(agent, {regex[name]}) THEN n ELSE 0 END) AS {column}"
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
        SELECT concat(client_ip, CASE WHEN contains(client_ip, ':') THEN '/128' ELSE '/32' END) AS client,
            'address' AS client_kind, hour_at, CAST(1 AS BIGINT) AS address_count,
            greatest(log2(request_count) - n_log_n / request_count, 0) AS path_entropy_bits,
            {", ".join((*SUMS, *GREATEST))}, first_event_at, last_event_at, event_hour
        FROM by_path JOIN agents USING (client_ip, event_hour) JOIN minutes USING (client_ip, event_hour)"""


def daily(client_hourly: str, prefix: str = "") -> str:
    """The trailing 24 hours of each address and of each network of several addresses, in the hours of its activity."""
    day = f"""
        {", ".join(f"sum({name}) OVER day AS {name}" for name in SUMS)},
        {", ".join(f"max({name}) OVER day AS {name}" for name in GREATEST)},
        sum(weighted) OVER day / greatest(sum(request_count) OVER day, 1) AS path_entropy_bits,
        count(*) OVER day AS active_hour_count, max(request_count) OVER day AS peak_hour_request_count,
        sum(CASE WHEN hour(hour_at) < 6 THEN request_count ELSE 0 END) OVER day AS night_request_count"""
    window = "ORDER BY hour_at RANGE BETWEEN INTERVAL 23 HOURS PRECEDING AND CURRENT ROW"
    return f"""
        WITH addresses AS (
            SELECT *, path_entropy_bits * request_count AS weighted, CASE WHEN contains(client, ':')
                THEN concat(regexp_extract(client, {prefix}'{V6_PREFIX}', 0), ':/64')
                ELSE concat(regexp_extract(client, {prefix}'{V4_PREFIX}', 0), '0/24') END AS network
            FROM {client_hourly}
        ), members AS (
            SELECT * FROM addresses WHERE network IN (
                SELECT network FROM addresses GROUP BY network HAVING count(DISTINCT client) > 1
            )
        ), networks AS (
            SELECT network, event_hour, hour_at, {", ".join(f"sum({name}) AS {name}" for name in SUMS)},
                {", ".join(f"max({name}) AS {name}" for name in GREATEST)}, sum(weighted) AS weighted
            FROM members GROUP BY network, event_hour, hour_at
        ), counted AS (
            SELECT n.network, n.hour_at, count(DISTINCT m.client) AS address_count
            FROM networks n JOIN members m
                ON m.network = n.network AND m.hour_at BETWEEN n.hour_at - INTERVAL 23 HOURS AND n.hour_at
            GROUP BY n.network, n.hour_at
        )
        SELECT client, 'address' AS client_kind, hour_at, event_hour, CAST(1 AS BIGINT) AS address_count, {day}
        FROM addresses WINDOW day AS (PARTITION BY client {window})
        UNION ALL
        SELECT * FROM (
            SELECT network AS client, 'network' AS client_kind, hour_at, event_hour, address_count, {day}
            FROM networks JOIN counted USING (network, hour_at) WINDOW day AS (PARTITION BY network {window})
        ) n WHERE address_count > 1"""

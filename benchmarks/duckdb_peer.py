"""The work of the jobs `requests`, `client_hourly` and `client_daily` as a person would write it by hand for DuckDB.

Same columns and definitions, Parquet by hour. What it leaves out is in `LESS`; everything else is checked equal by the
benchmark. Nothing here is used by the platform.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from benchmarks.definitions import (
    AGENT_PATTERNS,
    COLUMN_OF,
    DECODED,
    FIELD_TYPES,
    GREATEST,
    MADE,
    MARKS,
    PATH_COUNTS,
    PATH_PATTERNS,
    SUMS,
    common_fields,
    regular_expressions,
)

LESS = (
    "rows have their object but no line number (its CSV reader gives none)",
    "client addresses are neither checked nor made canonical",
    "all objects must share one header; an odd object ends the run",
    "no Delta log: a reader sees a half-written table",
    "cookies are hashed with md5, not with a key",
)
TYPES = {"integer": "BIGINT", "number": "DOUBLE", "status": "INTEGER", "date": "DATE", "time": "TIME"}
ADDRESS = "client_ip || CASE WHEN contains(client_ip, ':') THEN '/128' ELSE '/32' END"

NETWORK = (
    "CASE WHEN contains(client, ':') THEN regexp_extract(client, '^(?:[0-9a-f]+:){4}') || ':/64' "
    "ELSE regexp_extract(client, '^\\d+\\.\\d+\\.\\d+\\.') || '0/24' END"
)


def connect(threads: int) -> duckdb.DuckDBPyConnection:
    settings = {"threads": threads, "preserve_insertion_order": False}
    return duckdb.connect(config=settings)  # type: ignore[arg-type]  # its stub knows strings only


def parse(files: Sequence[Path], out: Path, threads: int = 2) -> int:
    """Log objects -> requests by hour and rejected lines; returns the rows of requests."""
    con = connect(threads)
    requests = out / "requests"
    con.execute(
        f"COPY ({_select(files)}) TO '{requests}' (FORMAT parquet, PARTITION_BY (event_hour), COMPRESSION zstd, COMPRESSION_LEVEL 1)"
    )
    con.execute(
        f"""COPY (
            SELECT s.file_path AS source_object, e.line AS line_number, any_value(e.error_type) AS reason,
                any_value(e.csv_line) AS raw_line, any_value(e.error_message) AS detail
            FROM reject_errors e JOIN reject_scans s USING (scan_id, file_id) GROUP BY ALL
        ) TO '{out / "rejected_lines.parquet"}' (COMPRESSION zstd, COMPRESSION_LEVEL 1)"""
    )
    written = f"read_parquet('{requests}/**/*.parquet', hive_partitioning = true)"
    twice = con.execute(f"SELECT request_id FROM {written} GROUP BY request_id HAVING count(*) > 1").fetchall()
    if twice:
        con.execute(
            f"""COPY (
                SELECT * FROM {written} QUALIFY row_number() OVER (PARTITION BY request_id ORDER BY source_object) = 1
            ) TO '{out / "requests_once"}' (FORMAT parquet, PARTITION_BY (event_hour), COMPRESSION zstd, COMPRESSION_LEVEL 1)"""
        )
        requests.rename(out / "requests_twice")
        (out / "requests_once").rename(requests)
    return int(con.execute(f"SELECT count(*) FROM {written}").fetchall()[0][0])


def _select(files: Sequence[Path]) -> str:
    fields = common_fields(files)
    columns = ", ".join(f"'{field}': '{TYPES.get(FIELD_TYPES.get(field, ''), 'VARCHAR')}'" for field in fields)
    plain = [
        f"{f'url_decode({field})' if COLUMN_OF[field] in DECODED else field} AS {COLUMN_OF[field]}"
        for field in fields
        if field in COLUMN_OF and COLUMN_OF[field] not in MADE
    ]
    names = ", ".join(f"'{file}'" for file in files)
    return f"""
        SELECT {", ".join(plain)},
            date + time AS event_at,
            CASE WHEN contains(agent, '%20') AND NOT contains(agent, ' ') THEN url_decode(agent) ELSE agent END AS user_agent,
            left(md5(cs_cookie), 24) AS cookie_hash,
            coalesce(x_host_header, cs_host) AS host,
            filename AS source_object,
            strftime(date + time, '%Y-%m-%d-%H') AS event_hour
        FROM (
            SELECT *, url_decode(cs_user_agent) AS agent
            FROM read_csv([{names}], auto_detect = false, delim = '\t', quote = '', escape = '', header = false,
                skip = 2, columns = {{{columns}}}, nullstr = ['-', ''], filename = true, store_rejects = true,
                rejects_limit = 0, compression = 'gzip')
        )"""


def client_hourly(out: Path, threads: int = 2) -> int:
    con = connect(threads)
    regex = regular_expressions()
    marks = ", ".join(f"sum(({sql})::INT) AS {name}" for name, sql in MARKS.items())
    path_marks = ", ".join(f"regexp_matches(path, '{regex[name]}') AS {mark}" for mark, name in PATH_PATTERNS.items())
    path_sums = ", ".join(
        f"sum(CASE WHEN {mark} THEN {n} ELSE 0 END) AS {name}" for name, (mark, n) in PATH_COUNTS.items()
    )
    agent_sums = ", ".join(
        f"sum(CASE WHEN regexp_matches(agent, '{regex[name]}') THEN n ELSE 0 END) AS {column}"
        for column, name in AGENT_PATTERNS.items()
    )
    con.execute(
        f"""COPY (
        WITH rows AS (
            SELECT *, date_trunc('hour', event_at) AS hour_at, coalesce(uri_path, '') AS path
            FROM read_parquet('{out}/requests/**/*.parquet', hive_partitioning = true)
        ), paths AS (
            SELECT client_ip, event_hour, hour_at, path, count(*) AS n, {marks},
                sum(coalesce(bytes_sent, 0)) AS bytes_sent, sum(coalesce(time_taken_seconds, 0)) AS time_taken_seconds,
                min(event_at) AS first_event_at, max(event_at) AS last_event_at
            FROM rows GROUP BY ALL
        ), known AS (
            SELECT path, path = '/robots.txt' AS is_robots, {path_marks} FROM (SELECT DISTINCT path FROM paths)
        ), by_path AS (
            SELECT client_ip, event_hour, hour_at, sum(n) AS request_count, count(*) AS distinct_path_count,
                sum(n * log2(n)) AS n_log_n, {path_sums}, {", ".join(f"sum({name}) AS {name}" for name in MARKS)},
                sum(bytes_sent) AS bytes_sent, sum(time_taken_seconds) AS time_taken_seconds,
                min(first_event_at) AS first_event_at, max(last_event_at) AS last_event_at
            FROM paths JOIN known USING (path) GROUP BY ALL
        ), agents AS (
            SELECT client_ip, event_hour, count(*) AS distinct_user_agent_count, {agent_sums}
            FROM (SELECT client_ip, event_hour, coalesce(user_agent, '') AS agent, count(*) AS n FROM rows GROUP BY ALL)
            GROUP BY ALL
        ), minutes AS (
            SELECT client_ip, event_hour, count(*) AS active_minute_count, max(n) AS peak_minute_request_count
            FROM (
                SELECT client_ip, event_hour, date_trunc('minute', event_at) AS minute_at, count(*) AS n
                FROM rows GROUP BY ALL
            ) GROUP BY ALL
        )
        SELECT {ADDRESS} AS client, 'address' AS client_kind, hour_at, 1::BIGINT AS address_count,
            greatest(log2(request_count) - n_log_n / request_count, 0) AS path_entropy_bits,
            by_path.* EXCLUDE (client_ip, hour_at, n_log_n, post_failures),
            agents.* EXCLUDE (client_ip, event_hour), minutes.* EXCLUDE (client_ip, event_hour)
        FROM by_path JOIN agents USING (client_ip, event_hour) JOIN minutes USING (client_ip, event_hour)
        ) TO '{out / "client_hourly"}' (FORMAT parquet, PARTITION_BY (event_hour), COMPRESSION zstd, COMPRESSION_LEVEL 1)"""
    )
    return int(con.execute(f"SELECT count(*) FROM '{out}/client_hourly/**/*.parquet'").fetchall()[0][0])


def client_daily(out: Path, threads: int = 2) -> int:
    con = connect(threads)
    hourly = f"read_parquet('{out}/client_hourly/**/*.parquet', hive_partitioning = true)"
    day = f"""
        {", ".join(f"sum({name}) OVER day AS {name}" for name in SUMS)},
        {", ".join(f"max({name}) OVER day AS {name}" for name in GREATEST)},
        sum(weighted) OVER day / greatest(sum(request_count) OVER day, 1) AS path_entropy_bits,
        count(*) OVER day AS active_hour_count, max(request_count) OVER day AS peak_hour_request_count,
        sum(CASE WHEN hour(hour_at) < 6 THEN request_count ELSE 0 END) OVER day AS night_request_count"""
    con.execute(
        f"""COPY (
        WITH addresses AS (SELECT *, path_entropy_bits * request_count AS weighted, {NETWORK} AS network FROM {hourly}),
        shared AS (SELECT network FROM addresses GROUP BY network HAVING count(DISTINCT client) > 1),
        members AS (SELECT * FROM addresses SEMI JOIN shared USING (network)),
        networks AS (
            SELECT network, event_hour, hour_at, {", ".join(f"sum({name}) AS {name}" for name in SUMS)},
                {", ".join(f"max({name}) AS {name}" for name in GREATEST)}, sum(weighted) AS weighted
            FROM members GROUP BY ALL
        ), counted AS (
            SELECT n.network, n.hour_at, count(DISTINCT m.client) AS address_count
            FROM networks n JOIN members m
                ON m.network = n.network AND m.hour_at BETWEEN n.hour_at - INTERVAL 23 HOURS AND n.hour_at
            GROUP BY ALL
        )
        SELECT client, 'address' AS client_kind, hour_at, event_hour, 1::BIGINT AS address_count, {day} FROM addresses
        WINDOW day AS (PARTITION BY client ORDER BY hour_at RANGE BETWEEN INTERVAL 23 HOURS PRECEDING AND CURRENT ROW)
        UNION ALL BY NAME
        SELECT * FROM (
            SELECT network AS client, 'network' AS client_kind, hour_at, event_hour, address_count, {day}
            FROM networks JOIN counted USING (network, hour_at)
            WINDOW day AS (PARTITION BY network ORDER BY hour_at RANGE BETWEEN INTERVAL 23 HOURS PRECEDING AND CURRENT ROW)
        ) WHERE address_count > 1
        ) TO '{out / "client_daily"}' (FORMAT parquet, PARTITION_BY (event_hour), COMPRESSION zstd, COMPRESSION_LEVEL 1)"""
    )
    return int(con.execute(f"SELECT count(*) FROM '{out}/client_daily/**/*.parquet'").fetchall()[0][0])

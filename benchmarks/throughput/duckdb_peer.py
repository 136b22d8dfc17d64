"""The work of the jobs `requests`, `client_hourly` and `client_daily`, written by hand for DuckDB.

Same columns and definitions, Parquet by hour. LIMITS lists what it leaves out; the benchmark checks that the rest is equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from benchmarks.throughput import definitions, feature_sql
from benchmarks.throughput.definitions import COLUMN_OF, DECODED, DERIVED, FIELD_TYPES, THREADS, common_fields

LIMITS = (
    definitions.LINE_NUMBER_LIMIT,
    definitions.ADDRESSES_LIMIT,
    definitions.HEADER_LIMIT,
    definitions.DELTA_LIMIT,
    definitions.HASH_LIMIT,
)
TYPES = {"integer": "BIGINT", "number": "DOUBLE", "status": "INTEGER", "date": "DATE", "time": "TIME"}
ZSTD = "COMPRESSION zstd, COMPRESSION_LEVEL 1"
BY_HOUR = f"(FORMAT parquet, PARTITION_BY (event_hour), {ZSTD})"


def _connect() -> duckdb.DuckDBPyConnection:
    settings = {"threads": str(THREADS), "preserve_insertion_order": "false"}
    connection = duckdb.connect(config=settings)  # type: ignore[arg-type]  # its stub is too narrow
    connection.execute("CREATE MACRO regexp_like(text, pattern) AS regexp_matches(text, pattern)")
    return connection


def _table(folder: Path) -> str:
    return f"read_parquet('{folder}/**/*.parquet', hive_partitioning = true)"


def parse(files: Sequence[Path], out: Path) -> int:
    """Log objects -> requests by hour and rejected lines; returns the rows of requests."""
    con = _connect()
    requests = out / "requests"
    con.execute(f"COPY ({_select(files)}) TO '{requests}' {BY_HOUR}")
    con.execute(
        f"""COPY (
            SELECT s.file_path AS source_object, e.line AS line_number, any_value(e.error_type) AS reason,
                any_value(e.csv_line) AS raw_line, any_value(e.error_message) AS detail
            FROM reject_errors e JOIN reject_scans s USING (scan_id, file_id) GROUP BY ALL
        ) TO '{out / "rejected_lines.parquet"}' ({ZSTD})"""
    )
    written = _table(requests)
    if con.execute(f"SELECT request_id FROM {written} GROUP BY request_id HAVING count(*) > 1").fetchall():
        con.execute(
            f"""COPY (
                SELECT * FROM {written} QUALIFY row_number() OVER (PARTITION BY request_id ORDER BY source_object) = 1
            ) TO '{out / "requests_once"}' {BY_HOUR}"""
        )
        requests.rename(out / "requests_twice")
        (out / "requests_once").rename(requests)
    return _count(con, requests)


def _count(con: duckdb.DuckDBPyConnection, folder: Path) -> int:
    return int(con.execute(f"SELECT count(*) FROM {_table(folder)}").fetchall()[0][0])


def _select(files: Sequence[Path]) -> str:
    fields = common_fields(files)
    columns = ", ".join(f"'{field}': '{TYPES.get(FIELD_TYPES.get(field, ''), 'VARCHAR')}'" for field in fields)
    plain = [
        f"{f'url_decode({field})' if COLUMN_OF[field] in DECODED else field} AS {COLUMN_OF[field]}"
        for field in fields
        if field in COLUMN_OF and COLUMN_OF[field] not in DERIVED
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


def client_hourly(out: Path) -> int:
    con = _connect()
    con.execute(f"COPY ({feature_sql.hourly(_table(out / 'requests'))}) TO '{out / 'client_hourly'}' {BY_HOUR}")
    return _count(con, out / "client_hourly")


def client_daily(out: Path) -> int:
    con = _connect()
    con.execute(f"COPY ({feature_sql.daily(_table(out / 'client_hourly'))}) TO '{out / 'client_daily'}' {BY_HOUR}")
    return _count(con, out / "client_daily")

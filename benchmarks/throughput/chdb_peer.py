"""The work of the jobs `requests`, `client_hourly` and `client_daily`, written by hand for chDB (ClickHouse in the process).

Same columns and definitions, Parquet by hour. LIMITS lists what it leaves out; the benchmark checks that the rest is equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.throughput import definitions, feature_sql
from benchmarks.throughput.definitions import COLUMN_OF, DECODED, DERIVED, FIELD_TYPES, THREADS, common_fields
from benchmarks.throughput.feature_sql import Dialect

LIMITS = (
    definitions.LINE_NUMBER_LIMIT,
    definitions.ADDRESSES_LIMIT,
    definitions.HEADER_LIMIT,
    definitions.DELTA_LIMIT,
    definitions.HASH_LIMIT,
)
NUMBERS = {"integer": "Int64", "number": "Float64", "status": "Int32"}
DIALECT = Dialect(
    backslash="\\\\",
    matches="match({text}, {pattern})",
    first_match="extract({text}, {pattern})",
    hour="toHour({at})",
    hours_before="{at} - INTERVAL 23 HOUR",
    preceding="82800 PRECEDING",
)
REJECTED = "rejected"
READING = "use_hive_partitioning = 1"
SESSION = (
    f"max_threads = {THREADS}",
    "session_timezone = 'UTC'",
    "prefer_column_name_to_alias = 1",
    "output_format_parquet_compression_method = 'zstd'",
    "output_format_parquet_string_as_string = 1",
)


@cache
def _session() -> Any:
    from chdb.session import Session

    session = Session()
    for setting in SESSION:
        session.query(f"SET {setting}")
    return session


def _table(folder: Path) -> str:
    return f"file('{folder}/*/*.parquet', 'Parquet')"


def _write(select: str, folder: Path) -> int:
    _insert(select, folder)
    return _count(folder)


def _insert(select: str, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    target = f"file('{folder}/event_hour={{_partition_id}}/0.parquet', 'Parquet')"
    _session().query(
        f"INSERT INTO FUNCTION {target} PARTITION BY event_hour SELECT * FROM ({select}) SETTINGS {READING}"
    )


def _count(folder: Path) -> int:
    return _number(f"SELECT count() FROM {_table(folder)}")


def _number(sql: str) -> int:
    return int(str(_session().query(f"{sql} SETTINGS {READING}", "TSV")).strip())


def parse(files: Sequence[Path], out: Path) -> int:
    """Log objects -> requests by hour and rejected lines; returns the rows of requests."""
    _insert(_select(files, common_fields(files)), out / "requests")
    if (rejected := out / "requests" / f"event_hour={REJECTED}").exists():
        rejected.rename(out / "rejected_lines")
    count = _count(out / "requests")
    written = _table(out / "requests")
    if _number(f"SELECT count() - uniqExact(request_id) FROM {written}"):
        once = f"SELECT * FROM {written} ORDER BY source_object LIMIT 1 BY request_id"
        count = _write(once, out / "requests_once")
        (out / "requests").rename(out / "requests_twice")
        (out / "requests_once").rename(out / "requests")
    return count


def _select(files: Sequence[Path], fields: Sequence[str]) -> str:
    """The query of requests and, under an hour of their own, rejected lines: each query would read the objects anew."""
    present = {field: f"if(f[{n}] IN ('-', ''), NULL, f[{n}])" for n, field in enumerate(fields, 1)}
    numbers = {
        field: f"to{NUMBERS[kind]}OrNull({field})"
        for field, kind in FIELD_TYPES.items()
        if kind in NUMBERS and field in fields
    }
    bad_number = " OR ".join(f"({number} IS NULL AND {field} IS NOT NULL)" for field, number in numbers.items())
    at = "toDateTime64OrNull(concat(ifNull(date, ''), ' ', ifNull(time, '')), 6, 'UTC')"
    split = f"""
        SELECT {", ".join(f"{text} AS {field}" for field, text in present.items())}, line, _path AS source_object,
            length(f) AS field_count
        FROM (SELECT line, _path, splitByChar('\t', line) AS f
            FROM file('{files[0].parent}/*.gz', 'LineAsString') WHERE NOT startsWith(line, '#'))"""
    # A time that does not exist, such as 25:61:00, is read as another one.
    checked = f"""
        SELECT *, {at} AS at, multiIf(field_count <> {len(fields)}, 'field_count', {bad_number}, 'bad_number',
            at IS NULL OR NOT startsWith(toString(at), concat(date, ' ', time)), 'bad_time', '') AS reason
        FROM ({split})"""
    plain = [
        f"{f'decodeURLComponent({field})' if COLUMN_OF[field] in DECODED else numbers.get(field, field)} AS {COLUMN_OF[field]}"
        for field in fields
        if field in COLUMN_OF and COLUMN_OF[field] not in DERIVED
    ]
    agent = "decodeURLComponent(cs_user_agent)"
    return f"""
        SELECT {", ".join(plain)}, ifNull(at, toDateTime64(0, 6)) AS event_at,
            if(position({agent}, '%20') > 0 AND position({agent}, ' ') = 0, decodeURLComponent({agent}), {agent}) AS user_agent,
            left(lower(hex(MD5(cs_cookie))), 24) AS cookie_hash, coalesce(x_host_header, cs_host) AS host, source_object,
            reason, if(reason = '', NULL, line) AS raw_line,
            if(reason = '', formatDateTime(event_at, '%Y-%m-%d-%H'), '{REJECTED}') AS event_hour
        FROM ({checked})"""


def client_hourly(out: Path) -> int:
    return _write(feature_sql.hourly(_table(out / "requests"), DIALECT), out / "client_hourly")


def client_daily(out: Path) -> int:
    # Its windows by time take whole seconds alone.
    hourly = f"(SELECT * REPLACE (toDateTime(hour_at) AS hour_at) FROM {_table(out / 'client_hourly')})"
    daily = feature_sql.daily(hourly, DIALECT)
    return _write(f"SELECT * REPLACE (toDateTime64(hour_at, 6) AS hour_at) FROM ({daily})", out / "client_daily")

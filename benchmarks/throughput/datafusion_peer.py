"""The work of the jobs `requests`, `client_hourly` and `client_daily`, written by hand for DataFusion.

Same columns and definitions, Parquet by hour. LIMITS lists what it leaves out; the benchmark checks that the rest is equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote

import datafusion
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.throughput import definitions, feature_sql
from benchmarks.throughput.definitions import (
    COLUMN_OF,
    DECODED,
    DERIVED,
    FIELD_TYPES,
    THREADS,
    common_fields,
    decoded_agent,
)
from benchmarks.throughput.feature_sql import Dialect

LIMITS = (
    definitions.LINE_NUMBER_LIMIT,
    definitions.ADDRESSES_LIMIT,
    definitions.HEADER_LIMIT,
    definitions.DELTA_LIMIT,
    definitions.HASH_LIMIT,
)
TYPES = {"integer": "BIGINT", "number": "DOUBLE", "status": "INT"}
DIALECT = Dialect(
    first_match="regexp_match({text}, {pattern})[1]",
    hour="date_part('hour', {at})",
    hours_before="{at} - INTERVAL '23 hours'",
    has_fast_windows=False,
)
EXTRA = "after_the_last"
"""A column more than the header has: its content was too much in the line."""
REJECTED = "rejected"
BY_HOUR = "STORED AS PARQUET PARTITIONED BY (event_hour) OPTIONS (compression 'zstd(1)')"


def _context() -> datafusion.SessionContext:
    settings = {"datafusion.execution.listing_table_ignore_subdirectory": "false"}
    return datafusion.SessionContext(datafusion.SessionConfig(settings).with_target_partitions(THREADS))


def _register(context: datafusion.SessionContext, name: str, folder: Path) -> str:
    context.register_parquet(name, str(folder), table_partition_cols=[("event_hour", pa.string())])
    return name


def parse(files: Sequence[Path], out: Path) -> int:
    """Log objects -> requests by hour and rejected lines; returns the rows of requests."""
    fields = common_fields(files)
    context = _context()
    options = datafusion.CsvReadOptions(
        has_header=False,
        delimiter="\t",
        quote="\0",
        comment="#",
        schema=pa.schema([(field, pa.string()) for field in (*fields, EXTRA)]),
        file_extension=".gz",
        file_compression_type="gzip",
        truncated_rows=True,
    )
    context.register_csv("lines", [str(path) for path in files], options=options)
    for name, change in (("decoded", unquote), ("decoded_agent", decoded_agent)):
        context.register_udf(datafusion.udf(_mapped(change), [pa.string()], pa.string(), "immutable", name))
    context.sql(f"COPY ({_select(fields)}) TO '{out}/requests/' {BY_HOUR}").collect()
    if (rejected := out / "requests" / f"event_hour={REJECTED}").exists():
        rejected.rename(out / "rejected_lines")
    written = _register(context, "requests", out / "requests")
    if context.sql(f"SELECT request_id FROM {written} GROUP BY request_id HAVING count(*) > 1").count():
        once = f"""SELECT * EXCEPT (place) FROM (
            SELECT *, row_number() OVER (PARTITION BY request_id ORDER BY source_object) AS place FROM {written}
        ) WHERE place = 1"""
        context.sql(f"COPY ({once}) TO '{out}/requests_once/' {BY_HOUR}").collect()
        (out / "requests").rename(out / "requests_twice")
        (out / "requests_once").rename(out / "requests")
        context.deregister_table("requests")
        _register(context, "requests", out / "requests")
    return _count(context, "requests")


def _mapped(change: Callable[[str], str]) -> Callable[[pa.Array], pa.Array]:
    """`change` applied to each distinct text of an array that holds a percent sign."""

    def of_array(texts: pa.Array) -> pa.Array:
        coded = texts.dictionary_encode()
        distinct = coded.dictionary
        if pc.any(pc.match_substring(distinct, "%")).as_py():
            distinct = pa.array([change(text) for text in distinct.to_pylist()], pa.string())
        return distinct.take(coded.indices)

    return of_array


def _select(fields: Sequence[str]) -> str:
    """The query of requests and, under an hour of their own, rejected lines: each query would read the objects anew."""
    present = {field: f"CASE WHEN {field} NOT IN ('-', '') THEN {field} END" for field in fields}
    numbers = {
        field: f"TRY_CAST({present[field]} AS {TYPES[kind]})"
        for field, kind in FIELD_TYPES.items()
        if kind in TYPES and field in fields
    }
    inner = ", ".join(f"{numbers.get(field, present[field])} AS {field}" for field in fields)
    bad_number = " OR ".join(
        f"({number} IS NULL AND {present[field]} IS NOT NULL)" for field, number in numbers.items()
    )
    at = "TRY_CAST(concat(date, ' ', time) AS TIMESTAMP)"
    reason = f"""CASE WHEN {fields[-1]} IS NULL OR {EXTRA} IS NOT NULL THEN 'field_count'
        WHEN {bad_number} THEN 'bad_number' WHEN {at} IS NULL THEN 'bad_time' END"""
    plain = [
        f"{f'decoded({field})' if COLUMN_OF[field] in DECODED else field} AS {COLUMN_OF[field]}"
        for field in fields
        if field in COLUMN_OF and COLUMN_OF[field] not in DERIVED
    ]
    raw = f"concat_ws(chr(9), {', '.join(fields)}, {EXTRA})"
    return f"""
        SELECT {", ".join(plain)}, event_at, decoded_agent(cs_user_agent) AS user_agent,
            left(md5(cs_cookie), 24) AS cookie_hash, coalesce(x_host_header, cs_host) AS host, source_object, reason, raw_line,
            CASE WHEN reason IS NULL THEN to_char(event_at, '%Y-%m-%d-%H') ELSE '{REJECTED}' END AS event_hour
        FROM (
            SELECT {inner}, event_at, source_object, reason, CASE WHEN reason IS NOT NULL THEN {raw} END AS raw_line
            FROM (SELECT *, {reason} AS reason, {at} AS event_at, input_file_name() AS source_object FROM lines)
        )"""


def client_hourly(out: Path) -> int:
    return _query(feature_sql.hourly("requests", DIALECT), out, "requests", "client_hourly")


def client_daily(out: Path) -> int:
    return _query(feature_sql.daily("client_hourly", DIALECT), out, "client_hourly", "client_daily")


def _query(sql: str, out: Path, source: str, target: str) -> int:
    context = _context()
    _register(context, source, out / source)
    context.sql(f"COPY ({sql}) TO '{out / target}/' {BY_HOUR}").collect()
    return _count(context, _register(context, target, out / target))


def _count(context: datafusion.SessionContext, name: str) -> int:
    return int(context.sql(f"SELECT count(*) AS n FROM {name}").to_pydict()["n"][0])

"""The work of the jobs `requests`, `client_hourly` and `client_daily`, written by hand for Polars.

Same columns and definitions, Parquet by hour. LIMITS lists what it leaves out; the benchmark checks that the rest is equal.
Set POLARS_MAX_THREADS before this module is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import polars as pl
from polars import col

from benchmarks.throughput import definitions
from benchmarks.throughput.definitions import (
    AGENT_PATTERNS,
    COLUMN_OF,
    DECODED,
    DERIVED,
    FIELD_TYPES,
    GREATEST,
    MARKS,
    PATH_COUNTS,
    PATH_PATTERNS,
    SUMS,
    THREADS,
    common_fields,
    cookie_hash,
    decoded_agent,
    regular_expressions,
)

LIMITS = (
    definitions.ADDRESSES_LIMIT,
    definitions.HEADER_LIMIT,
    definitions.DELTA_LIMIT,
    "an object is decompressed whole, so memory grows with its size",
)
NUMBERS: dict[str, Any] = {"integer": pl.Int64, "number": pl.Float64, "status": pl.Int32}
EXTRA = "after_the_last"
"""A column more than the header has: its content was too much in the line."""
HEADER_LINES = 2
ZSTD: dict[str, Any] = {"compression": "zstd", "compression_level": 1}
ONE = pl.lit(1, pl.Int64)
COUNT = pl.len().cast(pl.Int64)


def parse(files: Sequence[Path], out: Path) -> int:
    """Log objects -> requests by hour and rejected lines; returns the rows of requests."""
    fields = common_fields(files)
    with ThreadPoolExecutor(THREADS) as pool:
        counts = list(pool.map(lambda item: _object(item[1], item[0], fields, out), enumerate(files)))
    written = pl.scan_parquet(out / "requests", hive_partitioning=True)
    repeated = written.group_by("request_id").len().filter(col("len") > 1).collect(engine="streaming")
    if not repeated.height:
        return sum(counts)
    once = written.sort("source_object", "line_number").unique("request_id", keep="first").collect()
    for path in (out / "requests").rglob("*.parquet"):
        path.unlink()
    return _write(once, out / "requests", "once")


def _object(path: Path, number: int, fields: Sequence[str], out: Path) -> int:
    lines = pl.read_csv(
        path,
        separator="\t",
        has_header=False,
        skip_rows=HEADER_LINES,
        quote_char=None,
        truncate_ragged_lines=True,
        row_index_name="line_number",
        row_index_offset=HEADER_LINES + 1,
        schema={**dict.fromkeys(fields, pl.String), EXTRA: pl.String},
        missing_columns="insert",
    ).lazy()
    present = {field: pl.when(~col(field).is_in(["-", ""])).then(col(field)) for field in fields}
    numbers = {
        field: present[field].cast(NUMBERS[kind], strict=False)
        for field, kind in FIELD_TYPES.items()
        if kind in NUMBERS and field in fields
    }
    date = present["date"].str.to_date("%Y-%m-%d", strict=False)
    time = present["time"].str.to_time("%H:%M:%S", strict=False)
    is_bad_number = pl.any_horizontal(present[f].is_not_null() & number.is_null() for f, number in numbers.items())
    reason = (
        pl.when(col(fields[-1]).is_null() | col(EXTRA).is_not_null())
        .then(pl.lit("field_count"))
        .when(is_bad_number)
        .then(pl.lit("bad_number"))
        .when(date.is_null() | time.is_null())
        .then(pl.lit("bad_time"))
    )
    checked = lines.with_columns(reason.alias("reason")).collect()
    bad = checked.filter(col("reason").is_not_null())
    if bad.height:
        text = pl.concat_str(*fields, EXTRA, separator="\t", ignore_nulls=True).alias("raw_line")
        rejected = bad.select(pl.lit(str(path)).alias("source_object"), "line_number", "reason", text)
        rejected.write_parquet(_created(out / "rejected_lines") / f"{number}.parquet")
        checked = checked.filter(col("reason").is_null())
    at = date.dt.combine(time)
    plain = (f for f in fields if f in COLUMN_OF and COLUMN_OF[f] not in DERIVED)
    rows = checked.select(
        *(numbers.get(f, present[f]).alias(COLUMN_OF[f]) for f in plain),
        present["cs_user_agent"].alias("user_agent"),
        present["cs_cookie"].alias("cookie_hash"),
        pl.coalesce(present["x_host_header"], present["cs_host"]).alias("host"),
        at.dt.replace_time_zone("UTC").alias("event_at"),
        at.dt.strftime("%Y-%m-%d-%H").alias("event_hour"),
        pl.lit(str(path)).alias("source_object"),
        col("line_number").cast(pl.Int64),
    )
    rows = rows.with_columns(
        *(_mapped(rows[column], unquote, "%") for column in DECODED),
        _mapped(rows["user_agent"], decoded_agent, "%"),
        _mapped(rows["cookie_hash"], cookie_hash, ""),
    )
    return _write(rows, out / "requests", str(number))


def _mapped(column: pl.Series, change: Callable[[str], str], only_with: str) -> pl.Series:
    """`change` applied to each distinct value that contains `only_with`."""
    chosen = column.filter(column.str.contains(only_with, literal=True)) if only_with else column.drop_nulls()
    values = chosen.unique()
    changed = pl.Series([change(text) for text in values], dtype=pl.String)
    return column.replace(values, changed) if len(values) else column


def client_hourly(out: Path) -> int:
    regex = regular_expressions()
    rows = pl.scan_parquet(out / "requests", hive_partitioning=True).select(
        "client_ip",
        "event_hour",
        col("event_at").dt.truncate("1m").alias("minute_at"),
        "event_at",
        col("uri_path").fill_null("").alias("path"),
        col("user_agent").fill_null("").alias("agent"),
        *(pl.sql_expr(sql).cast(pl.Int64).alias(name) for name, sql in MARKS.items()),
        col("bytes_sent").fill_null(0),
        col("time_taken_seconds").fill_null(0.0),
    )
    grain = ["client_ip", "event_hour"]
    sums = [*MARKS, "bytes_sent", "time_taken_seconds"]
    times = [col("event_at").min().alias("first_event_at"), col("event_at").max().alias("last_event_at")]
    by_agent, by_minute = (rows.group_by(*grain, name).agg(COUNT.alias("n")) for name in ("agent", "minute_at"))
    paths = rows.group_by(*grain, "path").agg(COUNT.alias("n"), col(sums).sum(), *times).collect(engine="streaming")
    marked = paths.lazy().select(col("path").unique())
    marked = marked.with_columns(
        *(col("path").str.contains(regex[name]).alias(mark) for mark, name in PATH_PATTERNS.items()),
        (col("path") == "/robots.txt").alias("is_robots"),
    )
    by_path = (
        paths.lazy()
        .join(marked, on="path")
        .group_by(grain)
        .agg(
            col("n").sum().alias("request_count"),
            COUNT.alias("distinct_path_count"),
            (col("n") * col("n").cast(pl.Float64).log(2)).sum().alias("n_log_n"),
            col(sums).sum(),
            *((col(mark).cast(pl.Int64) * col(n)).sum().alias(name) for name, (mark, n) in PATH_COUNTS.items()),
            col("first_event_at").min(),
            col("last_event_at").max(),
        )
    )
    agents = by_agent.group_by(grain).agg(
        COUNT.alias("distinct_user_agent_count"),
        *(
            (col("agent").str.contains(regex[name]).cast(pl.Int64) * col("n")).sum().alias(column)
            for column, name in AGENT_PATTERNS.items()
        ),
    )
    minutes = by_minute.group_by(grain).agg(
        COUNT.alias("active_minute_count"), col("n").max().alias("peak_minute_request_count")
    )
    entropy = col("request_count").cast(pl.Float64).log(2) - col("n_log_n") / col("request_count")
    suffix = pl.when(col("client_ip").str.contains(":", literal=True)).then(pl.lit("/128")).otherwise(pl.lit("/32"))
    joined = by_path.join(agents, on=grain).join(minutes, on=grain)
    hourly = joined.select(
        (col("client_ip") + suffix).alias("client"),
        pl.lit("address").alias("client_kind"),
        col("first_event_at").dt.truncate("1h").alias("hour_at"),
        ONE.alias("address_count"),
        pl.max_horizontal(entropy, pl.lit(0.0)).alias("path_entropy_bits"),
        *(*SUMS, *GREATEST, "first_event_at", "last_event_at", "event_hour"),
    ).collect(engine="streaming")
    return _write(hourly, out / "client_hourly")


def client_daily(out: Path) -> int:
    client = col("client")
    network = (
        pl.when(client.str.contains(":", literal=True))
        .then(client.str.extract(r"(^(?:[0-9a-f]+:){4})") + pl.lit(":/64"))
        .otherwise(client.str.extract(r"(^\d+\.\d+\.\d+\.)") + pl.lit("0/24"))
    )
    weighted = col("path_entropy_bits") * col("request_count")
    hourly = pl.scan_parquet(out / "client_hourly", hive_partitioning=True)
    addresses = hourly.with_columns(weighted.alias("weighted"), network.alias("network")).collect()
    members = addresses.filter(client.n_unique().over("network") > 1)
    networks = members.group_by("network", "hour_at", "event_hour").agg(
        col(*SUMS, "weighted").sum(), col(GREATEST).max()
    )
    seen = members.select("network", "client", seen_at="hour_at")
    counted = (
        networks.select("network", "hour_at")
        .join(seen, on="network")
        .filter(col("seen_at").is_between(col("hour_at") - pl.duration(hours=23), col("hour_at")))
        .group_by("network", "hour_at")
        .agg(client.n_unique().cast(pl.Int64).alias("address_count"))
    )
    by_address = _day(addresses.with_columns(ONE.alias("address_count")), "address")
    networks = networks.join(counted, on=["network", "hour_at"]).rename({"network": "client"})
    by_network = _day(networks, "network").filter(col("address_count") > 1)
    return _write(pl.concat([by_address, by_network]), out / "client_daily")


def _day(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Trailing 24 hours of each client, in the hours of its activity."""
    rows = rows.with_columns(
        pl.when(col("hour_at").dt.hour() < 6).then("request_count").otherwise(0).alias("night_request_count"),
        ONE.alias("active_hour_count"),
    ).sort("client", "hour_at")
    trailing = rows.rolling("hour_at", period="24h", closed="right", group_by="client").agg(
        col(*SUMS, "weighted", "night_request_count", "active_hour_count").sum(),
        col(GREATEST).max(),
        col("request_count").max().alias("peak_hour_request_count"),
        col("address_count", "event_hour").last(),
    )
    counts = ("active_hour_count", "peak_hour_request_count", "night_request_count")
    return trailing.select(
        "client",
        pl.lit(kind).alias("client_kind"),
        "hour_at",
        "address_count",
        (col("weighted") / col("request_count")).alias("path_entropy_bits"),
        *(*SUMS, *GREATEST, *counts, "event_hour"),
    )


def _created(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write(rows: pl.DataFrame, folder: Path, name: str = "0") -> int:
    for (hour,), part in rows.partition_by("event_hour", as_dict=True, include_key=False).items():
        part.write_parquet(_created(folder / f"event_hour={hour}") / f"{name}.parquet", **ZSTD)
    return rows.height

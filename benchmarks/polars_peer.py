"""The work of the jobs `requests`, `client_hourly` and `client_daily` as a person would write it by hand for Polars.

Same columns and definitions, Parquet by hour. What it leaves out is in `LESS`; everything else is checked equal by the
benchmark. Set POLARS_MAX_THREADS before this module is imported. Nothing here is used by the platform.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import polars as pl

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
    cookie_hash,
    decoded_agent,
    regular_expressions,
)

LESS = (
    "client addresses are neither checked nor made canonical",
    "all objects must share one header; an object that is damaged ends the run",
    "no Delta log: a reader sees a half-written table",
    "an object is decompressed whole, so memory grows with its size",
)
TYPES: dict[str, Any] = {
    "integer": pl.Int64,
    "number": pl.Float64,
    "status": pl.Int32,
    "date": pl.Date,
    "time": pl.Time,
}
EXTRA = "after_the_last"
"""A column more than the header has: whatever it holds was too much in the line."""
HEADER_LINES = 2


def parse(files: Sequence[Path], out: Path, threads: int = 2) -> int:
    """Log objects -> requests by hour and rejected lines; returns the rows of requests."""
    fields = common_fields(files)
    with ThreadPoolExecutor(threads) as pool:
        counts = list(pool.map(lambda item: _object(item[1], item[0], fields, out), enumerate(files)))
    written = pl.scan_parquet(out / "requests", hive_partitioning=True)
    twice = written.group_by("request_id").len().filter(pl.col("len") > 1).collect(engine="streaming")
    if twice.height:
        once = written.sort("source_object", "line_number").unique("request_id", keep="first").collect()
        for (hour,), rows in once.partition_by("event_hour", as_dict=True, include_key=False).items():
            for path in (out / "requests" / f"event_hour={hour}").iterdir():
                path.unlink()
            rows.write_parquet(
                out / "requests" / f"event_hour={hour}" / "once.parquet", compression="zstd", compression_level=1
            )
        return once.height
    return sum(counts)


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
    present = {field: pl.when(~pl.col(field).is_in(["-", ""])).then(pl.col(field)) for field in fields}
    typed = {
        field: present[field].cast(TYPES[kind], strict=False)
        for field, kind in FIELD_TYPES.items()
        if kind in TYPES and field in fields
        if kind not in ("date", "time")
    }
    typed["date"] = present["date"].str.to_date("%Y-%m-%d", strict=False)
    typed["time"] = present["time"].str.to_time("%H:%M:%S", strict=False)
    reason = (
        pl.when(pl.col(fields[-1]).is_null() | pl.col(EXTRA).is_not_null())
        .then(pl.lit("field_count"))
        .when(
            pl.any_horizontal(
                present[field].is_not_null() & typed[field].is_null()
                for field in typed
                if FIELD_TYPES[field] not in ("date", "time")
            )
        )
        .then(pl.lit("bad_number"))
        .when(typed["date"].is_null() | typed["time"].is_null())
        .then(pl.lit("bad_time"))
    )
    checked = lines.with_columns(reason.alias("reason")).collect()
    bad = checked.filter(pl.col("reason").is_not_null())
    if bad.height:
        bad.select(
            pl.lit(str(path)).alias("source_object"),
            "line_number",
            "reason",
            pl.concat_str(*fields, EXTRA, separator="\t", ignore_nulls=True).alias("raw_line"),
        ).write_parquet(_made(out / "rejected_lines") / f"{number}.parquet")
        checked = checked.filter(pl.col("reason").is_null())
    at = typed["date"].dt.combine(typed["time"])
    rows = (
        checked.lazy()
        .select(
            *(
                typed.get(f, present[f]).alias(COLUMN_OF[f])
                for f in fields
                if f in COLUMN_OF and COLUMN_OF[f] not in MADE
            ),
            present["cs_user_agent"].alias("user_agent"),
            present["cs_cookie"].alias("cookie_hash"),
            pl.coalesce(present["x_host_header"], present["cs_host"]).alias("host"),
            at.dt.replace_time_zone("UTC").alias("event_at"),
            at.dt.strftime("%Y-%m-%d-%H").alias("event_hour"),
            pl.lit(str(path)).alias("source_object"),
            pl.col("line_number").cast(pl.Int64),
        )
        .collect()
    )
    rows = rows.with_columns(
        *(_mapped(rows[column], unquote, "%") for column in DECODED),
        _mapped(rows["user_agent"], decoded_agent, "%"),
        _mapped(rows["cookie_hash"], cookie_hash, ""),
    )
    for (hour,), part in rows.partition_by("event_hour", as_dict=True, include_key=False).items():
        folder = _made(out / "requests" / f"event_hour={hour}")
        part.write_parquet(folder / f"{number}.parquet", compression="zstd", compression_level=1)
    return rows.height


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _mapped(column: pl.Series, change: Callable[[str], str], only_with: str) -> pl.Series:
    """`change` applied to each distinct value that holds `only_with`."""
    chosen = (
        column.filter(column.str.contains(only_with, literal=True)).unique()
        if only_with
        else column.drop_nulls().unique()
    )
    return (
        column.replace(chosen, pl.Series([change(text) for text in chosen], dtype=pl.String)) if len(chosen) else column
    )


def client_hourly(out: Path, threads: int = 2) -> int:
    regex = regular_expressions()
    rows = pl.scan_parquet(out / "requests", hive_partitioning=True).select(
        "client_ip",
        "event_hour",
        pl.col("event_at").dt.truncate("1m").alias("minute_at"),
        "event_at",
        pl.col("uri_path").fill_null("").alias("path"),
        pl.col("user_agent").fill_null("").alias("agent"),
        *(pl.sql_expr(sql).cast(pl.Int64).alias(name) for name, sql in MARKS.items()),
        pl.col("bytes_sent").fill_null(0),
        pl.col("time_taken_seconds").fill_null(0.0),
    )
    grain = ["client_ip", "event_hour"]
    sums = [*MARKS, "bytes_sent", "time_taken_seconds"]
    times = [pl.col("event_at").min().alias("first_event_at"), pl.col("event_at").max().alias("last_event_at")]
    paths = (
        rows.group_by(*grain, "path")
        .agg(pl.len().cast(pl.Int64).alias("n"), pl.col(sums).sum(), *times)
        .collect(engine="streaming")
    )
    known = paths.lazy().select(pl.col("path").unique())
    known = known.with_columns(
        *(pl.col("path").str.contains(regex[name]).alias(mark) for mark, name in PATH_PATTERNS.items()),
        (pl.col("path") == "/robots.txt").alias("is_robots"),
    )
    by_path = (
        paths.lazy()
        .join(known, on="path")
        .group_by(grain)
        .agg(
            pl.col("n").sum().alias("request_count"),
            pl.len().cast(pl.Int64).alias("distinct_path_count"),
            (pl.col("n") * pl.col("n").cast(pl.Float64).log(2)).sum().alias("n_log_n"),
            pl.col(sums).sum(),
            *((pl.col(mark).cast(pl.Int64) * pl.col(n)).sum().alias(name) for name, (mark, n) in PATH_COUNTS.items()),
            pl.col("first_event_at").min(),
            pl.col("last_event_at").max(),
        )
    )
    agents = (
        rows.group_by(*grain, "agent")
        .agg(pl.len().cast(pl.Int64).alias("n"))
        .group_by(grain)
        .agg(
            pl.len().cast(pl.Int64).alias("distinct_user_agent_count"),
            *(
                (pl.col("agent").str.contains(regex[name]).cast(pl.Int64) * pl.col("n")).sum().alias(column)
                for column, name in AGENT_PATTERNS.items()
            ),
        )
    )
    minutes = (
        rows.group_by(*grain, "minute_at")
        .agg(pl.len().cast(pl.Int64).alias("n"))
        .group_by(grain)
        .agg(pl.len().cast(pl.Int64).alias("active_minute_count"), pl.col("n").max().alias("peak_minute_request_count"))
    )
    entropy = pl.col("request_count").cast(pl.Float64).log(2) - pl.col("n_log_n") / pl.col("request_count")
    hourly = (
        by_path.join(agents, on=grain)
        .join(minutes, on=grain)
        .select(
            (
                pl.col("client_ip")
                + pl.when(pl.col("client_ip").str.contains(":", literal=True))
                .then(pl.lit("/128"))
                .otherwise(pl.lit("/32"))
            ).alias("client"),
            pl.lit("address").alias("client_kind"),
            pl.col("first_event_at").dt.truncate("1h").alias("hour_at"),
            pl.lit(1, pl.Int64).alias("address_count"),
            pl.max_horizontal(entropy, pl.lit(0.0)).alias("path_entropy_bits"),
            *SUMS,
            *GREATEST,
            "first_event_at",
            "last_event_at",
            "event_hour",
        )
        .collect(engine="streaming")
    )
    return _written(hourly, out / "client_hourly")


def client_daily(out: Path, threads: int = 2) -> int:
    v6, v4 = r"^(?:[0-9a-f]+:){4}", r"^\d+\.\d+\.\d+\."
    client = pl.col("client")
    addresses = (
        pl.scan_parquet(out / "client_hourly", hive_partitioning=True)
        .with_columns(
            (pl.col("path_entropy_bits") * pl.col("request_count")).alias("weighted"),
            pl.when(client.str.contains(":", literal=True))
            .then(client.str.extract(f"({v6})") + pl.lit(":/64"))
            .otherwise(client.str.extract(f"({v4})") + pl.lit("0/24"))
            .alias("network"),
        )
        .collect()
    )
    members = addresses.filter(pl.col("client").n_unique().over("network") > 1)
    networks = members.group_by("network", "hour_at", "event_hour").agg(
        pl.col(*SUMS, "weighted").sum(), pl.col(GREATEST).max()
    )
    seen = members.select("network", "hour_at", "client")
    counted = (
        networks.select("network", "hour_at")
        .join(seen.rename({"hour_at": "seen_at"}), on="network")
        .filter(pl.col("seen_at").is_between(pl.col("hour_at") - pl.duration(hours=23), pl.col("hour_at")))
        .group_by("network", "hour_at")
        .agg(pl.col("client").n_unique().cast(pl.Int64).alias("address_count"))
    )
    by_address = _day(addresses.with_columns(pl.lit(1, pl.Int64).alias("address_count")), "address")
    networks = networks.join(counted, on=["network", "hour_at"]).rename({"network": "client"})
    by_network = _day(networks, "network").filter(pl.col("address_count") > 1)
    return _written(pl.concat([by_address, by_network]), out / "client_daily")


def _day(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Trailing 24 hours of each client; rows are those of the hours in which it is active."""
    rows = rows.with_columns(
        pl.when(pl.col("hour_at").dt.hour() < 6).then("request_count").otherwise(0).alias("night_request_count"),
        pl.lit(1, pl.Int64).alias("active_hour_count"),
    ).sort("client", "hour_at")
    trailing = rows.rolling("hour_at", period="24h", closed="right", group_by="client").agg(
        pl.col(*SUMS, "weighted", "night_request_count", "active_hour_count").sum(),
        pl.col(GREATEST).max(),
        pl.col("request_count").max().alias("peak_hour_request_count"),
        pl.col("address_count", "event_hour").last(),
    )
    return trailing.select(
        "client",
        pl.lit(kind).alias("client_kind"),
        "hour_at",
        "address_count",
        (pl.col("weighted") / pl.col("request_count")).alias("path_entropy_bits"),
        *SUMS,
        *GREATEST,
        "active_hour_count",
        "peak_hour_request_count",
        "night_request_count",
        "event_hour",
    )


def _written(rows: pl.DataFrame, folder: Path) -> int:
    for (hour,), part in rows.partition_by("event_hour", as_dict=True, include_key=False).items():
        part.write_parquet(_made(folder / f"event_hour={hour}") / "0.parquet", compression="zstd", compression_level=1)
    return rows.height

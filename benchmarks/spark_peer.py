"""The work of the jobs `requests`, `client_hourly` and `client_daily` as plain DataFrame code for classic Spark.

Spark's own CSV reader, functions and Parquet writer, no Python in the data's way. Same columns and definitions; what it
leaves out is in `LESS`, everything else is checked equal by the benchmark. Nothing here is used by the platform.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

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
    "rejected lines are dropped, not kept (keeping them means a second pass or a cache, both slower)",
    "rows have their object but no line number (its CSV reader gives none)",
    "client addresses are neither checked nor made canonical",
    "all objects must share one header; an object that is damaged ends the run",
    "no Delta log: a reader sees a half-written table",
    "cookies are hashed with md5, not with a key",
)
TYPES = {"integer": "bigint", "number": "double", "status": "int", "date": "date", "time": "string"}
DAY_SECONDS = 24 * 3600


def parse(spark: SparkSession, files: Sequence[Path], out: Path) -> int:
    """Log objects -> requests by hour; returns the rows of requests."""
    fields = common_fields(files)
    ddl = ", ".join(f"{field} {TYPES.get(FIELD_TYPES.get(field, ''), 'string')}" for field in fields)
    lines = (
        spark.read.schema(ddl)
        .option("sep", "\t")
        .option("quote", "")
        .option("comment", "#")
        .option("nullValue", "-")
        .option("dateFormat", "yyyy-MM-dd")
        .option("mode", "DROPMALFORMED")
        .option("columnPruning", "false")
        .csv([str(path) for path in files])
        .withColumn("source_object", F.col("_metadata.file_path"))
    )
    at = F.to_timestamp(F.concat_ws(" ", F.col("date").cast("string"), "time"))
    once = _decoded("cs_user_agent")
    agent = F.when(once.contains("%20") & ~once.contains(" "), F.url_decode(once)).otherwise(once)
    rows = lines.select(
        *(
            (_decoded(f) if COLUMN_OF[f] in DECODED else F.col(f)).alias(COLUMN_OF[f])
            for f in fields
            if f in COLUMN_OF and COLUMN_OF[f] not in MADE
        ),
        at.alias("event_at"),
        agent.alias("user_agent"),
        F.substring(F.md5("cs_cookie"), 1, 24).alias("cookie_hash"),
        F.coalesce("x_host_header", "cs_host").alias("host"),
        "source_object",
        F.date_format(at, "yyyy-MM-dd-HH").alias("event_hour"),
    )
    rows.dropDuplicates(["request_id"]).write.partitionBy("event_hour").option("compression", "zstd").parquet(
        str(out / "requests")
    )
    return spark.read.parquet(str(out / "requests")).count()


def _decoded(field: str) -> Column:
    """Percent-decoded once; url_decode takes a plus sign for a space, which it is not here."""
    return F.url_decode(F.replace(F.col(field), F.lit("+"), F.lit("%2B")))


def client_hourly(spark: SparkSession, out: Path) -> int:
    regex = regular_expressions()
    grain = ["client_ip", "hour_at"]
    rows = spark.read.parquet(str(out / "requests")).select(
        "client_ip",
        F.date_trunc("hour", "event_at").alias("hour_at"),
        F.date_trunc("minute", "event_at").alias("minute_at"),
        "event_at",
        F.coalesce("uri_path", F.lit("")).alias("path"),
        F.coalesce("user_agent", F.lit("")).alias("agent"),
        *(F.expr(sql).cast("bigint").alias(name) for name, sql in MARKS.items()),
        F.coalesce("bytes_sent", F.lit(0)).alias("bytes_sent"),
        F.coalesce("time_taken_seconds", F.lit(0.0)).alias("time_taken_seconds"),
    )
    sums = [*MARKS, "bytes_sent", "time_taken_seconds"]
    paths = (
        rows.groupBy(*grain, "path")
        .agg(
            F.count("*").alias("n"),
            *(F.sum(name).alias(name) for name in sums),
            F.min("event_at").alias("first_event_at"),
            F.max("event_at").alias("last_event_at"),
        )
        .select(
            "*",
            *(F.col("path").rlike(regex[name]).alias(mark) for mark, name in PATH_PATTERNS.items()),
            (F.col("path") == "/robots.txt").alias("is_robots"),
        )
    )
    by_path = paths.groupBy(*grain).agg(
        F.sum("n").alias("request_count"),
        F.count("*").alias("distinct_path_count"),
        F.sum(F.col("n") * F.log2("n")).alias("n_log_n"),
        *(F.sum(name).alias(name) for name in sums),
        *(F.sum(F.col(mark).cast("bigint") * F.col(n)).alias(name) for name, (mark, n) in PATH_COUNTS.items()),
        F.min("first_event_at").alias("first_event_at"),
        F.max("last_event_at").alias("last_event_at"),
    )
    agents = (
        rows.groupBy(*grain, "agent")
        .agg(F.count("*").alias("n"))
        .groupBy(*grain)
        .agg(
            F.count("*").alias("distinct_user_agent_count"),
            *(
                F.sum(F.col("agent").rlike(regex[name]).cast("bigint") * F.col("n")).alias(column)
                for column, name in AGENT_PATTERNS.items()
            ),
        )
    )
    minutes = (
        rows.groupBy(*grain, "minute_at")
        .agg(F.count("*").alias("n"))
        .groupBy(*grain)
        .agg(F.count("*").alias("active_minute_count"), F.max("n").alias("peak_minute_request_count"))
    )
    suffix = F.when(F.col("client_ip").contains(":"), "/128").otherwise("/32")
    entropy = F.log2("request_count") - F.col("n_log_n") / F.col("request_count")
    hourly = (
        by_path.join(agents, grain)
        .join(minutes, grain)
        .select(
            F.concat("client_ip", suffix).alias("client"),
            F.lit("address").alias("client_kind"),
            "hour_at",
            F.lit(1).cast("bigint").alias("address_count"),
            F.greatest(entropy, F.lit(0.0)).alias("path_entropy_bits"),
            *SUMS,
            *GREATEST,
            "first_event_at",
            "last_event_at",
            F.date_format("hour_at", "yyyy-MM-dd-HH").alias("event_hour"),
        )
    )
    return _written(spark, hourly, out / "client_hourly")


def client_daily(spark: SparkSession, out: Path) -> int:
    v6, v4 = r"^((?:[0-9a-f]+:){4})", r"^(\d+\.\d+\.\d+\.)"
    addresses = spark.read.parquet(str(out / "client_hourly")).select(
        "*",
        (F.col("path_entropy_bits") * F.col("request_count")).alias("weighted"),
        F.when(F.col("client").contains(":"), F.concat(F.regexp_extract("client", v6, 1), F.lit(":/64")))
        .otherwise(F.concat(F.regexp_extract("client", v4, 1), F.lit("0/24")))
        .alias("network"),
    )
    shared = addresses.groupBy("network").agg(F.countDistinct("client").alias("clients")).where("clients > 1")
    members = addresses.join(shared.select("network"), "network", "left_semi")
    seen = _trailing("network")
    members = members.select("*", F.size(F.collect_set("client").over(seen)).cast("bigint").alias("seen_count"))
    networks = members.groupBy("network", "hour_at").agg(
        *(F.sum(name).alias(name) for name in (*SUMS, "weighted")),
        *(F.max(name).alias(name) for name in GREATEST),
        F.max("seen_count").alias("address_count"),
    )
    by_address = _day(addresses.withColumn("address_count", F.lit(1).cast("bigint")), "client", "address")
    by_network = _day(networks, "network", "network").where(F.col("address_count") > 1)
    return _written(spark, reduce(DataFrame.unionByName, (by_address, by_network)), out / "client_daily")


def _trailing(key: str) -> Window:
    at = F.col("hour_at").cast("bigint")
    return Window.partitionBy(key).orderBy(at).rangeBetween(1 - DAY_SECONDS, 0)  # type: ignore[return-value]


def _day(rows: DataFrame, key: str, kind: str) -> DataFrame:
    """Trailing 24 hours of each key; rows are those of the hours in which it is active."""
    day = _trailing(key)
    night = F.when(F.hour("hour_at") < 6, F.col("request_count")).otherwise(0)
    return rows.select(
        F.col(key).alias("client"),
        F.lit(kind).alias("client_kind"),
        "hour_at",
        "address_count",
        (F.sum("weighted").over(day) / F.sum("request_count").over(day)).alias("path_entropy_bits"),
        *(F.sum(name).over(day).alias(name) for name in SUMS),
        *(F.max(name).over(day).alias(name) for name in GREATEST),
        F.count("*").over(day).alias("active_hour_count"),
        F.max("request_count").over(day).alias("peak_hour_request_count"),
        F.sum(night).over(day).alias("night_request_count"),
        F.date_format("hour_at", "yyyy-MM-dd-HH").alias("event_hour"),
    )


def _written(spark: SparkSession, rows: DataFrame, folder: Path) -> int:
    rows.write.partitionBy("event_hour").option("compression", "zstd").parquet(str(folder))
    return spark.read.parquet(str(folder)).count()

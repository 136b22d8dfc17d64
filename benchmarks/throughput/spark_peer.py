"""The work of the jobs `requests`, `client_hourly` and `client_daily`, written by hand for classic Spark.

Spark's own CSV reader, SQL and Parquet writer, no Python per row. Same columns and definitions; LIMITS lists what it leaves
out, and the benchmark checks that the rest is equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks.throughput import definitions, feature_sql
from benchmarks.throughput.definitions import CLASSIC, COLUMN_OF, DECODED, DERIVED, FIELD_TYPES, common_fields
from benchmarks.throughput.feature_sql import Dialect
from spark_jobs.runtime.session import spark_session

LIMITS = (
    "rejected lines are dropped, not kept (keeping them means a second pass or a cache, both slower)",
    definitions.LINE_NUMBER_LIMIT,
    definitions.ADDRESSES_LIMIT,
    definitions.HEADER_LIMIT,
    definitions.DELTA_LIMIT,
    definitions.HASH_LIMIT,
)
TYPES = {"integer": "bigint", "number": "double", "status": "int", "date": "date", "time": "string"}
OPTIONS = {
    "sep": "\t",
    "quote": "",
    "comment": "#",
    "nullValue": "-",
    "dateFormat": "yyyy-MM-dd",
    "mode": "DROPMALFORMED",
    "columnPruning": "false",
}


def _session() -> SparkSession:
    session = spark_session(CLASSIC)
    session.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
    return session


def parse(files: Sequence[Path], out: Path) -> int:
    """Log objects -> requests by hour; returns the rows of requests."""
    fields = common_fields(files)
    ddl = ", ".join(f"{field} {TYPES.get(FIELD_TYPES.get(field, ''), 'string')}" for field in fields)
    lines = _session().read.schema(ddl).options(**OPTIONS).csv([str(path) for path in files])
    lines = lines.withColumn("source_object", F.col("_metadata.file_path"))
    at = F.to_timestamp(F.concat_ws(" ", F.col("date").cast("string"), "time"))
    agent = _decoded("cs_user_agent")
    rows = lines.select(
        *(
            (_decoded(f) if COLUMN_OF[f] in DECODED else F.col(f)).alias(COLUMN_OF[f])
            for f in fields
            if f in COLUMN_OF and COLUMN_OF[f] not in DERIVED
        ),
        at.alias("event_at"),
        F.when(agent.contains("%20") & ~agent.contains(" "), F.url_decode(agent)).otherwise(agent).alias("user_agent"),
        F.substring(F.md5("cs_cookie"), 1, 24).alias("cookie_hash"),
        F.coalesce("x_host_header", "cs_host").alias("host"),
        "source_object",
        F.date_format(at, "yyyy-MM-dd-HH").alias("event_hour"),
    )
    return _write(rows.dropDuplicates(["request_id"]), out / "requests")


def _decoded(field: str) -> Column:
    """Percent-decoded once; url_decode takes a plus sign for a space, which it is not here."""
    return F.url_decode(F.replace(F.col(field), F.lit("+"), F.lit("%2B")))


def client_hourly(out: Path) -> int:
    return _query(feature_sql.hourly("requests", Dialect(prefix="r")), out, "requests", "client_hourly")


def client_daily(out: Path) -> int:
    return _query(feature_sql.daily("client_hourly", Dialect(prefix="r")), out, "client_hourly", "client_daily")


def _query(sql: str, out: Path, source: str, target: str) -> int:
    session = _session()
    session.read.parquet(str(out / source)).createOrReplaceTempView(source)
    return _write(session.sql(sql), out / target)


def _write(rows: DataFrame, folder: Path) -> int:
    rows.write.partitionBy("event_hour").option("compression", "zstd").parquet(str(folder))
    return _session().read.parquet(str(folder)).count()

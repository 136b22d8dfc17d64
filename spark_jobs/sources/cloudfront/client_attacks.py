"""client_hourly -> what clients did: client_daily, client_attacks, the model's frame. Spark DataFrames in, DataFrames out.

Each function is named after the table it makes and returns its columns plus `event_hour`. Nothing of hour h+1 goes
into a row of hour h. Distinct counts are made by grouping twice, which is exact and cheap on every engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from spark_jobs.contract import HOUR_COLUMN
from spark_jobs.sources.cloudfront.tables import (
    ADDITIVE,
    ATTACK_FLOOR,
    CLIENT_ATTACKS,
    CLIENT_BEHAVIOUR,
    CLIENT_DAILY,
    EVIDENCE_REQUESTS,
    MAXIMA,
)

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_BEHAVIOUR = tuple(column.name for column in CLIENT_BEHAVIOUR)


def by_network(addresses: DataFrame) -> DataFrame:
    """Rows of client_hourly -> the same, summed over the /24 (IPv4) or /64 (IPv6) of the addresses."""
    weighted = addresses.select(
        "*",
        network_cidr(F.col("client")).alias("network"),
        (F.col("path_entropy_bits") * F.col("request_count")).alias("entropy_weighted"),
    )
    return (
        weighted.groupBy("network", "hour_at")
        .agg(
            F.count("*").alias("address_count"),
            *(F.sum(name).alias(name) for name in ADDITIVE if name != "time_taken_seconds"),
            _sum_of_fractions(F.col("time_taken_seconds")).alias("time_taken_seconds"),
            *(F.max(name).alias(name) for name in MAXIMA),
            _sum_of_fractions(F.col("entropy_weighted")).alias("entropy_weighted"),
        )
        .select(
            F.col("network").alias("client"),
            F.lit("network").alias("client_kind"),
            "hour_at",
            *(n for n in _BEHAVIOUR if n != "path_entropy_bits"),
            (F.col("entropy_weighted") / F.col("request_count")).alias("path_entropy_bits"),
        )
        .select("client", "client_kind", "hour_at", *_BEHAVIOUR)
    )


def client_attacks(scores: DataFrame, active: DataFrame) -> DataFrame:
    """request_scores of an interval and the 23 hours before it -> per client, hour and trailing day.

    `active` names the rows wanted: client, client_kind, hour_at of client_daily. Clients without a request above the
    floor in the 24 hours have no row.
    """
    marked = scores.where(F.col("attack_probability") > ATTACK_FLOOR).select(
        address_cidr(F.col("client_ip")).alias("address"),
        F.date_trunc("hour", "event_at").alias("scored_hour_at"),
        "request_id",
        "event_at",
        "attack_probability",
        F.col("is_attack").cast("bigint").alias("is_attack"),
        "attack_class",
    )
    marked = marked.select("*", network_cidr(F.col("address")).alias("network"))
    pairs = marked.select("*", F.col("address").alias("client")).unionByName(
        marked.select("*", F.col("network").alias("client"))
    )
    recent = F.col("scored_hour_at").between(F.col("hour_at") - F.expr("INTERVAL 23 HOURS"), F.col("hour_at"))
    joined = active.select("client", "client_kind", "hour_at").join(pairs, "client").where(recent)
    in_hour = F.col("scored_hour_at") == F.col("hour_at")
    ranked = joined.select(
        "*",
        F.row_number()
        .over(
            Window.partitionBy("client", "hour_at").orderBy(
                F.col("is_attack").desc(),
                F.col("attack_probability").desc(),
                F.col("event_at").desc(),
                F.col("request_id"),
            )
        )
        .alias("place"),
    )
    leading = (
        ranked.where(F.col("place") <= EVIDENCE_REQUESTS)
        .groupBy("client", "hour_at")
        .agg(F.sort_array(F.collect_list(F.struct("place", "request_id"))).alias("leading"))
        .select("client", "hour_at", F.col("leading.request_id").alias("attack_request_ids"))
    )
    attack = F.col("is_attack") == 1
    totals = joined.groupBy("client", "client_kind", "hour_at").agg(
        F.sum(F.when(in_hour, F.col("is_attack")).otherwise(0)).alias("hour_attack_request_count"),
        F.max(F.when(in_hour, F.col("attack_probability")).otherwise(0.0)).alias("hour_attack_probability_max"),
        F.sum("is_attack").alias("day_attack_request_count"),
        F.max("attack_probability").alias("day_attack_probability_max"),
        _sum_of_fractions(F.col("attack_probability")).alias("day_attack_probability_sum"),
        F.countDistinct(F.when(attack, F.col("attack_class"))).alias("day_attack_class_count"),
        F.countDistinct(F.when(attack, F.col("scored_hour_at"))).alias("day_attack_hour_count"),
        F.countDistinct(F.when(attack, F.col("address"))).alias("day_attack_address_count"),
    )
    return totals.join(leading, ["client", "hour_at"]).select(*CLIENT_ATTACKS.column_names, _event_hour())


def with_evidence(scores: DataFrame, requests: DataFrame) -> DataFrame:
    """Scored clients -> the same with `evidence_request_ids`: what shows the abuse, up to 20 requests.

    The attacks that the request model found; where it found none and the client is abusive all the same, the requests
    of the hour, failed ones first, then the latest.
    """
    unproven = scores.where(F.col("is_abuse") & F.col("attack_request_ids").isNull()).select("client", "hour_at")
    asked = requests.select(
        "request_id",
        "event_at",
        (F.coalesce("status", F.lit(0)) >= 400).cast("int").alias("is_failure"),
        F.date_trunc("hour", "event_at").alias("hour_at"),
        address_cidr(F.col("client_ip")).alias("address"),
    )
    pairs = asked.select("*", F.col("address").alias("client")).unionByName(
        asked.select("*", network_cidr(F.col("address")).alias("client"))
    )
    order = [F.col("is_failure").desc(), F.col("event_at").desc(), F.col("request_id")]
    ranked = pairs.join(unproven, ["client", "hour_at"], "left_semi").select(
        "*", F.row_number().over(Window.partitionBy("client", "hour_at").orderBy(*order)).alias("place")
    )
    shown = (
        ranked.where(F.col("place") <= EVIDENCE_REQUESTS)
        .groupBy("client", "hour_at")
        .agg(F.sort_array(F.collect_list(F.struct("place", "request_id"))).alias("shown"))
        .select("client", "hour_at", F.col("shown.request_id").alias("shown_request_ids"))
    )
    evidence = F.coalesce("attack_request_ids", "shown_request_ids", F.array().cast("array<string>"))
    return scores.join(shown, ["client", "hour_at"], "left").select("*", evidence.alias("evidence_request_ids"))


def client_frame(hourly: DataFrame, daily: DataFrame, attacks: DataFrame) -> DataFrame:
    """The three feature tables of the same hours -> one row per client and hour as the client model reads it.

    Columns: client, client_kind, hour_at, `hour_…` of client_hourly, `day_…` of client_daily, those of client_attacks
    (zero where the request model found nothing), attack_request_ids, event_hour.
    """
    hour_columns = ["client", "client_kind", "hour_at", *_BEHAVIOUR]
    hours = hourly.select(*hour_columns).unionByName(by_network(hourly.select(*hour_columns)))
    day_names = [c for c in CLIENT_DAILY.column_names if c not in ("client", "client_kind", "hour_at")]
    attack_columns = [c for c in CLIENT_ATTACKS.columns if c.name not in ("client", "client_kind", "hour_at")]
    left = hours.select("client", "hour_at", *(F.col(n).alias(f"hour_{n}") for n in _BEHAVIOUR))
    middle = daily.select("client", "client_kind", "hour_at", *(F.col(n).alias(f"day_{n}") for n in day_names))
    right = attacks.select("client", "hour_at", *(c.name for c in attack_columns))
    filled = [
        F.coalesce(F.col(c.name), F.lit(0).cast("double" if c.type == "double" else "bigint")).alias(c.name)
        for c in attack_columns
        if c.type != "list<string>"
    ]
    return (
        middle.join(left, ["client", "hour_at"])
        .join(right, ["client", "hour_at"], "left")
        .select(
            "client",
            "client_kind",
            "hour_at",
            *(f"hour_{n}" for n in _BEHAVIOUR),
            *(f"day_{n}" for n in day_names),
            *filled,
            "attack_request_ids",
            _event_hour(),
        )
    )


def address_cidr(address: Column) -> Column:
    """`192.0.2.7` -> `192.0.2.7/32`; IPv6 -> /128."""
    return F.when(address.contains(":"), F.concat(address, F.lit("/128"))).otherwise(F.concat(address, F.lit("/32")))


def network_cidr(client: Column) -> Column:
    """An address as CIDR -> its /24 (IPv4) or /64 (IPv6), in canonical text."""
    v4 = F.concat(F.regexp_extract(client, r"^(\d+\.\d+\.\d+)\.", 1), F.lit(".0/24"))
    return F.when(client.contains(":"), _v6_network(client)).otherwise(v4)


def _v6_network(client: Column) -> Column:
    """First four groups of a canonical IPv6 text, as canonical /64 text, in built-in functions only.

    `::` stands for the longest run of zero groups; expanding it to the missing number of groups makes the first four
    groups visible. The network's own text drops trailing zero groups before the final `::`.
    """
    address = F.split_part(client, F.lit("/"), F.lit(1))
    given = F.size(F.filter(F.split(address, ":"), lambda group: group != ""))
    missing = F.lit(8) - given
    zeros = F.repeat(F.lit("0:"), missing)
    expanded = F.when(
        address.contains("::"),
        F.concat(
            F.split_part(address, F.lit("::"), F.lit(1)),
            F.lit(":"),
            zeros,
            F.split_part(address, F.lit("::"), F.lit(2)),
        ),
    ).otherwise(address)
    groups = F.filter(F.split(expanded, ":"), lambda group: group != "")
    first_four = F.concat_ws(":", F.slice(groups, 1, 4))
    return F.concat(F.regexp_replace(first_four, r"(?:(?:^|:)0)+$", ""), F.lit("::/64"))


def _sum_of_fractions(column: Column) -> Column:
    """The sum to whole millionths: sums of whole numbers are the same in whatever order an engine adds them."""
    return F.sum(F.round(column * 1_000_000).cast("bigint")) / 1_000_000


def _event_hour() -> Column:
    return F.date_format("hour_at", "yyyy-MM-dd-HH").alias(HOUR_COLUMN)

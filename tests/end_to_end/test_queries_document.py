"""docs/queries.md: every query of it gives the same rows on DuckDB, as `weir sql` runs it, and on Spark's reader of Delta."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.outputs.sql import answered
from platform_assets.outputs.sql_tables import sql_tables
from platform_assets.settings import Settings
from spark_jobs.contract import parse_hour

TEXT = (Path(__file__).parents[2] / "docs" / "queries.md").read_text(encoding="utf-8")
SECTIONS = [section.split("\n", 1) for section in TEXT.split("\n## ")[1:]]
QUERIES = {title: text.split("```sql\n")[1].split("```")[0] for title, text in SECTIONS if "```sql" in text}
MAY_BE_EMPTY = {"Lines that were rejected, by reason"}
Sql = Callable[[str], list[tuple[Any, ...]]]


def test_every_query_of_the_page_is_found_and_orders_its_rows() -> None:
    assert len(QUERIES) == TEXT.count("```sql") >= 8
    assert all("ORDER BY" in query for query in QUERIES.values())
    named = set(re.findall(r"\bweir\.(\w+)", " ".join(QUERIES.values())))
    assert named <= sql_tables().keys()


@pytest.fixture(scope="module")
def on_spark(in_order: Settings) -> Iterator[Sql]:
    """SQL on the embedded engine, where every written table is registered under its name."""
    from spark_jobs.runtime.session import spark_session

    spark, lake = spark_session("sail"), lake_of(in_order)
    spark.sql("CREATE DATABASE weir")
    written = {name: table for name, table in sql_tables().items() if lake.delta(table) is not None}
    for name, table in written.items():
        spark.sql(f"CREATE TABLE weir.{name} USING delta LOCATION '{lake.path(table)}'")
    yield lambda query: [tuple(map(plain, row)) for row in spark.sql(query).collect()]
    for name in written:
        spark.sql(f"DROP TABLE weir.{name}")
    spark.sql("DROP DATABASE weir")


def plain(value: Any) -> Any:
    """What engines type differently and is the same: whole decimals, and times with and without their UTC."""
    if isinstance(value, Decimal):
        return int(value)
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) and value.tzinfo else value


def test_times_and_sums_compare_and_nothing_else_is_made_equal() -> None:
    at = datetime(2026, 11, 20, 13, tzinfo=UTC)
    assert plain(Decimal(7)) == 7 and plain(at) == plain(at.replace(tzinfo=None)) == at.replace(tzinfo=None)
    assert plain("7") != 7 and plain(None) is None


@pytest.mark.slow
@pytest.mark.parametrize("title", QUERIES)
def test_both_engines_give_the_same_rows(in_order: Settings, on_spark: Sql, title: str) -> None:
    first = parse_hour(lake_of(in_order).hours(sql_tables()["parsed_cloudfront_requests"])[0])
    days = {"2026-11-20": first, "2026-11-21": first + timedelta(days=1)}
    query = re.sub("2026-11-2[01]", lambda found: f"{days[found[0]]:%Y-%m-%d}", QUERIES[title])
    with answered(in_order, query) as answer:
        ours = [tuple(map(plain, row.values())) for row in answer.rows.read_all().to_pylist()]
    assert ours == on_spark(query)
    assert ours or title in MAY_BE_EMPTY

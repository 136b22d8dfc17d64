"""Names of the lake's tables in SQL, the same in DuckDB (`weir sql`), Athena and Trino.

A table is `<database>.<key with _ for />`; its columns are the declared ones, then the hour of hourly ones.
"""

from __future__ import annotations

from platform_assets.core.tables import all_tables
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, Column, Table

DEFAULT_DATABASE = "weir"
HOUR = Column(
    HOUR_COLUMN,
    "string",
    "hour of the row, as 2026-11-20-14, UTC; the partition where hours are partitions",
    nullable=False,
)
SQL_TYPES = {"int32": "int", "int64": "bigint", "list<string>": "array<string>"}
"""Declared type -> Athena's type, where they differ."""


def sql_name(table: Table) -> str:
    """`parsed/cloudfront/requests` -> `parsed_cloudfront_requests`."""
    return table.key.replace("/", "_")


def sql_tables() -> dict[str, Table]:
    """Every lake table by its name in SQL."""
    return {sql_name(table): table for table in all_tables().values()}


def sql_columns(table: Table) -> tuple[Column, ...]:
    """The columns in SQL, in order."""
    return (*table.columns, HOUR) if table.hourly else table.columns


def sql_type(column: Column) -> str:
    return SQL_TYPES.get(column.type, column.type)


def database_of(settings: Settings) -> str:
    """The database of the tables: that of the Glue catalogue, so that queries are the same there."""
    return settings.glue_database or DEFAULT_DATABASE

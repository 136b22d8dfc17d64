"""Registers the lake's tables in the AWS Glue catalogue, as Athena (engine 3) and Trino read Delta tables natively.

Tables from elsewhere, or of another lake, are never touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from platform_assets.clients.aws import AWS_ERRORS, aws_client, aws_sentence
from platform_assets.clients.engine import lake_of
from platform_assets.outputs.sql_tables import HOUR, sql_columns, sql_tables, sql_type
from platform_assets.settings import Settings
from spark_jobs.contract import Column, Table
from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.storage.lake import Lake

LAKE_PARAMETER = "weir.lake"
"""Marks a table as ours, with the root of its lake."""
MAX_COMMENT_LENGTH = 255
MAX_DESCRIPTION_LENGTH = 2048
# What Spark, Glue's crawler and Trino register Delta tables with; files are found by the Delta log, not by these.
INPUT_FORMAT = "org.apache.hadoop.mapred.SequenceFileInputFormat"
OUTPUT_FORMAT = "org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat"
SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"


class CatalogueError(WeirError):
    """Tables cannot be registered; one sentence that says why and what to do."""

    exit_code = ExitCode.SERVICE


@dataclass(frozen=True)
class CatalogueReport:
    """Names of tables, by result."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    not_written_yet: tuple[str, ...] = ()
    """Not in the lake yet; Athena would fail on them."""
    gone: tuple[str, ...] = ()
    """Registered by an earlier version of this lake, and no longer its tables; left as they are."""


def table_input(lake: Lake, name: str, table: Table) -> dict[str, Any]:
    """Glue's TableInput of a table."""
    location = f"{lake.path(table)}/"
    partitions = [HOUR] if table.is_by_hour else []
    return {
        "Name": name,
        "Description": _cut(f"{table.meaning} One row: {table.grain}.", MAX_DESCRIPTION_LENGTH),
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {
            "EXTERNAL": "TRUE",
            "classification": "delta",
            "table_type": "DELTA",
            "spark.sql.sources.provider": "delta",
            LAKE_PARAMETER: lake.root,
        },
        "StorageDescriptor": {
            "Columns": [_column(column) for column in sql_columns(table) if column not in partitions],
            "Location": location,
            "InputFormat": INPUT_FORMAT,
            "OutputFormat": OUTPUT_FORMAT,
            "SerdeInfo": {
                "SerializationLibrary": SERDE,
                "Parameters": {"path": location, "serialization.format": "1"},
            },
        },
        "PartitionKeys": [_column(column) for column in partitions],
    }


def _column(column: Column) -> dict[str, str]:
    comment = f"{column.meaning} (personal data)" if column.personal else column.meaning
    return {"Name": column.name, "Type": sql_type(column), "Comment": _cut(comment, MAX_COMMENT_LENGTH)}


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def register(settings: Settings) -> CatalogueReport:
    """Register every written table of the lake. CatalogueError if that fails."""
    lake = lake_of(settings)
    if not lake.root.startswith("s3://"):
        raise CatalogueError(
            f"Glue cannot hold tables of {lake.root}; set WEIR_LAKE to an s3:// URI, or leave WEIR_GLUE_DATABASE empty."
        )
    with _explained(settings):
        return _registered(aws_client("glue", settings.aws_region), lake, settings.glue_database)


def registered_count(settings: Settings, seconds: float) -> int:
    """Count of registered tables of the lake, without retries. CatalogueError if Glue cannot be read."""
    with _explained(settings):
        client = aws_client("glue", settings.aws_region, seconds=seconds, attempts=1)
        try:
            present = _present(client, settings.glue_database)
        except client.exceptions.EntityNotFoundException:
            return 0
    return sum(_is_of(table, settings.lake_root) for table in present.values())


@contextmanager
def _explained(settings: Settings) -> Iterator[None]:
    try:
        yield
    except AWS_ERRORS as error:
        permission = f"glue:{getattr(error, 'operation_name', 'GetTables')}"
        subject = f"the Glue database {settings.glue_database}"
        raise CatalogueError(aws_sentence(error, subject, permission=permission)) from error


def _registered(client: Any, lake: Lake, database: str) -> CatalogueReport:
    tables = sql_tables()
    try:
        present = _present(client, database)
    except client.exceptions.EntityNotFoundException:
        present = {}
        database_input = {"Name": database, "Description": "Tables of Weir: CloudFront logs to decisions for AWS WAF."}
        _unless_exists(client, client.create_database, DatabaseInput=database_input)
    names: dict[str, list[str]] = {"created": [], "updated": [], "unchanged": [], "not_written_yet": []}
    foreign = []
    for name, table in tables.items():
        desired, registered = table_input(lake, name, table), present.get(name)
        if registered is None:
            if lake.delta(table) is None:
                names["not_written_yet"].append(name)
            else:
                _create(client, database, desired)
                names["created"].append(name)
        elif not _is_of(registered, lake.root):
            foreign.append(name)
        elif _is_up_to_date(registered, desired):
            names["unchanged"].append(name)
        else:
            client.update_table(DatabaseName=database, TableInput=_with_added_parameters(registered, desired))
            names["updated"].append(name)
    if foreign:
        raise CatalogueError(
            f"The Glue database {database} has {', '.join(foreign)} from elsewhere, left as they are; name another "
            f"database in WEIR_GLUE_DATABASE, or delete those tables there."
        )
    ours = {name for name, registered in present.items() if _is_of(registered, lake.root)}
    return CatalogueReport(
        gone=tuple(sorted(ours - tables.keys())), **{key: tuple(values) for key, values in names.items()}
    )


def _present(client: Any, database: str) -> dict[str, dict[str, Any]]:
    """Tables of the database by name."""
    pages: Iterable[Mapping[str, Any]] = client.get_paginator("get_tables").paginate(DatabaseName=database)
    return {table["Name"]: table for page in pages for table in page["TableList"]}


def _is_of(table: Mapping[str, Any], root: str) -> bool:
    return bool(table.get("Parameters", {}).get(LAKE_PARAMETER) == root)


def _create(client: Any, database: str, desired: dict[str, Any]) -> None:
    _unless_exists(client, client.create_table, DatabaseName=database, TableInput=desired)


def _unless_exists(client: Any, call: Any, **arguments: Any) -> None:
    """Ignores that another run may have been faster."""
    with suppress(client.exceptions.AlreadyExistsException):
        call(**arguments)


def _is_up_to_date(registered: Any, desired: Any) -> bool:
    """Whether the table has all desired values; additional values of people or Glue are ignored."""
    if isinstance(desired, dict):
        return isinstance(registered, dict) and all(
            _is_up_to_date(registered.get(key), value) for key, value in desired.items()
        )
    if isinstance(desired, list):
        registered = registered or []
        return len(registered) == len(desired) and all(map(_is_up_to_date, registered, desired))
    return bool(registered == desired)


def _with_added_parameters(registered: Mapping[str, Any], desired: dict[str, Any]) -> dict[str, Any]:
    """The desired table with the parameters that others added."""
    return {**desired, "Parameters": {**registered.get("Parameters", {}), **desired["Parameters"]}}

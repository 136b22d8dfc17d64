"""The lake's tables in the AWS Glue catalogue, as Athena (engine 3) and Trino read Delta tables natively.

`table_input` is what Glue is to hold of a table, `register` makes it so with as few calls as that takes. Tables that
another hand made, or another lake, are never touched.
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
"""Marks a table as made here, with the root of the lake whose table it is."""
LONGEST_COMMENT = 255
LONGEST_DESCRIPTION = 2048
# What Spark, Glue's crawler and Trino register Delta tables with. Files are found by the Delta log, never by these.
INPUT_FORMAT = "org.apache.hadoop.mapred.SequenceFileInputFormat"
OUTPUT_FORMAT = "org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat"
SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"


class CatalogueError(WeirError):
    """The catalogue does not hold what it should; one sentence that says why and what to do."""

    exit_code = ExitCode.SERVICE


@dataclass(frozen=True)
class CatalogueReport:
    """Names of tables, by result."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    not_written_yet: tuple[str, ...] = ()
    """Nothing is in the lake; Athena would fail on them."""
    gone: tuple[str, ...] = ()
    """Registered by an earlier version of this lake and no longer among its tables; left as they are."""


def table_input(lake: Lake, name: str, table: Table) -> dict[str, Any]:
    """Glue's TableInput of a table."""
    location = f"{lake.path(table)}/"
    partitions = [HOUR] if table.hourly else []
    return {
        "Name": name,
        "Description": _cut(f"{table.meaning} One row: {table.grain}.", LONGEST_DESCRIPTION),
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
    return {"Name": column.name, "Type": sql_type(column), "Comment": _cut(comment, LONGEST_COMMENT)}


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def register(settings: Settings) -> CatalogueReport:
    """Make the catalogue hold every written table of the lake. CatalogueError with one sentence where it cannot."""
    lake = lake_of(settings)
    if not lake.root.startswith("s3://"):
        raise CatalogueError(
            f"Glue cannot hold tables of {lake.root}; set WEIR_LAKE to an s3:// URI, or leave WEIR_GLUE_DATABASE empty."
        )
    with _sentences(settings):
        return _registered(aws_client("glue", settings.aws_region), lake, settings.glue_database)


def registered_count(settings: Settings, seconds: float) -> int:
    """How many tables of the lake the catalogue holds, asked once. CatalogueError where it does not say."""
    with _sentences(settings):
        client = aws_client("glue", settings.aws_region, seconds=seconds, attempts=1)
        try:
            present = _present(client, settings.glue_database)
        except client.exceptions.EntityNotFoundException:
            return 0
    return sum(_is_of(one, settings.lake_root) for one in present.values())


@contextmanager
def _sentences(settings: Settings) -> Iterator[None]:
    try:
        yield
    except AWS_ERRORS as error:
        permission = f"glue:{getattr(error, 'operation_name', 'GetTables')}"
        what = f"the Glue database {settings.glue_database}"
        raise CatalogueError(aws_sentence(error, what, permission=permission)) from error


def _registered(client: Any, lake: Lake, database: str) -> CatalogueReport:
    tables = sql_tables()
    try:
        present = _present(client, database)
    except client.exceptions.EntityNotFoundException:
        present = {}
        given = {"Name": database, "Description": "Tables of Weir: CloudFront logs to decisions for AWS WAF."}
        _unless_there(client, client.create_database, DatabaseInput=given)
    found: dict[str, list[str]] = {"created": [], "updated": [], "unchanged": [], "not_written_yet": []}
    foreign = []
    for name, table in tables.items():
        wanted, there = table_input(lake, name, table), present.get(name)
        if there is None:
            if lake.delta(table) is None:
                found["not_written_yet"].append(name)
            else:
                _create(client, database, wanted)
                found["created"].append(name)
        elif not _is_of(there, lake.root):
            foreign.append(name)
        elif _holds(there, wanted):
            found["unchanged"].append(name)
        else:
            client.update_table(DatabaseName=database, TableInput=_kept(there, wanted))
            found["updated"].append(name)
    if foreign:
        raise CatalogueError(
            f"The Glue database {database} has {', '.join(foreign)} from elsewhere, left as they are; name another "
            f"database in WEIR_GLUE_DATABASE, or delete those tables there."
        )
    ours = {name for name, one in present.items() if _is_of(one, lake.root)}
    return CatalogueReport(
        gone=tuple(sorted(ours - tables.keys())), **{key: tuple(some) for key, some in found.items()}
    )


def _present(client: Any, database: str) -> dict[str, dict[str, Any]]:
    """Tables of the database by name."""
    pages: Iterable[Mapping[str, Any]] = client.get_paginator("get_tables").paginate(DatabaseName=database)
    return {table["Name"]: table for page in pages for table in page["TableList"]}


def _is_of(table: Mapping[str, Any], root: str) -> bool:
    return bool(table.get("Parameters", {}).get(LAKE_PARAMETER) == root)


def _create(client: Any, database: str, wanted: dict[str, Any]) -> None:
    _unless_there(client, client.create_table, DatabaseName=database, TableInput=wanted)


def _unless_there(client: Any, call: Any, **arguments: Any) -> None:
    """Another run may have been faster."""
    with suppress(client.exceptions.AlreadyExistsException):
        call(**arguments)


def _holds(there: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there; what people or Glue added besides does not count."""
    if isinstance(wanted, dict):
        return isinstance(there, dict) and all(_holds(there.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        there = there or []
        return len(there) == len(wanted) and all(map(_holds, there, wanted))
    return bool(there == wanted)


def _kept(there: Mapping[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """What is wanted, with the parameters that others added."""
    return {**wanted, "Parameters": {**there.get("Parameters", {}), **wanted["Parameters"]}}

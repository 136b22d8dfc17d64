"""The lake's tables in the Glue catalogue: what is told of a table, when, and what is left alone.

That a written Delta table on S3 ends there is in tests/end_to_end/test_run_s3.py; here the lake is only asked for what is
written, because it cannot be on S3 in the process of the moto server.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.validate import validate_parameters

from platform_assets.cli.doctor.examination import examine
from platform_assets.clients.glue_catalogue import CatalogueError, CatalogueReport, register, table_input
from platform_assets.domains.waf.tables import WAF_PLAN
from platform_assets.outputs.sql_tables import sql_tables
from platform_assets.settings import Settings
from spark_jobs.contract import Table
from spark_jobs.errors import exit_code_of
from spark_jobs.registry import tables
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

REQUESTS = tables()["parsed/cloudfront/requests"]
LAKE = Lake("s3://lake/in/weir")


# Without a server


def test_a_table_is_told_as_athena_and_trino_read_delta() -> None:
    told = table_input(LAKE, "parsed_cloudfront_requests", REQUESTS)
    assert told["TableType"] == "EXTERNAL_TABLE"
    assert {**told["Parameters"], "weir.lake": ""} == {
        "EXTERNAL": "TRUE",
        "classification": "delta",
        "table_type": "DELTA",
        "spark.sql.sources.provider": "delta",
        "weir.lake": "",
    }
    storage = told["StorageDescriptor"]
    assert storage["Location"] == storage["SerdeInfo"]["Parameters"]["path"] == f"{LAKE.path(REQUESTS)}/"
    assert storage["Columns"][:2] == [
        {"Name": "request_id", "Type": "string", "Comment": "x-edge-request-id; where the log has none, etag:line"},
        {"Name": "event_at", "Type": "timestamp", "Comment": "when the response finished"},
    ]
    assert [column["Name"] for column in told["PartitionKeys"]] == ["event_hour"]
    assert table_input(LAKE, "waf_plan", WAF_PLAN)["PartitionKeys"] == []


def test_personal_columns_say_so() -> None:
    columns = table_input(LAKE, "parsed_cloudfront_requests", REQUESTS)["StorageDescriptor"]["Columns"]
    marked = {column["Name"] for column in columns if column["Comment"].endswith("(personal data)")}
    assert marked == {column.name for column in REQUESTS.columns if column.personal}


@pytest.mark.parametrize("name", sql_tables())
def test_what_glue_is_told_fits_its_model_and_the_delta_log(name: str) -> None:
    table = sql_tables()[name]
    told = table_input(LAKE, name, table)
    model = boto3.client("glue", region_name="us-east-1").meta.service_model.operation_model("CreateTable")
    validate_parameters({"DatabaseName": "weir", "TableInput": told}, model.input_shape)
    columns = [*told["StorageDescriptor"]["Columns"], *told["PartitionKeys"]]
    assert all(len(column["Comment"]) <= 255 and column["Comment"].isprintable() for column in columns)
    assert len(told["Description"]) <= 2048 and len(name) <= 255
    assert [(column["Name"], column["Type"]) for column in columns] == delta_columns(table)


def delta_columns(table: Table) -> list[tuple[str, str]]:
    """Names and types as the Delta log has them, in the words of Athena."""
    from deltalake import Schema

    words = {"integer": "int", "long": "bigint"}
    found = []
    for field in Schema.from_arrow(arrow_schema(table, with_hour=True)).fields:
        kind = getattr(field.type, "type", "")
        inner = getattr(field.type, "element_type", None)
        found.append((field.name, f"array<{inner.type}>" if inner is not None else words.get(kind, kind)))
    return found


def test_a_lake_in_a_folder_is_refused_with_a_sentence(home: Settings) -> None:
    with pytest.raises(CatalogueError) as caught:
        register(home.model_copy(update={"glue_database": "weir"}))
    assert "set WEIR_LAKE to an s3:// URI" in str(caught.value) and exit_code_of(caught.value) == 5


# Against moto


@pytest.fixture
def on_glue(home: Settings, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A lake where everything is written but the plan."""
    monkeypatch.setattr(Lake, "delta", lambda self, table: None if table == WAF_PLAN else object())
    return home.model_copy(update={"lake": "s3://lake/in/weir", "glue_database": "weir"})


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    from botocore.client import BaseClient

    made: list[str] = []
    call = BaseClient._make_api_call

    def recorded(self: Any, operation: str, arguments: Any) -> Any:
        made.append(operation)
        return call(self, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", recorded)
    yield made


def in_glue() -> dict[str, dict[str, Any]]:
    return {one["Name"]: one for one in boto3.client("glue").get_tables(DatabaseName="weir")["TableList"]}


def changed(name: str, **values: Any) -> None:
    """As a person does it in the console."""
    kept = ("Name", "Description", "TableType", "StorageDescriptor", "PartitionKeys", "Parameters")
    there = {key: value for key, value in in_glue()[name].items() if key in kept}
    boto3.client("glue").update_table(DatabaseName="weir", TableInput={**there, **values})


@pytest.mark.slow
def test_written_tables_are_registered_and_a_second_run_changes_nothing(on_glue: Settings, calls: list[str]) -> None:
    first = register(on_glue)
    assert set(first.created) == set(sql_tables()) - {"waf_plan"} and first.not_written_yet == ("waf_plan",)
    assert in_glue().keys() == set(first.created)
    calls.clear()
    assert register(on_glue) == CatalogueReport(unchanged=first.created, not_written_yet=("waf_plan",))
    assert calls == ["GetTables"]


@pytest.mark.slow
def test_only_what_differs_is_updated_and_what_people_added_stays(on_glue: Settings, calls: list[str]) -> None:
    register(on_glue)
    there = in_glue()["waf_audit"]
    changed("waf_audit", Parameters={**there["Parameters"], "owner": "edge"})
    assert register(on_glue).updated == ()
    changed(
        "waf_audit",
        StorageDescriptor={**there["StorageDescriptor"], "Columns": there["StorageDescriptor"]["Columns"][1:]},
    )
    calls.clear()
    assert register(on_glue).updated == ("waf_audit",)
    assert calls == ["GetTables", "UpdateTable"]
    now = in_glue()["waf_audit"]
    assert now["Parameters"]["owner"] == "edge"
    assert now["StorageDescriptor"] == there["StorageDescriptor"]


@pytest.mark.slow
def test_tables_from_elsewhere_are_never_touched_and_told(on_glue: Settings) -> None:
    glue = boto3.client("glue")
    glue.create_database(DatabaseInput={"Name": "weir"})
    glue.create_table(DatabaseName="weir", TableInput={"Name": "waf_audit", "Parameters": {"by": "hand"}})
    glue.create_table(DatabaseName="weir", TableInput={"Name": "unrelated"})
    with pytest.raises(CatalogueError, match="The Glue database weir has waf_audit from elsewhere, left as they are"):
        register(on_glue)
    there = in_glue()
    assert there["waf_audit"]["Parameters"] == {"by": "hand"} and "Parameters" not in there["unrelated"]
    assert "raw_cloudfront_objects" in there, "the others are registered all the same"
    other = on_glue.model_copy(update={"lake": "s3://lake/of/others"})
    with pytest.raises(CatalogueError, match="raw_cloudfront_objects"):
        register(other)
    assert in_glue()["raw_cloudfront_objects"]["StorageDescriptor"]["Location"].startswith("s3://lake/in/weir/")


@pytest.mark.slow
def test_a_table_of_ours_that_is_none_any_more_is_left_and_told(on_glue: Settings) -> None:
    register(on_glue)
    told = {**table_input(Lake(on_glue.lake_root), "old_table", WAF_PLAN)}
    boto3.client("glue").create_table(DatabaseName="weir", TableInput=told)
    assert register(on_glue).gone == ("old_table",)
    assert "old_table" in in_glue()


@pytest.mark.slow
def test_the_doctor_tells_whether_the_catalogue_holds_the_lake(on_glue: Settings) -> None:
    def found(settings: Settings) -> tuple[str, str]:
        (one,) = [finding for finding in examine(settings) if finding.name == "glue catalogue"]
        return one.state, one.sentence

    assert found(on_glue) == ("missing", "The Glue database weir holds 0 tables of this lake.")
    register(on_glue)
    assert found(on_glue) == ("ok", f"The Glue database weir holds {len(sql_tables()) - 1} tables of this lake.")
    assert found(on_glue.model_copy(update={"glue_database": ""}))[0] == "off"
    assert found(on_glue.model_copy(update={"lake": ""}))[0] == "failed"


@pytest.mark.parametrize("code", ["AccessDeniedException", "UnrecognizedClientException", "ThrottlingException"])
def test_what_aws_refuses_is_one_sentence(home: Settings, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    from botocore.client import BaseClient
    from botocore.exceptions import ClientError

    def refused(self: Any, operation: str, arguments: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)

    monkeypatch.setattr(BaseClient, "_make_api_call", refused)
    with pytest.raises(CatalogueError) as caught:
        register(home.model_copy(update={"lake": "s3://lake/in/weir", "glue_database": "weir"}))
    said = str(caught.value)
    assert "the Glue database weir" in said and code in said and "\n" not in said
    assert ("glue:GetTables" in said) == (code == "AccessDeniedException")

"""The feature store: what the history takes, what is current online, that both agree, and what SageMaker would be told."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import boto3
import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from botocore.validate import validate_parameters

from platform_assets.cli.app import run_command
from platform_assets.clients.engine import lake_of
from platform_assets.core.domain import feature_group, feature_groups
from platform_assets.core.partitions import FIRST_HOUR, LAST_HOUR
from platform_assets.domains.scaling.feature_groups import INFRASTRUCTURE_METRICS
from platform_assets.feature_store import offline
from platform_assets.feature_store.assets import feature_group_asset
from platform_assets.feature_store.groups import COST_OPTIMISATION, FeatureGroup, FeatureStoreError, table_of
from platform_assets.feature_store.online import (
    DynamoStore,
    OnlineStore,
    OnlineStoreError,
    Record,
    SqliteStore,
    current,
    newest,
    online_store,
)
from platform_assets.feature_store.sagemaker import create_feature_group, ttl_duration
from platform_assets.feature_store.store import Ingested, get, ingest
from platform_assets.settings import Settings, SettingsError, load_settings
from spark_jobs.contract import HOUR_COLUMN, Column, Table, format_hour
from spark_jobs.errors import exit_code_of
from spark_jobs.storage.schema import arrow_schema

GROUP = INFRASTRUCTURE_METRICS
ROOT = Path(__file__).parents[2]
START = datetime(2026, 11, 20, 12, tzinfo=UTC)
TIME = pa.timestamp("us", "UTC")


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def rows(*given: tuple[str, float, float | None]) -> pa.Table:
    """(cluster, minute of the event, CPU); the other features follow from these."""
    return pa.table(
        {
            "cluster_id": [cluster for cluster, _, _ in given],
            "event_at": pa.array([minute(at) for _, at, _ in given], TIME),
            "cpu_utilization": pa.array([cpu for _, _, cpu in given], pa.float64()),
            "memory_utilization": pa.array([0.1 + 0.2 for _ in given], pa.float64()),
            "pod_count": pa.array([12 for _ in given], pa.int64()),
            "node_count": pa.array([3 for _ in given], pa.int64()),
            "request_rate": pa.array([None for _ in given], pa.float64()),
            "error_rate": pa.array([1e-17 for _ in given], pa.float64()),
        }
    )


def history(settings: Settings) -> list[tuple[Any, ...]]:
    kept = lake_of(settings).read_arrow(table_of(GROUP)).to_pylist()
    names = ("cluster_id", "event_at", "ingested_at", "cpu_utilization")
    return sorted(tuple(row[name] for name in names) for row in kept)


def refusal(settings: Settings, given: pa.Table, at: float = 60) -> str:
    with pytest.raises(FeatureStoreError) as caught:
        ingest(settings, GROUP, given, minute(at))
    said = str(caught.value)
    assert "\n" not in said and said.endswith(".") and exit_code_of(caught.value) == 3
    return said


# The declarations


def test_the_groups_are_those_of_the_pipeline_with_its_features() -> None:
    assert {name: group.identifier.name for name, group in feature_groups().items()} == {
        "infrastructure_metrics": "cluster_id",
        "security_analytics": "event_id",
        "cost_optimisation": "account_id",
    }
    assert COST_OPTIMISATION.feature_names == (
        "hourly_cost",
        "spot_savings",
        "rightsizing_opportunity",
        "unused_resources",
    )
    assert [table_of(group).key for group in feature_groups().values()] == [
        f"feature_store/{name}" for name in feature_groups()
    ]


def test_a_group_is_found_by_the_name_that_sagemaker_knows_too() -> None:
    assert feature_group("infrastructure-metrics") is feature_group("infrastructure_metrics") is GROUP
    with pytest.raises(
        FeatureStoreError, match="There is no feature group 'costs'; choose one of infrastructure_metrics"
    ):
        feature_group("costs")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"features": (Column("cpu", "double", "x"),) * 2}, "twice"),
        ({"features": (Column("event_at", "double", "x"),)}, "twice"),
        ({"features": (Column("cpu", "boolean", "x"),)}, "has type boolean"),
        ({"identifier": Column("cluster_id", "string", "x")}, "never null"),
        ({"ttl": timedelta(0)}, "whole seconds"),
    ],
)
def test_a_declaration_that_no_store_could_keep_is_refused(changed: dict[str, Any], said: str) -> None:
    whole = {"name": "g", "meaning": "G.", "identifier": GROUP.identifier, "features": GROUP.features}
    with pytest.raises(ValueError, match=said):
        FeatureGroup(**{**whole, "ttl": timedelta(hours=1), "retention_days": 1, **changed})


# The history


def test_the_same_rows_ingested_twice_add_nothing(home: Settings) -> None:
    given = rows(("a", 1, 50.0), ("b", 1, None))
    assert ingest(home, GROUP, given, minute(2)) == Ingested(added=2, unchanged=0, ahead=0, current=2)
    before = history(home)
    assert ingest(home, GROUP, given, minute(9)) == Ingested(added=0, unchanged=2, ahead=0, current=0)
    assert history(home) == before


def test_a_correction_is_a_further_row_and_going_back_is_one_more(home: Settings) -> None:
    for at, cpu in ((2, 50.0), (3, 60.0), (4, 50.0), (5, None), (6, None)):
        ingest(home, GROUP, rows(("a", 1, cpu)), minute(at))
    ingest(home, GROUP, rows(("a", 1, 50.0)), minute(2))  # the first run once more
    assert [(row[2], row[3]) for row in history(home)] == [
        (minute(2), 50.0), (minute(3), 60.0), (minute(4), 50.0), (minute(5), None),
    ]  # fmt: skip


def test_a_repetition_within_the_rows_is_one_row_and_a_contradiction_is_refused(home: Settings) -> None:
    assert ingest(home, GROUP, rows(("a", 1, 5.0), ("a", 1, 5.0)), minute(2)).added == 1
    said = refusal(home, rows(("a", 3, 5.0), ("b", 3, 5.0), ("a", 3, 6.0)))
    assert said.startswith("There are different rows of infrastructure_metrics for a at 2026-11-20T12:03:00+00:00")
    assert "for a at" in refusal(home, rows(("a", 1, 6.0)), 2), "the same time of ingestion as the stored one"
    assert len(history(home)) == 1


def test_a_row_that_claims_to_be_of_the_future_is_left_out_and_told(home: Settings) -> None:
    done = ingest(home, GROUP, rows(("a", 1, 5.0), ("b", 3, 5.0)), minute(2))
    assert done == Ingested(added=1, unchanged=0, ahead=1, current=1)
    assert ingest(home, GROUP, rows(("b", 3, 5.0)), minute(3)).added == 1, "once its time has come it is taken"


def test_rows_over_the_turn_of_the_hour_lie_in_the_hour_of_their_event(home: Settings) -> None:
    ingest(home, GROUP, rows(("a", 59, 1.0), ("a", 60, 2.0)), minute(61))
    assert lake_of(home).row_counts(table_of(GROUP)) == {"2026-11-20-12": 1, "2026-11-20-13": 1}


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("pod_count", pa.array([1.5]), "pod_count of infrastructure_metrics is no int64"),
        ("cpu_utilization", pa.array(["much"]), "cpu_utilization of infrastructure_metrics is no double"),
        ("cpu_utilization", pa.array([float("inf")]), "is infinite in a row"),
        ("cluster_id", pa.array([None], pa.string()), "cluster_id of infrastructure_metrics is empty"),
        ("cluster_id", pa.array([""]), "cluster_id of infrastructure_metrics is empty"),
        ("event_at", pa.array([None], TIME), "event_at of infrastructure_metrics is empty"),
        ("event_at", pa.array([datetime(2026, 11, 20)]), "have no time zone"),  # noqa: DTZ001
    ],
)
def test_rows_that_do_not_fit_are_refused_by_name(home: Settings, column: str, values: pa.Array, said: str) -> None:
    given = rows(("a", 1, 5.0))
    assert said in refusal(home, given.set_column(given.column_names.index(column), column, values))
    assert history(home) == []


def test_a_missing_column_is_refused_and_a_further_one_left_out(home: Settings) -> None:
    given = rows(("a", 1, 5.0))
    assert "lack pod_count, error_rate;" in refusal(home, given.drop_columns(["pod_count", "error_rate"]))
    assert ingest(home, GROUP, given.append_column("other", pa.array([1])), minute(2)).added == 1


def test_what_is_no_number_is_null(home: Settings) -> None:
    ingest(home, GROUP, rows(("a", 1, float("nan"))), minute(2))
    assert history(home)[0][3] is None
    assert ingest(home, GROUP, rows(("a", 1, None)), minute(3)).unchanged == 1


def test_the_join_with_the_lake_is_by_what_was_known_then(home: Settings) -> None:
    ingest(home, GROUP, rows(("a", 1, 10.0), ("b", 50, 20.0)), minute(50))
    ingest(home, GROUP, rows(("a", 1, 11.0)), minute(55))
    asked = [("a", 49), ("a", 50), ("a", 55), ("a", 60.9), ("a", 61), ("b", 61), ("c", 61), ("b", 110)]
    questions = pa.table(
        {"cluster_id": [one for one, _ in asked], "at": pa.array([minute(at) for _, at in asked], TIME)}
    )
    found = offline.as_of(lake_of(home), GROUP, questions)
    assert found["cpu_utilization"].to_pylist() == [None, 10.0, 11.0, 11.0, None, 20.0, None, None]
    assert offline.as_of(lake_of(home), GROUP, questions.slice(0, 0)).num_rows == 0


# The current rows


@pytest.fixture(params=["sqlite", pytest.param("dynamodb", marks=pytest.mark.slow)])
def on(request: pytest.FixtureRequest, home: Settings) -> Settings:
    """A home with each of the online stores."""
    if request.param == "sqlite":
        return home
    request.getfixturevalue("moto_endpoint")
    make_table()
    return home.model_copy(update={"online_store": "dynamodb:features"})


def make_table() -> None:
    boto3.client("dynamodb").create_table(
        TableName="features",
        AttributeDefinitions=[{"AttributeName": "record", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "record", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


def cpu_now(settings: Settings, now: datetime, cluster: str = "a") -> float | None:
    found = current(online_store(settings), GROUP, cluster, now)
    return None if found is None else found["cpu_utilization"]


def test_the_current_row_is_the_newest_event_and_its_last_correction(on: Settings) -> None:
    ingest(on, GROUP, rows(("a", 5, 5.0)), minute(6))
    ingest(on, GROUP, rows(("a", 4, 4.0)), minute(7))
    assert cpu_now(on, minute(7)) == 5.0
    ingest(on, GROUP, rows(("a", 5, 5.5)), minute(8))
    assert cpu_now(on, minute(8)) == 5.5
    ingest(on, GROUP, rows(("a", 5, 9.0)), minute(6.5))
    assert cpu_now(on, minute(9)) == 5.5
    whole = current(online_store(on), GROUP, "a", minute(9))
    assert whole == {
        "cluster_id": "a", "event_at": minute(5), "ingested_at": minute(8), "cpu_utilization": 5.5,
        "memory_utilization": 0.1 + 0.2, "pod_count": 12, "node_count": 3, "request_rate": None, "error_rate": 1e-17,
    }  # fmt: skip


def test_a_current_row_counts_as_long_as_its_ttl_from_the_event(on: Settings) -> None:
    ingest(on, GROUP, rows(("a", 5, 5.0)), minute(30))
    assert cpu_now(on, minute(65) - timedelta(microseconds=1)) == 5.0
    assert cpu_now(on, minute(65)) is None
    assert ingest(on, GROUP, rows(("b", 5, 5.0)), minute(65)).current == 0, "it was expired when it came"
    assert cpu_now(on, minute(30), "unknown") is None


def test_a_run_that_died_before_the_online_store_is_mended_by_the_next(on: Settings) -> None:
    given = rows(("a", 5, 5.0))
    offline.add(lake_of(on), GROUP, given, minute(6))
    assert cpu_now(on, minute(7)) is None
    assert ingest(on, GROUP, given, minute(8)) == Ingested(added=0, unchanged=1, ahead=0, current=1)
    found = current(online_store(on), GROUP, "a", minute(8))
    assert found is not None and found["ingested_at"] == minute(6), "as the history has it"


def scenario(random: Random, batches: int) -> Iterator[tuple[pa.Table, datetime]]:
    """Rows as they come: late ones, corrections, repetitions, several clusters."""
    for number in range(batches):
        now = 10 * number
        drawn = {
            (random.choice("abcd"), max(0, now - random.choice((0, 1, 5, 30, 70)))): random.choice(
                (None, 1.0, 2.0, 3.0)
            )
            for _ in range(random.randrange(1, 7))
        }
        yield rows(*((cluster, at, cpu) for (cluster, at), cpu in drawn.items())), minute(now)


def test_the_online_row_is_the_point_in_time_row_of_now(on: Settings) -> None:
    random, answers, store = Random(3), 0, online_store(on)
    for given, at in scenario(random, 20):
        ingest(on, GROUP, given, at)
        for now in (at, at + timedelta(minutes=random.choice((1, 30, 59, 60, 61)))):
            for cluster in "abcde":
                online = current(store, GROUP, cluster, now)
                assert online == offline.row_at(lake_of(on), GROUP, cluster, now), (cluster, now)
                answers += online is not None
    assert answers > 50


def records(count: int) -> list[Record]:
    return [Record("a", 1_000_000 * (number // 2), 1_000_000 * number, f'{{"n": {number}}}') for number in range(count)]


def test_an_older_event_never_wins_however_writers_race(on: Settings) -> None:
    store, written = online_store(on), records(20)
    shuffled = [Random(seed).sample(written, len(written)) for seed in range(4)]

    def write(order: Sequence[Record]) -> None:
        for one in order:
            store.put(GROUP, [one])

    threads = [threading.Thread(target=write, args=(order,)) for order in shuffled]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.record(GROUP, "a") == written[-1]


WRITER = """
import sys
from pathlib import Path
from random import Random
from platform_assets.domains.scaling.feature_groups import INFRASTRUCTURE_METRICS as GROUP
from platform_assets.feature_store.online import Record, SqliteStore
numbers = Random(int(sys.argv[2])).sample(range(200), 200)
for number in numbers:
    SqliteStore(Path(sys.argv[1])).put(GROUP, [Record("a", 1000 * number, 1000 * number, "{}")])
"""


@pytest.mark.slow
def test_writers_in_processes_of_their_own_leave_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "features.db"
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(seed)], cwd=ROOT, stderr=subprocess.PIPE)
        for seed in range(2)
    ]
    for process in running:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said.decode()
    assert SqliteStore(path).record(GROUP, "a") == Record("a", 199_000, 199_000, "{}")


def test_one_put_keeps_only_what_is_newer(on: Settings) -> None:
    store = online_store(on)
    first, second, third = records(3)
    assert store.put(GROUP, [second]) == 1
    assert store.put(GROUP, [first]) == 0
    assert store.put(GROUP, [second]) == 0
    assert store.put(GROUP, [third]) == 1
    assert store.put(GROUP, []) == 0
    assert store.put(COST_OPTIMISATION, [first]) == 1, "another group is another row"
    assert store.record(GROUP, "a") == third


def test_expired_rows_do_not_pile_up_in_the_file(home: Settings) -> None:
    ingest(home, GROUP, rows(("a", 0, 1.0), ("b", 5, 1.0)), minute(6))
    ingest(home, GROUP, rows(("c", 60, 1.0)), minute(60))
    store = online_store(home)
    assert store.record(GROUP, "a") is None and store.record(GROUP, "b") is not None


def test_of_several_rows_the_newest_is_kept_in_any_order() -> None:
    added = [{**row, "ingested_at": minute(at)} for row, at in zip(rows(("a", 1, 1.0), ("a", 2, 2.0), ("a", 2, 3.0)).to_pylist(), (9, 3, 4), strict=True)]  # fmt: skip
    for given in (added, added[::-1]):
        (one,) = newest(GROUP, given)
        assert one.row(GROUP)["cpu_utilization"] == 3.0


def test_a_file_that_is_just_being_made_holds_nothing_yet(home: Settings) -> None:
    (home.home / "features.db").touch()
    assert online_store(home).record(GROUP, "a") is None


def test_a_file_that_is_no_database_is_one_sentence(home: Settings) -> None:
    (home.home / "features.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(OnlineStoreError, match=r"features.db cannot be used \(file is not a database\)") as caught:
        online_store(home).record(GROUP, "a")
    assert exit_code_of(caught.value) == 5


def test_an_online_store_that_nobody_knows_is_refused_with_the_settings(tmp_path: Path) -> None:
    for value in ("redis", "dynamodb:", "dynamodb:a b c"):
        with pytest.raises(
            SettingsError, match=r"WEIR_ONLINE_STORE is wrong: .* is neither sqlite nor dynamodb:<table>"
        ):
            load_settings(tmp_path, online_store=value)


@pytest.mark.slow
def test_dynamodb_drops_a_row_no_earlier_than_it_expires(home: Settings, moto_endpoint: str) -> None:
    make_table()
    event = minute(5) + timedelta(milliseconds=1)
    given = rows(("a", 5, 1.0))
    given = given.set_column(1, "event_at", pa.array([event], TIME))
    ingest(home.model_copy(update={"online_store": "dynamodb:features"}), GROUP, given, minute(6))
    (item,) = boto3.client("dynamodb").scan(TableName="features")["Items"]
    assert item["record"] == {"S": "infrastructure_metrics/a"}
    assert int(item["expires_at"]["N"]) == (minute(65) + timedelta(seconds=1)).timestamp()


@pytest.mark.slow
def test_a_dynamodb_table_that_is_not_there_is_one_sentence(home: Settings, moto_endpoint: str) -> None:
    store: OnlineStore = DynamoStore("features", "us-east-1")
    for call in (lambda: store.record(GROUP, "a"), lambda: store.put(GROUP, records(3))):
        with pytest.raises(OnlineStoreError, match="the DynamoDB table features does not exist") as caught:
            call()
        assert "\n" not in str(caught.value)


# The asset


SOURCE = Table(
    key="features/metrics/cluster_features",
    meaning="Features of clusters.",
    grain="one cluster at one time",
    columns=(
        Column("cluster_id", "string", "the cluster", nullable=False),
        Column("event_at", "timestamp", "when", nullable=False),
        *(Column(f.name.replace("cpu_utilization", "cpu"), "double", f.meaning) for f in GROUP.features),
        Column("hour_of_day", "int64", "no feature of the group"),
    ),
)


def fill(settings: Settings, given: pa.Table) -> None:
    data = given.rename_columns([name.replace("cpu_utilization", "cpu") for name in given.column_names])
    hours = pa.array([format_hour(at) for at in data["event_at"].to_pylist()])
    data = data.append_column("hour_of_day", pa.nulls(len(hours), pa.int64())).append_column(HOUR_COLUMN, hours)
    lake_of(settings).overwrite_arrow(
        data.cast(arrow_schema(SOURCE, with_hour=True)), SOURCE, sorted(set(hours.to_pylist()))
    )


def test_the_asset_ingests_its_hours_of_a_table_and_once_only(home: Settings) -> None:
    asset = feature_group_asset(home, GROUP, SOURCE, {"cpu_utilization": "cpu"})
    spec = asset.get_asset_spec()
    assert spec.key == dg.AssetKey(["feature_store", "infrastructure_metrics"])
    assert [dep.asset_key for dep in spec.deps] == [dg.AssetKey(SOURCE.key.split("/"))]
    fill(home, rows(("a", 1, 5.0), ("a", 60, 6.0)))
    for hour, added in (("2026-11-20-12", 1), ("2026-11-20-12", 0), ("2026-11-20-13", 1)):
        result = dg.materialize([asset], partition_key="2026-11", tags={FIRST_HOUR: hour, LAST_HOUR: hour})
        (made,) = result.asset_materializations_for_node(asset.op.name)
        of_run: Any = made.metadata["whole run"].value
        assert of_run["added"] == added
    assert [(row[1], row[3]) for row in history(home)] == [(minute(1), 5.0), (minute(60), 6.0)]
    fill(home, rows(("a", 1, 7.0)))
    dg.materialize([asset], partition_key="2026-11")
    assert [(row[1], row[3]) for row in history(home)] == [(minute(1), 5.0), (minute(1), 7.0), (minute(60), 6.0)]


def test_the_asset_takes_no_gaps_and_counts_as_whole_numbers(home: Settings) -> None:
    given = rows(("a", 1, 5.0), ("b", 1, None), ("c", 1, None))
    whole = [name for name in given.column_names if name not in ("cluster_id", "event_at")]
    values = {"pod_count": [11.6, None, None], "node_count": [None, None, None], "error_rate": [None, None, 0.5]}
    for name in whole[1:]:
        column = pa.array(values.get(name, [None] * 3), pa.float64())
        given = given.set_column(given.column_names.index(name), name, column)
    fill(home, given)
    dg.materialize([feature_group_asset(home, GROUP, SOURCE, {"cpu_utilization": "cpu"})], partition_key="2026-11")
    assert [row[0] for row in history(home)] == ["a", "c"]
    assert lake_of(home).read_arrow(table_of(GROUP), filter=pc.field("cluster_id") == "a")["pod_count"].to_pylist() == [
        12
    ]


def test_an_asset_of_a_table_without_the_columns_is_not_made(home: Settings) -> None:
    with pytest.raises(ValueError, match="has no columns cpu_utilization, which infrastructure_metrics is filled from"):
        feature_group_asset(home, GROUP, SOURCE)


# SageMaker


ROLE = "arn:aws:iam::123456789012:role/weir-features"


@pytest.mark.parametrize("group", feature_groups().values(), ids=lambda group: group.name)
def test_the_request_fits_the_model_of_sagemaker(group: FeatureGroup) -> None:
    import re

    request = create_feature_group(group, "s3://lake/weir/", ROLE)
    shape = boto3.client("sagemaker", region_name="us-east-1").meta.service_model.operation_model("CreateFeatureGroup").input_shape  # fmt: skip
    validate_parameters(request, shape)
    defined = {one["FeatureName"]: one["FeatureType"] for one in request["FeatureDefinitions"]}
    assert len(defined) == len(request["FeatureDefinitions"])
    # botocore checks types and lengths only; patterns, enumerations and what the service asks besides are here.
    names = {request["FeatureGroupName"]: "FeatureGroupName", **dict.fromkeys(defined, "RecordIdentifierFeatureName")}
    for name, member in names.items():
        assert re.fullmatch(shape.members[member].metadata["pattern"], name)
    assert set(defined.values()) <= set(shape.members["FeatureDefinitions"].member.members["FeatureType"].enum)
    assert defined[request["EventTimeFeatureName"]] in ("Fractional", "String")
    assert request["RecordIdentifierFeatureName"] in defined
    assert len(request["Description"]) <= shape.members["Description"].metadata["max"]
    assert request["OnlineStoreConfig"]["TtlDuration"]["Unit"] in shape.members["OnlineStoreConfig"].members["TtlDuration"].members["Unit"].enum  # fmt: skip


def test_types_names_and_ttl_are_those_of_the_declaration() -> None:
    request = create_feature_group(COST_OPTIMISATION)
    assert request["FeatureGroupName"] == "cost-optimisation"
    assert request["FeatureDefinitions"][:4] == [
        {"FeatureName": "account_id", "FeatureType": "String"},
        {"FeatureName": "event_at", "FeatureType": "String"},
        {"FeatureName": "hourly_cost", "FeatureType": "Fractional"},
        {"FeatureName": "spot_savings", "FeatureType": "Fractional"},
    ]
    assert {"FeatureName": "pod_count", "FeatureType": "Integral"} in create_feature_group(GROUP)["FeatureDefinitions"]
    assert "OfflineStoreConfig" not in request and "RoleArn" not in request
    assert request["OnlineStoreConfig"]["TtlDuration"] == {"Unit": "Days", "Value": 2}
    assert ttl_duration(timedelta(days=14)) == {"Unit": "Weeks", "Value": 2}
    assert ttl_duration(timedelta(minutes=90)) == {"Unit": "Minutes", "Value": 90}
    assert ttl_duration(timedelta(seconds=61)) == {"Unit": "Seconds", "Value": 61}


@pytest.mark.parametrize(
    ("uri", "role", "said"),
    [
        ("s3://lake", "", "give both or none"),
        ("", ROLE, "give both or none"),
        ("/lake", ROLE, "no s3:// URI"),
        ("s3://lake", "weir-features", "no ARN of an IAM role"),
    ],
)
def test_an_offline_store_that_sagemaker_could_not_write_is_refused(uri: str, role: str, said: str) -> None:
    with pytest.raises(FeatureStoreError, match=said):
        create_feature_group(GROUP, uri, role)


@pytest.mark.slow
def test_sagemaker_makes_the_group_that_was_declared(moto_endpoint: str) -> None:
    client = boto3.client("sagemaker")
    for group in feature_groups().values():
        request = create_feature_group(group, "s3://lake/weir", ROLE)
        assert client.create_feature_group(**request)["FeatureGroupArn"].endswith(request["FeatureGroupName"])
        made = client.describe_feature_group(FeatureGroupName=request["FeatureGroupName"])
        for name in ("RecordIdentifierFeatureName", "EventTimeFeatureName", "FeatureDefinitions", "RoleArn"):
            assert made[name] == request[name]


# The command


def weir(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["weir", *arguments])
        code = run_command()
    output = capsys.readouterr()
    return code, output.out, output.err


def test_the_command_lists_the_groups_with_their_features(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = weir(capsys, "features")
    assert code == 0
    for group in feature_groups().values():
        assert f"{group.name}: {group.meaning} By {group.identifier.name}" in out
        assert all(f"  {one.name} ({one.type}): {one.meaning}" in out for one in group.features)


def test_the_command_shows_a_row_now_and_at_a_time(home: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(UTC)
    given = rows(("a", 1, 5.0)).set_column(1, "event_at", pa.array([now - timedelta(minutes=5)], TIME))
    ingest(home, GROUP, given, now - timedelta(minutes=4))
    asked = ("features", "get", "infrastructure-metrics", "a", "--home", str(home.home))
    code, out, _ = weir(capsys, *asked)
    assert code == 0 and "cpu_utilization: 5.0\n" in out and "request_rate: null\n" in out
    _, out, _ = weir(capsys, *asked, "--json", "--at", (now - timedelta(minutes=3)).isoformat())
    assert json.loads(out)["pod_count"] == 12
    code, _, err = weir(capsys, *asked, "--at", (now - timedelta(minutes=4, seconds=1)).isoformat())
    assert code == 3 and err.startswith("weir: No row of infrastructure_metrics counts for a at ")
    assert get(home, GROUP, "a") is not None


def test_the_command_prints_the_request(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = weir(capsys, "features", "sagemaker", "security_analytics")
    assert code == 0 and json.loads(out)["FeatureGroupName"] == "security-analytics"
    code, _, err = weir(capsys, "features", "sagemaker", "security", "--role-arn", ROLE)
    assert code == 3 and "There is no feature group 'security'" in err

"""Policy of the asset graph: keys, owners, groups, descriptions, lineage; and that declarations fit what implements them.

The golden list of keys is tests/golden/asset_keys.txt: a key is public (lake folders, URLs, alerts name it), so a change
of it is meant to be seen.
"""

from __future__ import annotations

import ast
import re
from importlib import import_module
from math import ceil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.core.asset_specs import key_of
from platform_assets.core.domain import domains, pipelines
from platform_assets.core.partitions import FIRST_HOUR, LAST_HOUR, RANGE_END, RANGE_START, tags_of_hours
from platform_assets.core.scheduler import stages_of
from platform_assets.core.staleness import steps
from platform_assets.core.tables import all_tables
from platform_assets.definitions import build_defs
from platform_assets.ingest.sensors import hour_ranges
from platform_assets.settings import Settings, load_settings
from platform_assets.training.sets import training_sets
from spark_jobs import registry
from spark_jobs.contract import Table
from weir_models import registry as models

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "asset_keys.txt"
SOURCES = registry.sources()
TABLES = registry.tables()
ONE_SENTENCE = re.compile(r"[A-Z].*[^.]\.")


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return graph_of(load_settings(tmp_path_factory.mktemp("home")))


def graph_of(settings: Settings) -> Any:
    return build_defs(settings).resolve_asset_graph()


def keys(graph: Any) -> list[str]:
    return sorted("/".join(key.path) for key in graph.get_all_asset_keys())


def parents(graph: Any, key: str) -> set[str]:
    return {"/".join(parent.path) for parent in graph.get(key_of(key)).parent_keys}


def ancestors(graph: Any, key: str) -> set[str]:
    above = parents(graph, key)
    return above.union(*(ancestors(graph, one) for one in above))


def test_the_asset_keys_are_those_of_the_golden_list(graph: Any) -> None:
    assert keys(graph) == GOLDEN.read_text(encoding="utf-8").split()


def test_every_asset_has_an_owner_a_group_a_sentence_and_kinds(graph: Any) -> None:
    # An upstream that is named only in `deps` would show here: Dagster makes an asset without any of these of it.
    for key in graph.get_all_asset_keys():
        asset, name = graph.get(key), "/".join(key.path)
        assert asset.owners, f"{name} has no owner"
        owner, _, layer = asset.group_name.partition("_")
        assert owner in {*domains(), *SOURCES, "platform"}, f"{name} is in the group {asset.group_name}"
        of_model = (owner, layer) == ("learning", key.path[1]) and layer in training_sets()
        is_own = layer == key.path[0] or (layer, owner) == ("actions", key.path[0])
        assert is_own or of_model, f"{name}: {asset.group_name}"
        assert asset.description and ONE_SENTENCE.fullmatch(asset.description), f"{name}: {asset.description!r}"
        assert ". " not in asset.description, f"{name} is described in more than one sentence"
        assert asset.kinds, f"{name} has no kinds"


def test_every_upstream_table_is_an_asset_and_a_parent(graph: Any) -> None:
    for table in all_tables().values():
        if key_of(table.key) not in graph.get_all_asset_keys():
            assert not table.upstream
            continue
        assert set(table.upstream) <= parents(graph, table.key), table.key


def test_every_table_of_a_source_is_an_asset_with_its_columns(graph: Any) -> None:
    for table in TABLES.values():
        shown = graph.get(key_of(table.key)).metadata["dagster/column_schema"]
        columns = getattr(shown, "schema", shown).columns
        assert [(c.name, c.type) for c in columns] == [(c.name, c.type) for c in table.columns], table.key


def test_hourly_tables_are_partitioned_and_no_others_are(graph: Any) -> None:
    for table in all_tables().values():
        if key_of(table.key) in graph.get_all_asset_keys():
            assert graph.get(key_of(table.key)).is_partitioned == table.hourly, table.key


def test_pages_say_why_partitions_are_missing(graph: Any) -> None:
    for table in TABLES.values():
        told = "missing partitions" in graph.get(key_of(table.key)).metadata
        assert told == table.hourly, table.key


@pytest.mark.parametrize("table", [t for t in TABLES.values() if t.hourly], ids=lambda t: t.key)
def test_an_hour_looks_back_exactly_as_far_as_its_table_says(graph: Any, table: Table) -> None:
    partitions = graph.get(key_of(table.key)).partitions_def
    hour = "2026-11" if table.is_by_month else "2026-11-20-12"
    subset = partitions.empty_subset().with_partition_keys([hour])
    seen = set()
    for parent in graph.get(key_of(table.key)).parent_keys:
        if not graph.get(parent).is_partitioned:
            continue
        mapping = graph.get_partition_mapping(key_of(table.key), parent_asset_key=parent)
        upstream = mapping.get_upstream_mapped_partitions_result_for_partitions(
            subset, partitions, graph.get(parent).partitions_def
        )
        wanted = sorted(upstream.partitions_subset.get_partition_keys())
        assert wanted[-1] == hour
        seen.add(len(wanted) - 1)
    months_or_hours = 28 * 24 if table.is_by_month else 1
    assert max(seen, default=0) == ceil(table.trailing_hours / months_or_hours)


def test_a_run_of_months_makes_the_hours_of_its_tags(graph: Any) -> None:
    of_months = tags_of_hours(graph, ["features/metrics/cluster_5min"], "2026-10-31-22", "2026-11-01-03")
    assert of_months == {
        RANGE_START: "2026-10",
        RANGE_END: "2026-11",
        FIRST_HOUR: "2026-10-31-22",
        LAST_HOUR: "2026-11-01-03",
    }
    of_hours = tags_of_hours(graph, ["features/cloudfront/client_hourly"], "2026-10-31-22", "2026-11-01-03")
    assert of_hours == {RANGE_START: "2026-10-31-22", RANGE_END: "2026-11-01-03"}


def test_a_table_is_found_by_one_word_everywhere(home: Settings) -> None:
    """Table = last part of the key = folder in the lake; the job that makes it is named after its first table."""
    lake = lake_of(home)
    for source in SOURCES.values():
        for table in source.tables:
            assert TABLES[table.key] is table
            assert re.fullmatch(r"[a-z]+(/[a-z]+)?/[a-z][a-z0-9_]+", table.key)
            assert lake.path(table) == f"{home.home}/lake/{table.key}"
        for job in source.jobs:
            assert job.name == job.tables[0].name
            assert set(job.tables) <= set(source.tables)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_every_job_has_its_function(source: Any) -> None:
    # Read, not imported: the module loads the engine.
    text = (ROOT / "spark_jobs" / "sources" / source.name / "jobs.py").read_text(encoding="utf-8")
    functions = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    for job in source.jobs:
        assert job.name in functions
        assert [argument.arg for argument in functions[job.name].args.args] == ["run"]
        assert ast.get_docstring(functions[job.name])


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_job_reads_nothing_that_is_not_upstream_of_its_tables(graph: Any, source: Any) -> None:
    """Otherwise it may run before what it reads is made, and finds nothing, or yesterday's state, without an error."""
    module = import_module(f"spark_jobs.sources.{source.name}.tables")
    text = (ROOT / "spark_jobs" / "sources" / source.name / "jobs.py").read_text(encoding="utf-8")
    functions = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}

    def named(function: str) -> set[str]:
        """Keys of the tables that a function, and those of the file that it calls, name."""
        names = {node.id for node in ast.walk(functions[function]) if isinstance(node, ast.Name)}
        tables = {getattr(module, name).key for name in names if isinstance(getattr(module, name, None), Table)}
        return tables.union(*(named(name) for name in names & functions.keys()))

    for job in source.jobs:
        made = {table.key for table in job.tables}
        upstream = set.intersection(*(ancestors(graph, key) for key in made))
        assert named(job.name) - made <= upstream, job.name


def test_every_check_that_a_table_of_a_source_declares_is_implemented() -> None:
    for source in SOURCES.values():
        checks = import_module(f"spark_jobs.sources.{source.name}.checks")
        for table in source.tables:
            for check in table.checks:
                assert callable(getattr(checks, check.name, None)), f"{table.key}: {check.name}"


def test_every_declared_check_is_an_asset_check(graph: Any) -> None:
    found = {("/".join(key.asset_key.path), key.name): graph.get(key).blocking for key in graph.asset_check_keys}
    declared = {(t.key, check.name): check.blocking for t in all_tables().values() for check in t.checks}
    gates = {(f"models/{name}", f"{name}_gate"): True for name in training_sets()}
    leaks = {(f"models/{name}", f"{name}_leaks"): True for name in training_sets()}
    assert found == declared | gates | leaks


@pytest.mark.parametrize("name", models.names())
def test_what_a_model_reads_exists(name: str) -> None:
    spec, tables = models.spec(name), all_tables()
    assert spec.name == name
    for key, columns in spec.inputs.items():
        missing = set(columns) - set(tables[key].column_names)
        assert not missing, f"{name} reads {missing} of {key}, which has no such columns"
    assert training_sets()[name].table is tables[spec.training_table]
    assert spec.label in tables[spec.training_table].column_names


@pytest.mark.parametrize("name", models.names())
def test_what_a_model_reads_is_upstream_of_what_it_scores(name: str) -> None:
    scored = [one for one in all_tables().values() if f"models/{name}" in one.upstream and one.layer != "training"]
    for table in scored:
        assert set(models.spec(name).inputs) <= set(table.upstream)
    jobs = [job for source in SOURCES.values() for job in source.jobs if job.model == name]
    assert all(job.tables[0] in scored for job in jobs)


def test_the_pipelines_make_every_asset_but_housekeeping(graph: Any, home: Settings) -> None:
    """What no pipeline makes would be made by hand only; models are evaluated by a schedule of their own."""
    polled = home.model_copy(update={"cloudwatch_poll": True})
    made = {key for name in pipelines() for stage in stages_of(graph, pipelines()[name], polled) for key in stage.keys}
    materializable = {key for key in keys(graph) if graph.get(key_of(key)).is_materializable}
    by_clock = {key for key in materializable if key.split("/")[0] in {"learning", "monitoring"}}
    assert materializable - made - by_clock == {"housekeeping/compaction", "housekeeping/retention"}
    assert set(steps()) <= made and not by_clock & made


def test_an_asset_comes_after_all_it_is_made_from(graph: Any, home: Settings) -> None:
    for pipeline in pipelines().values():
        order = [key for stage in stages_of(graph, pipeline, home) for key in stage.keys]
        for key in order:
            later = set(order[order.index(key) :])
            assert not parents(graph, key) & later - {key}, f"{key} in {pipeline.name}"


def test_a_stage_never_looks_back_on_hours_of_its_own(graph: Any, home: Settings) -> None:
    for pipeline in pipelines().values():
        for stage in stages_of(graph, pipeline, home):
            for key in stage.keys:
                table = all_tables().get(key)
                if table is not None and table.hourly and table.trailing_hours:
                    assert not set(table.upstream) & set(stage.keys), key


def test_scaling_follows_the_features_and_applies_after_its_plan(graph: Any) -> None:
    assert parents(graph, "scaling/recommendations") == {"scaling/plan"}
    assert parents(graph, "scaling/plan") == {"predictions/scaling_forecasts"}
    assert parents(graph, "predictions/scaling_forecasts") == {
        "features/metrics/cluster_5min",
        "models/predictive_scaling",
    }
    assert not {key for key in ancestors(graph, "scaling/recommendations") if "cloudfront" in key or "waf" in key}


def test_a_pipeline_makes_nothing_of_another_source(graph: Any, home: Settings) -> None:
    for pipeline in pipelines().values():
        made = [key for stage in stages_of(graph, pipeline, home) for key in stage.keys]
        assert len({name for name in SOURCES if any(f"/{name}/" in key for key in made)}) == 1, pipeline.name


def test_no_value_of_the_environment_reaches_the_graph(graph: Any, tmp_path: Path) -> None:
    values = {
        "lake": "s3://zebra-lake",
        "cloudfront_raw": "s3://zebra-logs/prefix",
        "metrics_raw": "s3://zebra-metrics/prefix",
        "cloudwatch_poll": True,
        "mlflow_uri": "http://zebra.example:5000",
        "aws_region": "eu-zebra-1",
        "waf_prefix": "zebra",
        "waf_scopes": "REGIONAL:eu-zebra-1",
        "database_url": "postgresql://zebra@db/zebra",
        "metrics_namespace": "Zebra",
        "first_hour": "2024-01-01-00",
    }
    other = graph_of(load_settings(tmp_path / "zebra", **values))
    assert keys(other) == keys(graph)
    for key in other.get_all_asset_keys():
        before, after = graph.get(key), other.get(key)
        assert (after.group_name, after.owners, after.tags) == (before.group_name, before.owners, before.tags)
        assert after.description == before.description
        assert after.parent_keys == before.parent_keys
        assert "zebra" not in str((after.key, after.group_name, after.tags, after.kinds)).lower()


def test_the_sensors_and_schedules_run_without_being_switched_on(home: Settings) -> None:
    defs = build_defs(home).get_repository_def()
    assert {one.name for one in defs.sensor_defs} == {
        "new_log_objects",
        "new_metric_files",
        "follow_upstream",
        "follow_upstream_by_month",
    }
    assert all(one.default_status == dg.DefaultSensorStatus.RUNNING for one in defs.sensor_defs)
    assert {one.name for one in defs.schedule_defs} == {"evaluate_models", "compact_tables", "carry_out_retention"}
    assert all(one.default_status == dg.DefaultScheduleStatus.RUNNING for one in defs.schedule_defs)


def test_cloudwatch_is_polled_by_the_clock_where_the_settings_say(home: Settings) -> None:
    found = build_defs(home, cloudwatch_poll=True).get_repository_def().schedule_defs
    assert "poll_cloudwatch" in {one.name for one in found}


def test_overrides_replace_settings_by_name(home: Settings) -> None:
    defs = build_defs(home, sensor_seconds=77).get_repository_def()
    assert {one.minimum_interval_seconds for one in defs.sensor_defs} == {77}


def test_hours_far_apart_are_asked_for_in_ranges_of_their_own() -> None:
    near, far = ["2026-11-20-02", "2026-11-20-00"], ["2014-05-23-01"]
    assert hour_ranges([*near, *far]) == [("2014-05-23-01",) * 2, ("2026-11-20-00", "2026-11-20-02")]
    assert hour_ranges([]) == []


def test_a_dagster_user_finds_a_job_for_each_pipeline(home: Settings) -> None:
    found = {job.name: job for job in build_defs(home).get_repository_def().get_all_jobs() if job.name[0] != "_"}
    assert found.keys() == {*pipelines(), "train", "housekeeping"}
    made = {name: {"/".join(key.path) for key in job.asset_layer.selected_asset_keys} for name, job in found.items()}
    for name, pipeline in pipelines().items():
        assert {*pipeline.goals} <= made[name] and found[name].description
        assert not [key for key in made[name] if key.startswith(("models/", "training/"))], "it would fit models"
        assert "raw/metrics/cloudwatch" not in made[name], "polling is off"
    assert {f"models/{name}" for name in training_sets()} <= made["train"]
    assert made["housekeeping"] == {"housekeeping/compaction", "housekeeping/retention"}


def test_no_name_is_there_twice(graph: Any) -> None:
    """Two assets of one name are in different groups, which begin with their domain; two checks have two names."""
    shown = [(graph.get(key).group_name, key.path[-1]) for key in graph.get_all_asset_keys()]
    assert len(shown) == len(set(shown))
    checks = [key.name for key in graph.asset_check_keys]
    assert len(checks) == len(set(checks))

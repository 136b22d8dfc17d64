"""Damage to a home is found by `weir doctor`, named in one sentence, and made good by `weir repair` where it can be."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from platform_assets.cli.doctor import data
from platform_assets.cli.outcome import RunFailed
from platform_assets.cli.run import Runner
from platform_assets.clients.engine import lake_of
from platform_assets.core.databases import DAGSTER_FILES
from platform_assets.core.domain import Pipeline
from platform_assets.core.instance import instance_of
from platform_assets.core.tables import all_tables
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.twin.state import TwinFolder
from platform_assets.maintenance.repair import damages, describe, repair
from platform_assets.settings import Settings, load_settings
from spark_jobs.contract import HOUR_COLUMN, Table
from spark_jobs.incremental import lineage
from spark_jobs.sources.metrics.tables import CLUSTER_5MIN, SAMPLES
from spark_jobs.storage.damage import Damage
from spark_jobs.storage.delta_log import ActiveFile
from spark_jobs.storage.heads import LostCommitsError, lost_commits
from spark_jobs.storage.schema import arrow_schema
from tests.conftest import kept_environment

pytestmark = pytest.mark.attack("faults: damaged files of a home")
START = datetime(2026, 11, 18, tzinfo=UTC)
FEATURES = Pipeline("", ("feature_store/infrastructure_metrics",))
AT = datetime(2026, 11, 20, 13, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with three hours of one cluster, and a copy of its lake beside it."""
    folder = tmp_path_factory.mktemp("made")
    settings = load_settings(folder / "home", metrics_raw=str(folder / "raw"), first_hour="2026-11-01-00")
    settings.home.mkdir()
    (folder / "raw").mkdir()
    steps = [f"{(START + timedelta(minutes=5 * step)).isoformat()},{40 + step % 7},3" for step in range(36)]
    (folder / "raw/shop.csv").write_text("\n".join(["timestamp,cpu_utilization,node_count", *steps]) + "\n")
    with kept_environment():
        Runner(settings).run_pipeline(FEATURES)
    shutil.copytree(settings.home / "lake", folder / "lake")
    return settings


@pytest.fixture
def filled(made: Settings, environment: None) -> Settings:
    """The home with its lake as it was made."""
    shutil.rmtree(made.home / "lake")
    shutil.copytree(made.home.parent / "lake", made.home / "lake")
    return made


def data_files(settings: Settings, table: Table) -> list[Path]:
    return sorted(Path(lake_of(settings).path(table)).rglob("*.parquet"))


def rows(settings: Settings, table: Table) -> list[dict[str, object]]:
    found: list[dict[str, object]] = lake_of(settings).read_arrow(table).to_pylist()
    return sorted(found, key=lambda row: str(row))


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    os.truncate(path, 100)


@pytest.mark.slow
@pytest.mark.parametrize(("table", "damage"), [(SAMPLES, remove), (CLUSTER_5MIN, cut)])
def test_lost_files_are_made_again(filled: Settings, table: Table, damage: Callable[[Path], None]) -> None:
    before = rows(filled, table)
    delta = lake_of(filled).delta(table)
    active = {Path(path).name for path in delta.file_uris()} if delta else set()
    damage(next(path for path in data_files(filled, table) if path.name in active))
    state, sentence = data.lake(filled)
    assert state == "failed" and table.key in sentence and sentence.endswith("run `weir repair`.")
    (said,) = repair(filled, AT)
    assert "taken out of the table, and `weir run" in said and "again." in said
    assert not damages(lake_of(filled)) and rows(filled, table) != before
    Runner(filled).run_pipeline(FEATURES)
    assert rows(filled, table) == before


@pytest.mark.slow
def test_a_table_whose_log_is_cut_is_made_again(filled: Settings) -> None:
    before = rows(filled, CLUSTER_5MIN)
    folder = Path(lake_of(filled).path(CLUSTER_5MIN))
    for log in (folder / "_delta_log").glob("*.json"):
        os.truncate(log, 20)
    (said,) = repair(filled, AT)
    assert CLUSTER_5MIN.key in said and "it was moved to" in said and "makes 3 hours again" in said
    assert (Path(filled.home) / "lake/damaged/features-metrics-cluster_5min-20261120T130000").is_dir()
    Runner(filled).run_pipeline(FEATURES)
    assert rows(filled, CLUSTER_5MIN) == before


@pytest.mark.slow
def test_a_run_on_a_damaged_lake_says_what_to_do(filled: Settings) -> None:
    for path in data_files(filled, SAMPLES):
        size = path.stat().st_size
        path.write_bytes(path.read_bytes()[:4] + bytes(size // 2) + path.read_bytes()[4 + size // 2 :])
    late = f"{(START + timedelta(minutes=61)).isoformat()},50,3"
    delivered = filled.home.parent / "raw/late.csv"
    delivered.write_text(f"timestamp,cpu_utilization,node_count\n{late}\n")
    with pytest.raises(RunFailed, match=r"^The lake is damaged \(parsed/metrics/samples: .*; run `weir repair`"):
        Runner(filled).run_pipeline(FEATURES)
    delivered.unlink()


@pytest.mark.slow
def test_cut_databases_are_put_aside(home: Settings) -> None:
    instance_of(home)
    paths = [home.home / "dagster" / name for name in DAGSTER_FILES] + [home.home / "mlflow.db"]
    for path, size in zip(paths, (0, 3_000, 0, 3_000), strict=True):
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        os.truncate(path, size)
    sentences = list(repair(home, AT))
    for path, size, sentence in zip(paths, (0, 3_000, 0, 3_000), sentences, strict=True):
        assert sentence.startswith(f"{path} is damaged and is now {path.name}.damaged-20261120T130000: ")
        assert path.with_name(f"{path.name}.damaged-20261120T130000").stat().st_size == size
    instance_of(home)
    assert all(path.stat().st_size > 10_000 for path in paths) and not list(repair(home, AT))


def fill(settings: Settings, table: Table, hours: Sequence[str]) -> Path:
    """Rows without values for the hours, recorded; returns the folder of the table."""
    lake = lake_of(settings)
    schema = arrow_schema(table, with_hour=True)
    columns = {field.name: pa.nulls(len(hours), field.type) for field in schema} | {HOUR_COLUMN: pa.array(hours)}
    lake.overwrite_arrow(pa.table(columns), table, hours)
    lineage.record(lake, {table.key: dict.fromkeys(hours, "f")})
    return Path(lake.path(table))


HOURS = ["2026-11-18-00", "2026-11-18-01"]


def cut_log(folder: Path) -> None:
    for log in (folder / "_delta_log").glob("*.json"):
        os.truncate(log, 20)


def test_an_empty_newest_commit_is_damage(home: Settings) -> None:
    folder = fill(home, CLUSTER_5MIN, HOURS)
    assert damages(lake_of(home)) == []
    newest = max((folder / "_delta_log").glob("*.json"))
    for path in (newest.with_name(f"{int(newest.stem) + 1:020}.json"), newest):
        path.write_bytes(b"")
        (damage,) = damages(lake_of(home))
        assert damage.table is CLUSTER_5MIN and damage.unreadable
    (sentence,) = repair(home, AT)
    assert "it was moved to" in sentence and "makes 2 hours again" in sentence


def test_a_data_file_of_zeros_is_damage(home: Settings) -> None:
    fill(home, CLUSTER_5MIN, HOURS)
    (path, *_) = data_files(home, CLUSTER_5MIN)
    path.write_bytes(bytes(path.stat().st_size))
    (sentence,) = repair(home, AT)
    assert "taken out of the table" in sentence and damages(lake_of(home)) == []


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7])
def test_zeros_in_the_middle_of_a_data_file_are_found(home: Settings, place: float) -> None:
    """As after a power failure: the file has its length, its first and its last bytes.

    Random numbers are stored as they are, so that only their checksum tells.
    """
    lake = lake_of(home)
    columns = {name: pa.nulls(3000, kind) for name, kind in zip(SCHEMA.names, SCHEMA.types, strict=True)}
    columns["cpu_utilization"] = pa.array(np.random.default_rng(7).integers(1, 2**62, 3000).view(np.float64))
    lake.overwrite_arrow(pa.table(columns | {HOUR_COLUMN: HOURS[:1] * 3000}, SCHEMA), CLUSTER_5MIN, HOURS[:1])
    (path,) = data_files(home, CLUSTER_5MIN)
    content = bytearray(path.read_bytes())
    begin = int(place * len(content))
    content[begin : begin + 200] = bytes(200)
    path.write_bytes(content)
    assert data.lake(home)[0] == "ok" and "`weir doctor --thorough`" in data.lake(home)[1]
    state, sentence = data.lake(home, thorough=True)
    assert state == "failed" and path.name in sentence and sentence.endswith("run `weir repair`.")
    for read in (lake.read_arrow, lambda table: list(lake.read_batches(table, [path.name], ["cpu_utilization"]))):
        with pytest.raises(OSError, match="CRC"):
            read(CLUSTER_5MIN)
    (said,) = repair(home, AT)
    assert "taken out of the table" in said and data.lake(home, thorough=True)[0] == "ok"


SCHEMA = arrow_schema(CLUSTER_5MIN, with_hour=True)


def lose_commits(folder: Path, count: int) -> None:
    for path in sorted((folder / "_delta_log").glob("*.json"))[-count:]:
        path.unlink()


@pytest.mark.parametrize(("count", "lost"), [(1, "commit is"), (2, "2 commits are")])
def test_a_log_that_lost_its_newest_commits_is_damage(home: Settings, count: int, lost: str) -> None:
    for hours in (HOURS[:1], HOURS[1:], HOURS[1:]):
        folder = fill(home, CLUSTER_5MIN, hours)
    lose_commits(folder, count)
    lake = lake_of(home)
    state, sentence = data.lake(home)
    assert state == "failed"
    assert f"{CLUSTER_5MIN.key}: the newest {lost} gone from its log; run `weir repair`." in sentence
    for touch in (lake.hours, lambda table: lake.overwrite_arrow(SCHEMA.empty_table(), table, HOURS)):
        with pytest.raises(LostCommitsError, match=r"has lost its newest .*; run `weir repair`, then this again\.$"):
            touch(CLUSTER_5MIN)
    (said,) = repair(home, AT)
    assert "it goes on from the commit before, and `weir run" in said and "makes 2 hours again" in said
    assert damages(lake) == [] and lineage.recorded(lake)[CLUSTER_5MIN.key] == dict.fromkeys(HOURS, "damaged")


def test_a_compaction_that_is_gone_is_damage(home: Settings) -> None:
    folder = fill(home, lineage.MADE_HOURS, [])
    for _ in range(2):
        lineage.record(lake_of(home), {CLUSTER_5MIN.key: dict.fromkeys(HOURS, "f")})
    assert lake_of(home).compact(lineage.MADE_HOURS, "9") > 0
    lose_commits(folder, 1)
    assert [damage.lost_commits for damage in damages(lake_of(home))] == [1]


def test_a_log_that_is_gone_is_not_begun_anew(home: Settings) -> None:
    folder = fill(home, CLUSTER_5MIN, HOURS)
    lose_commits(folder, 2)
    for path in folder.rglob("*.parquet"):
        path.unlink()
    with pytest.raises(LostCommitsError, match="lost its newest 2 commits"):
        fill(home, CLUSTER_5MIN, HOURS)
    (said,) = repair(home, AT)
    assert "its log is gone; it was moved to" in said
    fill(home, CLUSTER_5MIN, HOURS)
    assert damages(lake_of(home)) == []


def test_what_another_process_has_just_committed_is_not_lost(home: Settings) -> None:
    folder = fill(home, CLUSTER_5MIN, HOURS)
    assert lost_commits(str(folder), 0) == 0, "its commit is in the log, though not yet in what was opened"
    (folder / "_head").write_text("")
    assert lost_commits(str(folder), 0) == 0 and damages(lake_of(home)) == []


@pytest.mark.parametrize("lost", [cut_log, lambda folder: [path.unlink() for path in folder.glob("*.parquet")]])
def test_the_record_of_hours_is_repaired_first(home: Settings, lost: Callable[[Path], object]) -> None:
    cut_log(fill(home, CLUSTER_5MIN, HOURS))
    lost(Path(lake_of(home).path(lineage.MADE_HOURS)))
    first, second = repair(home, AT)
    assert first.startswith("housekeeping/made_hours: ") and "the next runs make those hours again" in first
    assert second.startswith(CLUSTER_5MIN.key) and "makes its hours again" in second
    assert damages(lake_of(home)) == [] and lineage.recorded(lake_of(home)) == {}


def test_a_file_without_statistics_has_no_rows_to_name(home: Settings) -> None:
    damage = Damage(CLUSTER_5MIN, files=(ActiveFile("a", 1, None, 0, "", "~"),))  # type: ignore[arg-type]
    assert describe(damage) == f"{CLUSTER_5MIN.key}: 1 data file is gone or damaged, a"


def test_what_was_put_aside_before_stays(home: Settings) -> None:
    """A file in place of the folder, and two repairs within one second."""
    root = Path(lake_of(home).root)
    root.mkdir()
    (root / "damaged").write_text("mine")
    for _ in range(2):
        cut_log(fill(home, CLUSTER_5MIN, HOURS))
        (sentence,) = repair(home, AT)
        assert "it was moved to" in sentence
    assert (root / "damaged").read_text() == "mine"
    name = "features-metrics-cluster_5min-20261120T130000"
    assert sorted(path.name for path in (root / "damaged-2").iterdir()) == [name, f"{name}-2"]


def test_a_damaged_local_waf_is_one_sentence(tmp_path: Path) -> None:
    for text in ('{"a":', "[1]", "", "\x00"):
        (tmp_path / "wafv2.json").write_text(text)
        with pytest.raises(WafError, match="does not hold the local WAF any more; restore it, or delete it"):
            TwinFolder(tmp_path, lambda: 0.0).load()


def test_a_whole_home_has_nothing_to_repair(home: Settings) -> None:
    assert list(repair(home, AT)) == [] and all_tables()

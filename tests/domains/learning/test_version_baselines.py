"""Baselines travel with their version: by a file of its run, by a tag where the run takes none, and damaged ones are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from platform_assets.domains.learning import baselines, version_baselines
from platform_assets.domains.learning.baselines import Profile, baseline_of, is_kept
from platform_assets.domains.learning.version_baselines import DOCUMENT_TAG, FILE, HASH_TAG, keep, take
from platform_assets.domains.learning.windows import Window
from platform_assets.settings import Settings, load_settings
from spark_jobs.profiling.bins import Bins
from spark_jobs.profiling.counts import Counts
from spark_jobs.storage.lake import Lake
from weir_models import tracking
from weir_models.tracking_uri import TrackingError

MODEL = "request_attack"
WINDOW = Window(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
LATER = Window(datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC))


@dataclass
class Shared:
    """The registry of two homes, in memory, with the signatures of the functions that it takes the place of."""

    tags: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    is_readable_only: bool = False

    def versions(self, name: str, *, tracking_uri: str) -> list[Any]:
        return [SimpleNamespace(version="3", tags=self.tags)]

    def attach(self, name: str, version: str, file: str, text: str, *, tracking_uri: str) -> None:
        if self.is_readable_only:
            raise TrackingError("the run takes no file")
        self.files[file] = text

    def attached(self, name: str, version: str, file: str, *, tracking_uri: str) -> str:
        if file not in self.files:
            raise TrackingError("no such file")
        return self.files[file]

    def set_tag(self, name: str, version: str, key: str, value: str, *, tracking_uri: str) -> None:
        self.tags[key] = value


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Shared:
    found = Shared()
    for name in ("versions", "attach", "attached", "set_tag"):
        monkeypatch.setattr(tracking, name, getattr(found, name))
    return found


@pytest.fixture
def home(tmp_path: Path) -> Callable[[str], tuple[Settings, Lake]]:
    return lambda name: (load_settings(tmp_path / name), Lake(str(tmp_path / name / "lake")))


def profiles() -> dict[str, Profile]:
    path, number = Bins("path", "text", edges=(3.0,)), Bins("x", "numeric", edges=(0.0,))
    counts = Counts(np.full((24, 3), 7), np.arange(24 * 16 * 256).reshape(24, 16, 256) % 5)
    return {
        "requests.path": Profile("input", path, counts),
        "score": Profile("score", number, Counts(np.full((24, 3), 9))),
    }


def test_another_home_reads_the_baseline_of_the_version(shared: Shared, home: Any) -> None:
    (settings, lake), (other, other_lake) = home("one"), home("two")
    baselines.add(lake, MODEL, "3", WINDOW, profiles())
    assert keep(settings, lake, MODEL, "3") == "" and shared.tags.keys() == {HASH_TAG} and shared.files.keys() == {FILE}
    assert not is_kept(other_lake, MODEL, "3") and take(other, other_lake, MODEL, "3") == ""
    found = baseline_of(other_lake, MODEL, "3", LATER).profiles
    for name, profile in profiles().items():
        assert found[name].bins == profile.bins and found[name].role == profile.role
        assert (found[name].counts.values == profile.counts.values).all()
    sketch = profiles()["requests.path"].counts.sketch
    assert sketch is not None and np.array_equal(found["requests.path"].counts.sketch, sketch)  # type: ignore[arg-type]


def test_a_run_that_takes_no_file_leaves_a_tag(shared: Shared, home: Any) -> None:
    (settings, lake), (other, other_lake) = home("one"), home("two")
    shared.is_readable_only = True
    baselines.add(lake, MODEL, "3", WINDOW, profiles())
    assert keep(settings, lake, MODEL, "3") == "" and shared.tags.keys() == {DOCUMENT_TAG}
    assert take(other, other_lake, MODEL, "3") == ""
    found = baseline_of(other_lake, MODEL, "3", LATER).profiles
    assert (found["score"].counts.values == 9).all()
    assert found["requests.path"].counts.sketch is None, "texts are compared by their lengths then"


def test_a_registry_that_takes_nothing_is_told(shared: Shared, home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, lake = home("one")

    def refuse(*_: Any, **__: Any) -> None:
        raise TrackingError("read-only")

    monkeypatch.setattr(tracking, "attach", refuse)
    monkeypatch.setattr(tracking, "set_tag", refuse)
    baselines.add(lake, MODEL, "3", WINDOW, profiles())
    assert "stays in this home" in keep(settings, lake, MODEL, "3") and is_kept(lake, MODEL, "3")


def test_a_baseline_that_was_changed_is_not_taken(shared: Shared, home: Any) -> None:
    (settings, lake), (other, other_lake) = home("one"), home("two")
    baselines.add(lake, MODEL, "3", WINDOW, profiles())
    keep(settings, lake, MODEL, "3")
    shared.files[FILE] = shared.files[FILE].replace("[7, 7, 7]", "[7, 7, 8]")
    assert "was changed since" in take(other, other_lake, MODEL, "3") and not is_kept(other_lake, MODEL, "3")
    del shared.files[FILE]
    assert "cannot be read: no such file" in take(other, other_lake, MODEL, "3")


def test_a_version_without_one_goes_on_as_before(shared: Shared, home: Any) -> None:
    settings, lake = home("one")
    assert take(settings, lake, MODEL, "3") == "" and not is_kept(lake, MODEL, "3")
    assert take(settings, lake, MODEL, "persistence") == "" == keep(settings, lake, MODEL, "persistence")
    assert not shared.tags


def test_the_document_is_the_same_whatever_the_order(home: Any) -> None:
    _, lake = home("one")
    baselines.add(lake, MODEL, "3", WINDOW, profiles())
    rows = lake.read_arrow(version_baselines.baselines_table(MODEL)).to_pylist()
    document = version_baselines.document_of(rows)
    assert document == version_baselines.document_of(rows[::-1])
    assert version_baselines.rows_of(document)[0]["window_start"] == WINDOW.start
    assert version_baselines.unpacked(version_baselines.packed(document)) == document

"""A canary's share is sticky, nested and about as large as it says; rows stay in their order."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from spark_jobs.contract import Column, Table
from spark_jobs.runtime import scoring
from spark_jobs.runtime.canary import Served
from spark_jobs.runtime.scoring import Scoring, UnusableModelError, explained, scored
from spark_jobs.storage.objects import Storage

ENTITIES = [f"198.{n // 256}.{n % 256}.0/24" for n in range(20_000)]
TABLE = Table(
    "predictions/test", "", "",
    (Column("id", "int64", ""), Column("doubled", "double", ""), Column("model_name", "string", ""), Column("model_version", "string", "")),
)  # fmt: skip


def served(share: float, version: str = "2") -> Served:
    return Served("m", "1", "one", version, "two", share)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.25, 0.5, 1.0])
def test_a_share_is_as_large_as_it_says(share: float) -> None:
    assert abs(np.mean(served(share).is_canary(ENTITIES)) - share) < 0.01


def test_who_is_in_a_small_share_is_in_a_larger_one() -> None:
    shares = [np.array(served(share).is_canary(ENTITIES)) for share in (0.05, 0.25, 0.5, 1.0)]
    assert all((smaller <= larger).all() for smaller, larger in pairwise(shares))
    other = np.array(served(0.05, "3").is_canary(ENTITIES))
    assert (other & shares[0]).mean() < 0.005, "the next version begins with others"


def test_parameters_carry_the_versions_through_a_call() -> None:
    assert Served.of({**served(0.25).parameters(), "other": 1}) == served(0.25)
    assert Served.of(Served("m", "1", "one").parameters()) == Served("m", "1", "one")
    assert (served(0.25).versions, Served("m", "1").versions) == ("1,2", "1")


class Model:
    def __init__(self, factor: float) -> None:
        self.factor = factor

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        if self.factor == 0:
            raise KeyError("x")
        return pd.DataFrame({"doubled": frame["x"].to_numpy() * self.factor})


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> dict[str, Model]:
    found = {"one": Model(2.0), "two": Model(-2.0)}
    monkeypatch.setattr(scoring, "loaded_model", lambda folder, storage: found[folder])
    return found


def batch(encode: bool) -> pa.RecordBatch:
    networks = pa.array([ENTITIES[n % 700] for n in range(3_000)])
    values = {"id": pa.array(range(3_000)), "x": pa.array(np.arange(3_000.0)), "network": networks}
    return pa.RecordBatch.from_pydict({**values, "network": networks.dictionary_encode() if encode else networks})


@pytest.mark.parametrize("encode", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_each_row_is_scored_by_its_version(models: Any, encode: bool, share: float) -> None:
    how = Scoring(served(share), ["x"], ["id"], "network")
    out = pa.concat_tables(scored([batch(encode)], how, Storage(), TABLE)).to_pandas()
    assert out["id"].tolist() == list(range(3_000))
    expected = [served(share).version_of(ENTITIES[n % 700]) for n in range(3_000)]
    assert out["model_version"].tolist() == expected
    signs = np.where(np.array(expected) == "2", -2.0, 2.0)
    assert (out["doubled"].to_numpy() == np.arange(3_000.0) * signs).all()


def test_a_canary_that_fails_is_named(models: dict[str, Model]) -> None:
    models["two"].factor = 0.0
    how = Scoring(served(0.3), ["x"], ["id"], "network")
    with pytest.raises(UnusableModelError) as error, explained({"model_name": "m"}):
        list(scored([batch(False)], how, Storage(), TABLE))
    assert error.value.version == "2" and "The model m version 2 cannot be applied" in str(error.value)

"""The generated corpus: its columns, its splits by family, and that nothing but the value gives a label away."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from spark_jobs.sources.cloudfront.tables import REQUEST_EXAMPLES
from weir_models.request_attack import corpus
from weir_models.request_attack.signals import catalog, matching, screen
from weir_models.request_attack.signals.signal import CLASSES
from weir_models.request_attack.text.decoding import decode
from weir_models.request_attack.text.units import units_of


def test_the_columns_are_those_of_the_table(examples: pd.DataFrame) -> None:
    assert list(examples.columns) == [column.name for column in REQUEST_EXAMPLES.columns]


def test_the_same_seed_writes_the_same_examples() -> None:
    pd.testing.assert_frame_equal(corpus.generate(5, 2000), corpus.generate(5, 2000))
    assert not corpus.generate(5, 2000).equals(corpus.generate(6, 2000))


def test_a_family_is_in_one_split_only(examples: pd.DataFrame) -> None:
    assert (examples.groupby("family")["split"].nunique() == 1).all()
    assert set(examples["split"]) == set(corpus.SPLITS)


def test_only_attacks_have_a_class(examples: pd.DataFrame) -> None:
    assert set(examples.loc[examples["is_attack"], "attack_class"]) == set(CLASSES)
    assert examples.loc[~examples["is_attack"], "attack_class"].isna().all()


def test_placed_attacks_use_benign_user_agents(examples: pd.DataFrame) -> None:
    own = examples["family"].isin(
        ["scanner_probe_tool", "jndi_and_deserialisation_lookup", "command_injection_shellshock"]
    )
    names = examples["user_agent"].fillna("-").str.split("/").str[0]
    attack, benign = (names[examples["is_attack"] & ~own], names[~examples["is_attack"]])
    assert set(attack) <= set(benign)


def test_the_screen_hides_nothing_of_the_corpus(examples: pd.DataFrame) -> None:
    found = {
        unit
        for kind, column in (("p", "uri_path"), ("v", "uri_query"), ("r", "referer"), ("a", "user_agent"))
        for text in examples[column].dropna().unique()
        for unit in units_of(kind, decode(text))
    }
    units = sorted(found)
    kinds = np.array([unit.kind for unit in units])
    passed = np.zeros(len(units), dtype=bool)
    for kind in set(kinds):
        rows = np.flatnonzero(kinds == kind)
        passed[rows] = screen.looks(kind, pa.array([units[row].text for row in rows])).any(axis=0)
    left = [unit for unit, kept in zip(units, passed, strict=True) if not kept]
    fired = matching.fires(left)
    weights = np.array([signal.weight for signal in catalog.SIGNALS])
    missed = [left[row] for row in np.flatnonzero(fired @ weights >= 3)]
    assert len(left) > 5000
    assert missed == []

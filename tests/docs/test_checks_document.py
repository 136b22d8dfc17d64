"""docs/checks.md lists the checks that the code declares: none more, none less, each at its asset and with its weight."""

from __future__ import annotations

import re
from pathlib import Path

from platform_assets.core.tables import all_tables
from platform_assets.training.sets import training_sets

DOCUMENT = Path(__file__).parents[2] / "docs" / "checks.md"
WARNING = "(a warning)"


def documented(text: str) -> dict[tuple[str, str], bool]:
    """(asset, check) -> whether it is blocking; a row without an asset belongs to the one above it."""
    found: dict[tuple[str, str], bool] = {}
    assets: list[str] = []
    for row in re.findall(r"^\|(.*)\|(.*)\|(.+)\|$", text, re.MULTILINE)[2:]:
        assets = re.findall(r"`(.+?)`", row[0]) or assets
        (check,) = re.findall(r"`(.+?)`", row[1])
        assert row[2].strip(), f"{check} says nothing"
        for asset in assets:
            assert (asset, check) not in found, f"{check} of {asset} is listed twice"
            found[asset, check] = WARNING not in row[1]
    return found


def test_the_document_lists_every_declared_check_and_no_other() -> None:
    declared = {(table.key, check.name): check.blocking for table in all_tables().values() for check in table.checks}
    gates = {(f"models/{name}", f"{name}_gate"): True for name in training_sets()}
    leaks = {(f"models/{name}", f"{name}_leaks"): True for name in training_sets()}
    assert documented(DOCUMENT.read_text(encoding="utf-8")) == declared | gates | leaks


def test_a_row_without_an_asset_belongs_to_the_one_above_it() -> None:
    text = "| asset | check | asks |\n| --- | --- | --- |\n| `a/b`, `c` | `x` | y |\n| | `z` (a warning) | y |\n"
    assert documented(text) == {("a/b", "x"): True, ("c", "x"): True, ("a/b", "z"): False, ("c", "z"): False}

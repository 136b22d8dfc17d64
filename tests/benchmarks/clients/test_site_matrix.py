"""The matrix of sites: counts by label and action, sums by the sites' part in fitting, names of sites."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.clients import sites
from benchmarks.clients.page import PAGE, markdown
from benchmarks.evaluation import marks, section_of

DOCUMENT = Path(__file__).parents[3] / "docs" / "detection-clients.md"


def _clients(*rows: tuple[str, bool, bool, bool, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["family", "is_abuse", "never_block", "flagged", "action"])


CLIENTS = {
    "shop": _clients(
        ("scanner", True, False, True, "block"),
        ("scanner", True, False, True, "count"),
        ("office", False, True, True, "challenge"),
        ("shopper", False, False, False, "nothing"),
    ),
    "media_live": _clients(("ripper", True, False, False, "nothing"), ("viewer", False, False, True, "block")),
}


def test_the_matrix_counts_by_label_and_action() -> None:
    table = sites.matrix(CLIENTS).set_index("site")
    shop = table.loc["shop"]
    assert shop["attackers found by the model %"].startswith("100.00 ")
    assert shop["attackers: count, challenge, block"] == "1, 0, 1"
    assert shop["innocent flagged by the model %"].startswith("50.00 ")
    assert shop["innocent: count, challenge, **block**"] == "0, 1, **0**"
    assert shop["never-block list: clients, challenge, **block**"] == "1, 1, **0**"
    assert table.loc["media_live", "innocent: count, challenge, **block**"] == "0, 0, **1**"


def test_held_out_sites_are_summed_apart() -> None:
    table = sites.matrix(CLIENTS)
    assert list(table["site"]) == ["shop", "all sites that may be fitted on", "media_live", "all sites held out"]
    assert list(sites.matrix({"shop": CLIENTS["shop"]})["site"]) == ["shop", "all sites that may be fitted on"]


def test_errors_name_missed_attackers_and_harmed_innocents() -> None:
    table = sites.errors(CLIENTS)
    assert list(table["family"]) == ["ripper", "viewer", "office"]
    assert table.set_index("family").loc["viewer", ["n", "flagged", "block"]].tolist() == [1, 1, 1]


def test_sites_are_chosen_by_name() -> None:
    assert sites.site_names("media_live, shop") == ["media_live", "shop"]
    assert {"shop", "university"} <= set(sites.site_names(""))
    with pytest.raises(ValueError, match="No site is named bazaar"):
        sites.site_names("bazaar,shop")


def test_page_and_document_hold_the_section() -> None:
    for text in (PAGE, DOCUMENT.read_text(encoding="utf-8")):
        for mark in marks(sites.SECTION, sites.COMMAND):
            assert text.count(mark) == 1


def test_the_whole_page_is_written_with_the_section() -> None:
    settings = dict.fromkeys(("fitted", "evaluated", "scale", "threshold"), "x") | {"sites": "| site |\n| --- |"}
    assert section_of(markdown(settings, {}), sites.SECTION, sites.COMMAND).strip() == settings["sites"]

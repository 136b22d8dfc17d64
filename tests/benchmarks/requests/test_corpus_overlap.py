"""Was anything of a public set copied? The check finds texts of the corpus only."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from benchmarks.requests.overlap import FitTexts, distinct

COLUMNS = ["uri_path", "uri_query", "referer", "user_agent"]


@pytest.fixture(scope="module")
def written() -> FitTexts:
    rows = [
        ("/shop/list", "q=1%27%20UNION%2520SELECT%20card%20FROM%20payments", None, "one/1.0"),
        ("/other", "id=7", "https://a.example/?x=abcdefgh", "two/2.0"),
    ]
    return FitTexts(pd.DataFrame(rows, columns=COLUMNS))


@pytest.mark.parametrize(
    "payload", ["1' union select card from payments", "1%27+UNION+select%20card FROM", "UNION SELECT card"]
)
def test_a_payload_is_found_in_any_encoding(written: FitTexts, payload: str) -> None:
    assert written.contain(distinct([payload])).tolist() == [True]


def test_one_character_more_is_another_payload(written: FitTexts) -> None:
    assert not written.contain(["1' union select card from payments2", "x1' union select card"]).any()


def test_nothing_is_found_across_two_texts(written: FitTexts) -> None:
    texts = written.text.split("\ue002")
    across = [one[-8:] + two[:8] for one, two in itertools.pairwise(texts) if len(one) > 8 and len(two) > 8]
    assert len(across) > 100
    assert written.contain(across).mean() < 0.02  # a few stand elsewhere as a whole
    assert not written.contain(["union select card from paymentsid=7"]).any()


def test_a_short_payload_never_counts(written: FitTexts) -> None:
    assert distinct(["id=7", "card", "' or 1=1--"]) == []
    assert not written.contain(["/shop/list"]).any()


def test_a_text_of_the_grammars_counts(written: FitTexts) -> None:
    assert written.contain(["nuclei - open-source project (github.com/projectdiscovery/nuclei)"]).all()


def test_different_texts_are_counted_once() -> None:
    assert distinct(["%3Cscript%3Ealert(1)", "<SCRIPT>alert(1)"]) == ["<script>alert(1)"]

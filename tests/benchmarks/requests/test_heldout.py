"""Held-out grammars: what they generate, how they are split, and that lines set aside are not shown."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.requests.heldout import FAMILIES, SPLITS, Item, generate
from benchmarks.requests.heldout.__main__ import main
from benchmarks.requests.heldout.generate import GROUPS, shares
from benchmarks.requests.heldout.grammar import expand
from benchmarks.requests.heldout.placing import PLACERS
from benchmarks.requests.heldout.table import by_family
from benchmarks.requests.heldout.words import cut_utf8, escape_call, old_client
from benchmarks.requests.render import requests_table


@pytest.fixture(scope="module")
def items() -> dict[str, list[Item]]:
    return {split: list(generate(split)) for split in SPLITS}


def test_marks_of_a_template() -> None:
    rules: dict[str, str | tuple[str, ...]] = {"w": "x‹1¦2›", "pair": ("(‹§q›)", "[‹§q›]")}
    written = {expand(random.Random(n), "‹q:=‹@w››‹ab*2-3›‹@pair›", rules) for n in range(200)}
    assert written == {f"x{d}{'ab' * n}{o}x{d}{c}" for d in "12" for n in (2, 3) for o, c in ("()", "[]")}


@pytest.mark.parametrize("template", ["‹@missing›", "‹§unbound›"])
def test_a_rule_that_is_not_there(template: str) -> None:
    with pytest.raises(KeyError):
        expand(random.Random(1), template, {})


def test_each_family_has_enough_attacks_and_as_many_twins(items: dict[str, list[Item]]) -> None:
    counts = Counter((item.family, item.is_attack) for own in items.values() for item in own)
    assert len(FAMILIES) == 15
    assert min(counts[family, True] for family in FAMILIES) >= 150
    assert [counts[family, True] for family in FAMILIES] == [counts[family, False] for family in FAMILIES]


def test_one_third_of_the_productions_is_set_aside() -> None:
    for dev, aside in zip(*GROUPS.values(), strict=True):
        assert dev.family == aside.family
        attacks = [sum(one.is_attack for one in group.productions) for group in (dev, aside)]
        assert attacks[0] == 2 * attacks[1]
        names = [one.name for group in (dev, aside) for one in group.productions]
        assert len(names) == len(set(names))


def test_texts_are_distinct_and_none_is_in_both_splits(items: dict[str, list[Item]]) -> None:
    texts = [(item.family, item.text) for own in items.values() for item in own]
    assert len(set(texts)) == len(texts)


def test_templates_are_expanded_to_the_end(items: dict[str, list[Item]]) -> None:
    left = Counter(item.production for own in items.values() for item in own if set("‹›¦§") & set(item.text))
    assert not left


def test_the_seed_decides() -> None:
    first, same, other = (
        [(item.text, item.wire) for item in generate("dev", "ldap", seed)] for seed in (1, 1, 2)
    )  # fmt: skip
    assert first == same
    assert first != other


def test_a_family_alone_is_the_same_as_among_all(items: dict[str, list[Item]]) -> None:
    alone = list(generate("aside", "sql"))
    assert (alone == [item for item in items["aside"] if item.family == "sql"]) is True


def test_every_request_comes_through_the_parser_and_holds_its_text(items: dict[str, list[Item]]) -> None:
    for own in items.values():
        frame = requests_table([item.wire for item in own])
        assert len(frame) == len(own)
        held = [str(item.wire.payload) in "\n".join(map(str, (item.wire.path, item.wire.query, item.wire.user_agent, item.wire.referer))) for item in own]  # fmt: skip
        assert held.count(False) == 0


@pytest.mark.parametrize("letter", list(PLACERS))
def test_a_place_is_where_it_says(letter: str) -> None:
    wire = PLACERS[letter](random.Random(3), "a'b", False)
    where = {"v": wire.query, "q": wire.query, "n": wire.query, "p": wire.path, "a": wire.user_agent, "r": wire.referer}
    assert "a'b" in str(where[letter]) or "a%27b" in str(where[letter])


def test_forms_of_old_clients() -> None:
    rng = random.Random(1)
    assert old_client(rng, "café") == "caf%E9"
    assert old_client(rng, "Анна") == "%C0%ED%ED%E0"
    assert {cut_utf8(random.Random(n), "5 €") for n in range(30)} == {"5%20%E2", "5%20%E2%82"}
    assert escape_call(rng, "é €") == "%E9%20%u20AC"


def test_shares_of_a_total() -> None:
    assert shares(10, 4) == [3, 3, 2, 2]


def test_the_table_counts_attacks_and_twins_apart() -> None:
    rows = [
        ("dev", "a", True, True),
        ("dev", "a", True, False),
        ("dev", "a", False, False),
        ("aside", "a", False, True),
    ]
    table = by_family(pd.DataFrame(rows, columns=["split", "family", "is_attack", "flagged"]))
    line = table.set_index("family").loc["a"]
    assert line["dev: attacks"] == "2"
    assert line["dev: detected %"].startswith("50.00 (")
    assert line["dev: false alarms %"].startswith("0.00 (")
    assert line["aside: detected %"] == "–"
    assert line["aside: false alarms %"].startswith("100.00 (")
    assert list(table["family"]) == ["a", "all"]


@pytest.mark.parametrize("split", ["aside", "both"])
def test_lines_set_aside_are_refused(split: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "lines.json"
    assert main(["--split", split, "--family", "ldap", "--out", str(out)]) == 2
    shown = capsys.readouterr()
    assert not out.exists()
    assert shown.out == ""
    assert "never shown" in shown.err


def test_shares_are_printed_and_lines_of_dev_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "lines.json"
    assert main(["--family", "ldap", "--out", str(out)]) == 0
    assert "dev: detected %" in capsys.readouterr().out
    lines = pd.read_json(out, lines=True)
    assert len(lines) == sum(1 for _ in generate("dev", "ldap"))
    assert set(lines["split"]) == {"dev"}
    assert main(["--family", "ldap", "--split", "aside"]) == 0
    shown = capsys.readouterr().out
    assert "aside: false alarms %" in shown
    assert not any(one.name in shown for group in GROUPS["aside"] for one in group.productions)

"""What the evaluation of client_abuse counts: clients rather than hours, networks with their addresses, naive rules."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from weir_models import cards
from weir_models.client_abuse import evaluation
from weir_models.client_abuse.spec import SPEC
from weir_models.registry import card_template

DAY = pd.Timestamp("2026-11-20", tz="UTC")


def examples(*rows: dict[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Labeled hours and what a model said of them: hour, flagged, and what differs from a quiet benign address."""
    quiet = {
        "client": "192.0.2.1/32", "client_kind": "address", "is_abuse": False, "abuse_kind": None, "family": "shopper",
        "hour_request_count": 20, "hour_active_minute_count": 5, "hour_peak_minute_request_count": 8,
        "hour_client_error_count": 0, "hour_attack_request_count": 0, "hour": 0, "flagged": False, "said": None,
    }  # fmt: skip
    frame = pd.DataFrame([{**quiet, **row} for row in rows])
    frame["hour_at"] = DAY + pd.to_timedelta(frame["hour"], unit="h")
    scores = pd.DataFrame(
        {
            "abuse_probability": frame["flagged"].map({True: 0.99, False: 0.01}),
            "is_abuse": frame["flagged"],
            "abuse_kind": frame["said"],
        }
    )
    return frame, scores


def figures(*rows: dict[str, Any]) -> dict[str, float]:
    return dict(evaluation.evaluate(*examples(*rows), threshold=0.5).figures)


SCANNER = {"client": "198.51.100.7/32", "is_abuse": True, "abuse_kind": "scanner", "family": "scanning"}


def test_one_flagged_hour_finds_the_abuser() -> None:
    found = figures({}, {**SCANNER, "hour": 1}, {**SCANNER, "hour": 2}, {**SCANNER, "hour": 3, "flagged": True})
    assert (found["recall"], found["n_recall"], found["precision"]) == (1.0, 1.0, 1.0)


def test_a_flagged_benign_client_counts_once() -> None:
    found = figures(
        {"hour": 0}, {"hour": 1, "flagged": True}, {"hour": 2, "flagged": True}, {**SCANNER, "flagged": True}
    )
    assert (found["precision"], found["n_precision"]) == (0.5, 2.0)


def test_time_to_detect_ends_with_the_flagged_hour() -> None:
    found = figures({}, {**SCANNER, "hour": 4}, {**SCANNER, "hour": 5}, {**SCANNER, "hour": 6, "flagged": True})
    assert found["hours_to_detect_median"] == 3.0
    assert figures({}, {**SCANNER, "flagged": True})["hours_to_detect_median"] == 1.0


ROTATING = {"is_abuse": True, "abuse_kind": "rotation", "family": "rotating"}


def test_an_address_is_found_with_its_network() -> None:
    found = figures(
        {},
        {**ROTATING, "client": "203.0.113.5/32", "hour": 1},
        {**ROTATING, "client": "203.0.113.0/24", "client_kind": "network", "hour": 2, "flagged": True},
    )
    assert found["recall"] == 1.0
    assert (found["address_recall"], found["network_recall"]) == (0.0, 1.0)


def test_innocents_in_flagged_networks_are_false_positives() -> None:
    found = figures(
        {"client": "203.0.113.9/32"},
        {**ROTATING, "client": "203.0.113.0/24", "client_kind": "network", "hour": 2, "flagged": True},
    )
    assert (found["precision"], found["address_fpr"]) == (0.5, 0.0)


def test_an_ipv6_address_belongs_to_its_64() -> None:
    assert evaluation.network_of("2001:db8:1:2:3::5/128") == "2001:db8:1:2::/64"
    assert evaluation.network_of("203.0.113.0/24") == "203.0.113.0/24"


def test_an_address_is_one_client_a_day() -> None:
    assert figures({"hour": 1}, {"hour": 25}, SCANNER)["n_fpr"] == 2.0


@pytest.mark.parametrize(
    ("behavior", "rule", "held"),
    [
        ({"hour_client_error_count": 60, "hour_request_count": 60, "hour_peak_minute_request_count": 50}, "aws", True),
        ({"hour_client_error_count": 30, "hour_request_count": 60, "hour_peak_minute_request_count": 50}, "aws", False),
        ({"hour_request_count": 100, "hour_active_minute_count": 5}, "aws", True),
        ({"hour_request_count": 99, "hour_active_minute_count": 5}, "aws", False),
        ({"hour_attack_request_count": 1}, "any_attack", True),
        ({"hour_attack_request_count": 1, "client_kind": "network"}, "any_attack", False),
        ({"hour_request_count": 0, "hour_active_minute_count": 0}, "either", False),
    ],
)
def test_the_naive_rules_are_those_of_the_field(behavior: dict[str, Any], rule: str, held: bool) -> None:
    frame, _ = examples(behavior)
    assert bool(evaluation.naive_rules(frame)[rule][0]) is held


def test_naive_figures_are_of_the_best_rule() -> None:
    found = figures({}, {**SCANNER, "hour_attack_request_count": 3})
    assert found["naive_recall"] == found["naive_any_attack_recall"] == 1.0
    assert found["naive_aws_recall"] == 0.0


def test_kinds_are_compared_at_the_most_probable_hour() -> None:
    found = figures({}, {**SCANNER, "hour": 1, "flagged": True, "said": "scanner"}, {**SCANNER, "hour": 2})
    assert found["kind_agreement"] == 1.0


def test_every_rate_has_its_count_and_bounds() -> None:
    found = figures({}, {**SCANNER, "flagged": True})
    for name in ("precision", "recall", "fpr", "naive_precision", "naive_recall", "kind_agreement"):
        assert {f"n_{name}", f"{name}_low", f"{name}_high"} <= set(found)
    assert found["recall_low"] < 0.3  # one of one proves little
    assert found["recall_high"] == 1.0


def test_gates_and_card_name_figures_that_exist() -> None:
    frame, scores = examples({}, {**SCANNER, "flagged": True, "said": "scanner"})
    measured = evaluation.evaluate(frame, scores, threshold=0.5)
    for gate in SPEC.gates:
        assert {gate.figure, gate.at_least_figure or gate.figure} <= set(measured.figures)
        assert not math.isnan(measured.figures[gate.figure])
    card = cards.write_card(card_template("client_abuse"), SPEC, measured, {"git_revision": "abc"})
    assert "{{" not in card
    assert "| abusers found (recall) | 100 % (95 % interval" in card


def test_without_abusers_nothing_is_claimed() -> None:
    found = figures({}, {"client": "192.0.2.2/32"})
    assert math.isnan(found["recall"]) and math.isnan(found["precision"]) and math.isnan(found["pr_auc"])
    assert found["fpr"] == 0.0

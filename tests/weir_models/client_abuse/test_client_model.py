"""client_abuse on clients of a made-up site: what it flags, what it never flags, and that it says why."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.registry import tables
from spark_jobs.sources.cloudfront.tables import CLIENT_EXAMPLES
from tests.weir_models.client_abuse.sample_clients import (
    ABUSERS,
    NEVER_BLOCK,
    NUMBERS,
    SIZES,
    bare,
    client,
    crawler,
    examples,
    office,
    prober,
    rotating,
    scanner,
    scraper,
)
from weir_models import registry, saved_model
from weir_models.client_abuse import model
from weir_models.client_abuse.behavior import BEHAVIORS
from weir_models.client_abuse.counts import INPUTS, Counts, attacks, served_api_requests
from weir_models.client_abuse.explanation import reasons
from weir_models.client_abuse.weighting import threshold_for


@pytest.fixture(scope="module")
def fitted() -> model.ClientAbuse:
    return model.fit(examples())


def predicted(fitted: model.ClientAbuse, *rows: dict[str, Any]) -> pd.DataFrame:
    return fitted.predict(pd.DataFrame(list(rows)))


@pytest.mark.parametrize("kind", sorted(ABUSERS))
def test_an_abuser_is_flagged_with_kind_and_reason(fitted: model.ClientAbuse, kind: str) -> None:
    found = predicted(fitted, ABUSERS[kind](SIZES[kind])).iloc[0]
    assert found["is_abuse"]
    assert found["abuse_kind"] == kind
    assert "(ordinary clients: " in found["reason"]


@pytest.mark.parametrize("kind", sorted(NEVER_BLOCK))
def test_protected_clients_stay_below_the_threshold(fitted: model.ClientAbuse, kind: str) -> None:
    found = predicted(fitted, *(NEVER_BLOCK[kind](round(SIZES[kind] * factor)) for factor in (0.5, 1, 2))).reset_index()
    assert not found["is_abuse"].any()
    assert found["abuse_kind"].isna().all() and found["reason"].isna().all()


@pytest.mark.parametrize("kind", sorted(ABUSERS))
def test_abuse_without_examples_is_found(kind: str) -> None:
    frame = examples(without=kind)
    unseen = model.fit(frame).predict(frame[frame["split"] == "evaluate"])
    assert unseen["is_abuse"].mean() > 0.9


def test_a_flash_crowd_is_left_alone(fitted: model.ClientAbuse) -> None:
    crowd = [client(n, cookie_request_count=n, no_referer_count=1) for n in range(1, 30)]
    assert not predicted(fitted, *crowd)["is_abuse"].any()


def test_one_request_proves_little(fitted: model.ClientAbuse) -> None:
    lone = bare(1, not_found_count=1, client_error_count=1)
    assert not predicted(fitted, lone)["is_abuse"].iloc[0]


def test_slow_and_low_is_named_by_its_manner(fitted: model.ClientAbuse) -> None:
    slow = prober(48) | {"day_active_hour_count": 24, "day_peak_hour_request_count": 2}
    found = predicted(fitted, slow).iloc[0]
    assert found["is_abuse"] and found["abuse_kind"] == "slow_and_low"


def test_the_reason_shows_counts_beside_the_typical(fitted: model.ClientAbuse) -> None:
    reason = predicted(fitted, scanner(40))["reason"].iloc[0]
    assert "24 of 40 requests are for paths that only scanners ask for (ordinary clients: 0" in reason
    assert reason.count(";") == 2 and "\n" not in reason


@pytest.mark.parametrize("seed", range(3))
def test_a_reason_shows_only_counts_of_the_row(fitted: model.ClientAbuse, seed: int) -> None:
    frame = examples(seed)
    reasons = fitted.predict(frame)["reason"]
    assert reasons.notna().sum() > 50
    for reason, (_, row) in zip(reasons[reasons.notna()], frame[reasons.notna()].iterrows(), strict=True):
        shown = re.sub(r"\(ordinary clients:[^)]*\)|\(401, 403\)|4xx|24 hours", "", reason)
        numbers = [value for name, value in row.items() if name in INPUTS and name != "client_kind"]
        counts = {f"{value:,.0f}" for value in numbers} | {f"{value:,.1f}" for value in numbers}
        derived = {f"{value:,.0f}" for value in (row["day_request_count"] - row["day_asset_request_count"],)}
        assert {*re.findall(r"\d[\d,.]*\d|\d", shown)} <= counts | derived, reason


def test_like_words_of_two_behaviors_are_said_once() -> None:
    """One of them compares with ordinary clients, the other does not."""
    alike = [one for one in BEHAVIORS if one.name in ("attack_share", "plain_attack_share")]
    assert len(alike) == 2
    counts = Counts(pd.DataFrame([prober(48)]))
    (reason,) = reasons(alike, counts, np.ones((1, 2)), np.zeros(2))
    assert reason.count("requests carry attacks") == 1 and "ordinary clients: 0 %" in reason


def test_a_reason_says_nothing_twice(fitted: model.ClientAbuse) -> None:
    for reason in fitted.predict(examples(4))["reason"].dropna():
        parts = reason.split("; ")
        said = [re.sub(r" \(ordinary clients:[^)]*\)", "", part) for part in parts]
        assert len(said) == len({*said}), reason


def test_columns_and_types_are_of_client_scores(fitted: model.ClientAbuse) -> None:
    found = fitted.predict(pd.DataFrame([client(), scanner(40)], index=[7, 3]))
    assert list(found.columns) == ["abuse_probability", "is_abuse", "abuse_kind", "reason"]
    assert found["abuse_probability"].dtype == np.float64 and found["is_abuse"].dtype == bool
    assert found.index.tolist() == [7, 3]
    assert found["is_abuse"].tolist() == [False, True]


def test_a_row_scores_alike_in_any_batch(fitted: model.ClientAbuse) -> None:
    frame = examples(seed=2)
    together = fitted.predict(frame)
    shuffled = fitted.predict(frame.sample(frac=1.0, random_state=1)).loc[frame.index]
    pd.testing.assert_frame_equal(together, shuffled, check_exact=True)
    for place in (0, 300, 700):
        pd.testing.assert_frame_equal(together.iloc[[place]], fitted.predict(frame.iloc[[place]]), check_exact=True)


def test_the_same_seed_gives_the_same_model(fitted: model.ClientAbuse) -> None:
    again = model.fit(examples(), seed=0)
    assert again.threshold_ == fitted.threshold_
    pd.testing.assert_frame_equal(again.predict(examples(2)), fitted.predict(examples(2)), check_exact=True)


def test_a_saved_model_scores_the_same(fitted: model.ClientAbuse, tmp_path: Path) -> None:
    loaded = saved_model.load_dir(saved_model.save_dir(fitted, tmp_path))
    pd.testing.assert_frame_equal(loaded.predict(examples(2)), fitted.predict(examples(2)), check_exact=True)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([name for name in NUMBERS if name in INPUTS and not name.endswith(("request_count", "_bits"))] + ["day_attack_request_count"]),
    st.integers(0, 10**9),
    st.sampled_from([client(5), scanner(40), office(1500), rotating(30), client(0)]),
)  # fmt: skip
def test_no_count_however_odd_breaks_the_score(
    fitted: model.ClientAbuse, name: str, count: int, row: dict[str, Any]
) -> None:
    probability = predicted(fitted, row | {name: count})["abuse_probability"].iloc[0]
    assert 0.0 <= probability <= 1.0


WORSE = {
    "attack": ("day_attack_request_count", "day_attack_probability_sum", "day_query_request_count"),
    "failed_attack": ("day_attack_request_count", "day_attack_probability_sum", "day_client_error_count"),
    "probe": ("day_probe_path_request_count", "day_not_found_count", "day_client_error_count"),
    "failed_sign_in": ("day_sign_in_request_count", "day_sign_in_failure_count", "day_post_request_count", "day_unauthorised_count", "day_client_error_count"),
    "nameless": ("day_no_user_agent_count",),
}  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(WORSE)),
    st.integers(0, 200),
    st.integers(0, 200),
    st.sampled_from([client(200), bare(200), crawler(200), office(200)]),
)  # fmt: skip
def test_more_bad_requests_never_lower_the_score(
    fitted: model.ClientAbuse, name: str, one: int, two: int, row: dict[str, Any]
) -> None:
    rows = [row | {column: row[column] + n for column in WORSE[name]} for n in sorted((one, two))]
    low, high = predicted(fitted, *rows)["abuse_probability"]
    assert low <= high


def test_nulls_and_empty_frames_are_scored(fitted: model.ClientAbuse) -> None:
    nulls = pd.DataFrame([dict.fromkeys(NUMBERS) | {"client_kind": "address"}])
    assert not fitted.predict(nulls)["is_abuse"].iloc[0]
    assert fitted.predict(nulls.head(0)).shape == (0, 4)


def test_a_missing_column_is_named(fitted: model.ClientAbuse) -> None:
    with pytest.raises(ValueError, match="day_not_found_count"):
        fitted.predict(pd.DataFrame([client()]).drop(columns=["day_not_found_count"]))


def test_labels_do_not_reach_the_score(fitted: model.ClientAbuse) -> None:
    frame = examples(seed=2)
    turned = frame.assign(is_abuse=~frame["is_abuse"], family="x", client="192.0.2.1/32")
    pd.testing.assert_frame_equal(fitted.predict(frame), fitted.predict(turned[[*INPUTS]]), check_exact=True)


def test_the_threshold_keeps_the_precision_that_was_asked() -> None:
    frame = examples(seed=3)
    strict = model.ClientAbuse(precision=0.99).fit(frame)
    calibrating = frame[frame["split"] == "calibrate"]
    flagged = strict.predict(calibrating)["is_abuse"]
    assert calibrating.loc[flagged, "is_abuse"].mean() >= 0.99


def test_examples_of_one_label_are_refused() -> None:
    frame = examples()
    with pytest.raises(ValueError, match="abusive and benign"):
        model.fit(frame[~frame["is_abuse"]])


def test_explain_adds_up_to_the_log_odds(fitted: model.ClientAbuse) -> None:
    frame = pd.DataFrame([client(), scanner(40)])
    parts = fitted.explain(frame).groupby("row")["log_odds"].sum()
    odds = fitted.scale_ * fitted.decision_function(frame)
    assert parts.loc[1] - parts.loc[0] == pytest.approx(odds[1] - odds[0])


def test_a_line_never_bends_against_its_direction(fitted: model.ClientAbuse) -> None:
    for behavior, heights in zip(BEHAVIORS, fitted.heights_, strict=True):
        assert (np.diff(heights) * behavior.direction >= 0).all(), behavior.name


def test_behaviors_are_finite_without_requests() -> None:
    nothing = Counts(pd.DataFrame([dict.fromkeys(NUMBERS, 0) | {"client_kind": "address"}]))
    assert all(np.isfinite(behavior.value(nothing)).all() for behavior in BEHAVIORS)


def test_the_specification_names_columns_that_exist() -> None:
    spec = registry.spec("client_abuse")
    known = tables()
    for key, columns in spec.inputs.items():
        assert set(columns) <= set(known[key].column_names), key
    assert spec.training_table == CLIENT_EXAMPLES.key
    assert set(INPUTS) <= set(CLIENT_EXAMPLES.column_names)


def renewing(working: int, failing: int, **shares: float) -> dict[str, Any]:
    """A program that asks an API so many times and is served, and whose sign-in is refused so many times."""
    n = working + failing
    return bare(
        n,
        query_request_count=working,
        post_request_count=failing,
        sign_in_request_count=failing,
        sign_in_failure_count=failing,
        unauthorised_count=failing,
        client_error_count=failing,
        tool_user_agent_count=n,
        path_entropy_bits=0.7,
        active_hour_count=2,
        **shares,
    )


@pytest.mark.parametrize("working", [30, 60, 400])
def test_an_expired_token_of_a_partner_passes(fitted: model.ClientAbuse, working: int) -> None:
    assert not predicted(fitted, renewing(working, 80))["is_abuse"].any()


def test_password_guessing_at_a_partner_path_is_found(fitted: model.ClientAbuse) -> None:
    found = predicted(fitted, renewing(0, 80)).iloc[0]
    assert found["is_abuse"] and found["abuse_kind"] == "credential_stuffing"


def test_tolerated_failures_are_limited_a_day(fitted: model.ClientAbuse) -> None:
    assert predicted(fitted, renewing(1000, 2000))["is_abuse"].all()


def test_changing_user_agents_tolerates_no_failures(fitted: model.ClientAbuse) -> None:
    assert predicted(fitted, renewing(60, 80, distinct_user_agent_count=9))["is_abuse"].all()


def test_attacks_are_no_requests_that_excuse_failures() -> None:
    rows = pd.DataFrame([renewing(60, 80), renewing(60, 80, attack_request_count=60)])
    assert served_api_requests(Counts(rows)).tolist() == [60.0, 0.0]


def test_refused_posts_count_without_a_sign_in_path(fitted: model.ClientAbuse) -> None:
    few, many = predicted(fitted, *(client(300, post_request_count=60, client_error_count=n) for n in (4, 58)))["abuse_probability"]  # fmt: skip
    assert many > 10 * few


def shared_network(attackers: int) -> dict[str, Any]:
    row = scanner(1300) | {"day_address_count": 12, "day_attack_address_count": attackers, "client_kind": "network"}
    return row | {"day_distinct_user_agent_count": 3}


def test_one_scanner_does_not_flag_its_network(fitted: model.ClientAbuse) -> None:
    assert not predicted(fitted, shared_network(1))["is_abuse"].any()
    assert predicted(fitted, shared_network(11))["is_abuse"].all()


@pytest.mark.parametrize("stale_links", [0, 1, 2])
def test_an_attack_like_campaign_link_flags_nobody(fitted: model.ClientAbuse, stale_links: int) -> None:
    """The landing page is held to be an attack, and so is each of its assets, by their referer."""
    visitor = client(43, attack_request_count=17, query_request_count=14, asset_request_count=12, cookie_request_count=43, client_error_count=stale_links, not_found_count=stale_links)  # fmt: skip
    assert not predicted(fitted, visitor)["is_abuse"].any()
    assert attacks(Counts(pd.DataFrame([visitor])))[0] < 17 * 0.95 - 5


def test_nothing_is_forgiven_where_attacks_meet_errors() -> None:
    assert attacks(Counts(pd.DataFrame([prober(40)])))[0] > 0.9 * 0.95 * 32


def test_the_threshold_never_lies_below_one_half() -> None:
    for seed in (3, 4):
        assert model.fit(examples(seed)).threshold_ >= 0.5


def test_the_threshold_rises_until_flags_are_precise() -> None:
    probability = np.array([0.99, 0.98, 0.97, 0.8, 0.7, 0.6, 0.55, 0.1])
    labels = np.array([True, True, True, False, True, False, False, False])
    days = np.arange(8)
    assert threshold_for(probability, labels, days, 0.9) == 0.97
    assert threshold_for(probability, labels, days, 0.5) == 0.5
    assert threshold_for(probability, ~labels, days, 0.9) > 0.99


def _log_odds(fitted: model.ClientAbuse, row: dict[str, Any]) -> dict[str, float]:
    """The part of each behavior in the score."""
    explained = fitted.explain(pd.DataFrame([row]))
    return dict(zip(explained[explained.columns[1]], explained["log_odds"], strict=True))


@pytest.mark.parametrize(("field", "word"), [("referer", "referer"), ("cookie", "cookie")])
def test_what_a_log_cannot_show_says_nothing(fitted: model.ClientAbuse, field: str, word: str) -> None:
    row = {**scraper(300), "day_cookie_request_count": 0}
    row["day_no_referer_count"] = row["day_request_count"]
    unlogged = {**row, f"day_unlogged_{field}_count": row["day_request_count"]}
    shown, hidden = (_log_odds(fitted, one) for one in (row, unlogged))
    name = {"referer": "no_referer_share", "cookie": "cookie_share"}[field]
    assert shown[name] > hidden[name] == 0
    assert word not in predicted(fitted, unlogged)["reason"].iloc[0]


def test_words_of_behaviors_name_counts() -> None:
    names = {name.removeprefix("day_") for name in INPUTS} | {"part", "whole", "typical"}
    for behavior in BEHAVIORS:
        fields = {field for _, field, _, _ in Formatter().parse(behavior.words) if field}
        assert fields and fields <= names, behavior.name
        assert "whole" not in fields or behavior.whole is not None

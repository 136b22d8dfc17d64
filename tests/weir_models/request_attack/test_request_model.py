"""The request model: what it finds, what it leaves alone, and what may not change a score."""

from __future__ import annotations

import copy
import itertools
import time
from pathlib import Path
from urllib.parse import quote, quote_plus

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.weir_models.request_attack.request_samples import (
    ATTACKS,
    BENIGN,
    BROWSER,
    COLUMNS,
    paths,
    probability,
    requests,
)
from weir_models import registry, saved_model
from weir_models.request_attack.model import RequestAttack, evaluate, fit
from weir_models.request_attack.signals.signal import CLASSES


def test_the_columns_are_those_of_the_contract(request_model: RequestAttack) -> None:
    found = request_model.predict(requests("q=shoes", "q=" + quote(ATTACKS["sqli"])))
    assert list(found.columns) == ["attack_probability", "is_attack", "attack_class", "reason"]
    assert found["attack_probability"].dtype == np.float64
    assert found["is_attack"].dtype == bool
    assert found["attack_class"].isna().tolist() == [True, False]
    assert found["reason"].isna().tolist() == [True, False]


@pytest.mark.parametrize("kind", sorted(ATTACKS))
def test_an_attack_of_each_class_is_found(request_model: RequestAttack, kind: str) -> None:
    found = request_model.predict(requests("q=" + quote(ATTACKS[kind], safe=""))).iloc[0]
    assert found["is_attack"]
    assert found["attack_class"] == kind
    assert found["attack_class"] in CLASSES


def test_scanners_are_found_by_path_and_name(request_model: RequestAttack) -> None:
    probes = request_model.predict(
        paths("/.git/config", "/wp-config.php.bak", "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php")
    )
    assert set(probes["attack_class"]) == {"scanner_probe"}
    assert request_model.predict(requests(None, agent="sqlmap/1.7#dev")).iloc[0]["attack_class"] == "scanner_probe"


def test_the_reason_quotes_the_field_and_the_words(request_model: RequestAttack) -> None:
    reason = request_model.predict(requests("q=" + quote(ATTACKS["sqli"]))).iloc[0]["reason"]
    assert reason.startswith("query: ")
    assert "union select" in reason


def test_explain_lists_the_signals_with_their_weights(request_model: RequestAttack) -> None:
    told = request_model.explain(requests("q=" + quote(ATTACKS["path_traversal"])))
    assert {"up_thrice", "system_file"} <= set(told["signal"])
    assert (told["weight"] >= 0).all()


@pytest.mark.parametrize("text", BENIGN)
def test_benign_text_that_looks_like_code_passes(request_model: RequestAttack, text: str) -> None:
    found = request_model.predict(requests("q=" + quote(text), "q=" + quote_plus(text), "q=" + text))
    assert not found["is_attack"].any(), found["reason"].tolist()


def test_a_package_named_after_a_command_passes(request_model: RequestAttack) -> None:
    found = request_model.predict(
        paths("/ubuntu/pool/main/c/curl/curl_7.58.0-2ubuntu3.17_amd64.deb", "/wget/wget-1.21.3")
    )
    assert not found["is_attack"].any(), found["reason"].tolist()


def test_a_missing_field_is_no_evidence(request_model: RequestAttack) -> None:
    nothing = pd.DataFrame([(None, None, None, None, None), ("GET", "/", None, "", float("nan"))], columns=COLUMNS)
    found = request_model.predict(nothing)
    assert not found["is_attack"].any()
    assert (found["attack_probability"] < 0.01).all()


def test_an_empty_frame_gives_an_empty_answer(request_model: RequestAttack) -> None:
    assert len(request_model.predict(requests())) == 0


def test_the_index_of_the_frame_is_kept(request_model: RequestAttack) -> None:
    frame = requests("q=a", "q=b").set_index(pd.Index([7, 3]))
    assert request_model.predict(frame).index.tolist() == [7, 3]


@pytest.mark.parametrize("kind", sorted(ATTACKS))
def test_the_number_of_encodings_changes_no_score(request_model: RequestAttack, kind: str) -> None:
    once = quote(ATTACKS[kind], safe="")
    twice = quote(once, safe="")
    scores = probability(request_model, "q=" + ATTACKS[kind], "q=" + once, "q=" + twice, "q=" + quote(twice, safe=""))
    assert len(set(scores)) == 1


@given(st.sampled_from(BENIGN))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_decoding_log_gives_the_same_score(request_model: RequestAttack, text: str) -> None:
    assert len(set(probability(request_model, "q=" + text, "q=" + quote(text, safe="")))) == 1


def _some_escaped(text: str, choices: list[int], unicode_form: bool) -> str:
    form = "%u{:04x}" if unicode_form else "%{:02x}"
    return "".join(
        form.format(ord(c)) if c.isascii() and pick else quote(c, safe="")
        for c, pick in zip(text, choices, strict=True)
    )


@st.composite
def disguised(draw: st.DrawFn) -> tuple[str, str]:
    """An attack and the same attack as somebody would write it past a filter."""
    kind = draw(st.sampled_from(sorted(ATTACKS)))
    plain = ATTACKS[kind]
    text = plain
    if kind in ("sqli", "xss"):
        flips = draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
        text = "".join(c.swapcase() if flip else c for c, flip in zip(text, flips, strict=True))
    if kind == "sqli":
        text = text.replace(
            " ", draw(st.sampled_from([" ", "/**/", "\t", "\n", "/*x*/", "+", "\x0b", "\xa0", "--x\n", "  "]))
        )
    if kind == "path_traversal":
        text = text.replace(
            "../", draw(st.sampled_from(["../", "..\\", ".././", "..//", "..%c0%af", "%c0%ae%c0%ae/", "..;/"]))
        )
    if kind == "command_injection":
        text = text.replace("cat", draw(st.sampled_from(["cat", "c'a't", "c\\at", 'c""at', "/bin/cat"]))).replace(
            " /", draw(st.sampled_from([" /", "${IFS}/", "\t/"]))
        )
    if kind == "xss":
        text = text.replace("onload", draw(st.sampled_from(["onload", "onload\t", "onload\n"])))
    if draw(st.booleans()) and "%c0" not in text:
        picks = draw(st.lists(st.integers(0, 1), min_size=len(text), max_size=len(text)))
        text = _some_escaped(text, picks, draw(st.booleans()))
    for _ in range(draw(st.integers(0, 2))):
        text = quote(text, safe="")
    around = draw(st.sampled_from(["q={}", "a=1&q={}", "q={}&b=2&c=x%20y", "q=nice+shoes&q={}", "{}", "q=%00{}"]))
    return "q=" + quote(plain, safe=""), around.replace("{}", text)


@given(st.lists(disguised(), min_size=10, max_size=25))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_disguise_halves_the_score(request_model: RequestAttack, pairs: list[tuple[str, str]]) -> None:
    scores = probability(request_model, *(text for pair in pairs for text in pair)).reshape(-1, 2)
    assert [pair[1] for pair, (plain, hidden) in zip(pairs, scores, strict=True) if hidden < plain / 2] == []


@given(st.lists(st.sampled_from(BENIGN), max_size=6))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_benign_padding_lowers_no_score(request_model: RequestAttack, padding: list[str]) -> None:
    attack = "q=" + quote(ATTACKS["sqli"], safe="")
    padded = "&".join([f"x{i}={quote(text, safe='')}" for i, text in enumerate(padding)] + [attack])
    alone, within = probability(request_model, attack, padded)
    assert within >= alone


def test_user_agent_and_page_change_no_benign_score(request_model: RequestAttack) -> None:
    frame = pd.concat(
        [
            requests("q=lamp", path=p, agent=a)
            for p in ("/", "/a/b.html")
            for a in (BROWSER, "curl/8.1", "python-requests/2.31", None)
        ]
    )
    found = request_model.predict(frame)["attack_probability"]
    assert found.groupby(frame["uri_path"].to_numpy()).nunique().eq(1).all()
    assert found.max() < found.min() * 1.001, "the page breaks ties and does no more"


def test_a_score_does_not_depend_on_the_batch(request_model: RequestAttack, examples: pd.DataFrame) -> None:
    frame = examples.sample(400, random_state=1).reset_index(drop=True)
    together = request_model.predict(frame)
    edges = [0, 1, 2, 9, 40, 41, 150, 400]
    parts = pd.concat([request_model.predict(frame.iloc[a:b]) for a, b in itertools.pairwise(edges)])
    pd.testing.assert_frame_equal(together, parts)


def test_categories_score_as_the_texts_that_they_stand_for(
    request_model: RequestAttack, examples: pd.DataFrame
) -> None:
    frame = examples.sample(400, random_state=2)[COLUMNS].reset_index(drop=True)
    odd = [("PUT", "/a.jsp", None, None, None), ("get", None, "q=%27", "\ud800", ""), (None, "/", "", None, "a")]
    odd += [("MOVE", None, None, None, None), ("BREW", "/../etc/passwd", None, "curl/8.1", None)]
    frame = pd.concat([frame, pd.DataFrame(odd, columns=COLUMNS)], ignore_index=True)
    coded = frame.astype(object).apply(lambda column: column.astype("category"))
    some = coded.iloc[100:]  # whose categories also stand for texts that do not occur
    pd.testing.assert_frame_equal(request_model.predict(coded), request_model.predict(frame))
    pd.testing.assert_frame_equal(request_model.predict(some), request_model.predict(frame.iloc[100:]))


def test_the_same_seed_fits_the_same_model(request_model: RequestAttack, examples: pd.DataFrame) -> None:
    again = fit(examples, seed=3)
    assert np.array_equal(again.weights_, request_model.weights_)
    assert again.threshold_ == request_model.threshold_


def test_a_reloaded_model_scores_the_same(request_model: RequestAttack, examples: pd.DataFrame, tmp_path: Path) -> None:
    loaded = saved_model.load_dir(saved_model.save_dir(request_model, tmp_path / "model"))
    frame = examples.head(300)
    pd.testing.assert_frame_equal(loaded.predict(frame), request_model.predict(frame))


def test_skops_builds_trusted_classes_only(request_model: RequestAttack) -> None:
    assert registry.trusted_types(["weir_models.request_attack.model.RequestAttack", "os.system"]) == [
        "weir_models.request_attack.model.RequestAttack"
    ]


def test_unknown_signals_ask_for_a_new_fit(request_model: RequestAttack, examples: pd.DataFrame) -> None:
    stale = fit(examples.head(3000), seed=1)
    stale.feature_names_ = np.append(stale.feature_names_, "gone")
    with pytest.raises(ValueError, match="fit and register it again"):
        stale.predict(requests("q=a"))


def test_a_request_without_text_has_no_reason_at_any_threshold(request_model: RequestAttack) -> None:
    careless = copy.deepcopy(request_model)
    careless.threshold_ = 0.0
    blank = requests("", "").assign(**dict.fromkeys(COLUMNS, ""))
    found = careless.predict(blank)
    assert found["is_attack"].all() and found["reason"].isna().all() and found["attack_class"].isna().all()


def test_the_model_beats_the_naive_rule(request_model: RequestAttack, examples: pd.DataFrame) -> None:
    found = evaluate(request_model, examples)
    spec = registry.spec("request_attack")
    assert [gate.sentence(found.figures) for gate in spec.gates if not gate.holds(found.figures)] == []
    assert found.figures["tpr"] > 2 * found.figures["naive_tpr"]
    assert set(found.plots) == {"precision_recall", "scores_by_class", "reliability"}


def test_time_is_linear_in_crafted_texts(request_model: RequestAttack) -> None:
    hostile = ["/*" * 4000, "'" * 8000, "<" * 8000, "(" * 8000, "%25" * 2700, "&#" * 4000, "a=" * 4000, "--\n" * 2700, "${" * 4000,
        "../" * 2700, "A" * 8000, "%c0/..%bg%qf" * 660, "..%2/0x2f" * 800]  # fmt: skip
    started = time.process_time()
    request_model.predict(requests(*hostile))
    assert time.process_time() - started < 5

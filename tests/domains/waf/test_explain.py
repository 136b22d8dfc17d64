"""`weir explain` on a tiny lake: one prober among ordinary clients, with all that leads back to its log lines."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from rich.console import Console

from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.core.explaining import ExplainError
from platform_assets.domains.waf.explain.client import Comparison, Feature
from platform_assets.domains.waf.explain.lookup import Explanation, explain
from platform_assets.domains.waf.explain.rows import TABLES
from platform_assets.domains.waf.explain.text import render, to_json
from platform_assets.domains.waf.manual.actions import ManualActions
from platform_assets.settings import Settings, load_settings
from spark_jobs.contract import format_hour
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

HOUR = datetime(2026, 11, 20, 14, tzinfo=UTC)
DECIDED = HOUR + timedelta(hours=1)
NOW = DECIDED + timedelta(minutes=30)
PROBER, NETWORK, SHOPPER = "93.184.216.34", "93.184.216.0/24", "93.184.217.1"
OBJECT = "s3://logs/E1.2026-11-20-14.aaaa.gz"
ID = "h5Qm3dVn0VQH0n9Jc2JmYw8cWq1x4cE3l8y0VJr0m2QF8e8n3fJx1A=="
WORDS = "query: union select"
DEFAULTS = {"string": "x", "int32": 1, "int64": 0, "double": 0.0, "boolean": False, "timestamp": HOUR}


def row(table: str, at: datetime = HOUR, **values: Any) -> dict[str, Any]:
    """A row of the hour of `at`, with zeros and false where nothing is said."""
    columns = {c.name: DEFAULTS.get(c.type, []) for c in TABLES[table].columns}
    return {**columns, "event_hour": format_hour(at), **values}


def fill(settings: Settings, table: str, *rows: dict[str, Any]) -> None:
    schema = arrow_schema(TABLES[table], with_hour=True)
    lake_of(settings).overwrite_arrow(pa.Table.from_pylist(list(rows), schema=schema), TABLES[table])


def decision(address: str = f"{PROBER}/32", action: str = "block", **values: Any) -> dict[str, Any]:
    decided_at = values.get("decided_at", DECIDED)
    made = {
        "address": address,
        "action": action,
        "reason": "prober with probability 0.970",
        "decided_at": decided_at,
        "expires_at": decided_at + timedelta(hours=24),
        "model_name": "client_abuse",
        "model_version": "3",
        "decision_id": f"{address}-{action}-{decided_at:%d%H}",
        "evidence_request_ids": [ID],
    }
    return row("waf_decisions", decided_at - timedelta(hours=1), **{**made, **values})


def score(client: str, probability: float, at: datetime = HOUR, **values: Any) -> dict[str, Any]:
    kind = "address" if client.endswith("/32") else "network"
    said: dict[str, Any] = {
        "is_abuse": probability >= 0.5,
        "abuse_kind": "prober" if probability >= 0.5 else None,
        "request_count": 9,
    }
    said |= {"reason": "7 of 9 pages were not found", "model_name": "client_abuse", "model_version": "3"}
    return row(
        "client_scores", at, client=client, client_kind=kind, hour_at=at, abuse_probability=probability, **said | values
    )


def request(request_id: str, at: datetime = HOUR + timedelta(minutes=5), **values: Any) -> dict[str, Any]:
    made = {"request_id": request_id, "event_at": at, "client_ip": PROBER, "method": "GET", "host": "shop.example"}
    made |= {"uri_path": "/p", "uri_query": "id=1 union select", "status": 404, "source_object": OBJECT}
    return row("requests", at, **made | {"line_number": 17} | values)


@pytest.fixture
def empty(tmp_path: Path) -> Settings:
    settings = load_settings(tmp_path / "home")
    settings.home.mkdir()
    return settings


@pytest.fixture
def settings(empty: Settings) -> Settings:
    """PROBER was blocked at the end of HOUR; a hundred others made 0 to 99 requests and attacked nothing."""
    others = [f"93.185.0.{n}/32" for n in range(99)] + [f"{SHOPPER}/32"]
    for table in ("client_hourly", "client_daily"):
        clients = [
            row(table, client=name, client_kind="address", hour_at=HOUR, request_count=n)
            for n, name in enumerate(others)
        ]
        own: dict[str, Any] = {
            "client": f"{PROBER}/32",
            "client_kind": "address",
            "hour_at": HOUR,
            "request_count": 500,
        }
        fill(empty, table, *clients, row(table, **own, not_found_count=7))
    attacks: dict[str, Any] = {"hour_attack_request_count": 4, "day_attack_request_count": 6}
    fill(empty, "client_attacks", row("client_attacks", client=f"{PROBER}/32", client_kind="address", **attacks))
    fill(
        empty,
        "client_scores",
        score(f"{PROBER}/32", 0.97, evidence_request_ids=[ID]),
        score(f"{SHOPPER}/32", 0.02, reason=None),
    )
    earlier = request("earlier-of-the-shopper", HOUR, client_ip=SHOPPER)
    fill(empty, "requests", request(ID), earlier, request("of-the-shopper", client_ip=SHOPPER))
    said: dict[str, Any] = {"attack_probability": 0.99, "is_attack": True, "attack_class": "sqli", "reason": WORDS}
    at = HOUR + timedelta(minutes=5)
    fill(empty, "request_scores", row("request_scores", request_id=ID, event_at=at, model_version="5", **said))
    later = HOUR + timedelta(hours=1)
    fill(
        empty,
        "object_counts",
        row("object_counts", source_object=OBJECT, etag="etag-read-for-the-hour"),
        row("object_counts", later, source_object=OBJECT, etag="etag-of-another-hour"),
    )
    fill(empty, "waf_decisions", decision())
    planned: dict[str, Any] = {"ip_set": "weir-block-v4", "operation": "keep", "action": "block", "planned_at": NOW}
    fill(empty, "plan", row("plan", address=f"{PROBER}/32", **planned))
    return empty


def shown(explanation: Explanation, width: int = 200) -> str:
    """What a terminal gets, without colors."""
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(render(explanation))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_block_is_explained_down_to_the_log_line(settings: Settings) -> None:
    found = explain(settings, PROBER, NOW)
    assert found.summary == f"block is decided for {PROBER} from 2026-11-20T15:00:00Z until 2026-11-21T15:00:00Z."
    assert [(one.relation, one.is_in_force) for one in found.decisions] == [("itself", True)]
    assert found.score is not None
    assert (found.score.abuse_probability, found.score.model_version) == (0.97, "3")
    assert [(one.name, one.version) for one in found.models] == [("client_abuse", "3"), ("request_attack", "5")]
    (one,) = found.requests
    assert (one.request_id, one.target, one.status) == (ID, "/p?id=1 union select", 404)
    assert (one.attack_probability, one.attack_class, one.words) == (0.99, "sqli", WORDS)
    assert (one.source_object, one.etag, one.line_number) == (OBJECT, "etag-read-for-the-hour", 17)
    assert found.planned == (f"weir-block-v4: keep {PROBER}/32 (plan of 2026-11-20T15:30:00Z)",)
    assert found.notes == ()
    text = shown(found)
    for words in ("7 of 9 pages were not found", "prober with probability", WORDS, f"{OBJECT}, etag etag-read", "17"):
        assert words in text


def test_each_request_names_the_content_that_its_hour_was_made_from(settings: Settings) -> None:
    before = HOUR - timedelta(hours=1)
    fill(settings, "waf_decisions", decision(evidence_request_ids=[ID, "before"]))
    fill(settings, "requests", request(ID), request("before", before))
    counts = [row("object_counts", at, source_object=OBJECT, etag=f"read-at-{at.hour}") for at in (before, HOUR)]
    fill(settings, "object_counts", *counts)
    assert [one.etag for one in explain(settings, PROBER, NOW).requests] == ["read-at-14", "read-at-13"]


def test_features_stand_beside_the_clients_of_the_same_hour(settings: Settings) -> None:
    features = {one.name: one for one in explain(settings, PROBER, NOW).features}
    hour = features["request_count"].hour
    assert hour is not None and (hour.value, hour.median, hour.p99) == (500, 50, 99)
    day = features["attack_request_count"].day
    assert day is not None and (day.value, day.median) == (6, 0)  # the hundred without a row attacked nothing
    assert day.p99 == 0
    assert list(features)[:3] == ["request_count", "not_found_count", "attack_request_count"]


def test_an_address_is_explained_by_the_network_that_holds_it(settings: Settings) -> None:
    fill(settings, "waf_decisions", decision(action="count"), decision(NETWORK, "challenge"))
    found = explain(settings, PROBER, NOW)
    assert found.summary.startswith(f"challenge is decided for {NETWORK}, which holds {PROBER}, from")
    assert [one.decision.action for one in found.decisions] == ["challenge", "count"]
    assert f"client_scores has no row of {NETWORK}" not in found.summary


def test_a_network_is_explained_by_the_addresses_within(settings: Settings) -> None:
    found = explain(settings, NETWORK, NOW)
    assert found.summary.startswith(f"block is decided for {PROBER}/32, within {NETWORK}, from")
    assert [one.request_id for one in found.requests] == [ID]


def test_what_is_in_force_comes_before_what_has_ended_and_the_strongest_first(settings: Settings) -> None:
    ended = decision(decided_at=DECIDED - timedelta(hours=30))
    fill(settings, "waf_decisions", ended, decision(action="count"), decision(action="challenge"))
    found = explain(settings, PROBER, NOW)
    assert [one.decision.action for one in found.decisions] == ["challenge", "count", "block"]
    assert [one.is_in_force for one in found.decisions] == [True, True, False]


def test_a_decision_that_has_ended_is_explained_with_what_happened_since(settings: Settings) -> None:
    later = DECIDED + timedelta(hours=30)
    client: dict[str, Any] = {"client": f"{PROBER}/32", "client_kind": "address", "request_count": 3}
    fill(settings, "client_hourly", row("client_hourly", **client), row("client_hourly", later, **client))
    fill(settings, "client_scores", score(f"{PROBER}/32", 0.97), score(f"{PROBER}/32", 0.04, later))
    found = explain(settings, PROBER, later + timedelta(hours=2))
    assert found.summary.startswith(f"Nothing is in force on {PROBER}; the last block")
    assert "last active in the hour 2026-11-21-21" in found.notes[0]
    assert "0.040, below the threshold of client_abuse 3" in found.notes[0]
    assert found.score is not None and found.score.abuse_probability == 0.97  # that of the decision


def test_activity_while_the_decision_held_is_no_riddle(settings: Settings) -> None:
    later = DECIDED + timedelta(hours=2)
    client: dict[str, Any] = {"client": f"{PROBER}/32", "client_kind": "address"}
    fill(settings, "client_hourly", row("client_hourly", **client), row("client_hourly", later, **client))
    assert explain(settings, PROBER, DECIDED + timedelta(hours=40)).notes == ()


def test_an_ordinary_client_is_explained_by_its_score_and_latest_requests(settings: Settings) -> None:
    found = explain(settings, SHOPPER, NOW)
    assert found.summary == (
        f"Nothing is decided on {SHOPPER}: the abuse_probability of {SHOPPER}/32 is 0.020, "
        "below the threshold of client_abuse 3."
    )
    assert [one.request_id for one in found.requests] == ["of-the-shopper", "earlier-of-the-shopper"]
    assert {one.attack_probability for one in found.requests} == {None}
    assert f"{SHOPPER}/32 was last active in the hour 2026-11-20-14, with 99 requests" in found.notes[0]
    assert "not scored" in shown(found)


def test_a_network_without_a_decision_is_explained_by_its_own_score_else_by_its_worst_address(
    settings: Settings,
) -> None:
    network, busy, worst = "93.184.217.0/24", f"{SHOPPER}/32", "93.184.217.9/32"
    clients = [(busy, 99), (worst, 2)]
    fill(settings, "client_hourly", *(row("client_hourly", client=name, request_count=n) for name, n in clients))
    scores = [score(busy, 0.02), score(worst, 0.3)]
    fill(settings, "client_scores", *scores)
    assert f"the abuse_probability of {worst} is 0.300" in explain(settings, network, NOW).summary
    fill(settings, "client_scores", *scores, score(network, 0.1))
    assert f"the abuse_probability of {network} is 0.100" in explain(settings, network, NOW).summary


@pytest.mark.parametrize(
    ("client", "made", "why"),
    [
        ("203.0.113.9", {"probability": 0.99}, "never acted upon (documentation)"),
        (SHOPPER, {"probability": 0.4, "is_abuse": True}, "weakest action takes 0.5"),
        (SHOPPER, None, "has no score in its last hour; `weir run edge` makes it"),
        (SHOPPER, {"probability": 0.9}, "or the hour is not decided yet"),
    ],
)
def test_it_says_why_nothing_is_decided(settings: Settings, client: str, made: dict[str, Any] | None, why: str) -> None:
    fill(settings, "waf_decisions")
    fill(settings, "client_hourly", row("client_hourly", client=f"{client}/32", client_kind="address"))
    fill(settings, "client_scores", *([score(f"{client}/32", **made)] if made else []))
    assert why in explain(settings, client, NOW).summary


def test_an_address_on_the_allow_list_is_told_so(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "allow.txt").write_text(f"{PROBER}\n{SHOPPER}\n")
    allowing = settings.model_copy(update={"allow_list": str(tmp_path / "allow.txt")})
    assert explain(allowing, PROBER, NOW).notes == (f"{PROBER}/32 is on the allow list now, so no plan wants it.",)
    assert "is on the allow list" in explain(allowing, SHOPPER, NOW).summary


def test_what_people_asked_for_is_told(settings: Settings) -> None:
    people = ManualActions(settings, clock=lambda: NOW - timedelta(minutes=1))
    people.block("198.41.0.0/24", timedelta(hours=2), "a hunch")
    assert any(
        "block 198.41.0.0/24 until" in note and "a hunch" in note for note in explain(settings, "198.41.0.4", NOW).notes
    )
    assert not any("people" in note for note in explain(settings, PROBER, NOW).notes)
    people.withdraw("client_abuse", "3", "too eager")
    assert any("does not count: withdraw client_abuse 3" in note for note in explain(settings, PROBER, NOW).notes)


@pytest.mark.parametrize("asked", ["198.41.0.4", "2001:500:2::c", "198.41.0.0/16"])
def test_a_client_never_seen_is_unknown(settings: Settings, asked: str) -> None:
    found = explain(settings, asked, NOW)
    assert found.summary == (
        f"{asked} is unknown: no decision, and no request in the 1 hour that the lake holds "
        "(2026-11-20-14 to 2026-11-20-14)."
    )
    assert shown(found).strip() == found.summary


def test_an_empty_home_says_what_to_run(empty: Settings) -> None:
    assert "`weir run edge --input …` reads logs" in explain(empty, PROBER, NOW).summary


def test_a_request_is_explained_by_its_id(settings: Settings) -> None:
    found = explain(settings, ID, NOW)
    assert found.summary == (
        f"A request of {PROBER} at 2026-11-20T14:05:00Z; request_attack 5 gives it 0.990, sqli by its {WORDS}."
    )
    assert [(one.line_number, one.etag) for one in found.requests] == [(17, "etag-read-for-the-hour")]
    assert [one.decision.action for one in found.decisions] == ["block"]
    assert found.score is None


def test_a_request_of_a_log_without_ids_is_found_by_etag_and_line(settings: Settings) -> None:
    name = f"{'0a' * 16}:17"
    fill(settings, "requests", request(name))
    assert explain(settings, name, NOW).summary.endswith("it is not scored yet.")


@pytest.mark.parametrize("asked", ["", "hello", "93.184.216.34/24", "300.1.1.1", "fe80::1%eth0", "a b", "1.2.3.4; ls"])
def test_what_is_neither_address_nor_id_is_an_error(settings: Settings, asked: str) -> None:
    with pytest.raises(ExplainError, match=r"cannot be explained; give an address \(.*\), a CIDR without host bits"):
        explain(settings, asked, NOW)


def test_an_id_that_no_request_has_is_an_error(settings: Settings) -> None:
    with pytest.raises(ExplainError, match=r"No request .* of 2026-11-20-14 to 2026-11-20-14; check the id"):
        explain(settings, "A" * 56, NOW)


def test_a_home_that_is_not_there_is_an_error_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(ExplainError, match=r"no home .*; run `weir run edge"):
        explain(load_settings(tmp_path / "missing"), PROBER)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_lake_is_one_sentence(settings: Settings) -> None:
    for file in Path(settings.lake_root, "predictions/client_scores").rglob("*.parquet"):
        file.write_bytes(b"no parquet")
    with pytest.raises(ExplainError, match=r"cannot be read \(.*\); check WEIR_LAKE and try again\.$") as raised:
        explain(settings, PROBER, NOW)
    assert "\n" not in str(raised.value)


def test_requests_whose_retention_is_over_are_missed_aloud(settings: Settings) -> None:
    fill(settings, "waf_decisions", decision(evidence_request_ids=[ID, "gone"]))
    found = explain(settings, PROBER, NOW)
    assert [one.request_id for one in found.requests] == [ID]
    assert found.notes == ("1 of 2 requests are not in the lake any more: the retention of requests is over.",)


def test_only_the_hours_that_the_decision_names_are_read(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    others = [request(f"other-{n}", HOUR + timedelta(hours=n)) for n in (-2, 5)]
    fill(settings, "requests", request(ID), *others)
    read: dict[str, set[str]] = {}
    dataset = Lake.dataset

    def spied(lake: Lake, table: Any, hours: Sequence[str] | None = None, as_of: datetime | None = None) -> Any:
        read.setdefault(table.name, set()).update(hours if hours is not None else ["all"])
        return dataset(lake, table, hours, as_of)

    monkeypatch.setattr(Lake, "dataset", spied)
    explain(settings, PROBER, NOW)
    assert read["requests"] == read["client_daily"] == read["client_scores"] == {"2026-11-20-14"}
    assert len(read["request_scores"]) == 24


def test_without_mlflow_the_rest_is_explained_and_no_database_is_made(settings: Settings) -> None:
    found = explain(settings, PROBER, NOW)
    assert all(f"there is no MLflow database {settings.home}" in one.problem for one in found.models)
    assert shown(found).count("MLflow does not say more") == 2
    assert not (settings.home / "mlflow.db").exists()


def test_an_mlflow_server_that_does_not_answer_is_one_line(settings: Settings) -> None:
    away = settings.model_copy(update={"mlflow_uri": "http://127.0.0.1:9"})
    (page, _) = explain(away, PROBER, NOW).models
    assert "does not answer" in page.problem and "\n" not in page.problem
    assert page.page == "http://127.0.0.1:9/#/models/client_abuse/versions/3"


@pytest.mark.slow
def test_the_registry_page_holds_run_gate_figures_and_training_table(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.setattr(ModelRegistry, "passed_gate", lambda *_: True)
    client = mlflow.MlflowClient(settings.tracking_uri, settings.tracking_uri)
    run = client.create_run(client.create_experiment("e", artifact_location=settings.home.as_uri())).info.run_id
    client.log_metric(run, "precision", 0.99)
    client.log_metric(run, "pr_auc", 0.97)
    client.create_registered_model("client_abuse")
    tags = {"gate": "passed", "training_table": "t/x", "training_table_version": "4", "git_revision": "abc"}
    for _ in range(3):
        client.create_model_version("client_abuse", str(settings.home), run, tags)
    found = explain(settings, PROBER, NOW)
    page = found.models[0]
    assert (page.run_id, page.has_passed_gate, page.problem) == (run, True, "")
    assert (page.figures, page.training_table) == ({"precision": 0.99, "pr_auc": 0.97}, "t/x version 4")
    assert "gate passed, fitted on t/x version 4, code abc" in shown(found)
    assert "request_attack" in found.models[1].problem  # which is not registered there


def test_no_terminal_acts_on_what_an_attacker_sent(settings: Settings) -> None:
    evil = "/[red]\x1b[2J\x9b31m\u202egnp.exe\r\nDecisions"
    fill(settings, "requests", request(ID, uri_path=evil, uri_query=None, method="G\x1bT"))
    found = explain(settings, PROBER, NOW)
    text = shown(found)
    assert not {c for c in text if not c.isprintable()} - {"\n"}
    assert r"/[red]\x1b[2J\x9b31m\u202egnp.exe\r\nDecisions" in text
    assert to_json(found).isascii()
    assert json.loads(to_json(found))["requests"][0]["target"] == evil


def test_the_features_fit_eighty_columns(settings: Settings) -> None:
    big = Comparison(555_236_000.0, 293_123.0, 18_400_000_000.0)
    features = tuple(Feature(name, big, big) for name in ("unusual_method_request_count", "bytes_sent"))
    lines = shown(replace(explain(settings, PROBER, NOW), features=features), width=80).splitlines()
    table = [line for line in lines if "bytes_sent" in line or "unusual_method" in line]
    assert len(table) == 2 and all(len(line.rstrip()) <= 80 for line in table)
    assert all(line.split()[1:] == ["555", "M", "293", "k", "18.4", "G"] * 2 for line in table)


def test_a_decision_on_some_requests_names_its_own_score(settings: Settings) -> None:
    own = "This is the score of all its requests. The block rests on 0.970"
    fill(settings, "waf_decisions", decision(score=0.97))
    fill(settings, "client_scores", score(f"{PROBER}/32", 0.079))
    assert own in " ".join(shown(explain(settings, PROBER, NOW)).split())
    fill(settings, "client_scores", score(f"{PROBER}/32", 0.97))
    assert "This is the score of all" not in shown(explain(settings, PROBER, NOW))


def test_endless_text_is_cut_on_the_terminal_and_whole_in_json(settings: Settings) -> None:
    fill(settings, "requests", request(ID, uri_path="/" + "a" * 8000))
    found = explain(settings, PROBER, NOW)
    assert len(shown(found)) < 8000
    assert "a" * 8000 in to_json(found)


def test_many_decisions_are_counted_on_the_terminal_and_whole_in_json(settings: Settings) -> None:
    fill(settings, "waf_decisions", *(decision(f"93.184.216.{n}/32", "count") for n in range(10)))
    found = explain(settings, NETWORK, NOW)
    assert "and 4 more, which --json shows" in shown(found)
    assert len(json.loads(to_json(found))["decisions"]) == 10


def test_a_shipped_model_says_what_it_was_fitted_on() -> None:
    from platform_assets.domains.waf.explain.model_page import _training

    tags = {"origin": "shipped", "examples": "59988", "training_table": "t/x", "weir_version": "0.2.0"}
    assert _training(tags) == "generated rows of t/x, 59988 of them, before it came with Weir 0.2.0"
    assert _training({"training_table": "t/x", "training_table_version": "4"}) == "t/x version 4"

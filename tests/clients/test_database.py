"""Upsert, replace and forget on SQLite and on a real PostgreSQL, and the sentences that failures end in."""

from __future__ import annotations

import json
import math
import re
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from platform_assets.clients import database
from platform_assets.clients.database import DatabaseError, UpsertReport, forget, probe, replace, upsert
from platform_assets.domains.waf.tables import WAF_DECISIONS
from spark_jobs.contract import Column, Table

KEY = ("decision_id",)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def decision(number: int, hour: str = "2026-11-20-11", **values: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {column.name: 1 for column in WAF_DECISIONS.columns}
    defaults |= {column.name: f"{column.name} {number}" for column in WAF_DECISIONS.columns if column.type == "string"}
    defaults |= {"decided_at": NOON, "expires_at": NOON + timedelta(hours=1), "score": 0.1 + number}
    defaults |= {"evidence_request_ids": ["request 1", "request 2"], "event_hour": hour}
    return defaults | values


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SecretStr]:
    """A new database of each kind."""
    if request.param == "sqlite":
        yield SecretStr(f"sqlite:///{tmp_path}/new folder/weir.db")
        return
    server = request.getfixturevalue("postgres_url")
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield SecretStr(server.replace("/postgres?", f"/{name}?"))
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def stored(url: SecretStr, columns: str = "decision_id", table: str = "waf_decisions") -> list[Any]:
    text = url.get_secret_value()
    if text.startswith("sqlite"):
        with sqlite3.connect(text.removeprefix("sqlite:///")) as plain:
            return plain.execute(f"SELECT {columns} FROM {table} ORDER BY 1").fetchall()
    with psycopg.connect(text) as connection:
        return connection.execute(f"SELECT {columns} FROM {table} ORDER BY 1").fetchall()


# Upsert


def test_the_same_rows_again_change_nothing(url: SecretStr) -> None:
    rows = [decision(number) for number in range(3)]
    assert upsert(url, WAF_DECISIONS, rows) == UpsertReport(inserted=3)
    assert upsert(url, WAF_DECISIONS, rows) == UpsertReport(unchanged=3)
    assert len(stored(url)) == 3


def test_a_changed_row_is_updated_and_the_others_are_not(url: SecretStr) -> None:
    upsert(url, WAF_DECISIONS, [decision(1), decision(2)])
    report = upsert(url, WAF_DECISIONS, [decision(1), decision(2, action="count"), decision(3)])
    assert report == UpsertReport(inserted=1, updated=1, unchanged=1)
    assert stored(url, "decision_id, action") == [
        ("decision_id 1", "action 1"), ("decision_id 2", "count"), ("decision_id 3", "action 3"),
    ]  # fmt: skip


def test_more_rows_than_a_statement_holds_are_written_in_one_transaction(url: SecretStr) -> None:
    rows = [decision(number) for number in range(2 * database.CHUNK_ROWS + 1)]
    assert upsert(url, WAF_DECISIONS, rows).inserted == len(rows)
    broken = [*({**row, "action": "count"} for row in rows), decision(9999, reason=None)]
    with pytest.raises(DatabaseError, match="A row for waf_decisions has no reason"):
        upsert(url, WAF_DECISIONS, broken)
    assert {action for (action,) in stored(url, "action")} == {row["action"] for row in rows}


def test_a_failure_half_way_leaves_everything_as_it_was(url: SecretStr, monkeypatch: pytest.MonkeyPatch) -> None:
    upsert(url, WAF_DECISIONS, [decision(1)])
    monkeypatch.setattr(database, "CHUNK_ROWS", 1)
    too_large = decision(2, request_count=2**80)
    with pytest.raises(DatabaseError, match="refused the rows"):
        replace(url, WAF_DECISIONS, [decision(3), too_large], KEY, "event_hour", ["2026-11-20-11"])
    assert stored(url) == [("decision_id 1",)]


def test_every_value_comes_back_as_it_was_given(url: SecretStr) -> None:
    in_vienna = NOON.astimezone(timezone(timedelta(hours=1))).replace(microsecond=123456)
    row = decision(
        1, decided_at=in_vienna, score=0.1 + 0.2, request_count=2**40, abuse_kind=None, reason="ä 'quoted' 日本 %"
    )
    upsert(url, WAF_DECISIONS, [row])
    ((score, count, kind, reason, evidence, hour),) = stored(
        url, "score, request_count, abuse_kind, reason, evidence_request_ids, event_hour"
    )
    assert (score, count, kind, reason, hour) == (0.1 + 0.2, 2**40, None, row["reason"], "2026-11-20-11")
    assert json.loads(evidence) == ["request 1", "request 2"]
    ((at,),) = stored(url, "decided_at")
    assert at in (NOON.replace(microsecond=123456), "2026-11-20 12:00:00.123456")


def test_a_reason_with_nul_or_half_a_character_is_kept_as_text(url: SecretStr) -> None:
    row = decision(1, reason="query a=\x00\ud800b")
    upsert(url, WAF_DECISIONS, [row])
    assert stored(url, "reason") == [("query a=\\x00\\ud800b",)]
    assert upsert(url, WAF_DECISIONS, [row]).unchanged == 1


def test_values_of_numpy_and_pandas_are_stored_as_numbers(url: SecretStr) -> None:
    import numpy as np
    import pandas as pd

    row = decision(
        1, score=np.float32(0.5), request_count=np.int64(7), decided_at=pd.Timestamp(NOON), abuse_kind=math.nan
    )
    upsert(url, WAF_DECISIONS, [row])
    assert stored(url, "score, request_count, abuse_kind") == [(0.5, 7, None)]
    assert upsert(url, WAF_DECISIONS, [row]).unchanged == 1


def test_of_rows_with_one_key_the_last_counts(url: SecretStr) -> None:
    assert upsert(url, WAF_DECISIONS, [decision(1), decision(1, action="count")]) == UpsertReport(inserted=1)
    assert stored(url, "action") == [("count",)]


def test_no_rows_still_make_the_table(url: SecretStr) -> None:
    assert upsert(url, WAF_DECISIONS, []) == UpsertReport()
    assert stored(url) == []


def test_a_key_of_several_columns_works_on_any_table_of_the_contract(url: SecretStr) -> None:
    columns = (
        Column("client", "string", "who", nullable=False),
        Column("hour_at", "timestamp", "when", nullable=False),
        Column("is_abuse", "boolean", "whether"),
    )
    table = Table(key="predictions/odd_order", meaning="m", grain="g", columns=columns, hourly=False)
    key = ("client", "hour_at")
    rows = [
        {"client": f"c{number % 2}", "hour_at": NOON + timedelta(hours=number), "is_abuse": False}
        for number in range(4)
    ]
    assert upsert(url, table, rows, key) == UpsertReport(inserted=4)
    rows[0]["is_abuse"] = True
    assert upsert(url, table, rows, key) == UpsertReport(updated=1, unchanged=3)
    assert replace(url, table, rows[:1], key, "client", ["c0"]) == UpsertReport(unchanged=1, removed=1)


def test_a_column_that_the_contract_gained_is_added(url: SecretStr) -> None:
    old = Table(key="d/waf_decisions", meaning="m", grain="g", columns=WAF_DECISIONS.columns[:-1])
    upsert(url, old, [decision(1)])
    assert upsert(url, WAF_DECISIONS, [decision(1), decision(2)]) == UpsertReport(inserted=1, updated=1)
    assert stored(url, "repetition") == [(1,), (1,)]


def test_writers_at_the_same_time_take_turns(url: SecretStr) -> None:
    reports: list[UpsertReport] = []

    def write(first: int) -> None:
        reports.append(upsert(url, WAF_DECISIONS, [decision(number) for number in range(first, first + 60)]))

    threads = [threading.Thread(target=write, args=(first,)) for first in (0, 0, 30, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(report.inserted for report in reports) == len(stored(url)) == 90
    assert sum(report.unchanged for report in reports) == 4 * 60 - 90


# Replace and forget


def test_a_replay_leaves_nothing_behind_in_its_hours_and_others_alone(url: SecretStr) -> None:
    upsert(url, WAF_DECISIONS, [decision(1, "2026-11-20-10"), decision(2), decision(3), decision(4, "2026-11-20-12")])
    report = replace(url, WAF_DECISIONS, [decision(3, score=0.9), decision(5)], KEY, "event_hour", ["2026-11-20-11"])
    assert report == UpsertReport(inserted=1, updated=1, removed=1)
    assert stored(url) == [(f"decision_id {number}",) for number in (1, 3, 4, 5)]
    assert replace(url, WAF_DECISIONS, [], KEY, "event_hour", ["2026-11-20-11", "2026-11-20-12"]).removed == 3
    assert stored(url) == [("decision_id 1",)]


def test_hours_can_be_named_by_a_timestamp(url: SecretStr) -> None:
    upsert(url, WAF_DECISIONS, [decision(1), decision(2, decided_at=NOON + timedelta(hours=1))])
    assert replace(url, WAF_DECISIONS, [], KEY, "decided_at", [NOON]).removed == 1
    assert stored(url) == [("decision_id 2",)]


def test_a_row_outside_of_the_replaced_hours_is_refused(url: SecretStr) -> None:
    with pytest.raises(ValueError, match="2026-11-20-12"):
        replace(url, WAF_DECISIONS, [decision(1, "2026-11-20-12")], KEY, "event_hour", ["2026-11-20-11"])


def test_rows_older_than_the_retention_are_forgotten(url: SecretStr) -> None:
    assert forget(url, WAF_DECISIONS, "decided_at", NOON) == 0
    upsert(url, WAF_DECISIONS, [decision(1, decided_at=NOON - timedelta(seconds=1)), decision(2)])
    assert forget(url, WAF_DECISIONS, "decided_at", NOON) == 1
    assert stored(url) == [("decision_id 2",)]


# Probe and failures


def sentence_of(url: str) -> str:
    with pytest.raises(DatabaseError) as caught:
        upsert(SecretStr(url), WAF_DECISIONS, [decision(1)])
    sentence = str(caught.value)
    assert re.fullmatch(r"[^\n]+[.]", sentence), "one sentence"
    hides_what_came_before = caught.value.__suppress_context__ or caught.value.__context__ is None
    assert caught.value.__cause__ is None and hides_what_came_before, "a traceback would show rows and URL"
    return sentence


def test_a_probe_tells_the_kind_and_makes_no_file(url: SecretStr, tmp_path: Path) -> None:
    is_there, sentence = probe(url)
    if url.get_secret_value().startswith("sqlite"):
        assert not is_there and not (tmp_path / "new folder").exists()
        upsert(url, WAF_DECISIONS, [])
        is_there, sentence = probe(url)
    assert is_there and re.match(r"(SQLite|PostgreSQL) \d+\.\d+.* answers at", sentence)


@pytest.mark.slow
def test_a_wrong_password_is_called_so_and_not_shown(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        hba_file, socket = connection.execute(
            "SELECT current_setting('hba_file'), current_setting('unix_socket_directories')"
        ).fetchone() or ("", "")
        connection.execute("CREATE ROLE locked LOGIN PASSWORD 'right'")
        before = Path(hba_file).read_text()
        Path(hba_file).write_text(f"local all locked scram-sha-256\n{before}")
        try:
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("SELECT pg_sleep(0.5)")
            sentence = sentence_of(f"postgresql://locked:hunter2@/postgres?host={socket}")
            denied = sentence_of(f"postgres://locked:right@/postgres?host={socket}")
            absent = sentence_of(f"postgresql+psycopg2://postgres@/nowhere?host={socket}")
        finally:
            Path(hba_file).write_text(before)
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("DROP ROLE locked")
    assert "refused the user or the password; correct WEIR_DATABASE_URL" in sentence
    assert "hunter2" not in sentence and "locked:***@" in sentence
    assert "does not let this user do that (permission denied for schema public)" in denied
    assert "nowhere does not exist; create it" in absent


@pytest.mark.parametrize(
    "url", ["postgresql://me:hunter2@127.0.0.1:9/weir", "postgresql://me@127.0.0.1:9/weir?password=hunter2"]
)
def test_an_unreachable_server_says_so_without_its_password(url: str) -> None:
    sentence = sentence_of(url)
    assert "127.0.0.1:9/weir cannot be used (" in sentence and "start or repair it" in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("hunter2 is no URL", "cannot be read"),
        ("mysql://me:hunter2@host/weir", "kind mysql is not supported"),
        ("sqlite://", "names no file"),
    ],
)
def test_a_url_that_cannot_be_used_says_how_to_write_one(url: str, said: str) -> None:
    sentence = sentence_of(url)
    assert said in sentence and "write sqlite:///path/to/file.db or postgresql://" in sentence
    assert "hunter2" not in sentence


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "weir.db").write_text("hello " * 1000)
    assert "weir.db is not an SQLite database; name another one" in sentence_of(f"sqlite:///{tmp_path}/weir.db")


def test_a_locked_file_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/weir.db"
    upsert(SecretStr(url), WAF_DECISIONS, [])
    create_engine = sa.create_engine
    monkeypatch.setattr(
        database.sa, "create_engine", lambda *a, **k: create_engine(*a, **{**k, "connect_args": {"timeout": 0.1}})
    )
    with sqlite3.connect(tmp_path / "weir.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "is locked by another program" in sentence_of(url)
        other.execute("ROLLBACK")


def test_a_table_of_another_shape_says_so_without_the_row(url: SecretStr) -> None:
    other = Table(
        key="d/waf_decisions", meaning="m", grain="g", columns=(Column("action", "string", "m", nullable=False),)
    )
    upsert(url, other, [{"action": "block"}], ("action",))
    sentence = sentence_of(url.get_secret_value())
    assert "address 1" not in sentence and "reason 1" not in sentence

"""`weir sql`: what a query reads, what it may not do, how its rows and its faults are told."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.core.tables import all_tables
from platform_assets.domains.waf.tables import WAF_DECISIONS
from platform_assets.outputs.sql import SqlError, answered
from platform_assets.outputs.sql_tables import sql_columns, sql_name, sql_tables, sql_type
from platform_assets.settings import Settings
from spark_jobs.contract import Table
from spark_jobs.registry import tables
from spark_jobs.storage.schema import arrow_schema

REQUESTS = tables()["parsed/cloudfront/requests"]
HOURS = ("2026-11-20-13", "2026-11-20-14", "2026-11-21-00")
FROM_REQUESTS = "FROM weir.parsed_cloudfront_requests"


def write(settings: Settings, table: Table, rows: list[dict[str, Any]]) -> None:
    schema = arrow_schema(table, with_hour=True)
    lake_of(settings).overwrite_arrow(pa.Table.from_pylist(rows, schema=schema), table)


@pytest.fixture
def filled(home: Settings) -> Settings:
    """Two requests in each of three hours."""
    rows = [
        {
            "request_id": f"{hour}/{number}",
            "event_at": datetime(2026, 11, int(hour[8:10]), int(hour[11:]), 0, number, 500_000 * number, tzinfo=UTC),
            "client_ip": "192.0.2.1",
            "uri_query": "" if number else None,
            "user_agent": 'say "hi",\x1b[2J',
            "status": 200,
            "bytes_sent": 10,
            "source_object": "a.gz",
            "line_number": number,
            "event_hour": hour,
        }
        for hour in HOURS
        for number in range(2)
    ]
    write(home, REQUESTS, rows)
    return home


def asked(settings: Settings, query: str) -> list[dict[str, Any]]:
    with answered(settings, query) as answer:
        found: list[dict[str, Any]] = answer.rows.read_all().to_pylist()
        return found


def fault(settings: Settings, query: str) -> str:
    with pytest.raises(SqlError) as caught:
        asked(settings, query)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Names


def test_every_lake_table_has_a_name_of_its_own_that_athena_takes() -> None:
    assert {table.key for table in sql_tables().values()} == set(all_tables())
    assert len(sql_tables()) == len(all_tables())
    assert all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in sql_tables())
    assert sql_name(REQUESTS) == "parsed_cloudfront_requests"


def test_every_column_of_every_table_is_named_without_quotes(home: Settings) -> None:
    for name, table in sql_tables().items():
        columns = [column.name for column in sql_columns(table)]
        with answered(home, f"SELECT {', '.join(columns)} FROM weir.{name}") as answer:
            assert answer.rows.schema.names == columns


def test_describe_and_show_tell_tables_and_columns(home: Settings) -> None:
    assert [row["name"] for row in asked(home, "SHOW TABLES")] == sorted(sql_tables())
    described = asked(home, "DESCRIBE weir.parsed_cloudfront_requests")
    assert [row["column_name"] for row in described] == [*REQUESTS.column_names, "event_hour"]
    assert {sql_type(column) for table in all_tables().values() for column in table.columns} == {
        "string", "int", "bigint", "double", "boolean", "timestamp", "array<string>",
    }  # fmt: skip


def test_the_database_is_called_as_in_glue(filled: Settings) -> None:
    named = filled.model_copy(update={"glue_database": "edge"})
    assert asked(named, "SELECT count(*) AS n FROM edge.parsed_cloudfront_requests") == [{"n": 6}]
    assert "the nearest is edge.parsed_cloudfront_requests" in fault(named, f"SELECT 1 {FROM_REQUESTS}")


# Reading


@pytest.mark.parametrize(
    "hours",
    [
        "event_hour = '2026-11-20-14'",
        "event_hour IN ('2026-11-20-14')",
        "event_hour >= '2026-11-20-14' AND event_hour < '2026-11-21'",
        "event_hour BETWEEN '2026-11-20-14' AND '2026-11-20-23' AND bytes_sent > 1",
        "event_hour = '2026-11-20-14' AND event_at >= TIMESTAMP '2026-11-20 14:00:00'",
    ],
)
def test_a_query_for_an_hour_opens_no_file_of_another(filled: Settings, hours: str) -> None:
    lake = lake_of(filled)
    for hour, (file,) in lake.files_by_hour(REQUESTS, HOURS).items():
        if hour != "2026-11-20-14":
            Path(lake.path(REQUESTS), file.path).unlink()
    assert asked(filled, f"SELECT count(*) AS n, sum(bytes_sent) AS bytes {FROM_REQUESTS} WHERE {hours}") == [
        {"n": 2, "bytes": 20}
    ]
    assert "cannot be read" in fault(filled, f"SELECT sum(bytes_sent) {FROM_REQUESTS}")


def test_only_the_newest_version_is_read(filled: Settings) -> None:
    write(filled, REQUESTS, [])
    assert asked(filled, f"SELECT * {FROM_REQUESTS}") == []


def test_a_table_whose_name_is_computed_is_read_too(filled: Settings) -> None:
    name = "query_table('parsed_cloudfront_' || 'requests')"
    assert asked(filled, f"SELECT count(*) AS n FROM {name}") == [{"n": 6}]


def test_whole_numbers_divide_and_times_count_as_in_athena(filled: Settings) -> None:
    query = (
        f"SELECT 7 / 2 AS half, date_trunc('hour', event_at) AS hour {FROM_REQUESTS} WHERE event_hour = '{HOURS[0]}'"
    )
    assert asked(filled, query)[0] == {"half": 3, "hour": datetime(2026, 11, 20, 13, tzinfo=UTC)}


# Reading only


@pytest.mark.parametrize(
    "query",
    [
        "COPY weir.waf_plan TO '{file}'",
        "ATTACH '{file}' AS other",
        "CREATE TABLE mine AS SELECT 1",
        "INSERT INTO weir.waf_plan SELECT * FROM weir.waf_plan",
        "DROP VIEW weir.waf_plan",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "PRAGMA database_list",
        "EXPORT DATABASE '{file}'",
        "WITH one AS (SELECT 1) INSERT INTO weir.waf_plan SELECT * FROM one",
    ],
)
def test_whatever_is_no_reading_is_refused(home: Settings, tmp_path: Path, query: str) -> None:
    assert fault(home, query.format(file=tmp_path / "out")).startswith("The lake is only read: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "source",
    [
        "read_text('{file}')",
        "read_csv('{file}')",
        "read_parquet('s3://bucket/key')",
        "read_blob('https://example.com/')",
        "glob('/*')",
    ],
)
def test_no_query_reaches_files_or_network(home: Settings, tmp_path: Path, source: str) -> None:
    (tmp_path / "secret").write_text("secret\n", encoding="utf-8")
    said = fault(home, f"SELECT * FROM {source.format(file=tmp_path / 'secret')}")
    assert said.startswith("A query reads the tables of the lake and nothing else (line 1, column 15);")


def test_no_query_reaches_variables_of_this_process(home: Settings) -> None:
    leaked = pa.table({"a": [1]})
    assert leaked.num_rows and "There is no table leaked" in fault(home, "SELECT * FROM leaked")


def test_several_statements_and_none_are_refused(home: Settings) -> None:
    assert fault(home, "SELECT 1; SELECT 2") == "The query holds 2 statements; send them one by one."
    assert asked(home, "SELECT 1 AS one;") == [{"one": 1}]
    for nothing in ("", "-- a comment", " ; "):
        assert fault(home, nothing).startswith("There is no query;")


# Faults


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT * FROM requests", "There is no table requests (line 1, column 15); the nearest is weir.parsed_cloudfront_requests."),
        ("SELECT * FROM weir.waf_plans", "There is no table waf_plans (line 1, column 15); the nearest is weir.waf_plan."),
        ("SELECT * FROM nowhere.zzz", "There is no table nowhere.zzz (line 1, column 15); `weir sql` lists those that there are."),
        (f"SELECT clientip\n{FROM_REQUESTS}", "There is no column clientip in what the query reads (line 1, column 8); the nearest are client_ip"),
        ("SELECT 'é',\n  FROM FROM x", 'The query is no SQL that DuckDB reads: syntax error at or near "FROM" (line 2, column 8); correct it there.'),
        ("SELECT CAST('x' AS int)", "The query failed: Could not convert string 'x' to INT32 (line 1, column 8); correct it."),
        ("SELECT no_such(1)", "The query failed: Scalar Function with name no_such does not exist (line 1, column 8); correct it."),
    ],
)  # fmt: skip
def test_a_fault_of_a_query_is_one_sentence_with_its_place(home: Settings, query: str, said: str) -> None:
    assert fault(home, query).startswith(said)


def test_a_lake_that_cannot_be_read_is_one_sentence(filled: Settings) -> None:
    log = Path(lake_of(filled).path(REQUESTS), "_delta_log", "00000000000000000001.json")
    log.write_text("no json\n", encoding="utf-8")
    said = fault(filled, f"SELECT * {FROM_REQUESTS}")
    assert said.startswith(f"The lake at {filled.lake_root} cannot be read (") and "check WEIR_LAKE" in said
    done = weir(filled, f"SELECT * {FROM_REQUESTS}")
    assert done.returncode == 3 and len(done.stderr.splitlines()) == 1


def test_a_home_that_is_not_there_is_said(tmp_path: Path, home: Settings) -> None:
    assert "There is no home" in fault(home.model_copy(update={"home": tmp_path / "typo"}), "SELECT 1")


# The command


def weir(settings: Settings, *arguments: str, input: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from platform_assets.cli.app import main; main()", "sql", *arguments]
    return subprocess.run(
        [*command, "--home", str(settings.home)], capture_output=True, text=True, timeout=60, check=False, input=input
    )


def test_rows_go_to_a_pipe_as_csv_and_as_json(filled: Settings) -> None:
    query = (
        "SELECT request_id, event_at, uri_query, user_agent, bytes_sent > 5 AS is_large, CAST('nan' AS double) AS nothing, "
        f"['a', NULL] AS parts {FROM_REQUESTS} WHERE event_hour = '2026-11-20-13' ORDER BY line_number"
    )
    done = weir(filled, query)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("\n")
    assert lines[0] == "request_id,event_at,uri_query,user_agent,is_large,nothing,parts"
    agent, parts = '"say ""hi"",\\x1b[2J"', '"[""a"", null]"'
    assert lines[1] == f"2026-11-20-13/0,2026-11-20T13:00:00Z,,{agent},true,,{parts}"
    assert lines[2] == f'2026-11-20-13/1,2026-11-20T13:00:01.500000Z,"",{agent},true,,{parts}'
    rows = json.loads(weir(filled, "-", "--format", "json", "--limit", "1", input=query).stdout)
    assert rows == [
        {
            "request_id": "2026-11-20-13/0",
            "event_at": "2026-11-20T13:00:00Z",
            "uri_query": None,
            "user_agent": 'say "hi",\x1b[2J',
            "is_large": True,
            "nothing": None,
            "parts": ["a", None],
        }
    ]


def test_a_table_is_cut_with_a_word_and_escapes_what_a_terminal_would_obey(filled: Settings) -> None:
    done = weir(filled, f"SELECT user_agent AS agent {FROM_REQUESTS}", "--format", "table", "--limit", "5")
    assert [line.rstrip() for line in done.stdout.splitlines()] == ["agent", *['say "hi",\\x1b[2J'] * 5]
    assert done.stderr == "weir: Shown: the first 5 rows; --limit 0 shows all.\n"
    whole = weir(filled, f"SELECT * {FROM_REQUESTS}", "--format", "table", "--limit", "6")
    assert whole.stderr == "" and whole.stdout.count("request_id  2026") == 6, "a block a row where columns do not fit"


def test_sums_of_whole_numbers_are_whole_numbers(filled: Settings) -> None:
    assert json.loads(weir(filled, f"SELECT sum(bytes_sent) AS n {FROM_REQUESTS}", "--format", "json").stdout) == [
        {"n": 60}
    ]


def test_an_empty_table_says_so_and_faults_have_their_exit_code(home: Settings) -> None:
    done = weir(home, "SELECT * FROM weir.waf_plan")
    assert done.returncode == 0 and "Nothing is in waf_plan yet" in done.stderr
    done = weir(home, "SELECT * FROM plan")
    assert (done.returncode, done.stdout) == (3, "") and len(done.stderr.splitlines()) == 1
    assert weir(home, "SELECT 1", "--format", "xml").returncode == 2


def test_who_stops_reading_early_sees_no_fault(home: Settings) -> None:
    command = [
        sys.executable,
        "-c",
        "from platform_assets.cli.app import main; main()",
        "sql",
        "SELECT * FROM range(10000000)",
    ]
    with subprocess.Popen(
        [*command, "--home", str(home.home)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "range\n"
        process.stdout.close()
        assert process.stderr.read() == "" and process.wait(60) == 0


def test_without_a_query_the_tables_are_listed_with_meaning_and_columns(home: Settings) -> None:
    said = weir(home).stdout
    for name, table in sql_tables().items():
        assert f"weir.{name}\n    {table.meaning}\n    " in said
    assert "address string (personal data), action string, " in said and WAF_DECISIONS.meaning in said

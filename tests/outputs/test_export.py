"""`weir export`: what comes out of a tiny lake, in each format; run this file to bring docs/tables.md up to date."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.core.domain import tables
from platform_assets.outputs import file_formats
from platform_assets.outputs import table_files as export
from platform_assets.outputs.table_files import (
    ExportError,
    export_table,
    find_table,
    short_names,
)
from platform_assets.outputs.tables_document import tables_markdown
from platform_assets.settings import Settings, load_settings
from spark_jobs.contract import Table, format_hour
from spark_jobs.storage.schema import arrow_schema

DOCUMENT = Path(__file__).parents[2] / "docs" / "tables.md"
AT = datetime(2026, 11, 20, 14, tzinfo=UTC)
FORMATS = (".parquet", ".csv", ".jsonl")
PUBLIC = {
    "request_scores": "request_id event_at client_ip attack_probability is_attack attack_class",
    "waf_decisions": "address action reason decided_at expires_at model_name model_version",
    "requests": "request_id event_at client_ip method host uri_path uri_query status user_agent referer bytes_sent "
    "time_taken_seconds source_object line_number",
    "rejected_lines": "source_object line_number reason raw_line",
}
"""What issue 2 promises, in its order."""
DEFAULTS = {"string": "x", "int32": 1, "int64": 1, "double": 0.5, "boolean": True, "timestamp": AT, "list<string>": []}


def row(table: Table, at: datetime = AT, **values: Any) -> dict[str, Any]:
    """A row of the hour of `at` with something in every column."""
    return {**{c.name: DEFAULTS[c.type] for c in table.columns}, "event_hour": format_hour(at), **values}


def fill(settings: Settings, name: str, *rows: dict[str, Any]) -> None:
    table = find_table(name)
    data = pa.Table.from_pylist(list(rows), schema=arrow_schema(table, with_hour=True))
    lake_of(settings).overwrite_arrow(data, table)


def request(number: int, at: datetime = AT, **values: Any) -> dict[str, Any]:
    return row(find_table("requests"), at, request_id=f"id-{number}", event_at=at, line_number=number, **values)


def read_csv(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def read_jsonl(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = load_settings(tmp_path / "home")
    settings.home.mkdir()
    return settings


@pytest.mark.parametrize("name", PUBLIC)
@pytest.mark.parametrize("suffix", FORMATS)
def test_the_promised_columns_come_first_in_their_order(
    settings: Settings, tmp_path: Path, name: str, suffix: str
) -> None:
    fill(settings, name, row(find_table(name)))
    file = export_table(settings, name, tmp_path / f"out{suffix}").path
    if suffix == ".parquet":
        columns = pq.read_schema(file).names
    else:
        columns = list((read_csv(file) if suffix == ".csv" else read_jsonl(file))[0])
    promised = PUBLIC[name].split()
    assert columns[: len(promised)] == promised
    assert ("event_hour" in columns) == (name == "rejected_lines")  # which has no time of its own


def test_every_table_can_be_exported_by_its_short_and_its_full_name(settings: Settings, tmp_path: Path) -> None:
    for key, table in tables().items():
        fill(settings, key, row(table))
        for name in (key, short_names()[key]):
            for suffix in FORMATS:
                assert export_table(settings, name, tmp_path / f"out{suffix}").rows == 1


def test_csv_gives_back_text_that_does_not_act_and_tells_empty_from_null(settings: Settings, tmp_path: Path) -> None:
    sent = ['say "no"', "a,b", "two\nlines\r\n", "=1+1", "Ünï ☃ \u202e", "", None]
    texts = ['say "no"', "a,b", r"two\nlines\r\n", "'=1+1", r"Ünï ☃ \u202e", "", None]
    fill(settings, "requests", *(request(n, user_agent=text) for n, text in enumerate(sent)))
    file = export_table(settings, "requests", tmp_path / "out.csv").path
    assert [line["user_agent"] for line in read_csv(file)] == [text or "" for text in texts]
    options = pa.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
    options.include_columns, options.null_values = ["user_agent"], [""]
    parsed = pa.csv.read_csv(file, parse_options=pa.csv.ParseOptions(newlines_in_values=True), convert_options=options)
    assert parsed["user_agent"].to_pylist() == texts


def test_csv_writes_times_with_z_lists_as_json_and_nan_as_nothing(settings: Settings, tmp_path: Path) -> None:
    scores = find_table("client_scores")
    ids = ['a"b', "c,d"]
    fill(settings, "client_scores", row(scores, hour_at=AT, evidence_request_ids=ids, abuse_probability=float("nan")))
    line = read_csv(export_table(settings, "client_scores", tmp_path / "out.csv").path)[0]
    assert line["hour_at"] == "2026-11-20T14:00:00Z"
    assert json.loads(line["evidence_request_ids"]) == ids
    assert line["abuse_probability"] == ""
    assert line["is_abuse"] == "true"


def test_jsonl_writes_nan_and_infinity_as_null_and_times_with_z(settings: Settings, tmp_path: Path) -> None:
    fill(
        settings,
        "requests",
        request(1, time_taken_seconds=float("nan"), status=None, user_agent="ü\n"),
        request(2, AT + timedelta(microseconds=1), time_taken_seconds=float("inf")),
    )
    first, second = read_jsonl(export_table(settings, "requests", tmp_path / "out.jsonl").path)
    assert (first["time_taken_seconds"], second["time_taken_seconds"]) == (None, None)
    assert (first["event_at"], second["event_at"]) == ("2026-11-20T14:00:00Z", "2026-11-20T14:00:00.000001Z")
    assert (first["status"], first["user_agent"], first["line_number"]) == (None, "ü\n", 1)


def test_parquet_keeps_types_and_utc(settings: Settings, tmp_path: Path) -> None:
    fill(settings, "requests", request(1))
    data = pq.read_table(export_table(settings, "requests", tmp_path / "out.parquet").path)
    assert data.schema.field("event_at").type == pa.timestamp("us", tz="UTC")
    assert data.schema.equals(arrow_schema(find_table("requests")))
    assert data["event_at"].to_pylist() == [AT]


def test_start_is_within_and_end_is_not(settings: Settings, tmp_path: Path) -> None:
    times = [AT + timedelta(minutes=30 * n) for n in range(5)]
    fill(settings, "requests", *(request(n, at) for n, at in enumerate(times)))

    def numbers(start: datetime | None, end: datetime | None) -> list[int]:
        return [r["line_number"] for r in read_jsonl(export_table(settings, "requests", file, start, end).path)]

    file = tmp_path / "out.jsonl"
    assert numbers(times[1], times[3]) == [1, 2]
    assert numbers(times[3], None) == [3, 4]
    assert numbers(None, times[1]) == [0]
    assert numbers(times[1].replace(tzinfo=None), times[2].replace(tzinfo=None)) == [1]  # no zone: UTC


def test_a_decision_made_at_the_end_of_its_hour_belongs_to_that_time(settings: Settings, tmp_path: Path) -> None:
    decisions, end_of_hour = find_table("waf_decisions"), AT + timedelta(hours=1)
    fill(settings, "waf_decisions", row(decisions, AT, decided_at=end_of_hour))
    assert export_table(settings, "waf_decisions", tmp_path / "o.csv", end_of_hour).rows == 1
    assert export_table(settings, "waf_decisions", tmp_path / "o.csv", AT, end_of_hour).rows == 0


def test_a_table_without_a_time_of_its_own_is_cut_by_the_hour(settings: Settings, tmp_path: Path) -> None:
    table = find_table("rejected_lines")
    hours = [AT + timedelta(hours=n) for n in range(3)]
    fill(settings, "rejected_lines", *(row(table, at, line_number=n) for n, at in enumerate(hours)))
    done = export_table(settings, "rejected_lines", tmp_path / "o.jsonl", hours[1], hours[2])
    assert [(r["line_number"], r["event_hour"]) for r in read_jsonl(done.path)] == [(1, "2026-11-20-15")]


def test_rows_come_by_hour_and_key_however_they_were_written(settings: Settings, tmp_path: Path) -> None:
    rows = [request(n, AT + timedelta(hours=n % 2)) for n in (7, 4, 9, 2, 5)]
    fill(settings, "requests", *rows)
    first = export_table(settings, "requests", tmp_path / "a.csv").path
    assert [line["line_number"] for line in read_csv(first)] == ["2", "4", "5", "7", "9"]
    fill(settings, "requests", *reversed(rows))
    assert export_table(settings, "requests", tmp_path / "b.csv").path.read_bytes() == first.read_bytes()


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_hour_too_large_to_sort_is_still_written_whole(
    settings: Settings, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "SORTED_BYTES", 1)
    monkeypatch.setattr(export, "BATCH_ROWS", 2)
    monkeypatch.setattr(file_formats, "ROW_GROUP_ROWS", 3)
    fill(settings, "requests", *(request(n) for n in range(9)))
    done = export_table(settings, "requests", tmp_path / f"out{suffix}")
    if suffix == ".parquet":
        numbers = pq.read_table(done.path)["line_number"].to_pylist()
    else:
        lines = read_csv(done.path) if suffix == ".csv" else read_jsonl(done.path)
        numbers = [int(line["line_number"]) for line in lines]
    assert done.rows == 9
    assert sorted(numbers) == list(range(9))


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_table_without_rows_gives_its_columns_and_says_so(settings: Settings, tmp_path: Path, suffix: str) -> None:
    done = export_table(settings, "waf_decisions", tmp_path / f"out{suffix}")
    assert done.rows == 0
    assert "not written yet" in done.note and "weir run edge" in done.note
    text = done.path.read_text(encoding="utf-8") if suffix != ".parquet" else ""
    names = list(find_table("waf_decisions").column_names)
    if suffix == ".parquet":
        assert pq.read_table(done.path).column_names == names
    elif suffix == ".csv":
        assert text == ",".join(f'"{name}"' for name in names) + "\n"
    else:
        assert text == ""


def test_a_span_without_rows_is_told_from_an_empty_table(settings: Settings, tmp_path: Path) -> None:
    fill(settings, "requests", request(1))
    assert export_table(settings, "requests", tmp_path / "o.csv").note == ""
    assert "in the time asked for" in export_table(settings, "requests", tmp_path / "o.csv", end=AT).note


def test_a_failed_export_leaves_the_old_file_and_nothing_else(settings: Settings, tmp_path: Path) -> None:
    fill(settings, "requests", request(1), request(2, AT + timedelta(hours=1)))
    target = tmp_path / "out" / "requests.csv"
    target.parent.mkdir()
    target.write_text("as it was")
    broken = sorted(Path(lake_of(settings).path(find_table("requests"))).rglob("*.parquet"))[-1]
    broken.write_bytes(b"no parquet")
    with pytest.raises(ExportError, match=r"parsed/cloudfront/requests cannot be read .*; check WEIR_LAKE"):
        export_table(settings, "requests", target)
    assert [path.name for path in target.parent.iterdir()] == ["requests.csv"]
    assert target.read_text() == "as it was"


@pytest.mark.parametrize(
    ("table", "name", "start", "end", "sentence"),
    [
        (
            "request_score",
            "o.csv",
            None,
            None,
            r"no table 'request_score'; choose one of raw/cloudfront/objects, requests, .*, waf/plan, waf/audit, .*, cost_optimisation\.$",
        ),
        ("requests", "o.xlsx", None, None, r"none of the endings \.parquet, \.csv, \.jsonl; name it"),
        ("requests", "nowhere/o.csv", None, None, r"nowhere does not exist; create it"),
        (
            "requests",
            "o.csv",
            AT,
            AT,
            r"start 2026-11-20T14:00:00Z is not before the end 2026-11-20T14:00:00Z; correct",
        ),
        ("request_examples", "o.csv", AT, None, r"request_examples has no time column; leave out --start and --end"),
    ],
)
def test_what_cannot_be_exported_is_said_in_one_sentence(
    settings: Settings,
    tmp_path: Path,
    table: str,
    name: str,
    start: datetime | None,
    end: datetime | None,
    sentence: str,
) -> None:
    with pytest.raises(ExportError, match=sentence) as raised:
        export_table(settings, table, tmp_path / name, start, end)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.glob("o.*")) == []


def test_a_home_that_is_not_there_is_an_error_and_not_made(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "missing")
    with pytest.raises(ExportError, match=r"no home .*missing; run `weir demo` or `weir run edge`"):
        export_table(settings, "requests", tmp_path / "o.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_the_file_is_an_error(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(ExportError, match=r"out\.csv cannot be written \(Is a directory\)"):
        export_table(settings, "requests", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv.tmp").exists()


def test_export_and_explain_load_no_engine_until_they_are_used() -> None:
    heavy = ("pyarrow", "pandas", "pyspark", "deltalake", "dagster", "mlflow", "rich")
    code = f"import sys, platform_assets.outputs.table_files, platform_assets.domains.waf.explain.lookup; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_document_holds_every_table_and_column() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == tables_markdown(), "the contract has changed; run python tests/outputs/test_export.py"
    for table in tables().values():
        section = text.partition(f"\n## {short_names()[table.key]}\n")[2].partition("\n## ")[0]
        assert f"`{table.key}`" in section
        assert [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")][
            : len(table.columns)
        ] == list(table.column_names)


if __name__ == "__main__":
    DOCUMENT.write_text(tables_markdown(), encoding="utf-8")

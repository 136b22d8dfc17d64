"""Every layout that CloudFront has written: v1 in its historic lengths, v2 as w3c, JSON and Parquet, and files that are no log."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cloudfront_lines import ROW, RTMP_HEADER, RTMP_LINE, gzipped, header, line, log, many, parse

from spark_jobs.sources.cloudfront.layouts import (
    V1_FIELD_COUNTS,
    V1_FIELDS,
    LayoutError,
    headerless_fields,
    name_hour,
    normalized,
)
from spark_jobs.sources.cloudfront.log_object import LogObject, ParseOptions

AT = datetime(2026, 11, 20, 13, 5, 7, tzinfo=UTC)
V2_FIELDS = ["timestamp(ms)", "DistributionId", "c-ip", "cs-method", "cs-uri-stem", "sc-status", "asn", "c-country"]
V2_LINE = "1795179907250\tE2EXAMPLE\t2001:db8::7\tGET\t/a%20b\t404\t64496\tDE"


# --- text -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", V1_FIELD_COUNTS)
@pytest.mark.parametrize("between", [" ", "\t"])
def test_every_historic_layout_is_parsed_by_its_header(count: int, between: str) -> None:
    fields = V1_FIELDS[:count]
    outcome = parse(f"#Version: 1.0\n{header(fields, between)}\n{line(fields)}\n".encode())
    row = outcome.row
    assert (row["event_at"], row["client_ip"], row["method"], row["status"]) == (AT, "192.0.2.10", "GET", 200)
    assert row["host"] == ("www.example.com" if count >= 16 else "d111111abcdef8.cloudfront.net")
    assert row["time_taken_seconds"] == (0.012 if count >= 19 else None)
    assert row["content_length_bytes"] == (820 if count >= 31 else None)
    assert row["request_id"] == ("id-1==" if count >= 15 else "etag0:3")
    assert not outcome.rejected


@pytest.mark.parametrize("count", V1_FIELD_COUNTS)
def test_headerless_files_use_the_configured_layout(count: int) -> None:
    fields = V1_FIELDS[:count]
    data = (line(fields) + "\n").encode()
    assert parse(data).reasons == [(1, "no_fields_header")]
    by_count = parse(data, ParseOptions(headerless_fields=headerless_fields(str(count))))
    by_names = parse(data, ParseOptions(headerless_fields=headerless_fields(" ".join(fields))))
    assert by_count.rows == by_names.rows
    assert by_count.row["bytes_sent"] == 1045
    assert not by_count.rejected


def test_a_header_overrides_the_configured_layout() -> None:
    options = ParseOptions(headerless_fields=headerless_fields("12"))
    assert parse(log(line()), options).row["content_length_bytes"] == 820


@pytest.mark.parametrize("layout", ["13", "0", "date time c_port", "c-ip cs-method"])
def test_an_impossible_layout_is_refused_in_one_sentence(layout: str) -> None:
    with pytest.raises(LayoutError, match=r"^WEIR_HEADERLESS_LAYOUT[^\n]*\.$"):
        headerless_fields(layout)


def test_no_layout_is_no_layout() -> None:
    assert headerless_fields(" ") == ()


def test_reordered_and_unknown_fields_go_to_their_columns() -> None:
    fields = ["new-field", *reversed(V1_FIELDS), "cs-headers"]
    outcome = parse(log(line(fields), line(fields, x_edge_request_id="id-2=="), fields=fields))
    straight = parse(log(line(), line(x_edge_request_id="id-2==")))
    assert outcome.rows == straight.rows


def test_the_first_of_two_equal_fields_counts() -> None:
    fields = ["date", "time", "c-ip", "sc-status", "sc-status"]
    data = log("2026-11-20\t13:05:07\t192.0.2.1\t200\t404", fields=fields)
    assert parse(data).row["status"] == 200
    assert parse(data + b"odd\n").row["status"] == 200


def test_a_second_header_counts_from_there_on() -> None:
    short = ["c-ip", "time", "date", "sc-status"]
    data = log(line(), header(short), "192.0.2.9\t13:05:07\t2026-11-20\t503", header(), *many(1, 9))
    outcome = parse(data)
    assert outcome.line_numbers == [3, 5, 7]
    assert [row["status"] for row in outcome.rows] == [200, 503, 200]
    assert [row["request_id"] for row in outcome.rows] == ["id-1==", "etag0:5", "id-9=="]


def test_only_lines_before_the_header_are_rejected() -> None:
    outcome = parse((line() + "\n").encode() + log(*many(2)))
    assert outcome.reasons == [(1, "no_fields_header")]
    assert outcome.line_numbers == [4, 5]


@pytest.mark.parametrize("fields", [["date", "time", "cs-method"], ["date", "c-ip"], ["c-ip"]])
def test_an_unusable_header_rejects_its_lines(fields: list[str]) -> None:
    outcome = parse(log(line(fields), fields=fields))
    assert outcome.reasons == [(3, "unusable_header")]
    assert outcome.rejected[0].detail.startswith("The #Fields line cannot be used: it has no ")


def test_a_header_after_a_byte_order_mark_works() -> None:
    assert parse(b"\xef\xbb\xbf" + log(line()).replace(b"#Version: 1.0\n", b"")).line_numbers == [2]


def test_a_header_with_dashed_names_is_read() -> None:
    fields = [normalized(name).replace("_", "-") for name in V1_FIELDS]
    assert "cs-user-agent" in fields
    assert parse(log(line(), fields=fields)).row == parse(log(line())).row


def test_rtmp_lines_are_rejected_cleanly() -> None:
    outcome = parse(f"#Version: 1.0\n{RTMP_HEADER}\n{RTMP_LINE}\n{RTMP_LINE}\n{header()}\n{line()}\n".encode())
    assert outcome.reasons == [(3, "rtmp"), (4, "rtmp")]
    assert outcome.line_numbers == [6]


# --- v2 -------------------------------------------------------------------------------------------------------------------


def test_v2_w3c_with_chosen_fields_has_millisecond_times() -> None:
    row = parse(log(V2_LINE, fields=V2_FIELDS)).row
    assert row["event_at"] == AT
    assert (row["client_ip"], row["uri_path"], row["status"]) == ("2001:db8::7", "/a b", 404)
    assert row["uri_query"] is None


@pytest.mark.parametrize("text", ["1795179907", "1795179907.25", "1.79517990725e9"])
def test_a_timestamp_in_seconds_is_read(text: str) -> None:
    data = log(f"{text}\t192.0.2.1", fields=["timestamp", "c-ip"])
    assert parse(data).row["event_at"] == AT
    assert parse(data + b"odd\n").row["event_at"] == AT


@pytest.mark.parametrize("text", ["nan", "inf", "-", "x", "1e300", "-1", "99999999999999999999"])
def test_a_timestamp_that_is_none_is_rejected(text: str) -> None:
    good = "1795179907\t192.0.2.1"
    outcome = parse(log(good, f"{text}\t192.0.2.2", good, fields=["timestamp", "c-ip"]))
    assert [number for number, _ in outcome.reasons] == [4]
    assert outcome.reasons[0][1] in ("bad_time", "time_out_of_range")


def test_a_line_without_date_uses_its_timestamp() -> None:
    fields = ["date", "time", "timestamp(ms)", "c-ip"]
    data = log(*(f"{date}\t{time}\t1795179907000\t192.0.2.1" for date in ("2026-11-20", "-") for time in ("13:05:07", "-")), fields=fields)  # fmt: skip
    for outcome in (parse(data), parse(data + b"odd\n")):
        assert [row["event_at"] for row in outcome.rows] == [AT] * 4


def test_without_a_query_field_the_path_holds_it() -> None:
    fields = ["timestamp", "c-ip", "cs-uri-stem"]
    rows = ["/a?b=1%2520&c", "/a", "/a?", "/a%253Fb?c=%2541", "/%E2%82%AC?%E2%82%AC"]
    outcome = parse(log(*(f"1795179907\t192.0.2.1\t{text}" for text in rows), fields=fields))
    actual = [(row["uri_path"], row["uri_query"]) for row in outcome.rows]
    assert actual == [("/a", "b=1%20&c"), ("/a", None), ("/a", None), ("/a%3Fb", "c=%41"), ("/€", "€")]


def test_an_encoded_question_mark_stays_in_the_path() -> None:
    fields = ["timestamp", "c-ip", "cs-uri-stem"]
    row = parse(log("1795179907\t192.0.2.1\t/a%3Fb?c=1", fields=fields)).row
    assert (row["uri_path"], row["uri_query"]) == ("/a?b", "c=1")


def json_record(**changed: Any) -> dict[str, Any]:
    return {**ROW, **changed}


def json_log(*records: Any) -> bytes:
    return b"".join((r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in records)


NUMERIC = ("sc-bytes", "sc-status", "cs-bytes", "time-taken", "c-port", "time-to-first-byte", "sc-content-len")


def test_json_equals_the_same_row_as_text() -> None:
    as_numbers = {name: json.loads(ROW[name]) for name in NUMERIC}
    as_nulls = {name: None for name, value in ROW.items() if value == "-"}
    expected = parse(log(line())).row | {"line_number": 1}
    for record in (json_record(), json_record(**as_numbers), json_record(**as_nulls)):
        assert parse(json_log(record)).row == expected
        assert parse(gzipped(json_log(record))).row == expected


def test_json_names_are_read_with_underscores_too() -> None:
    record = {normalized(name): value for name, value in ROW.items()}
    assert parse(json_log(record)).row == parse(json_log(json_record())).row


@pytest.mark.parametrize("at", [{"timestamp(ms)": "1795179907000"}, {"timestamp(ms)": 1795179907000}, {"timestamp": 1795179907.0}, {"timestamp": "1795179907", "date": "2026-11-20"}])  # fmt: skip
def test_json_with_a_timestamp_needs_no_date(at: dict[str, Any]) -> None:
    assert parse(json_log({**at, "c-ip": "192.0.2.1"})).row["event_at"] == AT


def test_json_values_are_accepted_or_rejected_per_line() -> None:
    deep = b'{"c-ip":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    data = json_log(
        json_record(**{"time-taken": 0.00001}),
        b"{broken",
        b'["list"]',
        b"",
        json_record(**{"c-ip": None}),
        json_record(**{"cs(User-Agent)": "tab\there\nand\0there"}),
        json_record(**{"cs-uri-stem": "/a\tb\nc"}),
        json_record(**{"cs(User-Agent)": "\ud800"}),
        json_record(**{"sc-bytes": {"a": 1}}),
        b"   " + json.dumps(json_record()).encode() + b"\r",
        b'"\xff"',
        deep,
        b"{" + b"9" * 5000 + b"}",
        b'{"sc-bytes": ' + b"9" * 5000 + b"}",
        b" {broken \r",
        b" {} \r",
    )
    outcome = parse(data)
    assert outcome.line_numbers == [1, 7, 9, 10]
    assert outcome.rows[2]["bytes_sent"] is None
    assert outcome.rows[0]["time_taken_seconds"] == 0.00001
    assert outcome.rows[1]["uri_path"] == "/a\tb\nc"
    assert outcome.reasons == [
        (2, "bad_json"),
        (3, "bad_json"),
        (5, "bad_client_ip"),
        (6, "nul_byte"),
        (8, "invalid_utf8"),
        (11, "bad_json"),
        (12, "bad_json"),
        (13, "bad_json"),
        (14, "bad_json"),
        (15, "bad_json"),
        (16, "bad_time"),
    ]
    raw = {n: text.removesuffix(b"\r") for n, text in enumerate(data.split(b"\n"), 1)}
    for rejection in outcome.rejected:
        text = raw[rejection.line_number].decode("utf-8", "backslashreplace")
        assert rejection.raw_line == text[:8_192]
        assert rejection.line_bytes == len(raw[rejection.line_number])


def test_json_lines_keep_their_numbers_over_blocks() -> None:
    records = [json_record(**{"x-edge-request-id": f"id-{i}"}) if i % 7 else b"{}" for i in range(50)]
    whole = parse(json_log(*records))
    small = parse(gzipped(json_log(*records)), block_bytes=900)
    assert small.rows == whole.rows
    assert small.rejected == whole.rejected
    assert [n for n, _ in whole.reasons] == [i + 1 for i in range(0, 50, 7)]


def test_a_json_request_of_another_object_is_rejected() -> None:
    log_object = LogObject("raw/b", "e", excluded={2: ("duplicate_request_id", "It is there.")})
    records = [json_record(**{"x-edge-request-id": f"id-{i}"}) for i in range(3)]
    outcome = parse(json_log(*records), log_object=log_object)
    assert outcome.line_numbers == [1, 3]
    assert outcome.rejected[0].raw_line == json.dumps(records[1])


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, **options)
    return sink.getvalue()


def parquet_columns(rows: int = 1) -> dict[str, Any]:
    return {normalized(name): [value] * rows for name, value in ROW.items()}


def test_parquet_equals_the_same_row_as_text() -> None:
    expected = parse(log(line())).row | {"line_number": 1}
    typed = parquet_columns() | {normalized(name): [json.loads(ROW[name])] for name in NUMERIC}
    nulls = parquet_columns() | {normalized(n): pa.array([None], pa.string()) for n, v in ROW.items() if v == "-"}
    dated = parquet_columns() | {"date": [AT.date()], "time": pa.array([47_107], pa.time32("s"))}
    for columns in (parquet_columns(), typed, nulls, dated):
        assert parse(parquet(columns)).row == expected


def test_parquet_rows_are_numbered_across_row_groups() -> None:
    columns = parquet_columns(25_000)
    columns["x_edge_request_id"] = [f"id-{i}" for i in range(25_000)]
    columns["c_ip"][23_000] = "nowhere"
    outcome = parse(parquet(columns, row_group_size=7_000))
    assert outcome.reasons == [(23_001, "bad_client_ip")]
    assert outcome.lines_present == 25_000
    assert outcome.rows[-1]["request_id"] == f"id-{outcome.rows[-1]['line_number'] - 1}"


def test_parquet_of_another_kind_is_rejected() -> None:
    outcome = parse(parquet({"name": ["a"], "value": [1]}))
    assert outcome.reasons == [(0, "unusable_header")]
    assert outcome.rejected[0].detail.startswith("The Parquet schema cannot be used: it has no ")


@pytest.mark.parametrize("kept", [4, 100, 2_000, -4, -200])
def test_damaged_parquet_is_rejected_with_its_reason(kept: int) -> None:
    outcome = parse(parquet(parquet_columns(2000))[:kept])
    assert outcome.reasons == [(0, "corrupt_parquet")]


def test_parquet_with_duplicate_columns_never_ends_the_run() -> None:
    sink = io.BytesIO()
    names = [*parquet_columns(), "c_ip"]
    table = pa.Table.from_arrays([pa.array(v) for v in parquet_columns().values()] + [pa.array(["x"])], names=names)
    pq.write_table(table, sink)
    outcome = parse(sink.getvalue())
    assert outcome.requests.num_rows or outcome.rejected


# --- names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "hour"),
    [
        ("s3://logs/prefix/E2EXAMPLE.2026-11-20-13.a1b2c3d4.gz", "2026-11-20-13"),
        ("/raw/E2EXAMPLE.2026-11-20-00.a1b2c3d4", "2026-11-20-00"),
        ("2026-11-20-23.a1b2c3d4.gz", "2026-11-20-23"),
        ("s3://logs/2026-11-20-13.x/E2EXAMPLE.gz", None),
        ("/raw/E2EXAMPLE.2026-11-20-24.a1b2c3d4.gz", None),
        ("/raw/E2EXAMPLE.2026-13-20-10.a1b2c3d4.gz", None),
        ("/raw/E2EXAMPLE.2026-02-30-10.a1b2c3d4.gz", None),
        ("/raw/E2EXAMPLE.2026-11-20.gz", None),
        ("/raw/CF.gz", None),
    ],
)
def test_an_objects_name_holds_its_hour(name: str, hour: str | None) -> None:
    assert name_hour(name) == hour

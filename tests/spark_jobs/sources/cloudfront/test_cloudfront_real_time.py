"""Real-time logs: their fields in AWS's order, path and query apart, host and distribution right, standard logs first."""

from __future__ import annotations

import json

import pytest
from cloudfront_lines import line, log, parse

from spark_jobs.sources.cloudfront.duplicates import _rank
from spark_jobs.sources.cloudfront.layouts import REAL_TIME_FIELDS, LayoutError, headerless_fields
from spark_jobs.sources.cloudfront.log_object import ParseOptions
from spark_jobs.sources.cloudfront.stream import header

CHOSEN = ["timestamp", "c-ip", "sc-status", "cs-method", "cs-host", "cs-uri-stem", "x-edge-request-id", "x-host-header",
    "time-taken", "cs-user-agent", "cs-uri-query"]  # fmt: skip
VALUES = {"timestamp": "1795179907.250", "c-ip": "192.0.2.10", "sc-status": "200", "cs-method": "GET", "cs-host": "www.example.com",
    "cs-uri-stem": "/search?q=a%20b&n=1", "x-edge-request-id": "id-1==", "x-host-header": "d111111abcdef8.cloudfront.net",
    "time-taken": "0.012", "cs-user-agent": "curl/8.0", "cs-uri-query": "q=a%20b&n=1"}  # fmt: skip
EXPECTED = {"host": "www.example.com", "distribution_host": "d111111abcdef8.cloudfront.net", "uri_path": "/search",
    "uri_query": "q=a b&n=1", "client_ip": "192.0.2.10", "status": 200, "request_id": "id-1=="}  # fmt: skip


def record(names: list[str], **changed: str) -> bytes:
    return "\t".join({**VALUES, **changed}.get(name, "-") for name in names).encode() + b"\n"


def held(row: dict) -> dict:
    return {name: row[name] for name in EXPECTED}


@pytest.mark.parametrize("listed", [" ".join(CHOSEN), ", ".join(reversed(CHOSEN)), " ".join(sorted(CHOSEN))])
def test_chosen_fields_are_in_the_order_of_records(listed: str) -> None:
    options = ParseOptions(headerless_fields=headerless_fields(listed))
    outcome = parse(record(CHOSEN), options)
    assert held(outcome.row) == EXPECTED and not outcome.rejected


@pytest.mark.parametrize("name", ["realtime", "Real-Time"])
def test_all_fields_have_a_name(name: str) -> None:
    outcome = parse(record(REAL_TIME_FIELDS), ParseOptions(headerless_fields=headerless_fields(name)))
    assert held(outcome.row) == EXPECTED


def test_milliseconds_are_floored_as_standard_logs_do() -> None:
    options = ParseOptions(headerless_fields=headerless_fields(" ".join(CHOSEN)))
    moment = parse(record(CHOSEN, timestamp="1795179907.999"), options).row["event_at"]
    assert (moment.second, moment.microsecond) == (7, 0)


def test_a_query_in_the_path_alone_is_kept() -> None:
    names = [name for name in CHOSEN if name != "cs-uri-query"]
    row = parse(record(names), ParseOptions(headerless_fields=headerless_fields(" ".join(names)))).row
    assert held(row) == EXPECTED


def test_odd_lines_beside_do_not_change_a_record() -> None:
    options = ParseOptions(headerless_fields=headerless_fields(" ".join(CHOSEN)))
    outcome = parse(record(CHOSEN) + b"poison\n" + record(CHOSEN, **{"c-ip": "nobody"}), options)
    assert held(outcome.row) == EXPECTED
    assert outcome.reasons == [(2, "field_count"), (3, "bad_client_ip")]


def test_records_as_json_are_read_alike() -> None:
    outcome = parse((json.dumps(VALUES) + "\n").encode())
    assert held(outcome.row) == EXPECTED and not outcome.rejected


def test_a_record_in_a_log_event_is_read_alike() -> None:
    event = {"messageType": "DATA_MESSAGE", "logGroup": "g", "logStream": "s",
        "logEvents": [{"id": "1", "timestamp": 1795179907250, "message": record(CHOSEN).decode()}]}  # fmt: skip
    options = ParseOptions(headerless_fields=headerless_fields(" ".join(CHOSEN)))
    assert held(parse(json.dumps(event).encode(), options).row) == EXPECTED


def test_a_header_of_columns_keeps_them() -> None:
    """As landed objects have it: names that are mapped already."""
    fields = headerless_fields("realtime")
    header = f"#Fields: {' '.join(fields)}\n".encode()
    assert held(parse(header + record(REAL_TIME_FIELDS)).row) == EXPECTED


def test_a_field_without_a_place_is_refused() -> None:
    with pytest.raises(LayoutError, match=r"^WEIR_HEADERLESS_LAYOUT cannot be used: 'cs\(Host\)'[^\n]*\.$"):
        headerless_fields("timestamp c-ip cs(Host)")


def test_the_fields_of_a_stream_are_refused_by_their_own_name() -> None:
    for layout in ("", "timestamp c-ip nonsense", "13"):
        with pytest.raises(LayoutError, match=r"^WEIR_CLOUDFRONT_STREAM_FIELDS[^\n]*\.$"):
            header({"stream_fields": layout})
    assert header({"stream_fields": "c-ip, timestamp"}) == b"#Fields: timestamp c_ip\n"


def test_a_standard_log_keeps_its_hosts() -> None:
    row = parse(log(line())).row
    assert (row["host"], row["distribution_host"]) == ("www.example.com", "d111111abcdef8.cloudfront.net")


def test_of_a_request_in_both_logs_the_standard_one_is_kept() -> None:
    delivered, standard = "s3://logs/a/stream-1-2026-11-20-13-05-07-0f", "s3://logs/z/E1.2026-11-20-13.0f.gz"
    assert sorted([delivered, standard], key=lambda name: _rank(name, 1, set())) == [standard, delivered]
    assert sorted([delivered, standard], key=lambda name: _rank(name, 1, {delivered})) == [delivered, standard]

"""The outcome of one line, which depends neither on its neighbors nor on how the file is cut into blocks."""

from __future__ import annotations

import ipaddress
import random

import pytest
from cloudfront_lines import ROW, by_line, data_lines, gzipped, header, line, log, many, parse
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.sources.cloudfront.layouts import V1_FIELDS
from spark_jobs.sources.cloudfront.log_object import LogObject, ParseOptions
from spark_jobs.sources.cloudfront.values import canonical_address, decode_once
from spark_jobs.storage.objects import Limits

# --- whatever the mixture: the same lines are good, whichever way they take ----------------------------------------------

ODD_VALUES = {
    "sc-bytes": ["-", "", "0", "-1", "-0", "+5", "0x1F", " 12", "12 ", "1.0", "1e3", "nan", "9" * 18, "9" * 19, "0" * 30 + "7", "x"],
    "time-taken": ["-", "", "nan", "NaN", "inf", "-0.0", "-1.5", "+1", ".5", "5.", "1e-3", "1e400", "0x10", "1_0", "1" * 20, " 0.1", "x"],
    "sc-status": ["-", "", "000", "0", "7", "99", "0200", "304", "999", "1000", "-1", " 200", "2OO", "0xC8"],
    "c-port": ["-", "0", "65535", "65536", "0x50", "-1", " 80"],
    "date": ["-", "", "2026-11-20", "2026-02-30", "2026-13-01", "2026-1-2", "20261120", " 2026-11-20", "1999-01-01", "0001-01-01", "9999-12-31", "x"],
    "time": ["-", "", "23:59:59", "24:00:00", "13:05", "13:05:60", "13:05:07.5", "1:05:07", "13:05:07 ", "x"],
    "c-ip": ["-", "", "192.0.2.010", "192.0.2.256", "192.0.2.1 ", "2001:DB8:0:0:0:0:0:1", "::ffff:192.0.2.1", "fe80::1%eth0", "localhost", "192.0.2.1:80", "١.٢.٣.٤"],
    "cs(User-Agent)": ["-", "", "plain spaces (X11; Linux)", " leading", "Mozilla/5.0%2520(X11)", "lone % sign%", '"quoted', "%FF%FE", "naïve"],
    "cs-uri-stem": ["-", "", "/a%20b", "/%", "/%zz", '/"', "/\\", "/#x", "/%00", "/é"],
    "cs-uri-query": ["-", "", "a=1&b=%2520", "0x1F=0x1F", "a", "#"],
    "x-edge-request-id": ["-", "", "id%20x"],
    "cs(Cookie)": ["-", "", "a=b;%20c=d"],
    "fle-status": ["-", "", "Processed", "é"],
    "sc-range-end": ["-", "", "5"],
}  # fmt: skip


@st.composite
def odd_lines(draw: st.DrawFn) -> bytes:
    """A row that is good, or odd in up to two of its values, or broken in its shape."""
    values = dict(ROW) | {"x-edge-request-id": draw(st.sampled_from(["id-1==", "id-2==", "id-3=="]))}
    for name in draw(st.lists(st.sampled_from(sorted(ODD_VALUES)), max_size=2)):
        values[name] = draw(st.sampled_from(ODD_VALUES[name]))
    row = "\t".join(values.values()).encode()
    shape = draw(st.sampled_from(["whole"] * 12 + ["tab", "cut", "blank", "spaces", "text", "nul", "utf8", "utf8 unread", "cr", "comment", "vt"]))  # fmt: skip
    if shape == "tab":
        return row + b"\t"
    if shape == "cut":
        return row[: draw(st.integers(0, len(row)))]
    if shape == "nul":
        at = draw(st.integers(0, len(row)))
        return row[:at] + b"\0" + row[at:]
    return {
        "whole": row,
        "blank": b"",
        "spaces": b" \t ",
        "text": b"GET / HTTP/1.1",
        "utf8": row.replace(b"Mozilla", b"\xff\xfeMozilla"),
        "utf8 unread": row[:-1] + b"\xc3",
        "cr": row.replace(b"shop", b"sh\rop"),
        "comment": b"#Remark: 7",
        "vt": b"\x0b",
    }[shape]


@settings(max_examples=80, deadline=None)
@given(lines=st.lists(odd_lines(), max_size=12), block_bytes=st.sampled_from([50, 333, 1000, 4096]), last=st.booleans())
def test_block_and_single_line_parsing_agree(lines: list[bytes], block_bytes: int, last: bool) -> None:
    data = log(*lines, "#end" if not last else line())
    data = data.removesuffix(b"\n") if last else data
    whole = parse(data)
    cut_small = parse(gzipped(data), block_bytes=block_bytes)
    line_by_line = parse(data.replace(b"\n", b"\r\n"))
    assert by_line(cut_small).equals(by_line(whole))
    assert by_line(line_by_line).equals(by_line(whole))
    assert cut_small.rejected == whole.rejected
    assert line_by_line.rejected == whole.rejected
    present = data_lines(data)
    assert whole.lines_present == len(present)
    assert {r.line_number for r in whole.rejected} | set(whole.line_numbers) == set(present)
    for rejection in whole.rejected:
        raw = present[rejection.line_number]
        assert rejection.raw_line == raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
        assert rejection.line_bytes == len(raw)


@settings(max_examples=60, deadline=None)
@given(st.lists(odd_lines(), min_size=2, max_size=8))
def test_neighbors_do_not_change_a_lines_outcome(lines: list[bytes]) -> None:
    together = parse(log(*lines))
    rejected = {r.line_number: r.reason for r in together.rejected}
    for number, alone in enumerate(lines, 3):
        single = parse(log(alone))
        assert [reason for _, reason in single.reasons] == ([rejected[number]] if number in rejected else [])
        assert single.requests.num_rows == together.line_numbers.count(number)


ODD_LINES = (
    "odd",
    "",
    " ",
    line() + "\t",
    line()[:50],
    line(c_ip="-"),
    line(sc_bytes="0x1F"),
    line(sc_bytes="many"),
    line(time_taken="nan"),
    line(date="1999-01-01"),
    line(time="24:00:00"),
    line(cs_uri_stem="/a\rb"),
    line(cs_uri_stem="/a\0b"),
    line().encode() + b"\xff",
)


@pytest.mark.parametrize("share", [0.0, 0.002, 0.02, 0.3, 1.0])
@pytest.mark.parametrize("excluded", [{}, dict.fromkeys((3, 700, 701, 1502), ("duplicate_request_id", "It is there."))])
def test_odd_lines_in_large_blocks_keep_their_reasons(share: float, excluded: dict) -> None:
    draw = random.Random(share)
    lines = [draw.choice(ODD_LINES) if draw.random() < share else row for row in many(1500)]
    reasons = {odd: parse(log(odd)).reasons for odd in ODD_LINES}
    data = log(*lines)
    present = data_lines(data)
    expected = [(n, excluded[n][0]) for n in excluded if n in present]
    expected += [
        (n, reason) for n, odd in enumerate(lines, 3) for _, reason in reasons.get(odd, []) if n not in excluded
    ]
    whole = parse(data, log_object=LogObject("raw/a.gz", "e", excluded=excluded))
    assert sorted(whole.reasons) == sorted(expected)
    assert sorted(whole.line_numbers) == sorted(set(present) - {n for n, _ in expected})
    for rejection in whole.rejected:
        assert rejection.line_bytes == len(present[rejection.line_number].removesuffix(b"\r"))
    ids = dict(zip(whole.line_numbers, whole.requests["request_id"].to_pylist(), strict=True))
    rows = many(1500)
    assert all(request_id == f"id-{n - 3}==" for n, request_id in ids.items() if lines[n - 3] == rows[n - 3])
    line_by_line = parse(data.replace(b"\n", b"\r\n"), log_object=LogObject("raw/a.gz", "e", excluded=excluded))
    assert by_line(line_by_line).equals(by_line(whole))
    assert line_by_line.rejected == whole.rejected


@settings(max_examples=60, deadline=None)
@given(
    layouts=st.lists(st.lists(st.sampled_from(V1_FIELDS), unique=True, min_size=1), min_size=1, max_size=3),
    block_bytes=st.sampled_from([50, 500, 5000]),
)
def test_headers_in_the_middle_apply_across_blocks(layouts: list[list[str]], block_bytes: int) -> None:
    data = b"\n".join(
        f"{header(fields)}\n{line(fields)}\n{line(fields, c_ip='2001:db8::7') if 'c-ip' in fields else line(fields)}".encode()
        for fields in layouts
    )
    whole = parse(data)
    cut_small = parse(gzipped(data), block_bytes=block_bytes)
    assert by_line(cut_small).equals(by_line(whole))
    assert cut_small.rejected == whole.rejected
    usable = sum({"date", "time", "c-ip"} <= set(fields) for fields in layouts)
    assert whole.requests.num_rows == 2 * usable
    assert {r.reason for r in whole.rejected} <= {"unusable_header"}


# --- good lines -----------------------------------------------------------------------------------------------------------


def test_a_good_line_becomes_a_typed_request() -> None:
    row = parse(log(line())).row
    assert row["event_at"].isoformat() == "2026-11-20T13:05:07+00:00"
    del row["event_at"]
    cookie = row.pop("cookie_hash")
    assert cookie and "abc" not in cookie
    assert row.pop("cookie_shape") is None and row.pop("unlogged") is None
    assert row == {
        "request_id": "id-1==",
        "client_ip": "192.0.2.10",
        "method": "GET",
        "host": "www.example.com",
        "uri_path": "/shop/item.html",
        "uri_query": "id=7&ref=mail",
        "status": 200,
        "user_agent": "Mozilla/5.0 (X11; Linux)",
        "referer": "https://www.example.com/",
        "bytes_sent": 1045,
        "time_taken_seconds": 0.012,
        "source_object": "raw/a.gz",
        "line_number": 3,
        "bytes_received": 310,
        "distribution_host": "d111111abcdef8.cloudfront.net",
        "edge_location": "FRA56-P1",
        "edge_result": "Hit",
        "edge_response_result": "Hit",
        "edge_detailed_result": "Hit",
        "protocol": "https",
        "protocol_version": "HTTP/2.0",
        "tls_protocol": "TLSv1.3",
        "tls_cipher": "TLS_AES_128_GCM_SHA256",
        "forwarded_for": None,
        "client_port": 51000,
        "time_to_first_byte_seconds": 0.011,
        "content_type": "text/html",
        "content_length_bytes": 820,
    }


@pytest.mark.parametrize(
    ("changed", "column", "value"),
    [
        ({"sc_status": "000"}, "status", 0),
        ({"sc_status": "-"}, "status", None),
        ({"sc_bytes": "6442450944"}, "bytes_sent", 6_442_450_944),
        ({"sc_bytes": "-"}, "bytes_sent", None),
        ({"cs_bytes": "-"}, "bytes_received", None),
        ({"time_taken": "-"}, "time_taken_seconds", None),
        ({"time_to_first_byte": "-"}, "time_to_first_byte_seconds", None),
        ({"c_port": "-"}, "client_port", None),
        ({"sc_content_len": "-"}, "content_length_bytes", None),
        ({"cs_user_agent": "-"}, "user_agent", None),
        ({"cs_referer": "-"}, "referer", None),
        ({"cs_uri_query": "-"}, "uri_query", None),
        ({"cs_cookie": "-"}, "cookie_hash", None),
        ({"x_host_header": "-"}, "host", "d111111abcdef8.cloudfront.net"),
        ({"c_ip": "2001:DB8:0:0:0:0:0:1"}, "client_ip", "2001:db8::1"),
        ({"c_ip": "2001:0db8:0000:0001:0000:0000:0000:0000"}, "client_ip", "2001:db8:0:1::"),
        ({"cs_uri_stem": "/a%20b%2Fc"}, "uri_path", "/a b/c"),
        ({"cs_uri_stem": "/100%"}, "uri_path", "/100%"),
        ({"cs_uri_stem": "/%zz%4"}, "uri_path", "/%zz%4"),
        ({"cs_uri_stem": "/%C3%A9%FF"}, "uri_path", "/é%FF"),
        ({"cs_uri_stem": "/%252e%252e/"}, "uri_path", "/%2e%2e/"),
        ({"cs_uri_query": "q=%2527"}, "uri_query", "q=%27"),
        ({"cs_user_agent": "Mozilla/5.0%2520(X11;%2520Linux)"}, "user_agent", "Mozilla/5.0%20(X11;%20Linux)"),
        ({"cs_user_agent": "Mozilla/5.0 (X11; Linux)"}, "user_agent", "Mozilla/5.0 (X11; Linux)"),
        ({"cs_user_agent": '"quoted'}, "user_agent", '"quoted'),
        ({"x_forwarded_for": "localhost:8080,%20198.51.100.1"}, "forwarded_for", "localhost:8080, 198.51.100.1"),
    ],
)  # fmt: skip
def test_a_value_is_read_as_the_documentation_says(changed: dict[str, str], column: str, value: object) -> None:
    # Fast and line by line (the text line makes its block odd).
    assert parse(log(line(**changed))).row[column] == value
    assert parse(log(line(**changed), "odd")).row[column] == value


def test_a_trailing_tab_is_forgiven() -> None:
    outcome = parse(log(line() + "\t", line(x_edge_request_id="id-2==")))
    assert outcome.requests.num_rows == 2
    assert not outcome.rejected


def test_crlf_is_forgiven() -> None:
    outcome = parse(log(*many(3), end="\r\n"))
    assert outcome.line_numbers == [3, 4, 5]
    assert outcome.rows[0]["content_length_bytes"] == 820
    assert not outcome.rejected


def test_the_last_line_needs_no_newline() -> None:
    assert parse(log(*many(3)).removesuffix(b"\n")).line_numbers == [3, 4, 5]


def test_blank_lines_are_numbered_but_not_data() -> None:
    outcome = parse(log("", line(), "", "  ", line(x_edge_request_id="id-2==")))
    assert outcome.line_numbers == [4, 7]
    assert outcome.lines_present == 2


# --- rejected lines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (line()[:40], "field_count"),
        (line() + "\tmore\tstill", "field_count"),
        ("GET / HTTP/1.1", "field_count"),
        (line(date="2026-13-01"), "bad_time"),
        (line(date="2026-02-29"), "bad_time"),
        (line(date="-"), "bad_time"),
        (line(time="24:00:00"), "bad_time"),
        (line(date="2007-12-31"), "time_out_of_range"),
        (line(date="2100-01-02"), "time_out_of_range"),
        (line(date="x" + "é" * 40), "bad_time"),
        (line(c_ip="-"), "bad_client_ip"),
        (line(c_ip="x" + "é" * 40), "bad_client_ip"),
        (line(c_ip="192.0.2.256"), "bad_client_ip"),
        (line(c_ip="fe80::1%25eth0"), "bad_client_ip"),
        (line(c_ip="fe80::1%eth0"), "bad_client_ip"),
        (line(sc_status="2OO"), "bad_number"),
        (line(sc_bytes="many", time_taken="nan", c_port="65536"), "bad_number"),
        (line(cs_uri_stem="/a\0b"), "nul_byte"),
        (line(cs_uri_stem="/a\rb"), "control_character"),
        (line().encode().replace(b"shop", b"sh\xffop"), "invalid_utf8"),
        (line().encode()[:-1] + b"\xff", "invalid_utf8"),
        (b"\xff\xfe\xfd", "invalid_utf8"),
    ],
)
def test_an_odd_line_is_rejected_with_its_reason(odd: str | bytes, reason: str) -> None:
    raw = odd if isinstance(odd, bytes) else odd.encode()
    alone = parse(log(raw))
    assert alone.reasons == [(3, reason)]
    among = parse(log(*many(5), raw, *many(5, start=5)))
    assert among.reasons == [(8, reason)]
    assert among.requests.num_rows == 10
    (rejection,) = among.rejected
    assert rejection.raw_line == raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    assert rejection.line_bytes == len(raw)
    assert rejection.detail.endswith(".")


@pytest.mark.parametrize(
    ("field", "value", "column", "kept"),
    [
        ("sc_bytes", "many", "bytes_sent", None),
        ("sc_bytes", "-5", "bytes_sent", None),
        ("sc_bytes", "x" + "é" * 40, "bytes_sent", None),
        ("sc_bytes", "870.0", "bytes_sent", 870),
        ("sc_content_len", "870.5", "content_length_bytes", None),
        ("time_taken", "nan", "time_taken_seconds", None),
        ("time_taken", "inf", "time_taken_seconds", None),
        ("c_port", "65536", "client_port", None),
    ],
)
def test_an_odd_secondary_number_leaves_the_rest(field: str, value: str, column: str, kept: int | None) -> None:
    odd = line(**{field: value, "x_edge_request_id": "odd"})
    outcome = parse(log(*many(5), odd, *many(5, start=5)))
    assert not outcome.rejected and outcome.requests.num_rows == 11
    (row,) = [row for row in outcome.rows if row["request_id"] == "odd"]
    assert row[column] == kept
    assert row == {**parse(log(*many(5), odd)).rows[-1], column: kept}


def test_the_bounds_of_time_come_from_the_options() -> None:
    options = ParseOptions(earliest_event=1_795_179_906, latest_event=1_795_179_907)
    rows = [line(time=f"13:05:0{second}", x_edge_request_id=f"id-{second}") for second in (5, 6, 7, 8)]
    outcome = parse(log(*rows), options)
    assert outcome.line_numbers == [4, 5]
    assert outcome.reasons == [(3, "time_out_of_range"), (6, "time_out_of_range")]


def test_a_long_raw_line_is_cut() -> None:
    long = "é" * 20_000
    (rejection,) = parse(log(long)).rejected
    assert rejection.raw_line == "é" * 8_192
    assert rejection.line_bytes == 40_000


def test_a_nine_megabyte_line_is_rejected_alone() -> None:
    giant = line(cs_uri_stem="/" + "a" * 9_000_000)
    for block_bytes in (0, 50_000):
        outcome = parse(gzipped(log(*many(3), giant, *many(3, start=3)), 1), block_bytes=block_bytes)
        assert outcome.line_numbers == [3, 4, 5, 7, 8, 9]
        assert outcome.reasons == [(6, "line_too_long")]
        (rejection,) = outcome.rejected
        assert rejection.line_bytes == len(giant)
        assert giant.startswith(rejection.raw_line) and len(rejection.raw_line) == 8_192


@pytest.mark.parametrize("block_bytes", [13, 64, 1000])
def test_overlong_lines_are_found_wherever_the_blocks_end(block_bytes: int) -> None:
    options = ParseOptions(limits=Limits(max_line_bytes=600))
    rows = [line(x_edge_request_id=f"i{i}", cs_uri_stem="/" + "a" * (i * 53 % 500)) for i in range(60)]
    data = log(*rows)
    long = [n for n, text in data_lines(data).items() if len(text) > 600]
    outcome = parse(gzipped(data), options, block_bytes=block_bytes)
    assert 5 < len(long) < 55
    assert outcome.reasons == [(n, "line_too_long") for n in long]
    assert [r.line_bytes for r in outcome.rejected] == [len(data_lines(data)[n]) for n in long]


def test_excluded_lines_carry_the_given_reason() -> None:
    log_object = LogObject("raw/b.gz", "e", excluded={4: ("duplicate_request_id", "It is there already.")})
    for extra in ([], ["odd"]):
        outcome = parse(log(*many(3), *extra), log_object=log_object)
        assert outcome.line_numbers == [3, 5]
        assert outcome.reasons[0] == (4, "duplicate_request_id")
        assert outcome.rejected[0].raw_line == many(3)[1]


def test_a_duplicate_object_is_rejected_line_by_line() -> None:
    log_object = LogObject("raw/b.gz", "e", excluded_whole=("duplicate_request_id", "It is there already."))
    outcome = parse(log(*many(3)), log_object=log_object)
    assert outcome.reasons == [(n, "duplicate_request_id") for n in (3, 4, 5)]


# --- request ids, personal data ---------------------------------------------------------------------------------------


def test_missing_request_ids_become_etag_and_line() -> None:
    fields = [name for name in V1_FIELDS if name != "x-edge-request-id"]
    outcome = parse(log(line(fields), line(fields), fields=fields), log_object=LogObject("raw/a.gz", "e7"))
    assert [row["request_id"] for row in outcome.rows] == ["e7:3", "e7:4"]
    outcome = parse(log(line(), line(x_edge_request_id="-"), "odd"), log_object=LogObject("raw/a.gz", "e7"))
    assert [row["request_id"] for row in outcome.rows] == ["id-1==", "e7:4"]


def test_a_cookie_is_hashed_with_the_key() -> None:
    def cookie(key: str, text: str = "session=abc") -> str:
        return parse(log(line(cs_cookie=text)), ParseOptions(hash_key=key)).row["cookie_hash"]

    assert cookie("k1") == cookie("k1")
    assert len({cookie("k1"), cookie("k2"), cookie(""), cookie("k1", "session=abd")}) == 4
    assert "abc" not in cookie("k1")


def test_a_cookie_is_kept_or_dropped_by_setting() -> None:
    assert parse(log(line()), ParseOptions(cookies="keep")).row["cookie_hash"] == "session=abc"
    assert parse(log(line()), ParseOptions(cookies="drop")).row["cookie_hash"] is None


def test_query_values_are_hashed_by_setting() -> None:
    options = ParseOptions(hash_query_values=True, hash_key="k")
    query = parse(log(line(cs_uri_query="email=a%40b.c&page=2&flag&empty=&email=a%40b.c")), options).row["uri_query"]
    parts = query.split("&")
    assert [part.partition("=")[0] for part in parts] == ["email", "page", "flag", "empty", "email"]
    assert parts[0] == parts[4] != parts[1]
    assert parts[2:4] == ["flag", "empty="]
    assert "a@b" not in query and "a%40b" not in query


# --- the parts ------------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=30))
def test_decoding_once_undoes_one_encoding_of_utf8(data: bytes) -> None:
    encoded = "".join(f"%{byte:02X}" for byte in data)
    try:
        assert decode_once(encoded) == data.decode()
    except UnicodeDecodeError:
        assert decode_once(decode_once(encoded)) == decode_once(encoded), "what is no UTF-8 stays encoded"


@given(st.text(max_size=40))
def test_decoding_never_fails(text: str) -> None:
    decode_once(text).encode()


@given(st.integers(0, 2**128 - 1))
def test_ipv6_spellings_share_one_canonical_text(number: int) -> None:
    address = ipaddress.IPv6Address(number)
    spellings = {str(address), address.exploded, address.exploded.upper()}
    assert {canonical_address(text) for text in spellings} == {str(address.ipv4_mapped or address)}


def test_ipv4_that_is_written_as_ipv6_is_ipv4() -> None:
    assert {canonical_address(text) for text in ("::ffff:1.2.3.4", "::FFFF:102:304", "1.2.3.4")} == {"1.2.3.4"}


@pytest.mark.parametrize("text", ["", "-", "1.2.3", "1.2.3.4/32", "01.2.3.4", "fe80::1%1", "::1 ", "1", "host"])
def test_what_is_no_address_has_no_canonical_text(text: str) -> None:
    assert canonical_address(text) is None

"""Objects that are damaged as a whole or in their compression: readable lines are kept, the rest has a reason."""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import subprocess
import sys
import zipfile
import zlib
from itertools import pairwise
from pathlib import Path

import pytest
from cloudfront_lines import Outcome, data_lines, gzipped, header, line, log, many, parse

from spark_jobs.sources.cloudfront.layouts import headerless_fields
from spark_jobs.sources.cloudfront.log_object import LogObject, ParseOptions
from spark_jobs.storage.objects import Limits


def noisy_log(rows: int, seed: int = 1) -> bytes:
    """Rows that hardly compress, so that a cut in the compressed bytes is a cut in the rows."""
    draw = random.Random(seed)
    return log(*(line(x_edge_request_id=f"{draw.getrandbits(320):x}") for _ in range(rows)))


def check_beginning(outcome: Outcome, data: bytes, reason: str) -> None:
    """Everything up to some line is there, and that it ends there has its one reason: the line cut, or the object."""
    present = data_lines(data)
    count = outcome.requests.num_rows
    assert outcome.line_numbers == list(present)[:count]
    ((number, actual),) = outcome.reasons
    assert actual == reason
    if number:
        assert number == list(present)[count]
        assert present[number].startswith(outcome.rejected[0].raw_line.encode())


# --- truncated ------------------------------------------------------------------------------------------------------------


def test_a_cut_gzip_keeps_lines_before_the_cut() -> None:
    data = noisy_log(6)
    stored = gzipped(data)
    counts = set()
    for kept in range(1, len(stored)):
        outcome = parse(stored[:kept])
        if kept == 1:
            # A single byte is no gzip yet; it is text of another kind.
            assert outcome.reasons == [(0, "not_a_log")]
            continue
        check_beginning(outcome, data, "truncated_gzip")
        counts.add(outcome.requests.num_rows)
    assert counts >= set(range(1, 6)), "the cuts went through all the lines"


@pytest.mark.parametrize("block_bytes", [1, 10, 100, 1000])
def test_block_bounds_do_not_change_a_cut_gzip(block_bytes: int) -> None:
    stored = gzipped(noisy_log(8))
    for kept in range(12, len(stored), 37):
        whole, small = parse(stored[:kept]), parse(stored[:kept], block_bytes=block_bytes)
        assert small.line_numbers == whole.line_numbers
        assert [r.reason for r in small.rejected] == [r.reason for r in whole.rejected]


def test_a_gzip_cut_within_its_header_is_truncated() -> None:
    stored = zlib.compressobj(6, wbits=31)
    begun = stored.compress(b"#Version: 1.0\n#Fields: date ti") + stored.flush(zlib.Z_FULL_FLUSH)
    assert parse(begun).reasons == [(0, "truncated_gzip")]
    begun = gzip.compress(b"#Version: 1.0\n")[:-8]
    assert parse(begun).reasons == [(0, "truncated_gzip")]


def test_a_cut_after_a_line_rejects_the_object() -> None:
    stored = zlib.compressobj(6, wbits=31)
    begun = stored.compress(log(*many(5))) + stored.flush(zlib.Z_FULL_FLUSH)
    outcome = parse(begun)
    assert outcome.requests.num_rows == 5
    assert outcome.reasons == [(0, "truncated_gzip")]


def test_a_cut_text_record_has_too_few_fields() -> None:
    assert parse(log(*many(3))[:-150]).reasons == [(5, "field_count")]


# --- damaged --------------------------------------------------------------------------------------------------------------


def test_a_damaged_gzip_always_has_a_reason() -> None:
    data = noisy_log(30)
    stored = gzipped(data)
    draw = random.Random(5)
    for _ in range(150):
        at = draw.randrange(10, len(stored))
        damaged = stored[:at] + bytes([stored[at] ^ (1 << draw.randrange(8))]) + stored[at + 1 :]
        outcome = parse(damaged)
        assert outcome.rejected, "a flipped bit is noticed, at the latest by the checksum"
        assert {r.reason for r in outcome.rejected} & {"corrupt_gzip", "truncated_gzip", "trailing_garbage"}


def test_a_wrong_checksum_or_length_is_noticed() -> None:
    stored = gzipped(log(*many(3)))
    assert parse(stored[:-8] + b"\0\0\0\0" + stored[-4:]).reasons[-1] == (0, "corrupt_gzip")
    assert parse(stored[:-4] + struct.pack("<I", 7)).reasons[-1] == (0, "corrupt_gzip")


def test_lines_before_damage_are_read() -> None:
    data = noisy_log(400)
    stored = gzipped(data)
    damaged = stored[: len(stored) // 2] + b"\xff" * 200 + stored[len(stored) // 2 + 200 :]
    outcome = parse(damaged, block_bytes=1000)
    assert 100 < outcome.requests.num_rows < 300
    assert outcome.reasons[-1][1] == "corrupt_gzip"


# --- members --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block_bytes", [0, 10, 5000])
def test_gzip_members_may_split_a_line(block_bytes: int) -> None:
    data = noisy_log(40)
    cuts = [0, 5, 900, 900, 1300, 6000, len(data)]
    stored = b"".join(gzipped(data[a:b]) for a, b in pairwise(cuts))
    outcome = parse(stored, block_bytes=block_bytes)
    assert outcome.line_numbers == list(range(3, 43))
    assert not outcome.rejected


def test_a_second_member_may_bring_its_own_header() -> None:
    outcome = parse(gzipped(log(*many(2))) + gzipped(log(*many(2, 2))))
    assert outcome.line_numbers == [3, 4, 7, 8]


@pytest.mark.parametrize("zeros", [1, 600, 3_000_000])
def test_zeros_after_a_member_are_padding(zeros: int) -> None:
    stored = gzipped(log(*many(2)))
    assert parse(stored + b"\0" * zeros).reasons == []
    followed = parse(stored + b"\0" * zeros + gzipped(log(*many(2, 2))))
    assert followed.line_numbers == [3, 4, 7, 8]
    assert not followed.rejected


@pytest.mark.parametrize("garbage", [b"\x1f", b"garbage", b"\0\0garbage", log(line())])
def test_trailing_garbage_is_reported_and_lines_kept(garbage: bytes) -> None:
    outcome = parse(gzipped(log(*many(3))) + garbage)
    assert outcome.line_numbers == [3, 4, 5]
    assert outcome.reasons in ([(0, "trailing_garbage")], [(0, "truncated_gzip")])


def test_a_last_line_before_garbage_is_kept() -> None:
    outcome = parse(gzipped(log(*many(3)).removesuffix(b"\n")) + b"garbage")
    assert outcome.line_numbers == [3, 4, 5]
    assert outcome.reasons == [(0, "trailing_garbage")]


# --- without lines, or of another kind ---------------------------------------------------------------------------------------


def test_header_only_is_no_line_and_no_rejection() -> None:
    for data in (log(), log().removesuffix(b"\n"), log(end="\r\n")):
        for stored in (data, gzipped(data)):
            outcome = parse(stored)
            assert (outcome.lines_present, outcome.rejected) == (0, [])


@pytest.mark.parametrize("data", [b"", gzipped(b"")])
def test_an_empty_object_is_told(data: bytes) -> None:
    assert parse(data).reasons == [(0, "empty_object")]


def zip_file() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("a.log", log(line()))
    return sink.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 40,
        b"\x7fELF\x02\x01\x01\0" * 300,
        zip_file(),
        "#Fields: date time".encode("utf-16"),
        gzipped(bytes(10_000)),
    ],
    ids=["png", "elf", "zip", "utf-16", "zeros"],
)
def test_foreign_binary_data_is_rejected_as_a_whole(data: bytes) -> None:
    assert parse(data).reasons == [(0, "not_a_log")]


def test_binary_data_without_nul_is_one_rejection() -> None:
    data = bytes(b for b in random.Random(1).randbytes(20_000) if b) + b"\n"
    assert parse(b"x" + data).reasons == [(0, "not_a_log")]


@pytest.mark.parametrize(
    "text",
    [
        "The quick brown fox\njumps\n\nover\n",
        '127.0.0.1 - - [20/Nov/2026:13:05:07 +0000] "GET / HTTP/1.1" 200 7\n' * 3,
        "a,b,c\n1,2,3\n",
        "<html>\n<body>\n",
        "---\nkey: value\n",
        "[1,\n2]\n",
    ],
)
def test_foreign_text_is_one_rejection_and_no_line(text: str) -> None:
    outcome = parse(text.encode())
    assert outcome.reasons == [(0, "not_a_log")]
    assert outcome.lines_present == 0


def test_foreign_text_with_layout_is_rejected_by_line() -> None:
    outcome = parse(b"The quick brown fox\n" * 3, ParseOptions(headerless_fields=headerless_fields("33")))
    assert outcome.reasons == [(n, "field_count") for n in (1, 2, 3)]


@pytest.mark.parametrize("before", [b"", b"{}\n"])
def test_a_nul_byte_in_json_rejects_one_line(before: bytes) -> None:
    good = b'{"timestamp": 1795179907, "c-ip": "192.0.2.1"}\n'
    outcome = parse(before + good + b'{"c-ip": "\0"}\n' + good)
    assert outcome.requests.num_rows == 2


# --- size -------------------------------------------------------------------------------------------------------------


def test_reading_stops_at_the_size_allowed() -> None:
    data = log(*many(3000))
    for stored in (data * 8, gzipped(data * 8)):
        outcome = parse(stored, ParseOptions(limits=Limits(max_object_bytes=2_000_000, block_bytes=100_000)))
        assert 0 < outcome.requests.num_rows <= 2_000_000 // len(line())
        assert outcome.reasons[-1][1] == "object_too_large"


MEMORY = """
import json, re, sys
from spark_jobs.sources.cloudfront.log_object import LogObject, ParseOptions
from spark_jobs.sources.cloudfront.parse import ObjectParser

def read(stream):
    parser = ObjectParser(LogObject("a", "e"), stream, ParseOptions())
    last, rows = None, 0
    for part in parser:
        rows += part.requests.num_rows if part.requests is not None else 0
        last = part.rejected[-1].reason if part.rejected else last
    return rows, parser.lines_present, last

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) >> 10

warm, *paths = sys.argv[1:]
with open(warm, "rb") as stream:
    read(stream)
before, found = peak(), []
for path in paths:
    with open(path, "rb") as stream:
        found.append([*read(stream), peak() - before])
print(json.dumps(found))
"""


def expanding(piece: bytes) -> bytes:
    produced = zlib.compressobj(6, wbits=31)
    return b"".join(
        [produced.compress(log()), *(produced.compress(piece * (1 << 20)) for _ in range(120)), produced.flush()]
    )


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak memory of a process is read from /proc")
def test_huge_and_hopeless_objects_need_bounded_memory(tmp_path: Path) -> None:
    objects: dict[str, tuple[bytes, list]] = {
        "one line": (expanding(b"a"), [0, 1, "expands_too_much"]),
        "comment": (expanding(b"#"), [0, 0, "expands_too_much"]),
        "blank lines": (expanding(b"\n"), [0, 0, "expands_too_much"]),
        "large": (gzip.compress(log() + "\n".join(many(2000) * 150).encode(), 1), [300_000, 300_000, None]),
        "odd lines": (log() + b"xyz\n" * 100_000, [0, 100_000, "field_count"]),
        "text": (b"x\n" * 400_000, [0, 0, "not_a_log"]),
    }
    (tmp_path / "warm").write_bytes(log(*many(12_000)))
    for name, (data, _) in objects.items():
        (tmp_path / name).write_bytes(data)
    command = [sys.executable, "-c", MEMORY, *(str(tmp_path / name) for name in ("warm", *objects))]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    actual = dict(zip(objects, json.loads(finished.stdout), strict=True))
    assert {name: figures[:3] for name, figures in actual.items()} == {
        name: want for name, (_, want) in objects.items()
    }
    assert max(megabytes for *_, megabytes in actual.values()) < 100, actual


def test_an_objects_rejection_holds_its_size() -> None:
    (rejection,) = parse(b"", log_object=LogObject("a", "e", 77)).rejected
    assert rejection.line_bytes == 77
    assert rejection.line_number == 0


def test_a_header_of_nothing_but_names_is_enough() -> None:
    assert parse(f"{header()}\n{line()}".encode()).line_numbers == [2]

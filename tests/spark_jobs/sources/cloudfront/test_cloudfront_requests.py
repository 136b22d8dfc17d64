"""Objects -> parsed tables on the embedded engine: every line is accounted for, with damaged, late and repeated objects and killed runs."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cloudfront_lines import RTMP_HEADER, RTMP_LINE, gzipped, line, log, many
from cloudfront_world import PARSED, World

from spark_jobs.incremental import ledger
from spark_jobs.sources.cloudfront import hashing
from spark_jobs.sources.cloudfront.layouts import V1_FIELDS, name_hour
from spark_jobs.sources.cloudfront.log_object import ParseOptions
from spark_jobs.sources.cloudfront.requests import observed_hours
from spark_jobs.sources.cloudfront.tables import OBJECT_COUNTS, OBJECTS, REJECTED_LINES, REQUESTS

pytestmark = pytest.mark.slow
H12, H13, H14, H15 = (f"2026-11-20-{hour}" for hour in (12, 13, 14, 15))


def name(hour: str, unique: str) -> str:
    return f"E2EXAMPLE.{hour}.{unique}.gz"


def rows(count: int, hour: int, prefix: str = "") -> list[str]:
    """Good rows with ids of their own in one hour."""
    return [
        line(x_edge_request_id=f"{prefix}{hour}-{i}", time=f"{hour}:{i % 60:02}:07", c_ip=f"192.0.2.{i % 9}")
        for i in range(count)
    ]


def test_every_line_of_mixed_files_is_accounted_for(world: World) -> None:
    good = rows(40, 13)
    world.put(name(H13, "good"), gzipped(log(*good)))
    world.put(name(H13, "odd"), gzipped(log(*rows(5, 13, "o"), "odd", line(c_ip="-"), b"\xff", line(time="9"))))
    world.put(name(H13, "copy"), gzipped(log(*good), 1))
    world.put(name(H14, "cut"), gzipped(log(*rows(300, 14, "cut")))[:700])
    world.put(name(H14, "empty"), b"")
    world.put(name(H14, "header"), gzipped(log()))
    world.put(name(H14, "rtmp"), gzipped(f"{RTMP_HEADER}\n{RTMP_LINE}\n".encode()))
    world.put(name(H14, "beside"), gzipped(log(*rows(3, 14, "b"), *rows(3, 15, "b"), *rows(2, 12, "b"))))
    world.put("nested/deeper/plain.log", log(*rows(4, 13, "p")))
    world.put("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)))
    world.put("read me ünd %20 [x].txt", b"Some text.\nSome more.\n")
    world.settle()
    assert world.stale() == []
    world.check_every_line_is_in_one_place()
    reasons = world.reasons()
    cut = reasons.pop("truncated_gzip")
    assert cut == 1
    assert reasons == {
        "duplicate_request_id": 40,
        "field_count": 1,
        "bad_client_ip": 1,
        "invalid_utf8": 1,
        "bad_time": 1,
        "empty_object": 1,
        "rtmp": 1,
        "not_a_log": 2,
    }
    assert world.lake.hours(REQUESTS) == [H12, H13, H14, H15]
    # Nothing of it depends on the round, the tasks or the order.
    before = world.content()
    world.tasks = 5
    world.make(H12, H15)
    assert world.content()[REQUESTS.key] == before[REQUESTS.key]
    world.check_every_line_is_in_one_place()


def test_making_an_hour_again_gives_the_same_content(world: World) -> None:
    world.put(name(H13, "a"), gzipped(log(*rows(30, 13), "odd")))
    world.put(name(H14, "b"), gzipped(log(*rows(30, 14))))
    world.settle()
    first = world.content()
    figures = world.make(H13, H14)
    assert world.content() == first
    assert figures["requests"] == 60
    assert figures["rejected_by_reason"] == {"field_count": 1}
    world.make(H14)
    assert world.content() == first


def test_where_nothing_is_new_nothing_is_stale(world: World) -> None:
    world.put(name(H13, "a"), gzipped(log(*rows(3, 13))))
    world.put("nameless.gz", gzipped(log(*rows(3, 14))))
    world.put("junk.txt", b"junk\n")
    assert world.settle() == 1
    assert world.settle() == 0


def test_a_late_object_remakes_only_its_hour(world: World) -> None:
    world.put(name(H13, "a"), gzipped(log(*rows(3, 13))))
    world.put(name(H14, "b"), gzipped(log(*rows(3, 14))))
    world.settle()
    before = {table.key: world.files(table) for table in PARSED}
    world.put(name(H13, "late"), gzipped(log(*rows(2, 13, "late"), "odd")))
    world.look()
    assert world.stale() == [H13]
    world.settle()
    after = {table.key: world.files(table) for table in PARSED}
    for key in (REQUESTS.key, OBJECT_COUNTS.key):
        assert after[key][H14] == before[key][H14]
        assert after[key][H13] != before[key][H13]
    assert len(world.rows(REQUESTS, H13)) == 5
    world.check_every_line_is_in_one_place()


def test_a_file_under_two_names_counts_once(world: World) -> None:
    data = gzipped(log(*rows(20, 13)))
    original = world.put(name(H13, "a"), data)
    copies = [world.put(name(H13, "b"), data), world.put("other/name.gz", data)]
    world.settle()
    assert len(world.rows(REQUESTS)) == 20
    assert {row["source_object"] for row in world.rows(REQUESTS)} == {original}
    rejected = world.rows(REJECTED_LINES)
    assert {row["source_object"] for row in rejected} == set(copies)
    assert {row["reason"] for row in rejected} == {"duplicate_request_id"}
    assert {row["detail"] for row in rejected} == {f"The object has the same content as {original}."}
    assert {row["event_hour"] for row in rejected} == {H13}
    world.check_every_line_is_in_one_place()


def test_an_object_that_cannot_be_opened_is_rejected_alone(world: World) -> None:
    world.put(name(H13, "a"), gzipped(log(*rows(20, 13))))
    world.look()
    loop, gone = str(world.raw / name(H13, "loop")), str(world.raw / name(H14, "gone"))
    Path(loop).symlink_to(loop)
    unread = [{"source_object": path, "etag": "e", "size_bytes": 9, "modified_at": world.now} for path in (loop, gone)]
    world.lake.rewrite(OBJECTS, lambda known: ledger.with_listed(known, unread, world.now, name_hour))
    figures = [world.make(hour) for hour in world.stale()]
    assert world.stale() == []
    assert len(world.rows(REQUESTS, H13)) == 20
    rejected = {row["source_object"]: row["reason"] for row in world.rows(REJECTED_LINES)}
    assert rejected == {loop: "unreadable_object", gone: "object_gone"}
    assert figures[0]["unreadable_objects"] == [loop]
    retries = {row["source_object"]: row["retry_at"] for row in world.rows(OBJECTS)}
    assert {path for path, at in retries.items() if at is not None} == {loop, gone}

    Path(loop).unlink()
    Path(loop).write_bytes(gzipped(log(*rows(3, 13, "later"))))
    world.make(H13)
    assert len(world.rows(REQUESTS, H13)) == 23
    assert {row["source_object"] for row in world.rows(REJECTED_LINES)} == {gone}
    assert [row["source_object"] for row in world.rows(OBJECTS) if row["retry_at"]] == [gone]


def test_requests_delivered_twice_count_as_duplicates(world: World) -> None:
    world.put(name(H13, "legacy"), gzipped(log(*rows(20, 13))))
    records = [dict(zip(V1_FIELDS, row.split("\t"), strict=True)) for row in rows(20, 13)]
    world.put("v2/other.json", json.dumps(records).encode())
    world.put(name(H13, "b"), gzipped(log(*rows(4, 13, "b"), "odd")))
    world.settle()
    counts = world.rows(OBJECT_COUNTS, H13)
    assert sum(row["duplicate_count"] for row in counts) == 20
    assert sum(row["rejected_count"] for row in counts) == 21


def test_a_recompressed_copy_is_found_by_request_ids(world: World) -> None:
    original = world.put(name(H13, "a"), gzipped(log(*rows(20, 13))))
    world.put(name(H13, "b"), gzipped(log(*rows(20, 13)), 1))
    world.settle()
    assert {row["source_object"] for row in world.rows(REQUESTS)} == {original}
    assert world.rows(REJECTED_LINES)[0]["detail"] == f"The request is line 3 of {original} already."
    world.check_every_line_is_in_one_place()


def test_requests_with_colliding_hashes_are_both_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "_FACTOR", np.uint64(0))  # all hashes are equal
    world.put(name(H13, "a"), gzipped(log(*rows(20, 13))))
    world.put(name(H13, "b"), gzipped(log(*rows(1, 13, "b"))))
    world.settle()
    assert len(world.request_ids()) == 21
    assert world.reasons() == {}


def test_a_repeated_request_is_kept_once(world: World) -> None:
    both = rows(1, 13, "both")
    first = world.put(name(H13, "a"), gzipped(log(*rows(5, 13, "a"), *both, *both)))
    world.put(name(H13, "b"), gzipped(log(*both, *rows(5, 13, "b"))))
    world.settle()
    assert len(world.request_ids()) == 11
    (kept,) = (row for row in world.rows(REQUESTS) if row["request_id"] == "both13-0")
    assert (kept["source_object"], kept["line_number"]) == (first, 8)
    assert world.reasons() == {"duplicate_request_id": 2}
    world.check_every_line_is_in_one_place()


def test_requests_without_ids_differ_by_object_and_line(world: World) -> None:
    fields = ["date", "time", "c-ip"]
    data = log(*["2026-11-20\t13:05:07\t192.0.2.1"] * 5, fields=fields)
    world.put(name(H13, "a"), data)
    world.put(name(H13, "b"), data)
    world.put(name(H13, "c"), data + b"\n")
    world.settle()
    assert len(world.request_ids()) == 10, "a has the content of b, c has another"
    world.check_every_line_is_in_one_place()


def test_a_rewritten_object_replaces_rows_in_all_hours(world: World) -> None:
    world.put(name(H13, "a"), gzipped(log(*rows(3, 13), *rows(3, 15))))
    world.settle()
    world.put(name(H13, "a"), gzipped(log(*rows(5, 13, "new"))))
    world.settle()
    assert world.request_ids() == [f"new13-{i}" for i in range(5)]
    world.check_every_line_is_in_one_place()


# --- hours ------------------------------------------------------------------------------------------------------------


def test_rows_of_other_hours_come_next_round(world: World) -> None:
    world.put(name(H13, "a"), gzipped(log(*rows(3, 13), *rows(2, 15), *rows(1, 12), "odd")))
    assert world.settle() == 2
    assert {hour: len(world.rows(REQUESTS, hour)) for hour in (H12, H13, H14, H15)} == {H12: 1, H13: 3, H14: 0, H15: 2}
    (ledger_row,) = world.rows(OBJECTS)
    assert ledger_row["event_hours"] == [H13, H12, H15]
    world.check_every_line_is_in_one_place()
    # An hour beside the named one is made again from the object as well.
    world.put(name(H15, "late"), gzipped(log(*rows(4, 15, "late"))))
    world.settle()
    assert len(world.rows(REQUESTS, H15)) == 6
    world.check_every_line_is_in_one_place()


@pytest.mark.parametrize("again", [[H13], [H14], [H13, H14], [H14, H13]])
def test_a_duplicate_in_another_hour_stays_on_record(world: World, again: list[str]) -> None:
    both = rows(2, 14, "both")
    world.put(f"z/{name(H13, 'a')}", gzipped(log(*rows(3, 13), *both)))
    world.put(name(H14, "0"), gzipped(log(*both, *rows(3, 14))))
    world.settle()
    assert {row["event_hour"] for row in world.rows(REJECTED_LINES)} == {H14}, "where the request would be"
    world.check_every_line_is_in_one_place()
    for hour in again:
        world.make(hour)
        world.check_every_line_is_in_one_place()
    assert world.reasons() == {"duplicate_request_id": 2}


def test_nameless_objects_use_the_hours_of_their_rows(world: World) -> None:
    world.put("CF.gz", gzipped(log(*rows(3, 15), *rows(3, 13))))
    assert world.settle() == 1
    assert world.lake.hours(REQUESTS) == [H13, H15]
    world.check_every_line_is_in_one_place()


def test_no_objects_have_no_hours(world: World) -> None:
    assert observed_hours(world.spark, world.lake.storage, [], ParseOptions()) == {}


def test_an_hour_without_objects_is_empty(world: World) -> None:
    world.look()
    assert world.make(H13)["requests"] == 0
    assert world.rows(REQUESTS) == []


# --- gone ---------------------------------------------------------------------------------------------------------------


def test_an_object_deleted_after_parsing_keeps_its_rows(world: World) -> None:
    removed = world.put(name(H13, "gone"), gzipped(log(*rows(5, 13, "gone"), "odd")))
    world.put(name(H13, "stays"), gzipped(log(*rows(5, 13))))
    world.settle()
    of_gone = [row for row in world.rows(REQUESTS) if row["source_object"] == removed]
    Path(removed).unlink()
    world.put(name(H13, "late"), gzipped(log(*rows(2, 13, "late"))))
    world.settle()
    assert [row for row in world.rows(REQUESTS) if row["source_object"] == removed] == of_gone
    assert len(world.request_ids()) == 12
    assert world.reasons() == {"field_count": 1}
    assert world.settle() == 0


@pytest.mark.parametrize("level", [6, 1])
def test_an_object_moved_after_parsing_counts_once(world: World, level: int) -> None:
    here = Path(world.put(f"z/{name(H13, 'a')}", gzipped(log(*rows(5, 13)))))
    world.settle()
    here.unlink()
    world.put(name(H13, "b"), gzipped(log(*rows(5, 13)), level))
    world.settle()
    assert world.request_ids() == sorted(f"13-{i}" for i in range(5))
    assert {row["source_object"] for row in world.rows(REQUESTS)} == {str(here)}
    assert world.reasons() == {"duplicate_request_id": 5}
    world.make(H13)
    assert world.request_ids() == sorted(f"13-{i}" for i in range(5))


def test_an_object_moved_before_parsing_is_read(world: World) -> None:
    data = gzipped(log(*rows(5, 13)))
    here = Path(world.put(name(H13, "a"), data))
    world.look()
    here.unlink()
    there = world.put(f"archive/{name(H13, 'z')}", data)
    world.look()
    world.make(H13)
    assert {row["source_object"] for row in world.rows(REQUESTS)} == {there}
    assert len(world.request_ids()) == 5


def test_a_missing_object_is_read_when_it_returns(world: World) -> None:
    data = gzipped(log(*rows(5, 13)))
    here = Path(world.put(name(H13, "a"), data))
    world.put(name(H13, "b"), gzipped(log(*rows(5, 13, "b"))))
    world.look()
    here.unlink()
    assert world.make(H13)["objects_gone"] == [str(here)]
    assert len(world.request_ids()) == 5
    assert world.stale() == []
    assert [row["source_object"] for row in world.rows(OBJECTS) if row["retry_at"]] == [str(here)], "it may come back"
    here.write_bytes(data)
    world.make(H13)
    assert len(world.request_ids()) == 10
    assert world.reasons() == {}


def test_a_rewritten_and_missing_object_keeps_its_rows(world: World) -> None:
    here = Path(world.put(name(H13, "a"), gzipped(log(*rows(5, 13)))))
    world.settle()
    here.write_bytes(gzipped(log(*rows(6, 13))))
    world.look()
    here.unlink()
    world.make(H13)
    assert len(world.request_ids()) == 5


# --- killed -------------------------------------------------------------------------------------------------------------

RUN = """
import os, signal, sys
sys.path[:0] = [{folder!r}]
from pathlib import Path
from cloudfront_world import World
from spark_jobs.storage import lake as lakes, writer as writers
from spark_jobs.runtime.session import spark_session

fatal, commit, close, closed = {fatal!r}, lakes.Lake.commit, writers._OpenFile.close, []

def deadly_close(self):
    written = close(self)
    closed.append(written)
    if fatal == "writing" and len(closed) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return written

def deadly_commit(self, table, files, hours=None):
    if table.key == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    return commit(self, table, files, hours)

lakes.Lake.commit, writers._OpenFile.close = deadly_commit, deadly_close
world = World(Path({raw!r}), lakes.Lake({lake!r}), spark_session("sail"))
world.make(*world.stale())
"""


@pytest.mark.parametrize("moment", ["writing", REQUESTS.key, OBJECT_COUNTS.key])
def test_a_killed_run_leaves_the_lake_unchanged(world: World, moment: str) -> None:
    world.put(name(H13, "a"), gzipped(log(*rows(50, 13), "odd")))
    world.put(name(H14, "b"), gzipped(log(*rows(50, 14))))
    world.settle()
    before = world.content()
    world.put(name(H13, "late"), gzipped(log(*rows(50, 13, "late"), "odd")))
    for i in range(6):
        world.put(name(H15, f"c{i}"), gzipped(log(*rows(50, 15, f"c{i}-"), "odd")))
    world.look()
    assert world.stale() == [H13, H15]
    present = set(Path(world.lake.root).rglob("*.parquet"))
    text = RUN.format(folder=str(Path(__file__).parents[2]), raw=str(world.raw), lake=world.lake.root, fatal=moment)
    run = subprocess.run([sys.executable, "-c", text], timeout=300, check=False)
    assert run.returncode == -signal.SIGKILL
    assert set(Path(world.lake.root).rglob("*.parquet")) > present, "what it had written lies about"
    # All or nothing in each table; object_counts, which says what is done, comes last.
    after = world.content()
    if moment == "writing":
        assert after == before
    assert after[OBJECT_COUNTS.key] == before[OBJECT_COUNTS.key]
    if moment == REQUESTS.key:
        assert after[moment] == before[moment]
    assert world.stale() == [H13, H15]
    world.settle()
    assert len(world.request_ids()) == 450
    assert world.reasons() == {"field_count": 8}
    world.check_every_line_is_in_one_place()


def test_the_lake_works_in_an_unusually_named_folder(world: World, tmp_path: Path) -> None:
    odd = tmp_path / "a b, ü & (c);#+='"
    shutil.copytree(world.raw, odd / "raw [x]{y}*%20")
    other = World(odd / "raw [x]{y}*%20", type(world.lake)(str(odd / "lake")), world.spark)
    other.put(name(H13, "a"), gzipped(log(*many(5), *many(2))))
    other.settle()
    assert len(other.request_ids()) == 5
    other.check_every_line_is_in_one_place()

"""Files of JSON lines: whole lines whoever appends at once, and old ones dropped without losing any."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from platform_assets.clients import json_lines
from platform_assets.clients.json_lines import append_lines, trim_lines

NOW = datetime.now(UTC)


def lines(path: Path) -> list[dict[str, Any]]:
    """What was appended, but for when."""
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert all(line.pop("written_at") for line in found)
    return found


def alone(record: Mapping[str, Any]) -> None:
    return None


def put(path: Path, *aged: tuple[int, dict[str, Any]]) -> None:
    """Lines that were written so many days ago."""
    for days, record in aged:
        append_lines(path, [record])
        whole, _, last = path.read_text().rstrip("\n").rpartition("\n")
        line = {**json.loads(last), "written_at": (NOW - timedelta(days=days)).isoformat()}
        path.write_text(f"{whole}\n{json.dumps(line)}\n".lstrip("\n"))


# Appending


def append_many(path: str, writer: int) -> None:
    for number in range(50):
        append_lines(Path(path), [{"writer": writer, "number": number, "padding": "x" * 5000}] * 2)


def test_processes_that_append_at_once_leave_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "json_lines.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=append_many, args=(str(path), writer)) for writer in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = [(line["writer"], line["number"]) for line in lines(path)]
    assert sorted(found) == sorted(2 * [(writer, number) for writer in range(3) for number in range(50)])
    assert found[::2] == found[1::2], "records of one call stay together"


def test_an_append_waits_for_the_one_before_it(tmp_path: Path) -> None:
    path = tmp_path / "json_lines.jsonl"
    append = threading.Thread(target=append_lines, args=(path, [{"number": 1}]))
    with path.open("w") as before:
        fcntl.flock(before, fcntl.LOCK_EX)
        append.start()
        append.join(0.3)
        assert path.read_text() == ""
    append.join()
    assert lines(path) == [{"number": 1}]


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "json_lines.jsonl"
    append_lines(path, [{"number": 1}])
    write = os.write
    monkeypatch.setattr(json_lines.os, "write", lambda descriptor, data: write(descriptor, data[:5]))
    with pytest.raises(OSError, match="no space left"):
        append_lines(path, [{"number": 2}])
    monkeypatch.undo()
    assert lines(path) == [{"number": 1}]


def test_a_half_line_of_a_killed_process_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = tmp_path / "json_lines.jsonl"
    path.write_text('{"number": 1}\n{"numb')
    append_lines(path, [{"number": 2}])
    assert [line[:11] for line in path.read_text().splitlines()] == ['{"number": ', '{"numb', '{"number": ']


def test_only_this_user_can_read_the_file(tmp_path: Path) -> None:
    append_lines(tmp_path / "json_lines.jsonl", [{"number": 1}])
    assert (tmp_path / "json_lines.jsonl").stat().st_mode & 0o077 == 0


# Trimming


def test_old_lines_go_and_young_ones_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "json_lines.jsonl"
    put(path, (91, {"number": 1}), (89, {"number": 2}), (200, {"number": 3}), (0, {"number": 4}))
    young = path.read_text().splitlines()[1::2]
    assert trim_lines(path, NOW - timedelta(days=90), alone) == 2
    assert path.read_text().splitlines() == young


def test_a_line_counts_from_when_it_was_written_not_from_what_it_tells_of(tmp_path: Path) -> None:
    path = tmp_path / "json_lines.jsonl"
    put(path, (1, {"at": "2014-05-23T01:00:00+00:00"}))
    assert trim_lines(path, NOW - timedelta(days=90), alone) == 0
    path.write_text('{"at": "2014-05-23T01:00:00+00:00"}\n')  # of a release that wrote no time of its own
    assert trim_lines(path, NOW - timedelta(days=90), alone) == 1


def test_lines_of_one_group_go_together_when_the_last_of_them_is_old(tmp_path: Path) -> None:
    path = tmp_path / "json_lines.jsonl"
    put(path, (99, {"key": "a"}), (98, {"key": "b"}), (97, {"of": "a"}), (5, {"of": "b"}))

    def group_of(record: Mapping[str, Any]) -> str | None:
        return record.get("key") or record.get("of")

    assert trim_lines(path, NOW - timedelta(days=90), group_of) == 2
    assert lines(path) == [{"key": "b"}, {"of": "b"}]
    assert trim_lines(path, NOW, group_of) == 2
    assert path.read_text() == ""


def test_what_nobody_can_read_goes_and_an_unended_last_line_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "json_lines.jsonl"
    put(path, (1, {"number": 1}), (1, {"number": 2}))
    path.write_text('{"numb\n[]\n\n{}\n{"at": 7}\n' + path.read_text().rstrip("\n"))
    assert trim_lines(path, NOW - timedelta(days=90), alone) == 5
    append_lines(path, [{"number": 3}])
    assert lines(path) == [{"number": 1}, {"number": 2}, {"number": 3}]


def test_a_file_without_old_lines_is_not_written_and_one_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "json_lines.jsonl"
    assert trim_lines(path, NOW, alone) == 0
    assert not path.exists()
    put(path, (1, {"number": 1}))
    before = path.stat()
    assert trim_lines(path, NOW - timedelta(days=90), alone) == 0
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_file_stays_readable_for_whom_it_was_and_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "json_lines.jsonl"
    path.symlink_to(tmp_path / "elsewhere" / "json_lines.jsonl")
    put(path, (91, {"number": 1}), (1, {"number": 2}))
    path.chmod(0o640)
    assert trim_lines(path, NOW - timedelta(days=90), alone) == 1
    assert path.is_symlink() and path.stat().st_mode & 0o777 == 0o640
    assert lines(path) == [{"number": 2}]


def test_an_append_that_waited_while_the_file_was_replaced_goes_to_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "json_lines.jsonl"
    path.touch()
    append = threading.Thread(target=append_lines, args=(path, [{"number": 1}]))
    with path.open("rb") as old:
        fcntl.flock(old, fcntl.LOCK_EX)
        append.start()
        append.join(0.3)
        (tmp_path / "new").touch()
        (tmp_path / "new").replace(path)
    append.join()
    assert lines(path) == [{"number": 1}]


def trim_again_and_again(path: str, stop: Any) -> None:
    while not stop.is_set():
        append_lines(Path(path), [{"padding": "old"}])
        trim_lines(Path(path), NOW - timedelta(days=90), alone)


def test_nothing_that_is_appended_while_old_lines_are_dropped_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "json_lines.jsonl"
    read = json_lines._parsed_lines

    def all_but_padding_is_young(*arguments: Any) -> Any:
        for line, written_at, group in read(*arguments):
            yield line, None if b'"old"' in line else written_at, group

    monkeypatch.setattr(json_lines, "_parsed_lines", all_but_padding_is_young)
    context = multiprocessing.get_context("fork")
    stop = context.Event()
    trimmers = [context.Process(target=trim_again_and_again, args=(str(path), stop)) for _ in range(2)]
    writers = [context.Process(target=append_many, args=(str(path), writer)) for writer in range(3)]
    for process in (*trimmers, *writers):
        process.start()
    for writer in writers:
        writer.join()
    stop.set()
    for trimmer in trimmers:
        trimmer.join()
    found = [(line["writer"], line["number"]) for line in lines(path) if "writer" in line]
    assert sorted(found) == sorted(2 * [(writer, number) for writer in range(3) for number in range(50)])


def test_a_process_that_is_killed_while_trimming_leaves_the_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "json_lines.jsonl"
    put(path, (91, {"number": 1}), (1, {"number": 2}))
    whole = path.read_text()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines.os, "fsync", lambda _: os.kill(os.getpid(), signal.SIGKILL))
        arguments = (path, NOW - timedelta(days=90), alone)
        killed = multiprocessing.get_context("fork").Process(target=trim_lines, args=arguments)
        killed.start()
        killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert path.read_text() == whole
    assert trim_lines(path, NOW - timedelta(days=90), alone) == 1
    assert lines(path) == [{"number": 2}]
    assert [found.name for found in tmp_path.iterdir()] == ["json_lines.jsonl"]

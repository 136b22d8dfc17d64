"""CPU-seconds and memory of a process with all its descendants, from /proc. Standard library only."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SAMPLE_SECONDS = 0.1


@dataclass(frozen=True)
class Finished:
    """Output and exit code of a process, and the peak memory of it and its descendants together."""

    stdout: str
    stderr: str
    code: int
    peak_bytes: int


def run(command: Sequence[str], environment: dict[str, str], cores: int) -> Finished:
    """Run a command on this many cores and sample its memory.

    The peak is the larger of the sampled sum over its processes and the kernel's own peak of a single process.
    """
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process.pid, sorted(os.sched_getaffinity(0))[:cores])
    ended, sampled = threading.Event(), [0]

    def sample() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            sampled.append(max(sampled.pop(), sum(_resident_bytes(pid) for pid in _tree(process.pid))))

    watcher = threading.Thread(target=sample)
    watcher.start()
    texts: dict[str, str] = {}
    reader = threading.Thread(target=lambda: texts.update(err=process.stderr.read() if process.stderr else ""))
    reader.start()
    out = process.stdout.read() if process.stdout else ""
    reader.join()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    ended.set()
    watcher.join()
    return Finished(out, texts["err"], process.returncode, max(sampled[0], usage.ru_maxrss * 1024))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, of its descendants and of those that it has waited for."""
    return sum(int(ticks) for member in _tree(pid) for ticks in _stat(member)[11:15]) / TICKS


def _tree(root: int) -> Iterator[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            parents[int(entry.name)] = int(fields[1])
    for pid in parents:
        at = pid
        while at != root and at in parents:
            at = parents[at]
        if at == root:
            yield pid


def _stat(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat from the state on; [] where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _resident_bytes(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[21]) * PAGE_BYTES if fields else 0

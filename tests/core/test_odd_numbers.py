"""Infinite, absurd and missing numbers in files, settings, tables and messages: one sentence or a rejected value, no crash."""

from __future__ import annotations

import io
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
import yaml

from platform_assets.actions.state import StateError
from platform_assets.core.console import time_of
from platform_assets.domains.scaling.config import load_rules
from platform_assets.domains.scaling.errors import ScalingFileError
from platform_assets.domains.waf.apply.applied import AppliedStore
from platform_assets.domains.waf.decisions import whole
from platform_assets.domains.waf.policy import DEFAULT_FILE, PolicyError, load_policy
from platform_assets.ingest.notifications import announced_objects
from platform_assets.ingest.objects import S3Prefix
from platform_assets.settings import Settings, SettingsError, load_settings
from spark_jobs.sources.cloudfront.layouts import V1_FIELDS
from spark_jobs.sources.cloudfront.line_checks import _seconds
from spark_jobs.sources.cloudfront.record_lines import _text
from spark_jobs.sources.metrics import series_files
from spark_jobs.sources.metrics.parse import ParseOptions, parse

pytestmark = pytest.mark.attack("faults: odd numbers")
ODD = (math.inf, -math.inf, math.nan)


def numbers_of(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Paths of all numbers below the value."""
    if isinstance(value, dict):
        return [found for key, part in value.items() for found in numbers_of(part, (*path, key))]
    return [path] if isinstance(value, int | float) and not isinstance(value, bool) else []


def test_no_number_of_the_policy_is_infinite_or_none(tmp_path: Path) -> None:
    shipped = yaml.safe_load(DEFAULT_FILE.read_text())
    paths = numbers_of(shipped)
    assert len(paths) > 40
    for path in paths:
        for odd in ODD:
            text = yaml.safe_dump({path[0]: {path[1]: {path[2]: odd} if len(path) > 2 else odd}})
            (tmp_path / "policy.yaml").write_text(text)
            with pytest.raises(PolicyError, match="is wrong at"):
                load_policy(tmp_path / "policy.yaml")
    (tmp_path / "policy.yaml").write_text("rules: {repetition: {memory_hours: 1000000000000}}")
    with pytest.raises(PolicyError, match="between 1 and 87600"):
        load_policy(tmp_path / "policy.yaml")


@pytest.mark.parametrize(
    "line",
    [
        "clusters: {shop: {target: 'file: d.json', scale_up_above: .inf}}",
        "{clusters: {shop: {target: 'file: d.json'}}, checks: {min_confidence: .nan}}",
    ],
)
def test_no_number_of_the_targets_is_infinite_or_none(home: Settings, tmp_path: Path, line: str) -> None:
    (tmp_path / "targets.yaml").write_text(line)
    with pytest.raises(
        ScalingFileError,
        match=r"scale_up_above of shop is inf; correct|min_confidence: Input should be a finite number; correct",
    ):
        load_rules(home.model_copy(update={"scaling_file": str(tmp_path / "targets.yaml")}))


@pytest.mark.parametrize(
    "values",
    [
        {"retention_days": {"alerts.jsonl": 10**12}},
        {"full_listing_hours": 10**12},
        {"tasks": 10**20},
        {"training_days": 10**9},
    ],
)
def test_a_setting_that_no_date_can_hold_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="is wrong: Input should be less than or equal to"):
        load_settings(tmp_path, **values)


def test_an_infinite_count_is_none() -> None:
    assert [whole(value) for value in (*ODD, None, 3, 2.0, np.int64(4), np.float64("inf"))] == [0, 0, 0, 0, 3, 2, 4, 0]


@pytest.mark.parametrize("text", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00"])
def test_a_time_outside_of_the_calendar_is_wrong_usage(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is no ISO 8601 time"):
        time_of("--start", text)


@pytest.mark.parametrize(
    ("size", "at"),
    [("1e999", "2026-11-20T14:00:05Z"), ("-1", "2026-11-20T14:00:05Z"), ("9" * 19, "2026-11-20T14:00:05Z"), ("1", "0001-01-01T00:00:00+14:00")],
)  # fmt: skip
def test_a_message_with_an_odd_size_or_time_is_not_understood(size: str, at: str) -> None:
    item = f'{{"key": "logs/a.gz", "eTag": "e", "size": {size}}}'
    body = f'{{"Records": [{{"eventName": "ObjectCreated:Put", "eventTime": "{at}", "s3": {{"bucket": {{"name": "raw"}}, "object": {item}}}}}]}}'
    assert announced_objects(body, S3Prefix("s3://raw/logs/", "us-east-1", "")) is None


def test_an_infinite_serial_is_a_damaged_record(tmp_path: Path) -> None:
    (tmp_path / "applied.json").write_text('{"format": 1, "sets": {}, "serial": 1e999}')
    with pytest.raises(StateError, match="does not hold what was applied last"):
        AppliedStore(tmp_path / "applied.json").load()


@pytest.mark.parametrize("text", ["inf", "-inf", "nan", "1e999", "9" * 400])
def test_an_infinite_time_of_a_log_line_is_none(text: str) -> None:
    assert _seconds({"timestamp": text.encode()}) is None and _seconds({"timestamp_ms": text.encode()}) is None


def test_odd_numbers_of_another_tools_records_are_texts() -> None:
    odd = (math.inf, Decimal("Infinity"), Decimal("1E+50"), Decimal("NaN"), 1e300)
    assert [_text("sc-bytes", value) for value in odd] == ["inf", "Infinity", "1E+50", "-", "1e+300"]
    assert [_text("sc-bytes", value) for value in (5.0, Decimal("7"), 0.5)] == ["5", "7", "0.5"]
    assert "sc-bytes" in V1_FIELDS


@pytest.mark.parametrize("figure", ["inf", "-Infinity", "1e300", "1e999"])
def test_an_absurd_sample_is_rejected(tmp_path: Path, figure: str) -> None:
    lines = "timestamp,cpu_utilization,node_count\n2026-11-20T13:00:00Z,9,FIGURE\n2026-11-20T13:05:00Z,9,3\n"
    (tmp_path / "shop.csv").write_text(lines.replace("FIGURE", figure))
    columns = series_files.read_clusters(tmp_path / "shop.csv")
    assert columns.samples.column("node_count").to_pylist() == [None, 3.0]
    event = {"timestamp": 1763643900000, "namespace": "AWS/EC2", "metric_name": "CPUUtilization", "unit": "Percent"}
    text = json.dumps(
        {"metric_stream_name": "all", "dimensions": {"AutoScalingGroupName": "shop"}, "value": {}, **event}
    )
    found = parse(
        io.BytesIO(
            text.replace("{}", f'{{"sum": {BARE.get(figure, figure)}, "count": 1.0, "max": 1, "min": 1}}').encode()
        ),
        "a.jsonl",
        ParseOptions(),
    )
    assert [item.reason for item in columns.rejected] == [item.reason for item in found.rejected] == ["bad_number"]
    assert found.samples.num_rows == 0


BARE = {"inf": "Infinity"}
"""As JSON of Python and others spells it."""


@pytest.mark.parametrize("nodes", [math.inf, 1e300, -math.inf])
def test_an_absurd_node_count_is_a_missing_one(nodes: float) -> None:
    from weir_models.predictive_scaling.model import naive

    at = pd.date_range("2026-11-02", periods=400, freq="5min", tz="UTC")
    steps = pd.DataFrame({"cluster_id": "shop", "event_at": at, "cpu_utilization": 50.0, "node_count": 4.0})
    expected = naive().predict(steps).iloc[0]["target_nodes"]
    assert naive().predict(steps.assign(node_count=[4.0] * 399 + [nodes])).iloc[0]["target_nodes"] == expected == 4

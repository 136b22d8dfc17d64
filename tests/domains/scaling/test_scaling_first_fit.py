"""When `weir run scaling` fits a first model by itself: once, with enough hours, and a version that misses its gate stops nothing."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from platform_assets.resources.engine import lake_of
from platform_assets.run import FIRST_FIT_HOURS, Runner
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.lake import Lake, arrow_schema
from spark_jobs.sources.metrics.tables import CLUSTER_5MIN

START = datetime(2026, 11, 2, tzinfo=UTC)


def fill(lake: Lake, hours: int) -> None:
    import pyarrow as pa

    nothing = {column.name: None if column.nullable else 0 for column in CLUSTER_5MIN.columns}
    flags = {column.name: False for column in CLUSTER_5MIN.columns if column.type == "boolean"}
    rows: list[dict[str, Any]] = [
        {**nothing, **flags, "gap_metrics": [], "cluster_id": "shop", "event_at": at, HOUR_COLUMN: format_hour(at)}
        for at in (START + timedelta(hours=hour) for hour in range(hours))
    ]
    lake.overwrite_arrow(pa.Table.from_pylist(rows, schema=arrow_schema(CLUSTER_5MIN, with_hour=True)), CLUSTER_5MIN)


@pytest.mark.slow
def test_a_first_model_is_fitted_once(home: Settings) -> None:
    fitted = []
    key = dg.AssetKey(["models", "predictive_scaling"])

    @dg.multi_asset(specs=[dg.AssetSpec(key)], check_specs=[dg.AssetCheckSpec("gate", asset=key, blocking=True)])
    def model() -> Any:
        fitted.append(1)
        yield dg.MaterializeResult(asset_key=key)
        yield dg.AssetCheckResult(asset_key=key, check_name="gate", passed=False)

    runner = Runner(home, lambda _: nullcontext(None))
    runner.job = dg.Definitions(assets=[model]).resolve_implicit_global_asset_job_def()
    fill(lake_of(home), FIRST_FIT_HOURS - 1)
    runner.fit_first_scaling_model()
    assert not fitted, "too little to look back on"
    fill(lake_of(home), FIRST_FIT_HOURS)
    runner.fit_first_scaling_model()
    runner.fit_first_scaling_model()
    assert fitted == [1] and not runner.outcome.failed_checks

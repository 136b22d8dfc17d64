"""Service figures: how fast a version scores rows."""

from __future__ import annotations

import time
from typing import Any

from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.domains.learning.retraining import load_recent
from platform_assets.domains.learning.windows import Window
from platform_assets.settings import Settings
from platform_assets.training.sets import training_sets
from spark_jobs.errors import WeirError

TIMED_BATCHES, BATCH_ROWS = 5, 1_000
"""Batches that service figures are measured on."""


def service_figures(settings: Settings, model: str, version: str, window: Window) -> dict[str, Any]:
    """How fast a version scores rows of the window's last hour, in batches; empty where it cannot be loaded."""
    import numpy as np

    try:
        loaded = ModelRegistry.of(settings).loaded(model, version)
    except WeirError:  # the run that serves says what is wrong
        return {}
    frame = load_recent(settings, model, window.hours[-1:]).head(TIMED_BATCHES * BATCH_ROWS)
    if frame.empty:
        return {}
    inputs, seconds = list(training_sets()[model].inputs), []
    size = len(frame) if "is_compared" in frame else BATCH_ROWS
    batches = [frame.iloc[start : start + size] for start in range(0, len(frame), size)]
    cpu = time.process_time()
    for batch in batches:
        begin = time.perf_counter()
        loaded.predict(batch[inputs].reset_index(drop=True))
        seconds.append(time.perf_counter() - begin)
    cpu = time.process_time() - cpu
    return {
        "timed_row_count": len(frame),
        "rows_per_second": len(frame) / max(sum(seconds), 1e-9),
        "cpu_seconds_per_1000_rows": 1000 * cpu / len(frame),
        "p50_milliseconds": 1000 * float(np.median(seconds)),
        "p95_milliseconds": 1000 * float(np.quantile(seconds, 0.95)),
    }

"""How fast request_attack scores inside the Spark job, and whether the job gives the results of the model called alone.

    python -m benchmarks.throughput.scoring FOLDER

fits the model on its own corpus into FOLDER, unless a model of the present code is there, and prints its folder.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.throughput.contenders import Steps, job_run
from benchmarks.throughput.generate import DAY
from spark_jobs.main import run_job
from spark_jobs.sources.cloudfront.tables import REQUEST_MODEL_INPUTS, REQUEST_SCORES, REQUESTS
from weir_models import request_attack
from weir_models.saved_model import load_dir, save_dir

FIRST_HOUR = (f"{DAY}-00", f"{DAY}-00")
COMPARED_HOURS = (f"{DAY}-12", f"{DAY}-13")


def scoring(out: Path, model_dir: Path) -> Steps:
    """Score the parsed requests in the job, score some hours of them by the model alone, and compare."""
    parameters: dict[str, Any] = {"model_dir": str(model_dir), "model_name": "request_attack", "model_version": "0"}
    run_job("cloudfront", "request_scores", job_run(out, "sail", FIRST_HOUR, **parameters))  # a warm-up
    run = job_run(out, "sail", **parameters)
    model = load_dir(model_dir)
    rows = run.lake.read_arrow(REQUESTS, COMPARED_HOURS, ["request_id", *REQUEST_MODEL_INPUTS]).sort_by("request_id")
    frames = [batch.to_pandas() for batch in rows.select(REQUEST_MODEL_INPUTS).combine_chunks().to_batches(50_000)]
    alone: list[Any] = []

    def call_alone() -> int:
        alone.extend(model.predict(frame) for frame in frames)
        return int(rows.num_rows)

    def compare() -> str:
        stored = run.lake.read_arrow(REQUEST_SCORES, COMPARED_HOURS).sort_by("request_id").to_pandas()
        expected = pd.concat(alone, ignore_index=True)
        assert stored["request_id"].tolist() == rows["request_id"].to_pylist(), "other requests"
        columns = ["attack_probability", "is_attack", "attack_class", "reason"]
        same = stored[columns].astype(object).where(stored[columns].notna(), None)
        pd.testing.assert_frame_equal(same, expected[columns].astype(object).where(expected[columns].notna(), None))
        return f"{len(expected):,} rows equal, {int(expected['is_attack'].sum()):,} of them attacks"

    return {
        "in_spark": lambda: run_job("cloudfront", "request_scores", run)["rows"],
        "alone": call_alone,
        "compare": compare,
    }


def fitted(home: Path) -> Path:
    """The folder of a model that the present code has fitted."""
    from weir_models.request_attack import corpus, model

    digest = hashlib.sha256()
    for path in sorted(Path(request_attack.__path__[0]).rglob("*.py")):
        digest.update(path.read_bytes())
    folder = home / f"request_attack-{digest.hexdigest()[:12]}"
    return folder if folder.exists() else save_dir(model.fit(corpus.generate(0)), folder)


if __name__ == "__main__":
    print(json.dumps({"folder": str(fitted(Path(sys.argv[1])))}))

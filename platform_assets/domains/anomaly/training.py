"""The training set of anomaly_detection: simulated weeks of clusters with known incidents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from platform_assets.clients.engine import SparkRunner, lake_of
from platform_assets.settings import Settings
from platform_assets.training.sets import SEED, SIMULATED_START, TrainingSet, simulated
from spark_jobs.contract import Interval
from spark_jobs.sources.metrics.tables import CLUSTER_5MIN, INCIDENT_EXAMPLES, STEP_SECONDS

SIMULATED_DAYS = {"fit": 14, "evaluate": 14}
"""Split -> days of metrics of its own clusters: one week for the weekly season, and one to score."""
PLANNED_INCIDENTS = ("deploy",)
"""Kinds of planned incidents in the simulation: an alarm for one is a false alarm."""


def labelled_incidents(settings: Settings) -> Any:
    """Rows of training/metrics/incident_examples: simulated weeks of clusters with known incidents, one world per split."""
    import pandas as pd

    parts = []
    for number, (split, days) in enumerate(SIMULATED_DAYS.items()):
        command = ["simulator.clusters", "--start", f"{SIMULATED_START:%Y-%m-%dT%H}", "--days", str(days)]
        with simulated(settings, [*command, "--seed", str(SEED + number)]) as folder:
            rows = _metric_rows(settings, folder)
            incidents = pd.read_parquet(folder / "truth" / "incidents.parquet")
        parts.append(with_incidents(rows, incidents).assign(split=split, cluster_id=split + "-" + rows["cluster_id"]))
    return pd.concat(parts, ignore_index=True)[list(INCIDENT_EXAMPLES.column_names)]


def _metric_rows(settings: Settings, folder: Path) -> Any:
    """cluster_5min of the metric files in a folder, by the same ledger and jobs as in production."""
    from platform_assets.core.job_parameters import parameters_of
    from platform_assets.core.staleness import stale_parsed_hours
    from platform_assets.ingest.raw import update_ledger
    from spark_jobs.main import JobRun
    from spark_jobs.runtime.session import spark_session
    from spark_jobs.sources.metrics import jobs

    update = {"lake": str(folder / "lake"), "metrics_raw": str(folder / "raw"), "metrics_mapping": {}}
    folder_settings = settings.model_copy(update=update)
    lake, runner = lake_of(folder_settings), SparkRunner.of(folder_settings)
    update_ledger(folder_settings, "metrics")
    hours = stale_parsed_hours(lake, "metrics")
    parameters = parameters_of(folder_settings, "metrics")
    run = JobRun(spark_session(runner.engine), lake, Interval.spanning(hours[0], hours[-1]), parameters, runner.tasks)
    jobs.samples(run)
    jobs.cluster_5min(run)
    return lake.read_arrow(CLUSTER_5MIN).to_pandas().sort_values(["cluster_id", "event_at"], ignore_index=True)


def with_incidents(rows: Any, incidents: Any) -> Any:
    """Steps with the columns is_incident and incident_kind, from the last incident that overlaps the step."""
    import pandas as pd

    rows = rows.assign(is_incident=False, incident_kind=None)
    ends = rows["event_at"] + pd.Timedelta(seconds=STEP_SECONDS)
    for incident in incidents.itertuples():
        within = (
            (rows["cluster_id"] == incident.cluster_id)
            & (ends > incident.start_at)
            & (rows["event_at"] < incident.end_at)
        )
        rows.loc[within, "incident_kind"] = incident.kind
        rows.loc[within, "is_incident"] = incident.kind not in PLANNED_INCIDENTS
    return rows


TRAINING = {
    "anomaly_detection": TrainingSet(
        INCIDENT_EXAMPLES,
        INCIDENT_EXAMPLES.column_names[:-3],
        labelled_incidents,
        "Simulating weeks of metrics",
        frozenset({"spark", "deltalake"}),
        recent="platform_assets.domains.anomaly.learning:recent_steps",
        judged="platform_assets.domains.anomaly.learning:judged_alert",
        verdicts={"incident": True, "noise": False},
    )
}
"""Model -> its training set."""

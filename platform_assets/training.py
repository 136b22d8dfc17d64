"""Where the labelled rows come from that models are fitted on: one declaration a model, one function a made table.

The corpus generator of request_attack, simulated days for client_abuse and simulated weeks for anomaly_detection (the
simulator is run as a program of its own, never imported), the labelled files that the settings name, and for
predictive_scaling what the lake holds. How a model is fitted on them is in models.py.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from platform_assets.resources.engine import SparkRunner, lake_of
from platform_assets.resources.registry import ModelRegistry
from platform_assets.settings import Settings
from spark_jobs.contract import Interval, Table
from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.sources.cloudfront.client_tables import CLIENT_MODEL_INPUTS
from spark_jobs.sources.cloudfront.tables import (
    CLIENT_EXAMPLES,
    OBJECTS,
    REQUEST_EXAMPLES,
    REQUEST_MODEL_INPUTS,
    SOURCE,
)
from spark_jobs.sources.metrics.tables import CLUSTER_5MIN, INCIDENT_EXAMPLES, STEP_SECONDS
from spark_jobs.storage.lake import Lake

SEED = 20_260_101
SIMULATED_START = datetime(2026, 1, 5, tzinfo=UTC)
SIMULATED_SCALE = 0.5
SIMULATED_METRIC_DAYS = {"fit": 14, "evaluate": 14}
"""Split -> days of metrics of clusters of its own: a week for the weekly season, and one to be judged by it."""
MEANT = ("deploy",)
"""Kinds of simulated incidents that somebody did on purpose: an alarm of one is a false one."""


class TrainingError(WeirError):
    """Training data cannot be made or read; the message says what to do."""

    exit_code = ExitCode.INPUT


@dataclass(frozen=True)
class TrainingSet:
    """What a model is fitted on."""

    table: Table
    inputs: tuple[str, ...]
    """Of its columns, those that the model's predict reads."""
    rows: Callable[[Settings], Any] | None = None
    """Makes the rows, as a data frame; None where the table is one of the lake's that is there anyway."""
    title: str = ""
    """What making them is called while it runs."""
    kinds: frozenset[str] = frozenset()


def labelled_requests(settings: Settings) -> Any:
    """Rows of training/cloudfront/request_examples: the generated corpus, then the user's files."""
    import pandas as pd

    from weir_models.request_attack import corpus

    parts = [corpus.generate(SEED)]
    for name in filter(None, (part.strip() for part in settings.labelled_requests.split(","))):
        parts.append(_labelled_file(Path(name)))
    return pd.concat(parts, ignore_index=True)[list(REQUEST_EXAMPLES.column_names)]


def _labelled_file(path: Path) -> Any:
    """A user's file of labelled requests; whole files are fitted on, never evaluated on."""
    import pandas as pd

    readers: dict[str, Any] = {
        ".csv": pd.read_csv,
        ".parquet": pd.read_parquet,
        ".jsonl": lambda file: pd.read_json(file, lines=True),
    }
    try:
        frame = readers[path.suffix](path)
    except KeyError:
        raise TrainingError(
            f"{path} is neither .csv, .jsonl nor .parquet; convert it or correct WEIR_LABELLED_REQUESTS."
        ) from None
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} cannot be read ({error}); correct WEIR_LABELLED_REQUESTS.") from None
    if "is_attack" not in frame or not {"uri_path", "uri_query", "user_agent", "referer"} & set(frame):
        raise TrainingError(
            f"{path} needs the column is_attack and at least one of uri_path, uri_query, user_agent, referer; add them."
        )
    frame = frame.reindex(columns=[c for c in REQUEST_EXAMPLES.column_names if c not in ("family", "split")])
    return frame.assign(is_attack=frame["is_attack"].astype(bool), family=f"file:{path.name}", split="fit")


def labelled_clients(settings: Settings) -> Any:
    """Rows of training/cloudfront/client_examples: simulated days, then the user's labelled log folders."""
    import pandas as pd

    from platform_assets.waf.deciding import without_echo
    from platform_assets.waf.policy import load_policy

    parts = []
    splits = ["fit"] * (settings.training_days - 2) + ["calibrate", "evaluate"]
    for day, split in enumerate(splits):
        start, families = SIMULATED_START + timedelta(days=day), "all" if split == "evaluate" else "fit"
        command = ["simulator", "--start", f"{start:%Y-%m-%dT%H}", "--seed", str(SEED + day)]
        with _simulated(settings, [*command, "--scale", str(SIMULATED_SCALE), "--families", families]) as folder:
            parts.append(_labelled_day(settings, folder, split))
    for name in filter(None, (part.strip() for part in settings.labelled_logs.split(","))):
        folder = Path(name).expanduser()
        if not (folder / "raw").is_dir() or not (folder / "truth" / "clients.parquet").is_file():
            raise TrainingError(f"{folder} lacks raw/ or truth/clients.parquet; correct WEIR_LABELLED_LOGS.")
        labelled = _labelled_day(settings, folder, "fit").assign(family=f"folder:{folder.name}")
        parts.append(without_echo(lake_of(settings), labelled, load_policy(settings.policy_file).rules))
    return pd.concat(parts, ignore_index=True)[list(CLIENT_EXAMPLES.column_names)]


@contextmanager
def _simulated(settings: Settings, command: Sequence[str]) -> Iterator[Path]:
    """The folder that a module of the simulator, with its arguments, has written; gone afterwards."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.home, prefix="training-") as scratch:
        simulate(Path(scratch), command)
        yield Path(scratch)


def simulate(out: Path, command: Sequence[str]) -> None:
    """Run a module of the simulator, with its arguments, as a program that writes into `out`; TrainingError."""
    done = subprocess.run(
        [sys.executable, "-m", *command, "--out", str(out)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise TrainingError(
            f"The simulator failed: {done.stderr.strip().splitlines()[-1:] or 'no message'}; report it."
        )


def _labelled_day(settings: Settings, folder: Path, split: str) -> Any:
    """Logs and truth of one folder -> labelled features, made by the same jobs as everything else."""
    import pandas as pd

    from platform_assets.parameters import parameters_of
    from platform_assets.resources.objects import list_objects
    from spark_jobs.incremental import ledger
    from spark_jobs.main import JobRun
    from spark_jobs.runtime.session import spark_session
    from spark_jobs.sources.cloudfront import jobs
    from spark_jobs.sources.cloudfront.layouts import name_hour
    from weir_models.client_abuse import labelling

    lake, runner = Lake(str(folder / "lake")), SparkRunner.of(settings)
    listed = [asdict(one) for one in list_objects(str(folder / "raw"))]
    known = ledger.with_listed(lake.read_arrow(OBJECTS), listed, datetime.now(UTC), name_hour)
    lake.overwrite_arrow(known, OBJECTS)
    hours = sorted({hour for row in ledger.current(known) for hour in row["event_hours"]})
    model = ModelRegistry.of(settings).fetched("request_attack")
    parameters = {
        **parameters_of(settings, SOURCE.name),
        "model_dir": str(model.folder),
        "model_name": model.name,
        "model_version": model.version,
    }
    run = JobRun(spark_session(runner.engine), lake, Interval.spanning(hours[0], hours[-1]), parameters, runner.tasks)
    for job in (jobs.requests, jobs.client_hourly, jobs.client_daily, jobs.request_scores, jobs.client_attacks):
        job(run)
    frame = jobs.client_frame(run).drop("attack_request_ids", "event_hour").toPandas()
    return labelling.label(frame, pd.read_parquet(folder / "truth" / "clients.parquet"), split)


def labelled_incidents(settings: Settings) -> Any:
    """Rows of training/metrics/incident_examples: simulated weeks of clusters whose incidents are known, one world a split."""
    import pandas as pd

    parts = []
    for number, (split, days) in enumerate(SIMULATED_METRIC_DAYS.items()):
        command = ["simulator.metrics", "--start", f"{SIMULATED_START:%Y-%m-%dT%H}", "--days", str(days)]
        with _simulated(settings, [*command, "--seed", str(SEED + number)]) as folder:
            rows = _metric_rows(settings, folder)
            incidents = pd.read_parquet(folder / "truth" / "incidents.parquet")
        parts.append(with_incidents(rows, incidents).assign(split=split, cluster_id=split + "-" + rows["cluster_id"]))
    return pd.concat(parts, ignore_index=True)[list(INCIDENT_EXAMPLES.column_names)]


def _metric_rows(settings: Settings, folder: Path) -> Any:
    """cluster_5min of the metric files in a folder, by the same ledger and jobs as everything else."""
    from platform_assets.parameters import parameters_of
    from platform_assets.raw import update_ledger
    from platform_assets.staleness import stale_parsed_hours
    from spark_jobs.main import JobRun
    from spark_jobs.runtime.session import spark_session
    from spark_jobs.sources.metrics import jobs

    update = {"lake": str(folder / "lake"), "metrics_raw": str(folder / "raw"), "metrics_mapping": {}}
    there = settings.model_copy(update=update)
    lake, runner = lake_of(there), SparkRunner.of(there)
    update_ledger(there, "metrics")
    hours = stale_parsed_hours(lake, "metrics")
    parameters = parameters_of(there, "metrics")
    run = JobRun(spark_session(runner.engine), lake, Interval.spanning(hours[0], hours[-1]), parameters, runner.tasks)
    jobs.samples(run)
    jobs.cluster_5min(run)
    return lake.read_arrow(CLUSTER_5MIN).to_pandas().sort_values(["cluster_id", "event_at"], ignore_index=True)


def with_incidents(rows: Any, incidents: Any) -> Any:
    """Steps of clusters with the columns is_incident and incident_kind: of the incidents that a step overlaps with, the last."""
    import pandas as pd

    rows = rows.assign(is_incident=False, incident_kind=None)
    ends = rows["event_at"] + pd.Timedelta(seconds=STEP_SECONDS)
    for one in incidents.itertuples():
        within = (rows["cluster_id"] == one.cluster_id) & (ends > one.start_at) & (rows["event_at"] < one.end_at)
        rows.loc[within, "incident_kind"] = one.kind
        rows.loc[within, "is_incident"] = one.kind not in MEANT
    return rows


TRAINING = {
    "request_attack": TrainingSet(
        REQUEST_EXAMPLES,
        REQUEST_MODEL_INPUTS,
        labelled_requests,
        "Generating labelled requests",
        frozenset({"python", "deltalake"}),
    ),
    "client_abuse": TrainingSet(
        CLIENT_EXAMPLES,
        CLIENT_MODEL_INPUTS,
        labelled_clients,
        "Simulating labelled days",
        frozenset({"spark", "deltalake"}),
    ),
    "predictive_scaling": TrainingSet(CLUSTER_5MIN, ("cluster_id", "event_at", "cpu_utilization", "node_count")),
    "anomaly_detection": TrainingSet(
        INCIDENT_EXAMPLES,
        INCIDENT_EXAMPLES.column_names[:-3],
        labelled_incidents,
        "Simulating weeks of metrics",
        frozenset({"spark", "deltalake"}),
    ),
}
"""Model -> what it is fitted on, in an order in which a model comes after those whose scores its rows hold."""

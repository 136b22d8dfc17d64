"""The training sets of request_attack and client_abuse: generated requests, simulated days, and the user's labelled files."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from platform_assets.clients.engine import SparkRunner, lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.settings import Settings
from platform_assets.training.sets import SEED, SIMULATED_START, TrainingError, TrainingSet, simulated
from spark_jobs.contract import Interval
from spark_jobs.sources.cloudfront.client_tables import CLIENT_MODEL_INPUTS
from spark_jobs.sources.cloudfront.tables import (
    CLIENT_EXAMPLES,
    OBJECTS,
    REQUEST_EXAMPLES,
    REQUEST_MODEL_INPUTS,
    SOURCE,
)
from spark_jobs.storage.lake import Lake

SIMULATED_SCALE = 0.5


def has_own_requests(settings: Settings) -> bool:
    """Whether the settings name labelled requests."""
    return bool(settings.waf.labelled_requests.strip())


def has_own_clients(settings: Settings) -> bool:
    """Whether the settings name labelled requests or logs."""
    return has_own_requests(settings) or bool(settings.waf.labelled_logs.strip())


def labelled_requests(settings: Settings) -> Any:
    """Rows of training/cloudfront/request_examples: the generated corpus, then the user's files."""
    import pandas as pd

    from weir_models.request_attack import corpus

    parts = [corpus.generate(SEED)]
    for name in filter(None, (part.strip() for part in settings.waf.labelled_requests.split(","))):
        parts.append(_labelled_file(Path(name)))
    return pd.concat(parts, ignore_index=True)[list(REQUEST_EXAMPLES.column_names)]


def _labelled_file(path: Path) -> Any:
    """A user's file of labelled requests; used to fit only, never to evaluate."""
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

    from platform_assets.domains.waf.decide.rescoring import without_echo
    from platform_assets.domains.waf.policy import load_policy

    parts = []
    splits = ["fit"] * (settings.waf.training_days - 2) + ["calibrate", "evaluate"]
    for day, split in enumerate(splits):
        start, families = SIMULATED_START + timedelta(days=day), "all" if split == "evaluate" else "fit"
        command = ["simulator", "--start", f"{start:%Y-%m-%dT%H}", "--seed", str(SEED + day)]
        with simulated(settings, [*command, "--scale", str(SIMULATED_SCALE), "--families", families]) as folder:
            parts.append(_labelled_day(settings, folder, split))
    for name in filter(None, (part.strip() for part in settings.waf.labelled_logs.split(","))):
        folder = Path(name).expanduser()
        if not (folder / "raw").is_dir() or not (folder / "truth" / "clients.parquet").is_file():
            raise TrainingError(f"{folder} lacks raw/ or truth/clients.parquet; correct WEIR_LABELLED_LOGS.")
        labelled = _labelled_day(settings, folder, "fit").assign(family=f"folder:{folder.name}")
        parts.append(without_echo(lake_of(settings), labelled, load_policy(settings.waf.policy_file).rules))
    return pd.concat(parts, ignore_index=True)[list(CLIENT_EXAMPLES.column_names)]


def _labelled_day(settings: Settings, folder: Path, split: str) -> Any:
    """Logs and truth of one folder -> labelled features, by the same jobs as in production."""
    import pandas as pd

    from platform_assets.core.job_parameters import parameters_of
    from platform_assets.ingest.objects import list_objects
    from spark_jobs.incremental import ledger
    from spark_jobs.main import JobRun
    from spark_jobs.runtime.session import spark_session
    from spark_jobs.sources.cloudfront import jobs
    from spark_jobs.sources.cloudfront.layouts import name_hour
    from weir_models.client_abuse import labeling

    lake, runner = Lake(str(folder / "lake")), SparkRunner.of(settings)
    listed = [asdict(listed_object) for listed_object in list_objects(str(folder / "raw"))]
    objects = ledger.with_listed(lake.read_arrow(OBJECTS), listed, datetime.now(UTC), name_hour)
    lake.overwrite_arrow(objects, OBJECTS)
    hours = sorted({hour for row in ledger.current(objects) for hour in row["event_hours"]})
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
    frame: Any = jobs.client_frame(run).drop("attack_request_ids", "event_hour").toPandas()
    frame = frame.sort_values(["client_kind", "client", "hour_at"], ignore_index=True)  # an engine has no order
    return labeling.label(frame, pd.read_parquet(folder / "truth" / "clients.parquet"), split)


TRAINING = {
    "request_attack": TrainingSet(
        REQUEST_EXAMPLES,
        REQUEST_MODEL_INPUTS,
        labelled_requests,
        "Generating labelled requests",
        frozenset({"python", "deltalake"}),
        is_default=True,
        has_own_rows=has_own_requests,
        recent="platform_assets.domains.waf.learning:recent_requests",
        entity_of="spark_jobs.sources.cloudfront.clients:network_of_address",
        judged="platform_assets.domains.waf.learning:judged_request",
        verdicts={"attack": True, "benign": False},
        label="is_attack",
        withdraw="platform_assets.domains.waf.learning:withdraw",
        replay="platform_assets.domains.waf.replaying:replay",
    ),
    "client_abuse": TrainingSet(
        CLIENT_EXAMPLES,
        CLIENT_MODEL_INPUTS,
        labelled_clients,
        "Simulating labelled days",
        frozenset({"spark", "deltalake"}),
        after=("request_attack",),
        is_default=True,
        has_own_rows=has_own_clients,
        recent="platform_assets.domains.waf.learning:recent_clients",
        entity_of="spark_jobs.sources.cloudfront.clients:network_of",
        judged="platform_assets.domains.waf.learning:judged_client",
        verdicts={"attack": True, "benign": False},
        label="is_abuse",
        withdraw="platform_assets.domains.waf.learning:withdraw",
        replay="platform_assets.domains.waf.replaying:replay",
    ),
}
"""Model -> its training set."""

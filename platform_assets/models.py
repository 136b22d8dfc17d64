"""Labelled tables -> fitted, evaluated, registered and gated models, as assets. What a model is stands in weir_models.

Training data: the corpus generator of request_attack, simulated days for client_abuse (the simulator is run as a
program of its own, never imported), and the labelled files that the settings name.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from platform_assets.automation import key_of, spec_of
from platform_assets.resources.engine import SparkRunner, lake_of
from platform_assets.resources.registry import ModelRegistry
from platform_assets.settings import Settings
from spark_jobs.contract import Interval, Table
from spark_jobs.lake import Lake, arrow_schema
from spark_jobs.sources.cloudfront.tables import CLIENT_EXAMPLES, OBJECTS, REQUEST_EXAMPLES, SOURCE

SEED = 20_260_101
SIMULATED_START = datetime(2026, 1, 5, tzinfo=UTC)
SIMULATED_SCALE = 0.5
MODELS = {"request_attack": REQUEST_EXAMPLES, "client_abuse": CLIENT_EXAMPLES}
"""Model -> the labelled table that it is fitted on."""


class TrainingError(Exception):
    """Training data cannot be made or read; the message says what to do."""


def model_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The training tables and the models."""

    @dg.multi_asset(
        name="request_examples",
        specs=[spec_of(REQUEST_EXAMPLES, SOURCE.owner, {"python", "deltalake"}, frozenset(), None, None)],
    )
    def request_examples(context: dg.AssetExecutionContext) -> Any:
        rows = labelled_requests(settings)
        yield _written(lake_of(settings), REQUEST_EXAMPLES, rows)

    @dg.multi_asset(
        name="client_examples",
        specs=[spec_of(CLIENT_EXAMPLES, SOURCE.owner, {"spark", "deltalake"}, frozenset(), None, None)],
    )
    def client_examples(context: dg.AssetExecutionContext) -> Any:
        rows = labelled_clients(settings)
        yield _written(lake_of(settings), CLIENT_EXAMPLES, rows)

    return [request_examples, client_examples, *(_model_asset(settings, name) for name in MODELS)]


def _model_asset(settings: Settings, name: str) -> dg.AssetsDefinition:
    table, key = MODELS[name], dg.AssetKey(["models", name])

    @dg.multi_asset(
        name=name,
        specs=[
            dg.AssetSpec(
                key,
                deps=[key_of(table.key)],
                description=f"The registered model {name}: fitted, evaluated on families it was not fitted on, and champion only through its gate.",
                group_name="models",
                kinds={"mlflow", "scikitlearn"},
                owners=[SOURCE.owner],
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                "gate",
                asset=key,
                blocking=True,
                description="The new version's figures hold every bound of the model's specification.",
            )
        ],
    )
    def model(context: dg.AssetExecutionContext) -> Any:
        version, evaluation, sentences, passed = fit_and_register(settings, name, context.run_id)
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "model version": version,
                **{figure: float(value) for figure, value in sorted(evaluation.figures.items()) if value == value},
                **{f"plot: {stem}": dg.MetadataValue.md(_picture(plot)) for stem, plot in evaluation.plots.items()},
            },
        )
        yield dg.AssetCheckResult(asset_key=key, check_name="gate", passed=passed, description="; ".join(sentences))

    return model


def fit_and_register(settings: Settings, name: str, run_id: str = "") -> tuple[str, Any, list[str], bool]:
    """Fit on the labelled table, evaluate, register; the champion alias moves only where every gate holds."""
    from weir_models import registry, tracking

    lake, table, spec = lake_of(settings), MODELS[name], registry.spec(name)
    examples = lake.read_arrow(table).to_pandas()
    module = registry.model_module(name)
    model = module.fit(examples[examples["split"] != "evaluate"], seed=SEED)
    held_out = examples[examples["split"] == "evaluate"]
    evaluation = module.evaluate(model, held_out)
    inputs = list(dict.fromkeys(column for column in examples.columns if column in _inputs(name)))
    version = tracking.register(
        model,
        spec,
        evaluation,
        tracking_uri=settings.tracking_uri,
        input_example=held_out[inputs].head(20),
        baseline=examples[inputs].describe(include="all").T.astype(str),
        tags={
            "training_table": table.key,
            "training_table_version": str(lake.version(table)),
            "git_revision": git_revision(),
            "dagster_run": run_id,
            "seed": str(SEED),
        },
    )
    sentences = [gate.sentence(evaluation.figures) for gate in spec.gates]
    passed = all(gate.holds(evaluation.figures) for gate in spec.gates)
    if passed:
        tracking.promote(spec, version, tracking_uri=settings.tracking_uri, figures=evaluation.figures)
    return version, evaluation, sentences, passed


def _inputs(name: str) -> Sequence[str]:
    from spark_jobs.sources.cloudfront.tables import CLIENT_MODEL_INPUTS, REQUEST_MODEL_INPUTS

    return {"request_attack": REQUEST_MODEL_INPUTS, "client_abuse": CLIENT_MODEL_INPUTS}[name]


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
        with _simulated_day(settings, day, "all" if split == "evaluate" else "fit") as folder:
            parts.append(_labelled_day(settings, folder, split))
    for name in filter(None, (part.strip() for part in settings.labelled_logs.split(","))):
        folder = Path(name).expanduser()
        if not (folder / "raw").is_dir() or not (folder / "truth" / "clients.parquet").is_file():
            raise TrainingError(f"{folder} lacks raw/ or truth/clients.parquet; correct WEIR_LABELLED_LOGS.")
        labelled = _labelled_day(settings, folder, "fit").assign(family=f"folder:{folder.name}")
        parts.append(without_echo(lake_of(settings), labelled, load_policy(settings.policy_file).rules))
    return pd.concat(parts, ignore_index=True)[list(CLIENT_EXAMPLES.column_names)]


@contextmanager
def _simulated_day(settings: Settings, day: int, families: str) -> Iterator[Path]:
    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.home, prefix="training-") as scratch:
        start = SIMULATED_START + timedelta(days=day)
        command = [sys.executable, "-m", "simulator", "--out", scratch, "--start", f"{start:%Y-%m-%dT%H}"]
        command += ["--seed", str(SEED + day), "--scale", str(SIMULATED_SCALE), "--families", families]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise TrainingError(
                f"The simulator failed: {done.stderr.strip().splitlines()[-1:] or 'no message'}; report it."
            )
        yield Path(scratch)


def _labelled_day(settings: Settings, folder: Path, split: str) -> Any:
    """Logs and truth of one folder -> labelled features, made by the same jobs as everything else."""
    import pandas as pd

    from platform_assets.parameters import parameters_of
    from platform_assets.resources.objects import list_objects
    from spark_jobs import ledger
    from spark_jobs.main import JobRun
    from spark_jobs.session import spark_session
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


def git_revision() -> str:
    """Revision of the code that fits, `unknown` outside of a checkout."""
    here = Path(__file__).parent
    found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else "unknown"


def _written(lake: Lake, table: Table, rows: Any) -> dg.MaterializeResult[Any]:
    import pyarrow as pa

    data = pa.Table.from_pandas(rows, schema=arrow_schema(table), preserve_index=False)
    lake.overwrite_arrow(data, table)
    shares = rows.groupby("split").size().to_dict()
    return dg.MaterializeResult(
        asset_key=key_of(table.key),
        metadata={
            "dagster/row_count": len(rows),
            "rows by split": dg.MetadataValue.json({str(k): int(v) for k, v in shares.items()}),
            "table version": lake.version(table) or 0,
            "path": lake.path(table),
        },
    )


def _picture(plot: Any) -> str:
    """A matplotlib figure as inline Markdown."""
    import base64
    import io

    buffer = io.BytesIO()
    plot.savefig(buffer, format="png", dpi=70)
    return f"![plot](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})"

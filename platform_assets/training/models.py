"""Models as assets: fitted on a table, evaluated, registered and gated.

Models are in weir_models, training sets in `training.py` of each domain.
"""

import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from platform_assets.actions.audit import MAX_REASON_CHARACTERS
from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.core.asset_groups import group_of
from platform_assets.core.asset_specs import dep_on, key_of, spec_of
from platform_assets.core.home import this_version
from platform_assets.core.plots import picture
from platform_assets.releases.record import WEIR, Releases
from platform_assets.releases.standing import CHAMPION
from platform_assets.settings import Settings
from platform_assets.training.examples import require_two_sides
from platform_assets.training.leaks import LEAKS_TAG, LeakError, leaks_of, require_no_leak
from platform_assets.training.sets import (
    FITTED,
    SEED,
    SHIPPED,
    TrainingError,
    TrainingSet,
    domain_of,
    hash_of,
    training_sets,
)
from platform_assets.web.addresses import mlflow_page
from spark_jobs import registry as sources
from spark_jobs.contract import Source, Table, format_hour, parse_hour
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

if TYPE_CHECKING:
    from weir_models.contract import Candidate, Evaluation

SHOWN_FIGURES = 6


class ModelConfig(dg.Config):
    """Configuration of a model's asset."""

    is_shipped: bool = Field(False, description="Register the champion that comes with Weir instead of fitting one.")


def source_of(training: TrainingSet) -> Source:
    """The source that a training set is made from."""
    return sources.sources()[training.table.key.split("/")[1]]


def keys_of_model(name: str) -> list[dg.AssetKey]:
    """The model, and its training table if that is made only for it."""
    training = training_sets()[name]
    table = [key_of(training.table.key)] if training.rows is not None else []
    return [*table, key_of(f"models/{name}")]


def gate_of(name: str) -> str:
    """The name of the check that a version of the model has passed its gate."""
    return f"{name}_gate"


def model_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The assets of training tables and models."""
    tables = [
        _training_asset(settings, name, training)
        for name, training in training_sets().items()
        if training.rows is not None
    ]
    return [*tables, *(_model_asset(settings, name, training) for name, training in training_sets().items())]


def _training_asset(settings: Settings, name: str, training: TrainingSet) -> dg.AssetsDefinition:
    table, rows = training.table, training.rows
    assert rows is not None

    @dg.multi_asset(
        name=table.name,
        specs=[spec_of(table, source_of(training).owner, set(training.kinds))],
    )
    def examples(context: dg.AssetExecutionContext) -> Any:
        yield _write_examples(lake_of(settings), table, rows(settings))

    return examples


def _model_asset(settings: Settings, name: str, training: TrainingSet) -> dg.AssetsDefinition:
    key = dg.AssetKey(["models", name])

    @dg.multi_asset(
        name=name,
        specs=[
            dg.AssetSpec(
                key,
                deps=[dep_on(training.table.key)],
                description=f"The registered model {name}: fitted (or come with Weir), evaluated on what it was not fitted on, and champion only through its gate.",
                group_name=group_of(f"models/{name}", domain_of(name)),
                kinds={"mlflow", "scikitlearn"},
                owners=[source_of(training).owner],
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                gate_of(name),
                asset=key,
                blocking=True,
                description="The new version's figures hold every bound of the model's specification.",
            ),
            dg.AssetCheckSpec(
                leaks_of(name),
                asset=key,
                blocking=True,
                description="The examples hold nothing of the label, of held-out rows or of the future that a model cannot know.",
            ),
        ],
    )
    def model(context: dg.AssetExecutionContext, config: ModelConfig) -> Any:
        make = register_shipped if config.is_shipped else fit_and_register
        try:
            version, evaluation, sentences, passed = make(settings, name, context.run_id)
        except LeakError as error:
            yield dg.AssetCheckResult(asset_key=key, check_name=leaks_of(name), passed=False, description=str(error))
            raise
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "model version": version,
                "origin": SHIPPED if config.is_shipped else FITTED,
                **_shown(settings, name, version, evaluation),
            },
        )
        yield dg.AssetCheckResult(
            asset_key=key, check_name=gate_of(name), passed=passed, description="; ".join(sentences)
        )
        tags = ModelRegistry.of(settings).version(name, version).tags
        probed = tags.get(LEAKS_TAG, "probed when the version that comes with Weir was fitted")
        yield dg.AssetCheckResult(asset_key=key, check_name=leaks_of(name), passed=True, description=probed)

    return model


def _shown(settings: Settings, name: str, version: str, evaluation: "Evaluation") -> dict[str, Any]:
    """What the page of a model shows of a version: six figures, a plot, and where the rest is."""
    from weir_models import registry, run_record

    figures = run_record.headline(registry.spec(name), evaluation.figures)
    plots = [(f"plot: {stem}", picture(plot, stem)) for stem, plot in evaluation.plots.items()]
    return {
        **{name: float(f"{value:.4g}") for name, value in list(figures.items())[:SHOWN_FIGURES]},
        **dict(plots[:1]),
        "all figures and plots": dg.MetadataValue.url(mlflow_page(settings, f"models/{name}/versions/{version}")),
    }


def fit_and_register(settings: Settings, name: str, run_id: str = "") -> tuple[str, Any, list[str], bool]:
    """Fit, evaluate and register a model; it becomes champion only if every gate holds.

    Returns version, evaluation, the gates' sentences, and whether all hold."""
    training, lake = training_sets()[name], lake_of(settings)
    examples = training_examples(lake, training)
    if examples.empty:
        raise TrainingError(no_examples(name, training))
    tags = {"origin": FITTED, "git_revision": git_revision(), "dagster_run": run_id}
    tags["training_table_version"] = str(lake.version(training.table))
    tags |= {"examples": str(len(examples)), "examples_sha256": hash_of(examples)}
    return register(settings, name, fitted(name, training, examples, tags))


def register_shipped(settings: Settings, name: str, run_id: str = "") -> tuple[str, Any, list[str], bool]:
    """Register the champion that comes with the package, through the same gate; returns what fit_and_register does."""
    from weir_models import shipped

    candidate = shipped.read(name)
    tags = {"origin": SHIPPED, "weir_version": this_version(), "dagster_run": run_id}
    return register(settings, name, replace(candidate, tags={**candidate.tags, **tags}))


def fitted(name: str, training: TrainingSet, examples: Any, tags: Mapping[str, str]) -> "Candidate":
    """A model fitted and evaluated on examples. TrainingError where these have one kind alone, LeakError where they leak."""
    from threadpoolctl import threadpool_limits

    from weir_models import fingerprint, registry
    from weir_models.contract import Candidate

    module = registry.model_module(name)
    require_two_sides(name, registry.spec(name).label, examples)
    probed = require_no_leak(name, training, examples)
    # A model whose table has no splits evaluates each row by the rows before it.
    is_held_out = examples["split"] == "evaluate" if "split" in examples else None
    with threadpool_limits(1):  # sums of several threads differ in their last digits
        model = module.fit(examples if is_held_out is None else examples[~is_held_out], seed=SEED)
    held_out = examples if is_held_out is None else examples[is_held_out]
    inputs = list(training.inputs)
    baseline = examples[inputs].describe(include="all").T.astype(str)
    made_of = {"training_table": training.table.key, "code_fingerprint": fingerprint.of_model(name), "seed": str(SEED)}
    made_of[LEAKS_TAG] = probed
    return Candidate(
        model,
        module.evaluate(model, held_out),
        held_out[inputs].head(20),
        baseline.rename_axis("column").reset_index(),
        {**made_of, **tags},
    )


def register(
    settings: Settings, name: str, candidate: "Candidate", *, promotes: bool = True
) -> tuple[str, Any, list[str], bool]:
    """Register a model; it is signed and, if it `promotes`, becomes champion only if every gate holds. Returns what
    fit_and_register does."""
    from weir_models import registry, tracking

    spec, figures = registry.spec(name), candidate.evaluation.figures
    version = tracking.register(candidate, spec, tracking_uri=settings.tracking_uri)
    sentences = [gate.sentence(figures) for gate in spec.gates]
    passed = all(gate.holds(figures) for gate in spec.gates)
    if passed:
        tracking.pass_gate(spec, version, tracking_uri=settings.tracking_uri, figures=figures)
        ModelRegistry.of(settings).sign(name, version)  # first, for a champion without a signature serves nobody
    why = f"{candidate.tags.get('origin', 'registered')}; {'; '.join(sentences)}"[:MAX_REASON_CHARACTERS]
    releases = Releases.of(settings)
    releases.registered(name, version, passed, why)
    if passed and promotes:
        releases.move(name, version, CHAMPION, "it passed its gate", actor=WEIR)
    return version, candidate.evaluation, sentences, passed


def starts_shipped(settings: Settings, name: str) -> bool:
    """Whether the first version of a model is the one that comes with the package."""
    from weir_models import shipped

    has_own_rows = training_sets()[name].has_own_rows
    return shipped.is_there(name) and not (has_own_rows is not None and has_own_rows(settings))


def shipped_config(names: Iterable[str]) -> dict[str, Any]:
    """The run configuration with which the assets of these models register what comes with the package."""
    return {"ops": {name: {"config": {"is_shipped": True}} for name in names}}


def training_examples(lake: Lake, training: TrainingSet) -> Any:
    """The rows that a model is fitted and evaluated on, as a data frame."""
    hours = None
    if training.newest_days is not None and (stored := lake.hours(training.table)):
        since = format_hour(parse_hour(stored[-1]) - timedelta(days=training.newest_days))
        hours = [hour for hour in stored if hour > since]
    examples = lake.read_arrow(training.table, hours).to_pandas()
    if training.most_series is not None:
        column, most = training.most_series
        names = sorted(examples[column].unique())
        step = max(len(names) / most, 1)
        chosen = {names[int(place * step)] for place in range(min(most, len(names)))}
        examples = examples[examples[column].isin(chosen)].reset_index(drop=True)
    return examples


def no_examples(name: str, training: TrainingSet) -> str:
    """Why there is nothing to fit a model on, and what to do."""
    raw = source_of(training).raw
    advice = f"; {raw.how_to_set}, so that it is filled" if raw and training.rows is None else ""
    return f"{training.table.key} holds no rows that {name} could be fitted on{advice}."


def git_revision() -> str:
    """Git revision of the code, `unknown` outside of a checkout."""
    folder = Path(__file__).parent
    process = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=False)
    return process.stdout.strip() if process.returncode == 0 else "unknown"


def _write_examples(lake: Lake, table: Table, rows: Any) -> dg.MaterializeResult[Any]:
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

"""MLflow: register a version, move the champion alias, fetch a version. The only file that imports mlflow.

mlflow is imported inside the functions, for it costs seconds. `load_dir` needs no mlflow at all, so a Spark
executor can load what `download` fetched. No model knowledge belongs here.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from importlib.metadata import version as installed_version
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from weir_models import cards, registry
from weir_models.contract import Evaluation, Model, ModelSpec
from weir_models.tracking_uri import TrackingError, check_reachable, sqlite_file, without_password

CHAMPION = "champion"
GATE_TAG = "gate"
REQUIREMENTS = ("numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skops")
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}


class GateError(RuntimeError):
    """A version does not hold the gates of its specification, so the alias stays where it is."""

    exit_code = 4


def register(
    model: Model,
    spec: ModelSpec,
    evaluation: Evaluation,
    *,
    tracking_uri: str,
    input_example: pd.DataFrame,
    baseline: pd.DataFrame,
    tags: Mapping[str, str],
    artifacts: Mapping[str, str | Path] | None = None,
) -> str:
    """Log the run and register the model; returns the version.

    `baseline` holds statistics of the inputs by column, for drift; `tags` the table versions and the git
    revision; `artifacts` more files by name, each as its text or as the path of a file. The alias is untouched.
    """
    with _mlflow(tracking_uri) as (mlflow, client):
        from mlflow.models import infer_signature

        mlflow.set_experiment(experiment_id=_experiment(client, spec.name, tracking_uri))
        quiet = redirect_stderr(StringIO())  # MLflow reports each step there; what fails is raised
        with quiet, mlflow.start_run(run_name=spec.name, tags=dict(tags)), tempfile.TemporaryDirectory() as scratch:
            run_tags = {"owner": spec.owner, "training_table": spec.training_table, "naive_rule": spec.naive_rule}
            mlflow.set_tags(run_tags)
            mlflow.log_params(_parameters(model))
            mlflow.log_metrics({k: float(v) for k, v in evaluation.figures.items() if v == v})
            folder = Path(scratch)
            card = cards.write_card(registry.card_template(spec.name), spec, evaluation, tags)
            _write_artifacts(folder, evaluation, baseline, card, artifacts or {})
            mlflow.log_artifacts(str(folder))
            signature = infer_signature(input_example, model.predict(input_example))
            logged = mlflow.sklearn.log_model(
                model,
                name=spec.name,
                serialization_format="skops",
                skops_trusted_types=list(spec.trusted_types),
                signature=signature,
                pip_requirements=[f"{name}=={installed_version(name)}" for name in REQUIREMENTS],
                registered_model_name=spec.name,
                metadata={"weir_model": spec.name},
            )
        version = str(logged.registered_model_version)
        client.update_registered_model(spec.name, description=spec.meaning)
        client.update_model_version(spec.name, version, description=card[:4000])
        for key, value in tags.items():
            client.set_model_version_tag(spec.name, version, key, value)
        return version


def promote(spec: ModelSpec, version: str, *, tracking_uri: str, figures: Mapping[str, float] | None = None) -> None:
    """Point the champion alias at the version; refuses where a gate fails.

    The figures are those logged with the version's run; `figures` replaces them where the caller measured anew.
    """
    with _mlflow(tracking_uri) as (_, client):
        held = dict(figures) if figures is not None else _figures(client, spec.name, version)
        failing = [gate.sentence(held) for gate in spec.gates if not gate.holds(held)]
        if failing:
            raise GateError(f"{spec.name} version {version} is not promoted: {'; '.join(failing)}")
        client.set_model_version_tag(spec.name, version, GATE_TAG, "passed")
        client.set_registered_model_alias(spec.name, CHAMPION, version)


def figures(name: str, version: str, *, tracking_uri: str) -> dict[str, float]:
    """The figures that were logged when the version was registered."""
    with _mlflow(tracking_uri) as (_, client):
        return _figures(client, name, version)


def described(name: str, version: str, *, tracking_uri: str) -> tuple[str, dict[str, str], dict[str, float]]:
    """Run id, tags and figures of a version; TrackingError where there is no such database or version."""
    file = sqlite_file(tracking_uri)
    if file is not None and not file.is_file():  # MLflow would make an empty one
        raise TrackingError(f"there is no MLflow database {file}: run `weir train`, or correct WEIR_MLFLOW_URI")
    with _mlflow(tracking_uri) as (_, client):
        found = client.get_model_version(name, version)
        figures = {k: float(v) for k, v in client.get_run(found.run_id).data.metrics.items() if v == v}
        return str(found.run_id), dict(found.tags), figures


def passed_gate(name: str, version: str, *, tracking_uri: str) -> bool:
    """Whether the version was promoted through its gates at some time; False where the registry does not know it."""
    with _mlflow(tracking_uri) as (_, client):
        from mlflow.exceptions import MlflowException

        try:
            found = client.get_model_version(name, version)
        except MlflowException as error:
            if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                return False
            raise
        return bool(found.tags.get(GATE_TAG) == "passed")


def champion(name: str, *, tracking_uri: str) -> tuple[str, dict[str, str]] | None:
    """Version that serves and its tags; None where the model has no champion yet."""
    with _mlflow(tracking_uri) as (_, client):
        from mlflow.exceptions import MlflowException

        try:
            found = client.get_model_version_by_alias(name, CHAMPION)
        except MlflowException as error:
            if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                return None
            raise
        return str(found.version), dict(found.tags)


def download(name: str, version: str, to: Path, *, tracking_uri: str) -> Path:
    """Fetch a registered version into a folder below `to`; returns the folder that load_dir reads.

    The folder gets its name when it is whole, so that one that a killed process has begun is never served.
    """
    target = Path(to) / f"{name}-{version}"
    if _is_model(target):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-", ignore_cleanup_errors=True) as begun:
        whole = Path(begun) / target.name
        whole.mkdir()
        with _mlflow(tracking_uri) as (mlflow, _):
            mlflow.artifacts.download_artifacts(f"models:/{name}/{version}", dst_path=str(whole))
        try:
            whole.rename(target)
        except OSError as error:
            if not _is_model(target):  # else another process was faster with the same files
                raise TrackingError(
                    f"{target} cannot be written ({error.strerror}): delete it, or let this user write there"
                ) from error
    return target


def _is_model(folder: Path) -> bool:
    return any(folder.rglob("*.skops"))


def save_dir(model: Model, path: Path) -> Path:
    """Write a model so that load_dir reads it, without any server (tests, benchmarks)."""
    import skops.io

    path.mkdir(parents=True, exist_ok=True)
    skops.io.dump(model, path / "model.skops")
    return path


def load_dir(path: Path) -> Model:
    """Load a model from a downloaded folder; skops builds only the classes that the registry trusts."""
    import skops.io

    files = sorted(Path(path).rglob("*.skops"))
    if len(files) != 1:
        raise TrackingError(f"{path} holds {len(files)} .skops files, not one: download the version again")
    asked = skops.io.get_untrusted_types(file=files[0])
    loaded: Model = skops.io.load(files[0], trusted=registry.trusted_types(asked))
    return loaded


@contextmanager
def _mlflow(tracking_uri: str) -> Iterator[tuple[Any, Any]]:
    """mlflow and a client bound to the URI; whatever it cannot reach becomes one clear sentence."""
    for key, value in QUIET.items():
        os.environ.setdefault(key, value)
    check_reachable(tracking_uri)
    import mlflow
    import mlflow.sklearn
    from mlflow.exceptions import MlflowException
    from mlflow.utils.logging_utils import disable_logging

    disable_logging()  # its chatter about runs and versions; errors are exceptions, not logs
    warnings.filterwarnings("ignore", module=r"mlflow\.")
    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_registry_uri(tracking_uri)
    try:
        yield mlflow, mlflow.MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
    except MlflowException as error:
        said = without_password(tracking_uri, str(error).splitlines()[0].rstrip("."))
        raise TrackingError(
            f"MLflow at {without_password(tracking_uri)} refused: {said}; look at its log or correct WEIR_MLFLOW_URI"
        ) from error


def _experiment(client: Any, name: str, uri: str) -> str:
    """Id of the experiment of the model; its files lie beside the database where that is a file."""
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    database = sqlite_file(uri)
    location = (database.resolve().parent / "artifacts" / name).as_uri() if database is not None else None
    return str(client.create_experiment(name, artifact_location=location))


def _figures(client: Any, name: str, version: str) -> dict[str, float]:
    """Figures that were logged with the version's run."""
    run_id = client.get_model_version(name, version).run_id
    return dict(client.get_run(run_id).data.metrics)


def _parameters(model: Model) -> dict[str, Any]:
    """Parameters of an estimator, short enough for MLflow."""
    get_params = getattr(model, "get_params", None)
    return {key: str(value)[:500] for key, value in (get_params(deep=False) if get_params else {}).items()}


def _write_artifacts(
    folder: Path, evaluation: Evaluation, baseline: pd.DataFrame, card: str, artifacts: Mapping[str, str | Path]
) -> None:
    """Card, tables, plots, baseline and the caller's files, as a folder to log at once."""
    (folder / "card.md").write_text(card, encoding="utf-8")
    baseline.to_csv(folder / "baseline.csv", index=False)
    (folder / "tables").mkdir()
    for name, table in evaluation.tables.items():
        table.to_csv(folder / "tables" / f"{name}.csv", index=False)
    (folder / "plots").mkdir()
    for name, figure in evaluation.plots.items():
        figure.savefig(folder / "plots" / f"{name}.png", dpi=120, bbox_inches="tight")
    for name, content in artifacts.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            target.write_bytes(content.read_bytes())
        else:
            target.write_text(content, encoding="utf-8")

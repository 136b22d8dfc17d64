"""MLflow: register a version, move the champion alias, download a version. The only module that imports mlflow.

mlflow is imported inside the functions, since it takes seconds, and not at all for what registered.py can read. Nothing
here knows a particular model.
"""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, suppress
from importlib.metadata import version as installed_version
from io import StringIO
from pathlib import Path
from typing import Any

from weir_models import cards, registry, run_record
from weir_models.contract import Candidate, ModelSpec
from weir_models.registered import (
    FIGURES_TAG,
    RegisteredModel,
    RegisteredVersion,
    UnknownDatabaseError,
    figures_of,
    read,
)
from weir_models.registered import model as model_in
from weir_models.registered import versions as versions_in
from weir_models.saved_model import holds_model
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


MOST_DESCRIBED = 4_000
"""Characters of a version's description."""


class GateError(RuntimeError):
    """A version fails a gate of its specification; the alias stays where it is."""

    exit_code = 4


def register(candidate: Candidate, spec: ModelSpec, *, tracking_uri: str) -> str:
    """Log a run, register the model and return the version; the champion alias does not move."""
    model, evaluation, tags = candidate.model, candidate.evaluation, candidate.tags
    with _mlflow(tracking_uri) as (mlflow, client):
        from mlflow.models import infer_signature

        mlflow.set_experiment(experiment_id=_experiment(client, spec.name, tracking_uri))
        quiet = redirect_stderr(StringIO())  # MLflow prints its progress there; failures are raised
        with (
            quiet,
            mlflow.start_run(run_name=spec.name, tags=dict(tags)) as run,
            tempfile.TemporaryDirectory() as scratch,
        ):
            run_tags = {
                "owner": spec.owner,
                "training_table": spec.training_table,
                "naive_rule": spec.naive_rule,
                FIGURES_TAG: run_record.shown_for_all(spec, evaluation.figures),
            }
            mlflow.set_tags(run_tags)
            mlflow.log_params(run_record.parameters(model))
            mlflow.log_metrics(run_record.headline(spec, evaluation.figures))
            _log_dataset(client, run.info.run_id, run_record.dataset(spec, tags))
            folder = Path(scratch)
            card = cards.write_card(registry.card_template(spec.name), spec, evaluation, tags)
            cards.write_folder(folder, candidate, card)
            run_record.table_of(evaluation.figures).to_csv(folder / "figures.csv", index=False)
            mlflow.log_artifacts(str(folder))
            signature = infer_signature(candidate.input_example, model.predict(candidate.input_example))
            logged = mlflow.sklearn.log_model(
                model,
                name=spec.name,
                serialization_format="skops",
                skops_trusted_types=[*spec.trusted_types, *registry.IMPORTED_TYPES],
                signature=signature,
                pip_requirements=[f"{name}=={installed_version(name)}" for name in REQUIREMENTS],
                registered_model_name=spec.name,
                metadata={"weir_model": spec.name},
            )
        version = str(logged.registered_model_version)
        client.update_registered_model(spec.name, description=spec.meaning)
        summary = run_record.summary(spec, version, evaluation.figures)
        client.update_run(run.info.run_id, name=f"{spec.name} version {version}")
        client.set_tag(run.info.run_id, run_record.DESCRIPTION_TAG, f"{summary}\n\n{spec.meaning}")
        client.update_model_version(spec.name, version, description=f"{summary}\n\n{card}"[:MOST_DESCRIBED])
        for key, value in tags.items():
            client.set_model_version_tag(spec.name, version, key, value)
        return version


def promote(spec: ModelSpec, version: str, *, tracking_uri: str, figures: Mapping[str, float] | None = None) -> None:
    """Point the champion alias at the version; GateError where a gate fails. `figures`: as for `pass_gate`."""
    pass_gate(spec, version, tracking_uri=tracking_uri, figures=figures)
    set_alias(spec.name, CHAMPION, version, tracking_uri=tracking_uri)


def pass_gate(spec: ModelSpec, version: str, *, tracking_uri: str, figures: Mapping[str, float] | None = None) -> None:
    """Note on a version that it passed its gate; GateError where it does not.

    `figures` replaces the figures that were logged with the version's run.
    """
    with _mlflow(tracking_uri) as (_, client):
        measured = dict(figures) if figures is not None else _logged_figures(client, spec.name, version)
        failing = [gate.sentence(measured) for gate in spec.gates if not gate.holds(measured)]
        if failing:
            raise GateError(f"{spec.name} version {version} is not promoted: {'; '.join(failing)}")
        client.set_model_version_tag(spec.name, version, GATE_TAG, "passed")


def set_alias(name: str, alias: str, version: str, *, tracking_uri: str) -> None:
    """Point an alias of a model at a version."""
    with _mlflow(tracking_uri) as (_, client):
        client.set_registered_model_alias(name, alias, version)


def remove_alias(name: str, alias: str, *, tracking_uri: str) -> None:
    """Remove an alias of a model."""
    with _mlflow(tracking_uri) as (_, client):
        client.delete_registered_model_alias(name, alias)


def registered_model(name: str, *, tracking_uri: str) -> RegisteredModel | None:
    """A model with its aliases; None where the registry does not have it. Without MLflow where it lies in a file."""
    check_reachable(tracking_uri)
    file = sqlite_file(tracking_uri)
    if file is not None and file.is_file():
        with suppress(UnknownDatabaseError):
            return model_in(file, name)
    with _mlflow(tracking_uri) as (_, client):
        for model in client.search_registered_models(f"name = '{name}'"):
            aliases = {alias: str(version) for alias, version in model.aliases.items()}
            return RegisteredModel(str(model.creation_timestamp), aliases)
    return None


def versions(name: str, *, tracking_uri: str) -> list[RegisteredVersion]:
    """All versions of a model, oldest first, with tags and figures. Without MLflow where it lies in a file."""
    check_reachable(tracking_uri)
    file = sqlite_file(tracking_uri)
    if file is not None and file.is_file():
        with suppress(UnknownDatabaseError):
            return versions_in(file, name)
    with _mlflow(tracking_uri) as (_, client):
        numbers = sorted((str(item.version) for item in client.search_model_versions(f"name = '{name}'")), key=int)
    found = (_registered(name, tracking_uri, version=number) for number in numbers)
    return [version for version in found if version is not None]


def figures(name: str, version: str, *, tracking_uri: str) -> dict[str, float]:
    """Figures logged when the version was registered; TrackingError where there is no such version."""
    return dict(existing(name, version, tracking_uri=tracking_uri).figures)


def described(name: str, version: str, *, tracking_uri: str) -> tuple[str, dict[str, str], dict[str, float]]:
    """Run id, tags and figures of a version; TrackingError where there is no such database or version."""
    file = sqlite_file(tracking_uri)
    if file is not None and not file.is_file():  # MLflow would create an empty one
        raise TrackingError(f"there is no MLflow database {file}: run `weir train`, or correct WEIR_MLFLOW_URI")
    found = existing(name, version, tracking_uri=tracking_uri)
    return found.run_id, dict(found.tags), {key: value for key, value in found.figures.items() if value == value}


def passed_gate(name: str, version: str, *, tracking_uri: str) -> bool:
    """Whether the version ever passed its gates; False where the registry does not have it."""
    found = _registered(name, tracking_uri, version=version)
    return found is not None and found.tags.get(GATE_TAG) == "passed"


def tag(name: str, version: str, key: str, *, tracking_uri: str) -> str | None:
    """A tag of a version; None where it does not have it."""
    return existing(name, version, tracking_uri=tracking_uri).tags.get(key)


def set_tag(name: str, version: str, key: str, value: str, *, tracking_uri: str) -> None:
    """Set a tag of a version."""
    with _mlflow(tracking_uri) as (_, client):
        client.set_model_version_tag(name, version, key, value)


def attach(name: str, version: str, file: str, content: str | bytes, *, tracking_uri: str) -> None:
    """Keep a text or an image as a file of the version's run. TrackingError where it has none, or the run takes no files."""
    run_id = existing(name, version, tracking_uri=tracking_uri).run_id
    with _mlflow(tracking_uri) as (_, client), redirect_stderr(StringIO()):
        if not run_id:
            raise TrackingError(f"{name} version {version} has no run that could hold {file}")
        try:
            with tempfile.TemporaryDirectory() as scratch:
                path = Path(scratch) / Path(file).name
                path.write_bytes(content.encode() if isinstance(content, str) else content)
                folder = Path(file).parent.as_posix()
                client.log_artifact(run_id, str(path), None if folder == "." else folder)
        except OSError as error:
            raise TrackingError(
                f"the run of {name} version {version} takes no file ({error.strerror or error})"
            ) from error


def attached(name: str, version: str, file: str, *, tracking_uri: str) -> str:
    """The text of a file of the version's run. TrackingError where it cannot be read."""
    run_id = existing(name, version, tracking_uri=tracking_uri).run_id
    with _mlflow(tracking_uri) as (mlflow, _), redirect_stderr(StringIO()):
        try:
            return str(mlflow.artifacts.load_text(f"runs:/{run_id}/{file}"))
        except OSError as error:
            raise TrackingError(
                f"{file} of {name} version {version} cannot be read ({error.strerror or error})"
            ) from error


def describe(name: str, version: str, section: str, heading: str, *, tracking_uri: str) -> None:
    """Put a section at the end of a version's description, in place of that which begins with the heading."""
    with _mlflow(tracking_uri) as (_, client):
        text = (client.get_model_version(name, version).description or "").split(f"\n{heading}")[0].rstrip()
        section = section[:MOST_DESCRIBED]
        client.update_model_version(
            name, version, description=f"{text[: MOST_DESCRIBED - len(section) - 2].rstrip()}\n\n{section}"
        )


def passed_versions(name: str, *, tracking_uri: str) -> list[str]:
    """The versions of a model that ever passed their gates."""
    with _mlflow(tracking_uri) as (_, client):
        versions = client.search_model_versions(f"name = '{name}'")
        return sorted((str(item.version) for item in versions if item.tags.get(GATE_TAG) == "passed"), key=int)


def champion(name: str, *, tracking_uri: str) -> tuple[str, dict[str, str]] | None:
    """The serving version and its tags; None where the model has no champion yet."""
    found = _registered(name, tracking_uri, alias=CHAMPION)
    return (found.version, dict(found.tags)) if found is not None else None


def existing(name: str, version: str, *, tracking_uri: str) -> RegisteredVersion:
    """A version with its tags and figures; TrackingError where the registry does not have it."""
    found = _registered(name, tracking_uri, version=version)
    if found is None:
        raise TrackingError(
            f"the registry at {without_password(tracking_uri)} has no version {version} of {name}: run `weir train {name}`, or "
            "correct WEIR_MLFLOW_URI"
        )
    return found


def _registered(name: str, uri: str, *, version: str = "", alias: str = "") -> RegisteredVersion | None:
    """A version, or the one with the alias; None where the registry has none. Without MLflow where it lies in a file."""
    check_reachable(uri)
    file = sqlite_file(uri)
    if file is not None and file.is_file():
        with suppress(UnknownDatabaseError):
            return read(file, name, version, alias)
    with _mlflow(uri) as (_, client):
        from mlflow.exceptions import MlflowException

        try:
            found = client.get_model_version_by_alias(name, alias) if alias else client.get_model_version(name, version)
        except MlflowException as error:
            if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                return None
            raise
        figures = _figures_of_run(client, found.run_id) if found.run_id else {}
        return RegisteredVersion(str(found.version), found.run_id or "", dict(found.tags), figures)


def download(name: str, version: str, to: Path, *, tracking_uri: str) -> Path:
    """Download a registered version into a folder below `to` and return the folder for load_dir.

    The folder is renamed into place when it is complete, so that a killed download is never served.
    """
    target = Path(to) / f"{name}-{version}"
    if holds_model(target):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=target.parent, prefix=f".{target.name}-", ignore_cleanup_errors=True
    ) as scratch:
        folder = Path(scratch) / target.name
        folder.mkdir()
        with _mlflow(tracking_uri) as (mlflow, _):
            mlflow.artifacts.download_artifacts(f"models:/{name}/{version}", dst_path=str(folder))
        try:
            folder.rename(target)
        except OSError as error:
            if not holds_model(target):  # else another process finished the same download first
                raise TrackingError(
                    f"{target} cannot be written ({error.strerror}): delete it, or let this user write there"
                ) from error
    return target


def fetch(uri: str, to: Path, *, tracking_uri: str) -> None:
    """Download what a `models:/…` or `runs:/…` URI names into a folder; TrackingError where MLflow refuses."""
    with _mlflow(tracking_uri) as (mlflow, _), redirect_stderr(StringIO()):
        mlflow.artifacts.download_artifacts(uri, dst_path=str(to))


def schema_version() -> str:
    """The version of the schema that MLflow expects of its SQLite database."""
    from mlflow.store.db.utils import _get_latest_schema_revision

    return str(_get_latest_schema_revision())


def make_database(file: Path) -> None:
    """Make an empty SQLite database of MLflow's in a file that does not exist, as MLflow would at its first use."""
    from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine

    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    engine = create_sqlalchemy_engine(f"sqlite:///{file}")
    _initialize_tables(engine)
    engine.dispose()


def server_app(tracking_uri: str) -> Any:
    """MLflow's server as an ASGI app, as `mlflow server` sets it up; TrackingError where the database refuses.

    `mlflow server` would take the address of the database, which may hold a password, as an argument.
    """
    from mlflow.server import constants

    artifacts = "mlflow-artifacts:/"
    os.environ |= {
        constants.BACKEND_STORE_URI_ENV_VAR: tracking_uri,
        constants.REGISTRY_STORE_URI_ENV_VAR: tracking_uri,
        constants.ARTIFACT_ROOT_ENV_VAR: artifacts,
        constants.ARTIFACTS_DESTINATION_ENV_VAR: "./mlartifacts",
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
    }
    with _mlflow(tracking_uri):
        from mlflow.server.fastapi_app import app
        from mlflow.server.handlers import initialize_backend_stores

        initialize_backend_stores(tracking_uri, tracking_uri, artifacts)
    return app


@contextmanager
def _mlflow(tracking_uri: str) -> Iterator[tuple[Any, Any]]:
    """mlflow and a client bound to the URI; TrackingError where MLflow refuses."""
    for key, value in QUIET.items():
        os.environ.setdefault(key, value)
    check_reachable(tracking_uri)
    import mlflow
    import mlflow.sklearn
    from mlflow.exceptions import MlflowException
    from mlflow.utils.logging_utils import disable_logging

    disable_logging()  # it logs every run and version; errors are exceptions
    warnings.filterwarnings("ignore", module=r"mlflow\.")
    mlflow.set_tracking_uri(tracking_uri)
    mlflow.set_registry_uri(tracking_uri)
    try:
        yield mlflow, mlflow.MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
    except MlflowException as error:
        message = without_password(tracking_uri, str(error).splitlines()[0].rstrip("."))
        raise TrackingError(
            f"MLflow at {without_password(tracking_uri)} refused: {message}; look at its log or correct WEIR_MLFLOW_URI"
        ) from error


def _experiment(client: Any, name: str, uri: str) -> str:
    """Id of the experiment of the model; its files lie beside the database where that is a file."""
    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        number = str(experiment.experiment_id)
    else:
        database = sqlite_file(uri)
        location = (database.resolve().parent / "artifacts" / name).as_uri() if database is not None else None
        number = str(client.create_experiment(name, artifact_location=location))
    for key, value in {**run_record.EXPERIMENT_TAGS, run_record.DESCRIPTION_TAG: registry.spec(name).meaning}.items():
        client.set_experiment_tag(number, key, value)
    return number


def _log_dataset(client: Any, run_id: str, values: Mapping[str, Any]) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    given = DatasetInput(Dataset(**values), [InputTag("mlflow.data.context", "training")])
    client.log_inputs(run_id, [given])


def _logged_figures(client: Any, name: str, version: str) -> dict[str, float]:
    """Figures that were logged with the version's run."""
    return _figures_of_run(client, client.get_model_version(name, version).run_id)


def _figures_of_run(client: Any, run_id: str) -> dict[str, float]:
    data = client.get_run(run_id).data
    return figures_of(data.metrics, data.tags)

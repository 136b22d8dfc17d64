"""Checks of where data is: raw objects and their queues, the lake, MLflow, the database."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from platform_assets.cli.doctor import network
from platform_assets.cli.doctor.findings import Check, State
from platform_assets.cli.report import serves_shipped
from platform_assets.clients import database as databases
from platform_assets.clients.aws import url_without_secrets
from platform_assets.clients.champions import Champions
from platform_assets.clients.engine import lake_of
from platform_assets.core.databases import damaged
from platform_assets.core.files import nearest_folder
from platform_assets.core.home import DAGSTER_FOLDER
from platform_assets.core.streams import is_alive, progress, progress_sentence
from platform_assets.ingest.listings import location_of
from platform_assets.ingest.notifications import queue_url, region_of
from platform_assets.ingest.objects import count_objects
from platform_assets.ingest.streams.landed_objects import stream_of
from platform_assets.maintenance.repair import damages, describe
from platform_assets.settings import Settings
from platform_assets.training.sets import SHIPPED, training_sets
from spark_jobs.contract import RawFiles, Source
from spark_jobs.registry import sources
from spark_jobs.storage.lake import LakeError
from spark_jobs.wording import counted

MAX_LISTED_OBJECTS = 1000
UNREAD = "; their content is read by `weir doctor --thorough`"


CHAMPIONS = """
SELECT alias.name, alias.version, tag.value FROM registered_model_aliases AS alias
LEFT JOIN model_version_tags AS tag ON tag.name = alias.name AND tag.version = alias.version AND tag.key = 'origin'
WHERE alias.alias = 'champion' ORDER BY alias.name
"""


def raw_location(source: Source, raw: RawFiles) -> Check:
    """A check of the raw objects of a source."""

    def check(settings: Settings) -> tuple[State, str]:
        location = location_of(settings, source.name)
        if not location and (stream := stream_of(settings, source)):
            return "off", f"None is set; the data stream {stream} brings them."
        if not location:
            return ("off" if raw.is_optional else "missing"), f"None is set; {raw.how_to_set}."
        count = _count(settings, location)
        if not count:
            return "missing", f"{location} is reachable and holds no {raw.noun}."
        return "ok", f"{location} holds {count:,} {raw.noun}{' or more' if count == MAX_LISTED_OBJECTS else ''}."

    return check


def raw_queue(source: Source, raw: RawFiles) -> Check:
    """A check of the queue that announces new objects of a source."""

    def check(settings: Settings) -> tuple[State, str]:
        url = queue_url(settings, raw)
        if not url:
            return "off", "None is set; the raw location is listed."
        if not location_of(settings, source.name).startswith("s3://"):
            return "failed", f"It announces objects in S3; set WEIR_{raw.setting.upper()} to the s3:// URI of the logs."
        call = ("sqs", "get_queue_attributes", f"The queue {url}", "sqs:GetQueueAttributes")
        region = region_of(url) or settings.aws_region
        return network.ask_aws(call, "is there.", region, QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])

    return check


def lake(settings: Settings, thorough: bool = False) -> tuple[State, str]:
    """`thorough`: the content of its files is read too."""
    try:
        own_lake = lake_of(settings)
    except LakeError as error:
        return "failed", str(error)
    root = own_lake.root
    if root.startswith("s3://"):
        state: State = "ok" if _count(settings, f"{root}/", limit=1) else "missing"
        return state, f"{root} is reachable{'' if state == 'ok' else ' and empty; the first run fills it'}."
    folder = nearest_folder(Path(root))
    if not os.access(folder, os.W_OK | os.X_OK):
        return "failed", f"{folder} cannot be written by this user; correct WEIR_LAKE."
    tables = [log for depth in ("*/*", "*/*/*") for log in Path(root).glob(f"{depth}/_delta_log")]
    if not tables:
        return "missing", f"{root} is filled by the first run."
    if found := damages(own_lake, thorough):
        more = f", and {counted(len(found) - 1, 'more table')}" if len(found) > 1 else ""
        return "failed", f"{describe(found[0])}{more}; run `weir repair`."
    return "ok", f"{root} holds {counted(len(tables), 'table')}{', whose content can be read' if thorough else UNREAD}."


def own_databases(settings: Settings, thorough: bool = False) -> tuple[State, str]:
    """`thorough`: all of their pages are read."""
    folder = settings.home / DAGSTER_FOLDER
    if not folder.is_dir():
        return "missing", f"{folder} is made by the first run."
    if found := damaged(settings, folder, thorough):
        (path, lost), *more = found.items()
        others = f", and {len(more)} more" if more else ""
        return "failed", f"{path} is damaged{others}; run `weir repair` ({lost})."
    return "ok", f"Those of runs and models are whole{', every page of them' if thorough else UNREAD}."


def mlflow(settings: Settings) -> tuple[State, str]:
    uri = settings.tracking_uri
    if uri.startswith(("http://", "https://")):
        return _mlflow_server(uri)
    if not uri.startswith("sqlite:///"):
        return "off", f"{url_without_secrets(uri)} is neither SQLite nor a server, so it is not looked at."
    path = Path(uri.removeprefix("sqlite:///"))
    if not path.exists():
        return "missing", f"{path} is made by the first run."
    count = _read(path, "SELECT count(*) FROM registered_models")
    if isinstance(count, str):
        return "failed", count
    return "ok", f"{path} holds {counted(count[0][0], 'registered model')}."


def champions(settings: Settings) -> tuple[State, str]:
    """Which versions serve, and whether they came with Weir; read without MLflow, which takes seconds to load."""
    from weir_models import registry
    from weir_models.tracking_uri import sqlite_file

    uri = settings.tracking_uri
    path = sqlite_file(uri)
    if path is None:
        return "off", f"MLflow at {url_without_secrets(uri)} shows which serve."
    serving = _read(path, CHAMPIONS) if path.exists() else []
    if isinstance(serving, str):
        return "failed", serving
    known, aliases = Champions.of(settings), {name: str(version) for name, version, _ in serving}
    for name in registry.names():
        if problem := known.problem(name, aliases.get(name)):
            return "failed", problem
    if not serving:
        return "missing", f"None serves yet; the first run registers those that Weir ships: {', '.join(_shipped())}."
    shipped = [name for name, _, origin in serving if origin == SHIPPED]
    versions = ", ".join(f"{name} {version}" for name, version, _ in serving)
    return "ok", f"{versions}.{f' {serves_shipped(shipped)}.' if shipped else ''}"


def _read(path: Path, query: str) -> list[tuple[Any, ...]] | str:
    """Rows of MLflow's SQLite database, or a sentence if it cannot be read."""
    address = f"{path.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=network.SECONDS)) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.Error as error:
        return f"{path} is no MLflow database ({error}); move it away or correct WEIR_MLFLOW_URI."


def _shipped() -> list[str]:
    from weir_models import shipped

    return [name for name in training_sets() if shipped.is_there(name)]


def _mlflow_server(uri: str) -> tuple[State, str]:
    address = url_without_secrets(uri)
    import httpx

    try:
        url = address + urlsplit(uri).path.rstrip("/") + "/health"
        code = httpx.get(url, timeout=network.SECONDS, follow_redirects=True).status_code
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
        return "failed", f"The MLflow server at {address} cannot be reached; start it or correct WEIR_MLFLOW_URI."
    if code == 401:
        return "ok", f"The MLflow server at {address} answers and asks for a user."
    if code >= 400:
        advice = "start it with --allowed-hosts for this name" if code == 403 else "look at its log"
        return "failed", f"The MLflow server at {address} answers {code}; {advice} or correct WEIR_MLFLOW_URI."
    return "ok", f"The MLflow server at {address} answers."


def database(settings: Settings) -> tuple[State, str]:
    exists, sentence = databases.probe(settings.database, network.SECONDS)
    return ("ok" if exists else "missing"), sentence


def _count(settings: Settings, location: str, limit: int = MAX_LISTED_OBJECTS) -> int:
    store = {"region": settings.aws_region, "endpoint_url": settings.s3_endpoint_url}
    return count_objects(location, limit=limit, seconds=network.SECONDS, **store)


def of_sources() -> dict[str, Check]:
    """Checks of the raw objects and the queue of each source."""
    checks = {}
    for source in sources().values():
        if source.raw is not None:
            checks[source.raw.noun] = raw_location(source, source.raw)
            if source.raw.queue_setting:
                checks[f"{source.raw.noun} queue"] = raw_queue(source, source.raw)
        if source.stream is not None:
            checks[f"{source.name} stream"] = stream_process(source)
    return checks


def stream_process(source: Source) -> Check:
    """A check of the process that reads the stream of a source, by what it has recorded."""

    def check(settings: Settings) -> tuple[State, str]:
        assert source.stream is not None
        stream = stream_of(settings, source)
        if not stream:
            return "off", f"None is set; {source.stream.how_to_set}."
        row = progress(lake_of(settings)).get(source.name)
        if row is None:
            return "missing", f"{stream} was never read on this lake; run `weir stream run {source.name}`."
        state: State = "ok" if is_alive(row) else "failed"
        advice = "" if state == "ok" else f" Run `weir stream run {source.name}`; batch makes its hours meanwhile."
        return state, f"{progress_sentence(row)}.{advice}"

    return check


DATA: dict[str, Check] = {
    "lake": lake,
    "databases": own_databases,
    "mlflow": mlflow,
    "champions": champions,
    "database": database,
}
THOROUGH: dict[str, Check] = {"lake": partial(lake, thorough=True), "databases": partial(own_databases, thorough=True)}
"""In place of the checks of the same names; they take as long as reading everything does."""

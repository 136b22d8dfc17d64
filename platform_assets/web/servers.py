"""The servers of `weir ui`, each a process behind the gate: `python -m platform_assets.web.servers dagster PORT`.

The listening socket is the standard input: `weir ui` opened it, so no other process can have taken the port meanwhile.

Addresses of databases, which may hold passwords, are read from the settings here: arguments are seen by everybody.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from platform_assets.core.instance import configuration_file
from platform_assets.core.secrets import ui_token
from platform_assets.settings import Settings, load_settings
from platform_assets.web.addresses import HOST
from platform_assets.web.gate import App, Gate

DATABASE_TIMEOUT_MILLISECONDS, POOL_RECYCLE_SECONDS, POOL_MAX_OVERFLOW = 15_000, 3600, 20
"""As dagster-webserver sets them."""


@contextmanager
def dagster(_: Settings) -> Iterator[App]:
    """Dagster's webserver on the instance of DAGSTER_HOME."""
    from dagster import DagsterInstance
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import WorkspaceFileTarget
    from dagster_webserver.app import create_app_from_workspace_process_context
    from dagster_webserver.version import __version__

    target = WorkspaceFileTarget(paths=[str(configuration_file("workspace.yaml"))])
    with DagsterInstance.get() as instance:
        instance.optimize_for_webserver(DATABASE_TIMEOUT_MILLISECONDS, POOL_RECYCLE_SECONDS, POOL_MAX_OVERFLOW)
        with WorkspaceProcessContext(instance, version=__version__, workspace_load_target=target) as workspace:
            yield create_app_from_workspace_process_context(workspace, live_data_poll_rate=2000)


@contextmanager
def mlflow(settings: Settings) -> Iterator[App]:
    """MLflow's server on the database of the settings."""
    from weir_models import tracking

    yield tracking.server_app(settings.tracking_uri)


@dataclass(frozen=True)
class Server:
    """One of the servers: its app, and how the gate treats it."""

    app: Callable[[Settings], AbstractContextManager[App]]
    post_only: tuple[str, ...] = ()
    """Paths at which it takes queries."""
    preferences: Mapping[str, str] = field(default_factory=dict)
    switched_off: tuple[str, ...] = ()


SERVERS = {
    "dagster": Server(dagster, post_only=("/graphql",)),
    "mlflow": Server(
        mlflow,
        preferences={
            "mlflow.workflowType_v1": '"machine_learning"',  # else it opens on traces of language models
            "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",  # else the panel of what is switched off opens
            "_mlflow_model_registry_promo_modal_dismissed_v1": "true",  # else a dialog lies over the first page of models
        },
        switched_off=("ajax-api/3.0/mlflow/assistant",),  # an agent with a shell
    ),
}


def command(name: str, port: int) -> list[str]:
    """The command that serves on a loopback port, whose listener is its standard input."""
    return [sys.executable, "-m", __name__, name, str(port)]


def hosts(port: int) -> list[str]:
    """The Host headers of a browser on this machine."""
    return [f"{host}:{port}" for host in (HOST, "localhost")]


def own_listener() -> socket.socket:
    """The socket that was the standard input, which processes that this one starts do not get."""
    listener = socket.socket(fileno=os.dup(0))
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    return listener


def serve(name: str, port: int, listener: socket.socket, settings: Settings) -> None:
    """Serve until interrupted."""
    server = SERVERS[name]
    with server.app(settings) as inner:
        gate = Gate(inner, ui_token(settings), hosts(port), server.post_only, server.preferences, server.switched_off)
        # No access log: it would hold the address with the token.
        uvicorn.Server(uvicorn.Config(gate, log_level="warning", access_log=False, proxy_headers=False)).run([listener])


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), own_listener(), load_settings())

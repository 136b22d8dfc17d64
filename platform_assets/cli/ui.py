"""`weir ui`: Dagster's webserver and daemon and MLflow's server on one home, until interrupted."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from platform_assets.cli import interrupt
from platform_assets.core.asset_groups import group_of
from platform_assets.core.domain import domains
from platform_assets.core.files import keep_private, write_atomically
from platform_assets.core.instance import configuration_file, prepare_home
from platform_assets.core.secrets import ui_token
from platform_assets.ingest.listings import location_of
from platform_assets.settings import Settings
from platform_assets.web.addresses import HOST
from platform_assets.web.gate import PARAMETER, UNAUTHORIZED
from platform_assets.web.servers import command
from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.registry import sources
from spark_jobs.wording import counted

GRAPH = "/asset-groups"


class UiError(WeirError):
    """The servers cannot be started; one sentence that says what to do."""

    exit_code = ExitCode.SERVICE


def commands(settings: Settings, port: int) -> dict[str, list[str]]:
    """Server -> its command, without secrets; without MLflow if the settings name an MLflow server."""
    workspace = str(configuration_file("workspace.yaml"))
    servers = {
        "Dagster": command("dagster", port),
        "Dagster daemon": [sys.executable, "-m", "dagster._daemon", "run", "-w", workspace],
    }
    if not settings.tracking_uri.startswith("http"):
        servers["MLflow"] = command("mlflow", port + 1)
    return servers


def serve(settings: Settings, port: int) -> None:
    """Start them, print their addresses with the token, stop them together."""
    _stop_left_over(settings)
    ports = {"Dagster": port} | ({"MLflow": port + 1} if "MLflow" in commands(settings, port) else {})
    listeners = {name: _listener(needed_port) for name, needed_port in ports.items()}
    prepare_home(settings)
    logs = settings.home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    running: dict[str, subprocess.Popen[bytes]] = {}
    keep_private()  # who may write a socket of Dagster's code servers may connect to it
    interrupt.leave_alone()
    # A service manager stops with SIGTERM; a shell starts background jobs that ignore SIGINT.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    try:
        for name, arguments in commands(settings, port).items():
            log = (logs / f"{name.lower().replace(' ', '-')}.log").open("ab")
            running[name] = subprocess.Popen(
                arguments,
                stdin=listeners[name].fileno() if name in listeners else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ.copy(),
                start_new_session=True,
            )
            write_atomically(
                _pids(settings),
                "".join(f"{process}\n" for process in (os.getpid(), *(server.pid for server in running.values()))),
            )
        for listener in listeners.values():
            listener.close()
        _wait(ports, running)
        token = ui_token(settings)
        for name, path in {"Dagster": graph_page(settings), "Runs": "/runs"}.items():
            print(f"{name:<10} http://{HOST}:{port}{path}?{PARAMETER}={token}")
        if "MLflow" in running:
            print(f"{'MLflow':<10} http://{HOST}:{port + 1}/?{PARAMETER}={token}#/models")
        else:
            from weir_models.tracking_uri import without_password

            print(f"{'MLflow':<10} {without_password(settings.tracking_uri)}")
        print("Whoever has these addresses can change everything here; they are for this browser.")
        print(f"Logs in {logs}; Ctrl-C stops all.", flush=True)
        while all(process.poll() is None for process in running.values()):
            time.sleep(0.5)
        dead = next(name for name, process in running.items() if process.poll() is not None)
        raise UiError(f"{dead} stopped by itself; its log in {logs} says why.")
    except KeyboardInterrupt:
        print("Stopping.")
    finally:
        _stop(running)
        _pids(settings).unlink(missing_ok=True)


def graph_page(settings: Settings) -> str:
    """The path of Dagster's page with the graph of what has data: the groups of domains that a source with a location is read for.

    The whole graph where that is all of them, or none.
    """
    declared = [domain for domain in domains().values() if domain.sources]
    located = {name for domain in declared for name in domain.sources if location_of(settings, name)}
    chosen = [domain for domain in declared if located.intersection(domain.sources)]
    if not chosen or len(chosen) == len(declared):
        return GRAPH
    owners = {domain.name for domain in chosen} | {
        group_of(table.key).partition("_")[0] for name in located for table in sources()[name].tables
    }
    selection = " or ".join(f'group:"{owner}_*"' for owner in sorted(owners))
    return f"{GRAPH}~{quote(selection, safe='')}/"


def _pids(settings: Settings) -> Path:
    """The file with the process ids of `weir ui` itself and of its servers, each the leader of its group."""
    return settings.home / "logs" / "servers"


def _stop_left_over(settings: Settings) -> None:
    """Stop the servers of an earlier `weir ui` that was killed: two daemons on one home would fight. UiError where it runs."""
    try:
        lines = _pids(settings).read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return
    parent, *servers = [int(line) for line in lines if line.isdigit()] or [0]
    if parent and " ui" in _command(parent):
        raise UiError(f"`weir ui` runs on this home already (process {parent}); stop it first, or use it.")
    left_over = [server for server in servers if _is_server(server)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in filter(_is_server, left_over):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process, number)
        deadline = time.monotonic() + 15
        while any(map(_is_server, left_over)) and time.monotonic() < deadline:
            time.sleep(0.2)
    if left_over:
        print(f"Stopped {counted(len(left_over), 'server')} that an earlier `weir ui` on this home had left.")


def _is_server(process: int) -> bool:
    """Whether the process is one of our servers; the system may have reused its id."""
    return any(name in _command(process) for name in (command.__module__, "dagster._daemon"))


def _command(process: int) -> str:
    """The command line of a running process; empty where there is none."""
    shown = subprocess.run(
        ["ps", "-ww", "-o", "stat=,args=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return "" if shown.stdout.lstrip().startswith("Z") else shown.stdout.strip()


def _listener(port: int) -> socket.socket:
    """The listener of a server, opened before the token is shown: whoever took the port later would be sent it."""
    try:
        return socket.create_server((HOST, port), backlog=1024)
    except OSError:
        raise UiError(f"Port {port} is taken; stop what listens there or choose another with --port.") from None


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == UNAUTHORIZED[0]
    except OSError:
        return False
    finally:
        connection.close()


def _wait(ports: Mapping[str, int], running: dict[str, subprocess.Popen[bytes]], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not all(_answers(port) for port in ports.values()):
        dead = [name for name, process in running.items() if process.poll() is not None]
        if dead or time.monotonic() > deadline:
            raise UiError(f"{dead[0] if dead else 'A server'} did not start; the logs of the home say why.")
        time.sleep(0.3)


def _stop(running: dict[str, subprocess.Popen[bytes]]) -> None:
    for process in running.values():
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
    for process in running.values():
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)

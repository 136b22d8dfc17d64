"""What an earlier `weir ui` left behind: its servers are stopped, unless it runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote

import pytest

from platform_assets.cli import ui
from platform_assets.core.secrets import ui_token
from platform_assets.settings import Settings

DATABASE = "postgresql://weir:hunter2@database/mlflow"
SERVER = "import time; time.sleep(600)  # dagster._daemon"


def started(text: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", text], start_new_session=True)


def note(home: Settings, *processes: int) -> Path:
    path = home.home / "logs" / "servers"
    path.parent.mkdir()
    path.write_text("".join(f"{process}\n" for process in processes))
    return path


def test_servers_of_a_killed_command_are_stopped(home: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    gone = started("pass")
    gone.wait()
    server, other = started(SERVER), started("import time; time.sleep(600)")
    note(home, gone.pid, server.pid, other.pid)
    try:
        ui._stop_left_over(home)
        assert server.wait(60) in (-signal.SIGTERM, -signal.SIGKILL)
        assert other.poll() is None, "the system may have given the id to another program"
    finally:
        other.kill()
        other.wait()
    assert "Stopped 1 server that an earlier `weir ui`" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("locations", "groups"),
    [
        ({}, ""),
        ({"cloudfront_raw": "logs"}, 'group:"waf_*"'),
        ({"metrics_raw": "m"}, 'group:"anomaly_*" or group:"metrics_*" or group:"scaling_*"'),
        ({"cloudfront_raw": "logs", "metrics_raw": "m"}, ""),
    ],
)
def test_the_graph_shows_domains_with_data(home: Settings, locations: dict[str, str], groups: str) -> None:
    page = ui.graph_page(home.model_copy(update=locations))
    assert unquote(page) == (f"/asset-groups~{groups}/" if groups else "/asset-groups")


def test_a_running_command_is_named(home: Settings) -> None:
    running = started("import time; time.sleep(600)  # weir ui")
    server = started(SERVER)
    note(home, running.pid, server.pid)
    try:
        with pytest.raises(ui.UiError, match=f"runs on this home already .process {running.pid}."):
            ui._stop_left_over(home)
        assert server.poll() is None
    finally:
        for process in (running, server):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_no_command_of_a_server_holds_a_secret(home: Settings) -> None:
    settings = home.model_copy(update={"mlflow_uri": DATABASE})
    commands = ui.commands(settings, 3000)
    assert set(commands) == {"Dagster", "Dagster daemon", "MLflow"}
    assert "hunter2" not in str(commands) and "postgresql" not in str(commands)
    assert ui_token(settings) not in str(commands)


def test_a_taken_port_is_named(home: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ui.UiError, match=f"Port {port} is taken; stop what listens there or choose another"):
            ui.serve(home, port)


@pytest.mark.slow
def test_nobody_takes_a_port_meanwhile(home: Settings) -> None:
    """Who took it while the servers load would be sent the token by the browser."""
    program = "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); from platform_assets.cli.app import main; main()"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-u", "-c", program, "ui", "--home", str(home.home), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started_ui:
        try:
            deadline = time.monotonic() + 240
            servers = home.home / "logs" / "servers"
            while not servers.exists() or len(servers.read_text().split()) < 3:
                assert started_ui.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
            for taken in (port, port + 1):
                with pytest.raises(OSError, match="in use"):
                    socket.create_server(("127.0.0.1", taken))
            assert started_ui.stdout is not None
            assert f"http://127.0.0.1:{port}/asset-groups?token={ui_token(home)}" in started_ui.stdout.readline()
        finally:
            started_ui.terminate()
            started_ui.communicate(timeout=60)
    assert started_ui.returncode == 0
    for released in (port, port + 1):
        socket.create_server(("127.0.0.1", released)).close()

"""Another process of the machine attacks the embedded engine: once it runs, and in the moment in which it starts."""

from __future__ import annotations

import atexit
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.attack("neighbors on the machine: ports")]

PROCESS = """
import sys
from platform_assets.cli import interrupt
from spark_jobs.runtime import embedded, session

{before}
try:
    spark = session.spark_session("sail")
except embedded.ExposedEngineError as error:
    print(f"{{type(error).__name__}}: {{error}}", file=sys.stderr)
    interrupt.end(1)  # as the command ends: threads that a stranger keeps are not waited for
print("ready", flush=True)
for command in sys.stdin:
    def same(batches):
        yield from batches
    print(spark.range(1000).mapInArrow(same, "id long").count(), flush=True)
"""
ATTACK = """
import signal, sys
from pyspark.sql import SparkSession

signal.alarm(15)  # a client would try again for minutes

port, key, loot = sys.argv[1:]
def steal(batches):
    open(loot, "w").write(open(key).read())
    yield from batches
session = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()
session.range(1).mapInArrow(steal, "id long").count()
"""
FIRST = """
import subprocess, sys, time
connect = embedded._accepted
def late(channel, port):
    attack = subprocess.Popen([sys.executable, "-c", {attack!r}, str(port), {key!r}, {loot!r}], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(200):
        if any(sock.port == port and sock.peer_port for sock in embedded._tcp_sockets()):
            break
        time.sleep(0.1)
    else:
        raise AssertionError("the attack does not even connect")
    time.sleep(3)
    return connect(channel, port)
embedded._accepted = late
"""


class Victim:
    """A process with the embedded engine."""

    def __init__(self, before: str = "") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROCESS.format(before=before)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None and self.process.stdin is not None

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def count(self) -> str:
        """The result of a job."""
        assert self.process.stdin is not None
        self.process.stdin.write("count\n")
        self.process.stdin.flush()
        return self.line()

    def ports(self) -> list[int]:
        """Where the process listens."""
        connections = psutil.Process(self.process.pid).net_connections("inet")
        return [connection.laddr.port for connection in connections if connection.status == psutil.CONN_LISTEN]


@pytest.fixture
def secret(tmp_path: Path) -> tuple[Path, Path]:
    """A file that only its owner reads, and where an attack would copy it."""
    key = tmp_path / "hash.key"
    key.touch(0o600)
    key.write_text("secret")
    return key, tmp_path / "loot"


@pytest.fixture
def victims() -> Iterator[list[Victim]]:
    started: list[Victim] = []
    yield started
    for victim in started:
        victim.process.kill()
        victim.process.communicate()


def test_another_client_does_not_reach_the_engine(secret: tuple[Path, Path], victims: list[Victim]) -> None:
    key, loot = secret
    victims.append(victim := Victim())
    assert victim.line() == "ready"
    ports = victim.ports()
    for port in ports:
        command = [sys.executable, "-c", ATTACK, str(port), str(key), str(loot)]
        subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert not loot.exists(), "another client ran code in this process"
    assert ports == []
    assert victim.count() == "1000"


@pytest.mark.skipif(sys.platform != "linux", reason="socket filters are Linux's")
def test_a_client_that_connects_first_is_unheard(secret: tuple[Path, Path], victims: list[Victim]) -> None:
    key, loot = secret
    victims.append(victim := Victim(FIRST.format(attack=ATTACK, key=str(key), loot=str(loot))))
    assert victim.line() == "ready"
    assert [victim.count(), victim.ports()] == ["1000", []]
    assert not loot.exists(), "another client ran code in this process"


FASTER = """
import socket
deafen = embedded._deafen
def too_late(listener):
    with embedded._borrowed(listener) as sock:
        globals()["stranger"] = socket.create_connection(sock.getsockname())
    return deafen(listener)
embedded._deafen = too_late
"""
WITHOUT_FILTERS = """
embedded._deafen = lambda listener: False
""" + FIRST.replace("time.sleep(3)", "")


@pytest.mark.parametrize("before", [FASTER, WITHOUT_FILTERS])
def test_an_engine_that_others_reached_ends(before: str, secret: tuple[Path, Path], victims: list[Victim]) -> None:
    key, loot = secret
    text = before.format(attack=ATTACK, key=str(key), loot=str(loot)) if "{attack" in before else before
    victims.append(victim := Victim(text))
    _, errors = victim.process.communicate(timeout=60)
    assert victim.process.returncode == 1
    assert "ExposedEngineError: Another process of this machine connected to the embedded engine as it" in errors


def test_the_engine_uses_no_time_when_idle(victims: list[Victim]) -> None:
    victims.append(victim := Victim())
    assert victim.line() == "ready"
    assert victim.count() == "1000"
    process = psutil.Process(victim.process.pid)
    before = process.cpu_times()
    with pytest.raises(psutil.TimeoutExpired):
        process.wait(4)
    after = process.cpu_times()
    assert after.user + after.system - before.user - before.system < 0.5


def test_an_engine_that_cannot_be_closed_ends(victims: list[Victim]) -> None:
    victims.append(victim := Victim("embedded.DESCRIPTORS = embedded.Path('/nowhere')"))
    _, errors = victim.process.communicate(timeout=60)
    assert victim.process.returncode == 1
    assert "The port of the embedded engine cannot be closed to others, for /nowhere does not show" in errors


def test_the_engine_adds_nothing_to_the_exit() -> None:
    """What it would add waits for threads that wait for it (seen in one of some thirty exits under load)."""
    from spark_jobs.runtime import embedded

    before = atexit._ncallbacks()
    with embedded._nothing_at_exit():
        atexit.register(print)
    assert atexit._ncallbacks() == before
    atexit.register(before_exit := lambda: None)
    assert atexit._ncallbacks() == before + 1
    atexit.unregister(before_exit)


def test_own_sockets_are_told_apart() -> None:
    from spark_jobs.runtime import embedded

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            served, _ = listener.accept()
            sockets = {sock.descriptor: sock for sock in embedded._tcp_sockets()}
            assert sockets[listener.fileno()] == (listener.fileno(), port, None, True)
            assert sockets[client.fileno()].peer_port == port and not embedded._is_served(
                sockets[client.fileno()], port
            )
            assert embedded._is_served(sockets[served.fileno()], port)
            served.close()

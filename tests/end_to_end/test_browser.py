"""`weir ui` in a real browser: the asset graph, an asset materialized by a click, the registered model and its alias.

Needs Debian's chromium (or another one on the path); playwright's own browsers are never fetched.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from platform_assets.cli.run import Runner
from platform_assets.clients.engine import lake_of
from platform_assets.core.secrets import ui_token
from platform_assets.settings import Settings, load_settings
from spark_jobs.sources.cloudfront.tables import REQUESTS, SOURCE
from tests.conftest import kept_environment
from tests.end_to_end.conftest import Day

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install weir[dev]")

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
START_SECONDS = 180
SHOWN_MILLISECONDS = 90_000
RUN_SECONDS = 150
IN_BACKGROUND = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
"""As a shell does with a job in the background; not by a preexec_fn, for this process has threads of gRPC."""
WEIR = [sys.executable, "-c", f"{IN_BACKGROUND}; from platform_assets.cli.app import main; main()"]
QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def free_ports() -> int:
    """A free port whose next one is free as well."""
    for _ in range(100):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise AssertionError("no two neighbouring ports are free")


class Ui:
    """`weir ui` on the home with the fitted models."""

    def __init__(self, settings: Settings, port: int) -> None:
        self.settings = settings
        self.home, self.dagster, self.mlflow = settings.home, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
        self.token = ui_token(settings)
        self.log = settings.home / "ui.log"
        self.process = subprocess.Popen(
            [*WEIR, "ui", "--port", str(port)],
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, "WEIR_HOME": str(settings.home), "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )

    def wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while "Ctrl-C stops all" not in self.log.read_text(errors="replace"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"`weir ui` did not start.\n{self.told()}")
            time.sleep(0.5)

    def told(self) -> str:
        logs = [self.log, *sorted((self.home / "logs").glob("*.log"))]
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in logs if log.exists())

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(f"{self.dagster}/graphql", body, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            data: dict[str, Any] = json.load(answer)["data"]
        return data

    def stop(self) -> None:
        """As Ctrl-C does it; what is left of its group after that is killed."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
            pytest.fail("`weir ui` does not end on SIGINT; its servers are left running.")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no chromium on the path: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def parsed(chromium: Any, trained: Settings, simulated: Day, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A copy of the home with the fitted models, in which one run has parsed two hours."""
    folder = tmp_path_factory.mktemp("parsed")
    shutil.copytree(trained.home, folder / "home")
    Day.deliver(simulated.punctual(0, 1), folder / "raw")
    settings = load_settings(folder / "home", cloudfront_raw=str(folder / "raw"))
    with kept_environment():
        Runner(settings).run([SOURCE.objects.key])
        Runner(settings).run([table.key for table in SOURCE.parsed], (simulated.hours[0], simulated.hours[1]))
    return settings


@pytest.fixture(scope="module")
def ui(parsed: Settings) -> Iterator[Ui]:
    running = Ui(parsed, free_ports())
    try:
        running.wait()
        yield running
    finally:
        running.stop()


@pytest.fixture
def page(chromium: Any, ui: Ui, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A tab of its own; what it showed last is kept in tmp_path."""
    context = chromium.new_context(viewport={"width": 1600, "height": 1000})
    context.set_default_timeout(SHOWN_MILLISECONDS)
    tab = context.new_page()
    tab.goto(f"{ui.dagster}/locations?token={ui.token}")
    assert ui.token not in tab.url, "the token stays in the address"
    yield tab
    tab.screenshot(path=tmp_path / f"{request.node.name}.png")
    context.close()


def test_no_dialog_covers_the_first_page(ui: Ui, page: Any) -> None:
    assert ui.graphql("{ shouldShowNux }") == {"shouldShowNux": False}
    page.goto(f"{ui.dagster}/assets")
    page.get_by_text("waf_decisions").first.wait_for()
    assert page.get_by_text("Join the Dagster community").count() == 0


def test_the_asset_graph_shows_the_path_from_logs_to_waf(ui: Ui, page: Any) -> None:
    page.goto(f"{ui.dagster}/asset-groups")
    page.get_by_text("waf_decisions", exact=True).first.wait_for()
    # All of the graph, expanded, has no room on the screen.
    page.goto(f"{ui.dagster}/assets/waf/ip_sets?view=lineage&lineageScope=upstream&lineageDepth=20")
    for name in ("requests", "client_daily", "request_attack", "waf_decisions", "ip_sets"):
        page.get_by_text(name, exact=True).first.wait_for()


def test_a_partition_shows_its_own_rows(ui: Ui, page: Any) -> None:
    """Of two hours that one run made; the calendar begins with the first of them."""
    counts = lake_of(ui.settings).row_counts(REQUESTS)
    (first, own), (last, other) = sorted(counts.items())
    assert own != other
    page.goto(f"{ui.dagster}/assets/{REQUESTS.key}?view=partitions&partition={first}")
    page.get_by_text("dagster/row_count", exact=True).first.wait_for()
    page.get_by_text(str(own), exact=True).first.wait_for()
    shown = page.inner_text("body")
    assert str(own + other) not in re.findall(r"\d+", shown.partition("whole run")[0]), "rows of the whole run"
    assert last in shown and "2009" not in shown


@pytest.mark.parametrize("model", ["request_attack", "client_abuse"])
def test_the_page_of_a_model_shows_few_figures_and_a_plot(page: Any, ui: Ui, model: str) -> None:
    page.goto(f"{ui.dagster}/assets/models/{model}")
    page.get_by_text("all figures and plots", exact=True).first.wait_for()
    page.locator(f'a[href*="/#/models/{model}/versions/"]').first.wait_for()
    assert page.get_by_text(re.compile(r"^plot: ")).count() == 1


def test_an_asset_is_materialized_by_a_click(ui: Ui, page: Any) -> None:
    page.goto(f"{ui.dagster}/assets/housekeeping/retention")
    page.get_by_role("button", name="Materialize").first.click()
    run: dict[str, Any] = {}
    deadline = time.monotonic() + RUN_SECONDS
    while run.get("status") != "SUCCESS":
        asked = "{ runsOrError { ... on Runs { results { runId status assetSelection { path } } } } }"
        found = ui.graphql(asked)["runsOrError"]["results"]
        run = next(
            (one for one in found if {"path": ["housekeeping", "retention"]} in (one["assetSelection"] or [])), {}
        )
        if run.get("status") == "FAILURE" or time.monotonic() > deadline:
            pytest.fail(f"The run ended or stayed as {run or 'none'}.\n{ui.told()}")
        time.sleep(1)
    page.goto(f"{ui.dagster}/runs/{run['runId']}")
    page.get_by_text("Success", exact=True).first.wait_for()
    page.goto(f"{ui.dagster}/assets/housekeeping/retention?view=events")
    page.get_by_text("Materialized").first.wait_for()


@pytest.mark.parametrize("model", ["request_attack", "client_abuse"])
def test_the_registered_model_shows_its_champion(ui: Ui, page: Any, model: str) -> None:
    page.goto(f"{ui.mlflow}/#/models/{model}")
    page.get_by_text(model).first.wait_for()
    page.get_by_text(re.compile("champion")).first.wait_for()


def test_mlflow_opens_an_experiment_on_its_runs(ui: Ui, page: Any) -> None:
    """As a link of Dagster's pages does: the browser has the token, and saw no page of MLflow."""
    page.goto(f"{ui.mlflow}/#/experiments/{experiment_of(ui, 'client_abuse')}")
    page.get_by_text("client_abuse version 1", exact=True).first.wait_for()


def test_nothing_covers_or_narrows_the_first_page_of_mlflow(ui: Ui, page: Any) -> None:
    page.goto(f"{ui.mlflow}/#/models")
    page.get_by_text("client_abuse", exact=True).first.wait_for()
    page.wait_for_timeout(1500)  # what opens by itself opens after the page
    assert page.get_by_text("Welcome to MLflow Assistant").count() == 0
    assert page.get_by_text("governed deployments").count() == 0


def test_mlflow_offers_no_agent_that_runs_commands(ui: Ui, page: Any) -> None:
    page.goto(f"{ui.mlflow}/#/experiments")
    page.get_by_text("client_abuse", exact=True).first.wait_for()
    page.wait_for_timeout(3000)
    assert page.get_by_placeholder("Ask a question...").count() == 0
    request = urllib.request.Request(
        f"{ui.mlflow}/ajax-api/3.0/mlflow/assistant/config", headers={"Authorization": f"Bearer {ui.token}"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    assert refused.value.code == 404


def test_a_run_of_mlflow_has_its_name_figures_examples_and_plots(ui: Ui, page: Any) -> None:
    page.goto(f"{ui.mlflow}/#/models/client_abuse/versions/1")
    page.get_by_text("Version 1: ").first.wait_for()
    page.goto(f"{ui.mlflow}/#/experiments/{experiment_of(ui, 'client_abuse')}/runs")
    page.get_by_text("client_abuse version 1", exact=True).first.click()
    page.get_by_text(re.compile(r"^Metrics \(\d+\)")).first.wait_for()
    shown = page.inner_text("body")
    assert re.search(r"training/cloudfront/client_examples version \d+", shown), "no dataset"
    metrics = re.search(r"Metrics \((\d+)\)", shown)
    assert metrics is not None and int(metrics[1]) <= 12
    page.get_by_role("tab", name="Artifacts").click()
    for name in ("figures.csv", "plots"):
        page.get_by_text(name, exact=True).first.wait_for()


def experiment_of(ui: Ui, name: str) -> str:
    address = f"{ui.mlflow}/api/2.0/mlflow/experiments/get-by-name?experiment_name={name}"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {ui.token}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.load(answer)["experiment"]["experiment_id"])


def test_the_page_is_told_of_changes(ui: Ui, page: Any) -> None:
    messages: list[str] = []  # listened to from the start: the first one may be the only one
    page.on("websocket", lambda socket: socket.on("framereceived", lambda message: messages.append(str(message))))
    page.goto(f"{ui.dagster}/runs")
    deadline = time.monotonic() + SHOWN_MILLISECONDS / 1000
    while not messages and time.monotonic() < deadline:
        page.wait_for_timeout(200)
    assert messages and ("connection_ack" in messages[0] or "data" in messages[0])


FORGE = """async (dagster) => {
    const seen = [];
    const query = encodeURIComponent("mutation { setNuxSeen }");
    for (const options of [{mode: "no-cors"}, {mode: "no-cors", credentials: "include", method: "POST"}])
        seen.push(await fetch(`${dagster}/graphql?query=${query}`, options).then(answer => answer.type, () => "failed"));
    seen.push(await new Promise(done => {
        const socket = new WebSocket(dagster.replace("http", "ws") + "/graphql", "graphql-ws");
        socket.onopen = () => done("open");
        socket.onerror = () => done("refused");
    }));
    return seen;
}"""


@pytest.mark.parametrize("site", ["127.0.0.1", "localhost"])
def test_another_page_reaches_nothing(ui: Ui, page: Any, site: str) -> None:
    """The page of another server of this machine, which gets the cookie; and of another site, which does not."""
    statuses: list[int] = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        page.goto(f"http://{site}:{other.server_address[1]}/")
        # Only from here on: Dagster's own page, which the fixture opened, may have asked as late as now.
        page.on("response", lambda answer: statuses.append(answer.status) if "/graphql" in answer.url else None)
        assert page.evaluate(FORGE, ui.dagster)[2] == "refused"
        other.shutdown()
    assert statuses and set(statuses) <= {403, 405}


def test_a_browser_without_the_token_is_told_where_it_is(ui: Ui, chromium: Any) -> None:
    with chromium.new_context() as context:
        tab = context.new_page()
        for address in (ui.dagster, ui.mlflow, f"{ui.dagster}/?token=0"):
            assert tab.goto(address).status == 401
            assert "Open the address that `weir ui` printed" in tab.content()


def test_mlflow_is_changed_only_with_the_token(ui: Ui) -> None:
    for headers, status in (({}, 401), ({"Authorization": f"Bearer {ui.token}"}, 200)):
        body = json.dumps({"name": f"experiment {status}"}).encode()
        address = f"{ui.mlflow}/api/2.0/mlflow/experiments/create"
        request = urllib.request.Request(address, body, {"Content-Type": "application/json", **headers})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                assert answer.status == status
        except urllib.error.HTTPError as error:
            assert error.code == status


def test_no_argument_of_a_server_holds_a_secret(ui: Ui) -> None:
    processes = [ui.process.pid, *(child.pid for child in psutil.Process(ui.process.pid).children(recursive=True))]
    commands = [" ".join(psutil.Process(process).cmdline()) for process in processes if psutil.pid_exists(process)]
    assert len(commands) >= 4
    for secret in (ui.token, "sqlite:", "://"):
        assert not [command for command in commands if secret in command]

"""Where links of Dagster's pages lead."""

from __future__ import annotations

from pathlib import Path

import pytest

from platform_assets.settings import load_settings, remember
from platform_assets.web.addresses import mlflow_page


@pytest.mark.parametrize(("port", "expected"), [(None, 3001), (4100, 4101)])
def test_links_lead_to_the_port_of_the_home(tmp_path: Path, port: int | None, expected: int) -> None:
    if port is not None:
        remember(load_settings(tmp_path), ui_port=str(port))
    assert mlflow_page(load_settings(tmp_path), "models/a/versions/1") == (
        f"http://127.0.0.1:{expected}/#/models/a/versions/1"
    )


def test_links_lead_to_the_server_of_the_settings(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, mlflow_uri="https://user:secret@mlflow.example/")
    assert mlflow_page(settings, "models/a") == "https://mlflow.example/#/models/a"

"""Where the pages of `weir ui` are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from platform_assets.settings import Settings

HOST, PORT = "127.0.0.1", 3000
"""Of Dagster without `--port`; MLflow takes the next one."""


def mlflow_page(settings: Settings, path: str) -> str:
    """The address of a page of MLflow: of the server that the settings name, else of `weir ui` at its usual port."""
    from weir_models.tracking_uri import without_password

    uri = settings.tracking_uri
    server = without_password(uri) if uri.startswith("http") else f"http://{HOST}:{PORT + 1}"
    return f"{server.rstrip('/')}/#/{path}"

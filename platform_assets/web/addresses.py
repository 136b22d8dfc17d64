"""Where the pages of `weir ui` are."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from platform_assets.settings import Settings

HOST, PORT = "127.0.0.1", 3000
"""Of Dagster where no setting says otherwise; MLflow takes the next one."""


def mlflow_page(settings: Settings, path: str) -> str:
    """The address of a page of MLflow: of the server that the settings name, else of `weir ui` at its port of this home."""
    uri = urlsplit(settings.tracking_uri)
    is_server = uri.scheme in ("http", "https")
    server = (
        uri._replace(netloc=uri.netloc.rpartition("@")[2]).geturl()
        if is_server
        else f"http://{HOST}:{settings.ui_port + 1}"
    )
    return f"{server.rstrip('/')}/#/{path}"

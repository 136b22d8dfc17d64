"""Plots as Dagster shows them on an asset: inline Markdown."""

from __future__ import annotations

import base64
import io
from typing import Any

import dagster as dg


def picture(plot: Any, alternative: str = "plot") -> dg.MetadataValue:
    """A matplotlib figure, or a PNG image as bytes, as metadata."""
    image = plot if isinstance(plot, bytes) else _png(plot)
    return dg.MetadataValue.md(f"![{alternative}](data:image/png;base64,{base64.b64encode(image).decode()})")


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=70)
    return buffer.getvalue()

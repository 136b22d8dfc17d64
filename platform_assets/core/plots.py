"""Plots as Dagster shows them on an asset: inline Markdown."""

from __future__ import annotations

import base64
import io
from typing import Any

import dagster as dg


def picture(plot: Any, alternative: str = "plot") -> dg.MetadataValue:
    """A matplotlib figure as metadata."""
    buffer = io.BytesIO()
    plot.savefig(buffer, format="png", dpi=70)
    return dg.MetadataValue.md(
        f"![{alternative}](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})"
    )

"""Plots as inline Markdown, for the metadata of assets. What is plotted is elsewhere."""

from __future__ import annotations

import base64
import io
from typing import Any


def picture(plot: Any) -> str:
    """A matplotlib figure as Markdown that holds it."""
    buffer = io.BytesIO()
    plot.savefig(buffer, format="png", dpi=70)
    return f"![plot](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})"

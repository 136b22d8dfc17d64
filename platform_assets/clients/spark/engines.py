"""The values of WEIR_ENGINE and their runners. Standard library only."""

from __future__ import annotations

import re
from typing import Literal

Runner = Literal["embedded", "connect", "submit", "emr_serverless", "glue"]
PATTERNS: dict[Runner, str] = {
    "embedded": r"sail|local(\[[\d*,]+\])?",
    "connect": r"sc://.+",
    "submit": r"yarn|(spark|k8s)://.+",
    "emr_serverless": "emr-serverless",
    "glue": "glue",
}
EMBEDDED = "sail"


def runner_of(engine: str) -> Runner:
    """The runner of an engine. ValueError, with a sentence, for an unknown one."""
    for runner, pattern in PATTERNS.items():
        if re.fullmatch(pattern, engine):
            return runner
    raise ValueError(
        f"the engine {engine} is not known: use sail, local[*], sc://…, spark://…, yarn, k8s://…, emr-serverless or glue"
    )

"""The tables of the domain."""

from __future__ import annotations

from spark_jobs.contract import Column, Table

GATE_PLAN = Table(
    key="tides/gate_plan",
    meaning="How high the gate is to be.",
    grain="one gate",
    upstream=("parsed/tides/levels", "models/tide_level"),
    hourly=False,
    unique=("gate",),
    columns=(
        Column("gate", "string", "the gate", nullable=False),
        Column("height_meters", "double", "a meter above the mean level", nullable=False),
    ),
)

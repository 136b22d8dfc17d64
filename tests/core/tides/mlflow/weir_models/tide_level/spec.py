"""What tide_level reads and what it must reach."""

from __future__ import annotations

from weir_models.contract import Gate, ModelSpec

SPEC = ModelSpec(
    name="tide_level",
    meaning="The mean level.",
    owner="team:harbor",
    training_table="parsed/tides/levels",
    inputs={"parsed/tides/levels": ("level_meters",)},
    label="level_meters",
    naive_rule="Zero.",
    gates=(Gate("mean_level", at_most=20),),
    trusted_types=("weir_models.tide_level.model.TideLevel",),
)

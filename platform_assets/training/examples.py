"""What a training set must hold at least, so that a model can be fitted on it; a sentence where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from platform_assets.training.sets import TrainingError
from spark_jobs.wording import counted

if TYPE_CHECKING:
    import pandas as pd

HELD_OUT = "evaluate"


def require_two_sides(name: str, label: str, examples: pd.DataFrame) -> None:
    """TrainingError where a yes-or-no label is the same in all examples to fit, or in all that are held out, or where a label
    has no value at all."""
    sides = {"": examples}
    if "split" in examples:
        is_out = examples["split"] == HELD_OUT
        sides = {" to fit": examples[~is_out], " held out": examples[is_out]}
    for side, rows in sides.items():
        values = rows[label].dropna().unique()
        if not len(values):
            what = (
                f"it has no example{side}"
                if rows.empty
                else f"{label} has no value in any of its {counted(len(rows), 'example')}{side}"
            )
            raise TrainingError(f"{name} was not fitted, since {what}; add some.")
        if len(values) == 1 and str(values[0]) in ("True", "False"):
            raise TrainingError(
                f"{name} was not fitted, since {label} is {str(values[0]).lower()} in all of its "
                f"{counted(len(rows), 'example')}{side}; add some of the other kind."
            )

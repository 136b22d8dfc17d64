"""What tide_level is fitted on."""

from __future__ import annotations

from platform_assets.training.sets import TrainingSet
from spark_jobs.sources.tides.tables import LEVELS

TRAINING = {"tide_level": TrainingSet(LEVELS, ("level_meters",), first_fit_hours=2)}

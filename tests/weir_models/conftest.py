"""A request model fitted once for the session, on a small corpus with a fixed seed."""

from __future__ import annotations

import pandas as pd
import pytest

from weir_models.request_attack import corpus
from weir_models.request_attack.model import RequestAttack, fit


@pytest.fixture(scope="session")
def examples() -> pd.DataFrame:
    return corpus.generate(seed=3, size=15_000)


@pytest.fixture(scope="session")
def request_model(examples: pd.DataFrame) -> RequestAttack:
    return fit(examples, seed=3)

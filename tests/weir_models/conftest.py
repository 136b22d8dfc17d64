"""A request model fitted once for the session, on a small corpus with a fixed seed."""

from __future__ import annotations

import pandas as pd
import pytest

from weir_models.request_attack import corpus
from weir_models.request_attack.model import RequestAttack, fit

COLUMNS = ["method", "uri_path", "uri_query", "user_agent", "referer"]
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0"


@pytest.fixture(scope="session")
def examples() -> pd.DataFrame:
    return corpus.generate(seed=3, size=15_000)


@pytest.fixture(scope="session")
def request_model(examples: pd.DataFrame) -> RequestAttack:
    return fit(examples, seed=3)


def requests(*queries: str | None, path: str | None = "/search", agent: str | None = BROWSER) -> pd.DataFrame:
    """Requests that differ in their query alone."""
    rows = [("GET", path, query, agent, None) for query in queries]
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


def paths(*found: str, method: str = "GET") -> pd.DataFrame:
    """Requests that differ in their path alone."""
    return pd.DataFrame([(method, path, None, BROWSER, None) for path in found], columns=COLUMNS, dtype=object)

"""A version that is too large or too slow for its budget is not proved."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd

from platform_assets.domains.learning.retraining import over_budget
from weir_models.contract import Guard, Learning


class Model:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        begin = time.process_time()
        while time.process_time() - begin < self.seconds:
            pass
        return frame


def test_what_is_over_its_budget_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.skops").write_bytes(b"x" * 1_000)
    rows = pd.DataFrame({"x": range(10)})
    learning = Learning("p", "s", "e", (Guard("slower", 3.0),), milliseconds_per_row=10.0, max_bytes=1_000)
    assert over_budget(Model(0.0), tmp_path, rows, learning) == []
    (slow,) = over_budget(Model(0.2), tmp_path, rows, learning)
    assert slow.startswith("it takes 2") and slow.endswith("ms of CPU a row, 10 are allowed")
    (tmp_path / "more").write_bytes(b"x")
    (large,) = over_budget(Model(0.0), tmp_path, rows, learning)
    assert large == "it takes 1,001 bytes, 1,000 are allowed"

"""A version that is too large or too slow for its budget is not proved."""

from __future__ import annotations

from pathlib import Path

from platform_assets.domains.learning.retraining import over_budget
from weir_models.contract import Guard, Learning


def test_what_is_over_its_budget_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.skops").write_bytes(b"x" * 1_000)
    learning = Learning("p", "s", "e", (Guard("slower", 3.0),), milliseconds_per_row=10.0, max_bytes=1_000)
    assert over_budget(tmp_path, 0.0, 10, learning) == []
    (slow,) = over_budget(tmp_path, 0.2, 10, learning)
    assert slow == "it takes 20 ms of CPU a row, 10 are allowed"
    (tmp_path / "more").write_bytes(b"x")
    (large,) = over_budget(tmp_path, 0.0, 10, learning)
    assert large == "it takes 1,001 bytes, 1,000 are allowed"

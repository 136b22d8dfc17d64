"""Model cards: every figure of an evaluation has its place."""

from __future__ import annotations

import pandas as pd
import pytest

from weir_models import cards, registry
from weir_models.contract import Evaluation


def test_a_card_without_a_figure_is_refused() -> None:
    spec = registry.spec("request_attack")
    table = pd.DataFrame({"attack_class": ["sqli"], "n": [3], "tpr": [0.5]})
    evaluation = Evaluation({"tpr": 0.913, "tpr_low": 0.9, "tpr_high": 0.92, "n_tpr": 1200.0}, {"by_class": table}, {})
    text = cards.write_card("{{tag:name}}: {{tpr%}} {{tpr}}\n{{table:by_class}}", spec, evaluation)
    assert text.startswith("request_attack: 91.3 % (95 % interval 90 to 92, n = 1,200) 0.913")
    assert "| sqli | 3 | 0.5 |" in text
    with pytest.raises(KeyError, match="asks for the figure fpr"):
        cards.write_card("{{fpr}}", spec, evaluation)

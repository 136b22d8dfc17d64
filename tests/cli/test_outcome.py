"""What a run says to machines."""

from __future__ import annotations

import json

from platform_assets.cli.outcome import LONGEST, Outcome


def test_all_but_long_texts_and_pictures_is_for_machines() -> None:
    metadata = {
        "waf/plan": {
            "rows": 3,
            "summary": "+3 -0",
            "plan": "x" * (LONGEST + 1),
            "picture": b"png",
            "share": 0.5,
            "on": True,
        },
        "a/first": {"nothing": None, "schema": object()},
    }
    outcome = Outcome(["2026-11-20-05"], {"2026-11-20-06", "2026-11-20-01"}, {"Parsing": 1.23456}, metadata)
    outcome.set_aside["2026-11-20-07"] = "too much memory"
    said = json.loads(json.dumps(outcome.for_machines()))
    assert said == {
        "hours": ["2026-11-20-05"],
        "hours_looked_back": ["2026-11-20-01", "2026-11-20-06"],
        "hours_set_aside": {"2026-11-20-07": "too much memory"},
        "unread": None,
        "failed_checks": [],
        "seconds": {"Parsing": 1.235},
        "assets": {"a/first": {"nothing": None}, "waf/plan": {"on": True, "rows": 3, "share": 0.5, "summary": "+3 -0"}},
    }

"""A file that is delivered a day late, after a plan without it was applied: the next plan says what it changes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from platform_assets.cli.run import run_pipeline
from platform_assets.clients.engine import lake_of
from platform_assets.core.tables import all_tables
from platform_assets.domains.waf.tables import WAF_DECISIONS, WAF_PLAN
from platform_assets.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("environment")]


def test_the_plan_says_which_changes_are_due_to_a_file_that_came_a_day_late(
    home_of: Callable[..., Settings], simulated: Any
) -> None:
    settings = home_of("late-files", waf_apply=True)
    raw, lake = Path(settings.cloudfront.raw), lake_of(settings)

    def rows(key: str, hours: Any = None, columns: Any = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = lake.read_arrow(all_tables()[key], hours, columns=columns).to_pylist()
        return found

    def decided() -> set[str]:
        return {row["decision_id"] for row in rows(WAF_DECISIONS.key)}

    simulated.deliver(simulated.punctual(0, 1, 2, 3, 4), raw)
    first = run_pipeline(settings, "edge")
    assert first.metadata["waf/ip_sets"]["applied"] is True
    assert "late" not in first.metadata["waf/plan"]["summary"]
    before = decided()

    late = simulated.late(2)
    simulated.deliver([*late, *simulated.punctual(5)], raw)
    outcome = run_pipeline(settings.model_copy(update={"waf_apply": False}), "edge")
    after = decided()
    names = {path.name for path in late}
    clients = {
        row["client_ip"]
        for row in rows("parsed/cloudfront/requests", simulated.hours, ["client_ip", "source_object"])
        if Path(row["source_object"]).name in names
    }
    changes = [row for row in rows(WAF_PLAN.key) if row["operation"] in ("add", "remove")]
    newest = simulated.hours[5]
    hour_of = {row["decision_id"]: row["event_hour"] for row in rows(WAF_DECISIONS.key)}
    due = {
        (row["ip_set"], row["address"])
        for row in changes
        if row["address"].partition("/")[0] in clients
        and (row["decision_id"] in before) != (row["decision_id"] in after)
        and hour_of.get(row["decision_id"]) != newest
    }
    said = {
        (row["ip_set"], row["address"]): (row["operation"], set(re.findall(r"[\w.-]+\.gz", row["reason"])))
        for row in changes
        if "(late file" in row["reason"]
    }
    assert due and due <= said.keys()
    # Networks may be due to a late file too.
    assert not [address for _, address in said.keys() - due if address.endswith(("/32", "/128"))]
    files = set().union(*(found for _, found in said.values()))
    assert all(found and found <= names for _, found in said.values())
    late_added = sum(operation == "add" for operation, _ in said.values())
    added = sum(row["operation"] == "add" for row in changes) - late_added
    removed = len(changes) - len(said) - added
    assert added, "the newest hour was decided for the first time"
    summary = outcome.metadata["waf/plan"]["summary"]
    assert summary.startswith(
        f"+{late_added} -{len(said) - late_added} because of {len(files)} late file{'s' if len(files) > 1 else ''}, "
        f"+{added} -{removed} otherwise"
    )
    assert outcome.metadata["waf/plan"]["late files"] == sorted(files)
    assert "\nLate files: " in outcome.metadata["waf/plan"]["plan"]

    run_pipeline(settings, "edge")
    again = run_pipeline(settings, "edge")
    assert "late" not in again.metadata["waf/plan"]["summary"], "it is said once, until it is applied"

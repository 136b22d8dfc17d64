"""Scores made again without an echo are those of the pipeline where there is none: same features, model and evidence."""

from __future__ import annotations

import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.domains.waf.decide.echo import EchoHours
from platform_assets.domains.waf.decide.hours import _inputs
from platform_assets.domains.waf.decide.rescoring import loader_of, scored_again
from platform_assets.domains.waf.decide.window import RequestHours
from platform_assets.domains.waf.rulebook import Echo
from platform_assets.settings import Settings
from spark_jobs.sources.cloudfront.client_tables import ADDITIVE, MAXIMA
from spark_jobs.sources.cloudfront.tables import CLIENT_SCORES

pytestmark = pytest.mark.slow

SAME = ("client", "is_abuse", "abuse_kind", "request_count", "evidence_request_ids", "model_name", "model_version")


def test_with_no_echo_a_score_made_again_is_the_one_that_spark_made(in_order: Settings) -> None:
    lake, loaded = lake_of(in_order), loader_of(in_order)
    compared = 0
    for hour in lake.hours(CLIENT_SCORES):
        scores, behavior, attacks = _inputs(lake, hour)
        before = {row["client"]: row for row in scores}
        again = scored_again(RequestHours(lake), hour, before, EchoHours.of([], Echo()), loaded)
        assert {row["client"] for row in again[0]} == set(before)
        for row in again[0]:
            made = before[row["client"]]
            assert row["abuse_probability"] == pytest.approx(made["abuse_probability"], abs=1e-6)
            assert {name: row[name] or None for name in SAME} == {name: made[name] or None for name in SAME}
            assert row["echo_hour_count"] == 0
        found = {row["client"]: row for row in again[1]}
        for row in behavior:
            assert all(
                found[row["client"]][name] == pytest.approx(row[name], abs=2e-6) for name in (*ADDITIVE, *MAXIMA)
            )
        counted = {row["client"]: row["day_attack_request_count"] for row in again[2]}
        assert all(counted[row["client"]] == row["day_attack_request_count"] for row in attacks)
        compared += len(before)
    assert compared > 20

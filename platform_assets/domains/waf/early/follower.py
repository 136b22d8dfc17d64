"""Follows the stream of cloudfront: evidence into windows, reached windows into early decisions, and these into WAF."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from platform_assets.actions.errors import ActionError
from platform_assets.actions.protocol import alert_when_stopped, apply_pending, plan_now
from platform_assets.domains.waf.decide.hours import has_history
from platform_assets.domains.waf.decide.reading import is_in
from platform_assets.domains.waf.decisions import Decision, rank
from platform_assets.domains.waf.early.decide import COLUMNS_OF_BOUNDS, Bounds, early_decisions, thresholds_of
from platform_assets.domains.waf.manual import audit_log
from platform_assets.domains.waf.manual.in_force import in_force
from platform_assets.domains.waf.networks import parse_network
from platform_assets.domains.waf.planning import WafChange
from platform_assets.domains.waf.policy import load_allow_list, load_policy
from platform_assets.domains.waf.rulebook import Rules
from platform_assets.domains.waf.tables import EARLY_DECISIONS
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.sources.cloudfront import windows
from spark_jobs.sources.cloudfront.tables import CLIENT_DAILY, REQUEST_SCORES, REQUESTS
from spark_jobs.sources.cloudfront.windows import Evidence, Reached, Windows
from spark_jobs.storage.lake import Lake
from spark_jobs.streaming.micro_batch import MicroBatch

logger = logging.getLogger(__name__)
ACT_SECONDS = 5.0
"""The least time between two plans: WAF takes few calls a second."""


class EarlyDecider:
    """Of one process. `observe` each micro-batch, `act` after each."""

    def __init__(self, settings: Settings, lake: Lake) -> None:
        self.settings, self.lake = settings, lake
        self.rules: Rules = load_policy(settings.waf.policy_file).rules
        self.thresholds = thresholds_of(self.rules)
        self.windows = Windows()
        self.is_due = False
        self.acted_at = float("-inf")

    def restore(self, now: datetime) -> None:
        """Windows as an earlier process left them, from the tables; what they have reached is decided where it is not."""
        if not self.thresholds:
            return
        since = now - timedelta(minutes=self.rules.early.window_minutes, seconds=windows.LATENESS_SECONDS)
        hours = sorted({format_hour(since), format_hour(now)})
        for hour in hours:
            scores = self.lake.read_arrow(REQUEST_SCORES, [hour], columns=list(windows.SCORE_COLUMNS))
            requests = self.lake.read_arrow(REQUESTS, [hour], columns=list(windows.COLUMNS))
            self._step(windows.evidence_of(requests, scores, self.rules.early.min_probability), now)

    def observe(self, batch: MicroBatch, now: datetime) -> None:
        """Count a micro-batch, and decide on what its windows reach."""
        if self.thresholds and REQUEST_SCORES in batch.rows:
            requests, scores = batch.rows[REQUESTS], batch.rows[REQUEST_SCORES]
            self._step(windows.evidence_of(requests, scores, self.rules.early.min_probability), now)

    def act(self, at_once: bool = False) -> None:
        """Plan, check and, where applying is on, apply what was decided; a plan that is stopped leaves WAF as it is.

        Some seconds lie between two plans, unless `at_once`.
        """
        if not self.is_due or (not at_once and time.monotonic() - self.acted_at < ACT_SECONDS):
            return
        self.is_due, self.acted_at = False, time.monotonic()
        change = WafChange(self.settings, self.lake)
        try:
            if not alert_when_stopped(change, plan_now(change)) and self.settings.waf.apply:
                apply_pending(change)
        except ActionError as error:
            logger.warning("%s", error)
            self.is_due = True  # tried again

    def _step(self, evidence: Sequence[Evidence], now: datetime) -> None:
        self.windows, reached = windows.step(self.windows, evidence, self.thresholds)
        if reached:
            self._decide(reached, now)

    def _decide(self, reached: Sequence[Reached], now: datetime) -> None:
        state = in_force(audit_log.AUDIT.read(self.lake), now)
        allow_list = [*load_allow_list(self.settings.waf.allow_list), *state.allow_list]
        decisions = early_decisions(reached, now, self.rules, allow_list, self._bounds(reached, now))
        standing = {
            row["address"]: rank(row["action"])
            for row in sorted(self._unexpired(now), key=lambda row: rank(row["action"]))
        }
        new = [one for one in decisions if rank(one.action) > standing.get(one.address, 0)]
        evidence_at = {one.address: one.evidence[-1].at for one in reached}
        self.lake.append_rows(EARLY_DECISIONS, (self._row(one, evidence_at, now) for one in new))
        for one in new:
            logger.info("early %s of %s", one.action, one.address)
        self.is_due = self.is_due or bool(new)

    def _row(self, decision: Decision, evidence_at: dict[str, int], now: datetime) -> dict[str, Any]:
        at = evidence_at[decision.address.partition("/")[0]]
        return {**decision.row(), "evidence_at": datetime.fromtimestamp(at, UTC), HOUR_COLUMN: format_hour(now)}

    def _unexpired(self, now: datetime) -> list[dict[str, Any]]:
        rows = self.lake.read_arrow(EARLY_DECISIONS, columns=["address", "action", "expires_at"]).to_pylist()
        return [row for row in rows if row["expires_at"] > now]

    def _bounds(self, reached: Sequence[Reached], now: datetime) -> Bounds:
        """What the newest day that is made shows of these, and whether the lake is old enough."""
        hours = self.lake.hours(CLIENT_DAILY)
        is_among = is_in("client", {str(parse_network(one.address)) for one in reached})
        columns = list(COLUMNS_OF_BOUNDS)
        rows = self.lake.read_arrow(CLIENT_DAILY, hours[-1:], columns=columns, filter=is_among) if hours else None
        daily = {row["client"]: row for row in rows.to_pylist()} if rows is not None else {}
        present = format_hour(now)
        return Bounds(daily, has_history([*hours, present], present, self.rules))

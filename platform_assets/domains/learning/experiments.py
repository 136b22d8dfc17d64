"""A/B tests: how long one takes at the rate of observations that there is, and when it has ended.

An A/B test is a canary whose share stays, judged by what people say of its decisions: it ends where it is better or worse,
or has had the observations that were planned for the effect that was asked for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from platform_assets.clients.engine import lake_of
from platform_assets.core.domain import tables
from platform_assets.domains.learning import feedback, outcomes
from platform_assets.domains.learning.outcomes import WRONG_ARMS, WRONG_PAIRS
from platform_assets.domains.learning.tables import learners
from platform_assets.releases.record import AB, Release, ReleaseError
from platform_assets.releases.standing import CANARY, CHAMPION, RETIRED
from platform_assets.settings import Settings
from platform_assets.training.sets import training_sets
from spark_jobs.storage.lake import Lake
from spark_jobs.wording import counted

if TYPE_CHECKING:
    from weir_learning.planning import PlannedSize

VERDICT_DAYS = 30
"""Of whose verdicts the rate is taken."""
DAY_HOURS = 24


@dataclass(frozen=True)
class Rates:
    """What there is to observe of a model, an hour."""

    entities: float = 0.0
    """That are predicted."""
    flagged_share: float | None = None
    """Of these; None for a model that flags nothing."""
    judged: float = 0.0
    """Entities on whose example people gave a verdict."""
    wrong_share: float | None = None
    """Of all entities, those of which people said that the decision was wrong."""


@dataclass(frozen=True)
class Plan:
    """Observations after which a test is planned to have decided; None where there is nothing to decide it by."""

    effect: float
    share: float
    flagged: PlannedSize | None = None
    wrong: PlannedSize | None = None
    pairs: PlannedSize | None = None

    def details(self) -> dict[str, Any]:
        """What is kept with the step that begins an A/B test."""
        sizes = {WRONG_ARMS: self.wrong, WRONG_PAIRS: self.pairs}
        return {
            "effect": self.effect,
            **{name: size.observations for name, size in sizes.items() if size is not None},
        }

    @property
    def sentences(self) -> list[str]:
        """For people: how long each way to see the effect takes."""
        told = []
        for what, unit, size in (
            (f"a difference of {self.effect:g} in the flagged share of two arms, {self.share:.0%} in the challenger's", "entities", self.flagged),
            ("the same difference in what people call wrong", "entities", self.wrong),
            ("the same difference on examples that people judge and both score, at the least", "judged examples", self.pairs),
        ):  # fmt: skip
            if size is None:
                told.append(f"{what}: nothing was observed that it could be seen by")
            else:
                told.append(f"{what}: {size.observations:,} {unit}, {duration(size.hours)}")
        return told


def duration(hours: float | None) -> str:
    """`some 3 days` at the rate of now; `never` without a rate."""
    if hours is None:
        return "of which none come in now"
    return (
        f"some {counted(math.ceil(hours), 'hour')}"
        if hours < 2 * DAY_HOURS
        else f"some {counted(math.ceil(hours / DAY_HOURS), 'day')}"
    )


def rates_of(lake: Lake, model: str, window_hours: int) -> Rates:
    """What the newest hours with predictions and the verdicts of the last days show."""
    learning, now = learners()[model], datetime.now(UTC)
    hours = lake.hours(tables()[learning.predictions])[-window_hours:]
    served = outcomes.first_served(outcomes.served_rows(lake, model, learning, hours), "", ())
    rows = [
        row
        for row in feedback.AUDIT.read(lake)
        if row.model == model and row.acted_at > now - timedelta(days=VERDICT_DAYS)
    ]
    known = feedback.in_force(rows, model, now)
    wrong = {row.entity for row in known if row.is_flagged is not None and bool(row.is_flagged) != row.label}
    examples = {row.entity for row in known if row.example}
    n = len(served)
    return Rates(
        n / len(hours) if hours else 0.0,
        sum(flag for _, flag in served.values()) / n if n and learning.flag else None,
        len(examples) / (VERDICT_DAYS * DAY_HOURS),
        len(wrong) / n if n and wrong else None,
    )


def plan_of(rates: Rates, effect: float, share: float) -> Plan:
    """How many observations it takes to see the effect, and how long, at these rates. Pure. ReleaseError where it is no effect."""
    from weir_learning.planning import planned_pairs, planned_size

    if not 0 < abs(effect) < 1 or not 0 < share < 1:
        raise ReleaseError(
            "An effect is a difference of shares, above 0 and below 1, and so is the challenger's share."
        )

    def of_arms(baseline: float | None) -> PlannedSize | None:
        if baseline is None or not 0 < baseline < 1 or not 0 < baseline + effect < 1:
            return None
        return planned_size(effect, baseline, share=share, per_hour=rates.entities or None)

    # Where they differ at all they differ in one direction: no smaller deviation has such a mean.
    deviation = math.sqrt(abs(effect) * (1 - abs(effect)))
    pairs = planned_pairs(effect, deviation, per_hour=rates.judged) if rates.judged else None
    return Plan(effect, share, of_arms(rates.flagged_share), of_arms(rates.wrong_share), pairs)


def planned(settings: Settings, model: str, effect: float, share: float) -> Plan:
    """The plan of a comparison at the rates of now."""
    return plan_of(rates_of(lake_of(settings), model, settings.learning.window_hours), effect, share)


def require_verdicts(model: str, plan: Plan) -> None:
    """ReleaseError where an A/B test of the model could never end."""
    if not training_sets()[model].verdicts:
        raise ReleaseError(
            f"Nobody gives verdicts on {model}, which an A/B test is decided by; promote it --to canary."
        )
    if plan.wrong is None and plan.pairs is None:
        raise ReleaseError(
            f"No verdict on {model} came in the last {VERDICT_DAYS} days, which an A/B test is decided by; give some "
            "(`weir feedback give`), or promote it --to canary."
        )


def running(rows: Sequence[Release], version: str) -> dict[str, Any] | None:
    """The plan of an A/B test in which the version is; None where it is in none."""
    own = [row for row in rows if row.version == version]
    if not own or (own[-1].command, own[-1].state) != (AB, CANARY):
        return None
    details: dict[str, Any] = json.loads(own[-1].details or "{}").get(AB, {})
    return details


def ended(plan: Mapping[str, Any], figures: Mapping[str, Mapping[str, Any]]) -> tuple[str | None, str]:
    """The state that an A/B test ends in (None: it goes on), and why. Pure; worse is a breach, which ends it before."""
    for name, where in ((WRONG_PAIRS, "examples that people judged"), (WRONG_ARMS, "entities of both arms")):
        figure = figures.get(name)
        if figure and figure["verdict"] == "better":
            return CHAMPION, f"it is wrong less often by {-figure['difference']:.2g} on {figure['n']:,} {where}"
    for name in (WRONG_PAIRS, WRONG_ARMS):
        figure, planned = figures.get(name), plan.get(name)
        if figure and planned and figure["n"] >= planned:
            return (
                RETIRED,
                f"no difference was seen in the {planned:,} observations planned for one of {plan['effect']:g}",
            )
    told = [
        f"{figures[name]['n']:,} of {plan[name]:,}"
        for name in (WRONG_PAIRS, WRONG_ARMS)
        if name in plan and name in figures
    ]
    return None, f"the A/B test has {' and '.join(told) or 'none'} of its observations"

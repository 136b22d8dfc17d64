"""Leak probes of training sets: a set that knows what it cannot know when it serves is not fitted on.

What a set is split by, its domain declares; the probes are weir_learning's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from platform_assets.core.domain import load, parts
from platform_assets.training.sets import SEED, TrainingError, TrainingSet
from spark_jobs.wording import counted

if TYPE_CHECKING:
    import pandas as pd

    from weir_learning.leaks import Finding

MOST_ROWS = 3_000
"""Examples of each side, spread over all, that a model is fitted on with labels that mean nothing."""
FUTURE_ROWS = 600
"""Examples whose predictions are repeated with another future, which begins after this share of them."""
FUTURE_FROM = 0.7
LEAKS_TAG = "leak_probes"
"""Tag of a version: what the probes found in its examples."""
OWN_FAMILIES = ("file:", "folder:", "verdict")
"""How the families of rows begin that are the user's own: of another time than the generated ones that are held out."""
POSITION = "position"
"""The time of rows that have none: predictions of a row must not depend on later rows of its batch."""


class LeakError(TrainingError):
    """A training set has a leak; the message names the column and says what to do."""


@dataclass(frozen=True)
class LeakProbes:
    """What the examples of a model are split by. Empty: by nothing of the kind."""

    entity: str = ""
    """Column whose values are on one side only."""
    later: str = ""
    """Column with a time; held-out examples are the latest of the generated ones."""
    series_time: str = ""
    """Column with the time of examples that are series of `series`."""
    series: str = ""
    """Column that tells series apart."""
    companions: tuple[str, ...] = ()
    """Other forms of the label."""
    past: str = ""
    """Reference `module:function`, (model, rows of a series) -> what it says at each time from the rows until then, a data frame with
    the columns `series_time` and the score. Empty: `predict` answers for each row."""


def leaks_of(name: str) -> str:
    """The name of the check that the examples of a model have no leak."""
    return f"{name}_leaks"


def leak_probes() -> dict[str, LeakProbes]:
    """Model -> what its examples are split by."""
    return {name: probes for _, declared in parts("leak_probes") for name, probes in declared.items()}


def require_no_leak(name: str, training: TrainingSet, examples: pd.DataFrame) -> str:
    """Probe the examples of a model; returns what was found, in one line. LeakError, one sentence, where one leaks."""
    findings = findings_of(name, training, examples)
    leaks = [finding for finding in findings if finding.is_leak]
    if leaks:
        more = f" and {counted(len(leaks) - 1, 'more leak')}" if leaks[1:] else ""
        raise LeakError(
            f"{name} was not fitted, since its examples have a leak ({leaks[0].probe}{more}): "
            f"{leaks[0].sentence.rstrip('.')}; {_advice(leaks[0])}."
        )
    outcomes = [str(finding.outcome) for finding in findings]
    found = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in dict.fromkeys(outcomes))
    return f"{counted(len(outcomes), 'probe')}: {found or 'none fits'}"


def findings_of(name: str, training: TrainingSet, examples: pd.DataFrame) -> list[Finding]:
    """What each probe that fits the model finds in its examples; nothing is fitted where one leaks without."""
    from threadpoolctl import threadpool_limits

    from weir_learning.leaks import altered_future, probe
    from weir_models import registry

    spec, module = registry.spec(name), registry.model_module(name)
    probes, inputs = leak_probes().get(name, LeakProbes()), list(training.inputs)
    score = spec.learning.score if spec.learning is not None else ""
    findings: list[Finding] = []
    entity = probes.entity or None

    def fit(rows: pd.DataFrame) -> Any:
        with threadpool_limits(1):
            return module.fit(rows, seed=SEED)

    if "split" in examples:
        values = [name for name in inputs if name not in (probes.series, probes.series_time)]
        findings += probe(examples, spec.label, values, "split", entity, None, SEED, companions=probes.companions)
        if probes.later:
            generated = examples[~_is_own(examples)]
            findings += probe(generated, spec.label, (), "split", None, None, SEED, time=probes.later)[:1]
    if not score or examples.empty or any(finding.is_leak for finding in findings):
        return findings
    sample = _sampled(examples, probes)
    if "split" in examples:
        findings += probe(
            sample, spec.label, (), "split", entity, lambda fitted, scored: fit(fitted).predict(scored[inputs])[score],
            SEED, companions=probes.companions,
        )[-1:]  # fmt: skip
    rows, at = _future_rows(sample, probes, inputs)
    model = fit(sample[sample["split"] != "evaluate"] if "split" in sample else rows)
    past = load(probes.past) if probes.past else None

    def predicted(part: pd.DataFrame) -> pd.DataFrame:
        if past is not None:
            return past(model, part)
        values = model.predict(part[inputs].reset_index(drop=True))[score].to_numpy()
        return part[[at]].reset_index(drop=True).assign(**{score: values})

    return [*findings, *altered_future(predicted, rows, at, [score], SEED, cuts=(FUTURE_FROM,))]


def _is_own(examples: pd.DataFrame) -> Any:
    """Of each row whether it is the user's own."""
    if "family" not in examples:
        return False & examples["split"].notna()
    return examples["family"].astype(str).str.startswith(OWN_FAMILIES)


def _sampled(examples: pd.DataFrame, probes: LeakProbes) -> pd.DataFrame:
    """Up to MOST_ROWS of each side, spread evenly; whole series where examples are series, at least one of each side."""
    sides = [part for _, part in examples.groupby("split", sort=True)] if "split" in examples else [examples]
    kept = []
    for side in sides:
        if not probes.series:
            kept.append(side.iloc[:: -(-len(side) // MOST_ROWS) or 1])
            continue
        sizes = side.groupby(probes.series, sort=True).size().cumsum()
        names = [*sizes.index[:1], *sizes.index[1:][sizes.to_numpy()[1:] <= MOST_ROWS]]
        kept.append(side[side[probes.series].isin(names)])
    return examples.loc[sorted(index for part in kept for index in part.index)]


def _future_rows(sample: pd.DataFrame, probes: LeakProbes, inputs: Sequence[str]) -> tuple[pd.DataFrame, str]:
    """Rows to predict with another future, and the column of their time: one series, else any rows in their order."""
    if probes.series:
        one = sample[sample[probes.series] == sample[probes.series].iloc[0]].sort_values(probes.series_time)
        return one[list(inputs)].tail(FUTURE_ROWS).reset_index(drop=True), probes.series_time
    rows = sample[list(inputs)].head(FUTURE_ROWS).reset_index(drop=True)
    return rows.assign(**{POSITION: range(len(rows))}), POSITION


def _advice(leak: Finding) -> str:
    """What to do about a leak."""
    from weir_learning.leaks import Probe

    return {
        Probe.ENTITY_OVERLAP: f"give each value of {leak.column} one side",
        Probe.LATER_ROWS: "hold out the latest rows",
        Probe.TARGET_IN_INPUTS: f"take {leak.column} out of the inputs, or mend the examples that copy the label into it",
        Probe.SHUFFLED_TARGET: "look for what a fit knows of the rows that are held out",
        Probe.ALTERED_FUTURE: f"mend what {leak.column} is computed by, so that it reads no later rows",
    }[leak.probe]

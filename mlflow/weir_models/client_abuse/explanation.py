"""Kind and reason of a flagged client: its leading behaviors beside the typical values."""

from __future__ import annotations

from collections.abc import Sequence
from string import Formatter

import numpy as np
from numpy.typing import NDArray

from weir_models.client_abuse.behavior import Behavior
from weir_models.client_abuse.counts import Counts, Values, ratio

KINDS = ("scanner", "prober", "credential_stuffing", "scraper", "slow_and_low", "rotation")
LEADING = 3
SLOW_HOURS = 6
SLOW_REQUESTS_AN_HOUR = 6.0
ROTATING_ADDRESSES = 3


def typical(behavior: Behavior, counts: Counts, benign: NDArray[np.bool_]) -> float:
    """Typical value of benign clients: the mean of a share, the median of a volume."""
    shown = behavior.shown(counts)[benign]
    return float(shown.mean() if behavior.whole is not None else np.median(shown))


def kinds(behaviors: Sequence[Behavior], counts: Counts, excess: NDArray[np.float64]) -> NDArray[np.object_]:
    """Kind of each row: rotation or slow_and_low by its pattern in time, else the kind with most of the evidence.

    Attacks that are no more than probes count for the scanner.
    """
    directed = KINDS[:4]
    totals = {
        kind: excess[:, [place for place, b in enumerate(behaviors) if b.leaning == kind]].clip(min=0.0).sum(axis=1)
        for kind in directed
    }
    as_probes = ratio(counts["day_probe_path_request_count"], counts["day_attack_request_count"])
    moved = totals["prober"] * np.minimum(as_probes, 1.0)
    totals["scanner"], totals["prober"] = totals["scanner"] + moved, totals["prober"] - moved
    named = np.array(directed, dtype=object)[np.stack([totals[kind] for kind in directed], axis=1).argmax(axis=1)]
    hours = counts["day_active_hour_count"]
    slow = (hours >= SLOW_HOURS) & (counts["day_request_count"] <= SLOW_REQUESTS_AN_HOUR * hours)
    named[slow & ~counts.is_network()] = "slow_and_low"
    named[counts.is_network() & (counts["day_address_count"] >= ROTATING_ADDRESSES)] = "rotation"
    return named


def reasons(
    behaviors: Sequence[Behavior], counts: Counts, excess: NDArray[np.float64], population: Values
) -> list[str]:
    """One line a row: the behaviors with most of the evidence, with counts of the row and those of ordinary clients.

    What two behaviors say in the same words is said once.
    """
    parts = [b.part(counts) if b.part is not None else b.value(counts) for b in behaviors]
    wholes = [b.whole(counts) if b.whole is not None else None for b in behaviors]
    order = np.argsort(-excess, axis=1, kind="stable")
    lines = []
    for row in range(counts.size):
        said: dict[str, str] = {}
        for place in order[row]:
            if len(said) == LEADING or excess[row, place] <= 0:
                break
            part, of = parts[place][row], wholes[place]
            words = sentence(behaviors[place], counts, row, part, None if of is None else of[row], population[place])
            said.setdefault(words.partition(" (ordinary clients:")[0], words)
        lines.append("; ".join(said.values()) or "nothing in particular stands out")
    return lines


def sentence(behavior: Behavior, counts: Counts, row: int, part: float, whole: float | None, usual: float) -> str:
    """`38 of 40 pages were not found (ordinary clients: 2 %)`; `24 of 40 requests are sign-ins`, with counts of the row."""
    shown = {"part": _number(part), "typical": f" (ordinary clients: {_number(usual)})"}
    if whole is not None:
        shown = {
            "part": f"{part:,.0f}",
            "whole": f"{whole:,.0f}",
            "typical": f" (ordinary clients: {100 * usual:.2g} %)",
        }
    for _, name, _, _ in Formatter().parse(behavior.words):
        if name and name not in shown:
            shown[name] = _number(counts[f"day_{name}"][row])
    return behavior.words.format_map(shown)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:.1f}"

"""Kind and reason of a flagged client: its leading behaviors beside the typical values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from weir_models.client_abuse.behavior import Behavior
from weir_models.client_abuse.counts import Counts, Values, ratio

KINDS = ("scanner", "prober", "credential_stuffing", "scraper", "slow_and_low", "rotation")
LEADING = 3
SLOW_HOURS = 6
SLOW_REQUESTS_AN_HOUR = 6.0
ROTATING_ADDRESSES = 3
_DAY, _ATTACKS = "day_request_count", "day_attack_request_count"
FACTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "attack_share": ("{} of {} requests carry attacks", (_ATTACKS, _DAY)),
    "plain_attack_share": ("{} of {} requests carry attacks", (_ATTACKS, _DAY)),
    "header_attack_share": ("{} of {} requests carry attacks", (_ATTACKS, _DAY)),
    "attacks": ("{} attacks (user agents: {})", (_ATTACKS, "day_distinct_user_agent_count")),
    "failed_attack_share": (
        "{} attacks in {} requests, of which {} met a client error and {} a server error",
        (_ATTACKS, _DAY, "day_client_error_count", "day_server_error_count"),
    ),
    "probe_share": (
        "{} of {} requests are for paths that only scanners ask for",
        ("day_probe_path_request_count", _DAY),
    ),
    "missing_share": ("{} of {} requests were not found", ("day_not_found_count", _DAY)),
    "unauthorised_share": ("{} of {} requests were not allowed (401, 403)", ("day_unauthorised_count", _DAY)),
    "malformed_share": ("{} of {} requests met a client error", ("day_client_error_count", _DAY)),
    "refused_method_share": (
        "{} of {} requests use methods other than GET, HEAD and POST",
        ("day_unusual_method_request_count", _DAY),
    ),
    "agent_turnover": ("user agents: {} in {} requests", ("day_distinct_user_agent_count", _DAY)),
    "sign_in_failure_share": ("{} of {} requests are failed sign-ins", ("day_sign_in_failure_count", _DAY)),
    "sign_in_share": ("{} of {} requests are sign-ins", ("day_sign_in_request_count", _DAY)),
    "refused_post_share": (
        "{} of {} requests are POSTs, {} met a client error",
        ("day_post_request_count", _DAY, "day_client_error_count"),
    ),
    "tries": (
        "{} failed sign-ins, {} POSTs and {} client errors (user agents: {})",
        (
            "day_sign_in_failure_count",
            "day_post_request_count",
            "day_client_error_count",
            "day_distinct_user_agent_count",
        ),
    ),
    "bare_breadth": (
        "{} requests were served at changing paths, {} of all {} for page assets",
        ("day_ok_count", "day_asset_request_count", _DAY),
    ),
    "sleepless_hours": ("active in {} of 24 hours", ("day_active_hour_count",)),
    "busiest_hour": (
        "{} requests in the busiest hour (user agents: {})",
        ("day_peak_hour_request_count", "day_distinct_user_agent_count"),
    ),
}
"""Behavior -> what a reason says of it, and the counts in it, where the model judges an estimate that nobody can look up."""
TYPICAL_AS_SAID = frozenset(
    {"attack_share", "probe_share", "sign_in_failure_share", "sign_in_share", "unauthorised_share"}
)
"""Of these, those whose typical value is one of what is said."""


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
    """One line a row: the behaviors with most of the evidence, with counts of the row and the typical values."""
    parts = [b.part(counts) if b.part is not None else b.value(counts) for b in behaviors]
    wholes = [b.whole(counts) if b.whole is not None else None for b in behaviors]
    order = np.argsort(-excess, axis=1, kind="stable")
    lines = []
    for row in range(counts.size):
        said: dict[str, None] = {}
        for place in order[row]:
            if len(said) == LEADING or excess[row, place] <= 0:
                break
            behavior, whole = behaviors[place], wholes[place]
            if behavior.name in FACTS:
                text = fact(behavior.name, counts, row, population[place])
            else:
                text = sentence(behavior, parts[place][row], None if whole is None else whole[row], population[place])
            said.setdefault(text)
        lines.append("; ".join(said) or "nothing in particular stands out")
    return lines


def fact(name: str, counts: Counts, row: int, usual: float) -> str:
    """`24 of 40 requests are for paths that only scanners ask for (typical 0.1 %)`, with counts of the row alone."""
    text, columns = FACTS[name]
    typical_value = f" (typical {100 * usual:.2g} %)" if name in TYPICAL_AS_SAID else ""
    return text.format(*(_number(counts[column][row]) for column in columns)) + typical_value


def sentence(behavior: Behavior, part: float, whole: float | None, usual: float) -> str:
    """`38 of 40 requests were not found (typical 2 %)`; `35 probe paths (typical 0)`."""
    if whole is None:
        return f"{_number(part)} {behavior.words} (typical {_number(usual)})"
    return f"{part:,.0f} of {whole:,.0f} {behavior.words} (typical {100 * usual:.2g} %)"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:.1f}"

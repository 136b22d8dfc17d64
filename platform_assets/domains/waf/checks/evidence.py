"""Checks on the evidence behind a plan: models, log lines, features. Each returns whether it passed, one sentence, and its figures. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from platform_assets.actions.checks import Finding
from platform_assets.core.times import instant
from platform_assets.domains.waf.checks.bounds import Bounds
from platform_assets.domains.waf.checks.changes import uncovered
from platform_assets.domains.waf.checks.context import CheckInputs
from platform_assets.domains.waf.plan.values import Plan
from spark_jobs.contract import parse_hour
from spark_jobs.wording import counted


def check_gates(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    missing = inputs.models_without_gate
    figures = {"models_without_gate": list(missing)}
    if missing:
        return (
            False,
            f"Decisions come from models that have not passed their gate ({', '.join(missing)}); promote them or withdraw their decisions.",
            figures,
        )
    return True, "Every model behind the decisions has passed its gate.", figures


def check_rejected(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    present, rejected = inputs.lines_present, inputs.lines_rejected
    figures = {"lines_present": present, "lines_rejected": rejected, "bound": bounds.max_rejected_share}
    if present is None or rejected is None:
        return True, "How many lines were rejected is not known.", figures
    share = rejected / present if present else 0.0
    figures["rejected_share"] = round(share, 6)
    if share > bounds.max_rejected_share:
        return (
            False,
            f"{rejected} of {present} lines were rejected ({share:.1%}, the bound is {bounds.max_rejected_share:.0%}); look at rejected_lines before anything is enforced.",
            figures,
        )
    return True, f"{rejected} of {present} lines were rejected ({share:.1%}).", figures


def check_volume(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    count, usual, explained = inputs.request_count, inputs.usual_request_count, inputs.explained_request_count
    figures = {"request_count": count, "usual_request_count": usual, "explained_request_count": explained}
    if count is None or not usual:
        return True, "There is no usual volume yet to judge this one by.", figures
    ratio = count / usual
    figures["ratio"] = round(ratio, 4)
    if ratio < bounds.volume_collapse:
        return (
            False,
            f"Requests collapsed to {count} where about {usual:.0f} are usual; logs may be missing, WAF stays as it is.",
            figures,
        )
    besides = f", {explained} of them by clients that are decided on or ask for more than all do" if explained else ""
    return True, f"{counted(count, 'request')} where about {usual:.0f} are usual{besides}.", figures


def check_explosion(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    count, usual = inputs.request_count, inputs.usual_request_count
    figures = {
        "unexplained_request_count": None if count is None else count - inputs.explained_request_count,
        "usual_request_count": usual,
        "bound": bounds.volume_explosion,
    }
    if has_exploded(inputs, bounds):
        return (
            False,
            f"Requests exploded to {count} where about {usual:.0f} are usual, by clients that nothing is decided on; until somebody has looked at the logs and overrides the check, new challenges that no attack request bears out wait, all others are applied.",
            figures,
        )
    return True, "Requests did not explode, those of clients that are decided on apart.", figures


def has_exploded(inputs: CheckInputs, bounds: Bounds) -> bool:
    """Whether clients that nothing is decided on, and no single network, make far more requests than are usual.

    Anybody with enough addresses can do that, so it stops no plan: it holds what rests on how much is asked for alone.
    """
    count, usual = inputs.request_count, inputs.usual_request_count
    if count is None or not usual:
        return False
    return (count - inputs.explained_request_count) / usual > bounds.volume_explosion


def check_hours(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    newest = inputs.newest_hour_at
    # Removals by a late file rest on new information.
    uncovered_count = sum(not change.entry.late_files for change in uncovered(plan, inputs))
    if newest is None:
        return True, "There are no log lines yet.", {}
    settled = plan.planned_at - timedelta(hours=bounds.delivery_hours)
    missing = [
        hour
        for hour, usual in inputs.missing_hours.items()
        if usual is not None and usual >= bounds.min_usual_requests and _end(hour) <= settled
    ]
    silent = max((plan.planned_at - newest) / timedelta(hours=1) - 1, 0.0)
    figures: dict[str, Any] = {
        "newest_hour_at": instant(newest),
        "silent_hours": round(silent, 1),
        "hours_without_lines": list(inputs.missing_hours),
        "missing_hours": missing,
        "addresses_given_up": uncovered_count,
    }
    if len(missing) > bounds.max_missing_hours:
        usual = min(inputs.missing_hours[hour] or 0 for hour in missing)
        return (
            False,
            f"{counted(len(missing), 'hour has', 'hours have')} no log lines, {missing[0]} first, where {counted(round(usual), 'line')} or more are usual; see why CloudFront's logs do not arrive, or override the check if the site was down.",
            figures,
        )
    if silent > bounds.max_silent_hours and uncovered_count:
        return (
            False,
            f"No log line is newer than {instant(newest + timedelta(hours=1))} ({counted(round(silent), 'hour')}, the bound is {bounds.max_silent_hours}), so nobody knows what is sent from the {counted(uncovered_count, 'address', 'addresses')} that the plan gives up; what it gives up stays in WAF until logs arrive or you override the check.",
            figures,
        )
    return (
        True,
        f"{counted(len(missing), 'hour lacks', 'hours lack')} the log lines that are usual, the newest line is {counted(round(silent), 'hour')} old.",
        figures,
    )


def _end(hour: str) -> datetime:
    return parse_hour(hour) + timedelta(hours=1)


def check_score_shift(plan: Plan, inputs: CheckInputs, bounds: Bounds) -> Finding:
    shift = inputs.score_shift
    if shift is None:
        return True, "There are no features of a day before yet to judge the newest hour by.", {}
    indices = {name: round(value, 3) for name, value in sorted(shift.indices.items(), key=lambda kv: (-kv[1], kv[0]))}
    figures: dict[str, Any] = {
        "hour": shift.hour,
        "client_count": shift.client_count,
        "usual_client_count": shift.usual_client_count,
        "bound": bounds.max_feature_drift,
        "indices": indices,
    }
    if min(shift.client_count, shift.usual_client_count) < bounds.min_clients_for_drift:
        return (
            True,
            f"{shift.client_count} newcomers in {shift.hour} and {shift.usual_client_count} on the days before are too few to judge features by ({bounds.min_clients_for_drift}).",
            figures,
        )
    shifted = [f"{name} {value:.1f}" for name, value in indices.items() if value > bounds.max_feature_drift]
    if shifted:
        return (
            False,
            f"Features of {shift.hour} are not what they are on other days ({', '.join(shifted[:3])}, the bound is {bounds.max_feature_drift}); see whether the fields of the log lines are what they were, then override the check.",
            figures,
        )
    name, value = next(iter(indices.items()), ("", 0.0))
    return True, f"Features of {shift.hour} are as on other days ({name} {value:.2f} at most).", figures

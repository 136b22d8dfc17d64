"""`weir explain`: an address, a CIDR or a request id, traced back to its log lines.

decision -> model version and score -> features compared with the population's -> requests -> log objects and line numbers.
`explain` only reads, and only the hours that the decision names; text.py formats the result.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from platform_assets.clients.engine import lake_of
from platform_assets.core.explaining import ExplainError, not_recognized
from platform_assets.core.times import as_utc, instant
from platform_assets.domains.waf.explain import client as clients
from platform_assets.domains.waf.explain import decision as decisions
from platform_assets.domains.waf.explain.client import Feature, Score
from platform_assets.domains.waf.explain.decision import RelatedDecision
from platform_assets.domains.waf.explain.log_lines import LogLine, evidence_ids, log_lines
from platform_assets.domains.waf.explain.model_page import ModelPage, first_line, model_page
from platform_assets.domains.waf.explain.request import FiredSignal, HourScores, fired_signals, hour_scores
from platform_assets.domains.waf.explain.rows import TABLES, network_or_none, newest_first
from platform_assets.domains.waf.manual import audit_log
from platform_assets.domains.waf.manual.in_force import in_force
from platform_assets.domains.waf.networks import Network, Ranges, is_one_address, parse_network
from platform_assets.domains.waf.policy import load_allow_list, load_policy
from platform_assets.releases.explanation import why_version
from platform_assets.settings import Settings
from spark_jobs.contract import format_hour, parse_hour
from spark_jobs.storage.lake import Lake

TAKES = "an address (192.0.2.7), a CIDR without host bits (192.0.2.0/24) or a request id"
REQUEST_ID = re.compile(r"[\w+/=-]{16,128}|[0-9a-f]{16,64}(-\d+)?:\d+")
"""x-edge-request-id; or etag:line, for a request whose log has no ids."""


@dataclass(frozen=True)
class Explanation:
    """The whole explanation of a subject. The first decision is the one that counts; score to requests are about it."""

    asked: str
    summary: str
    decisions: tuple[RelatedDecision, ...] = ()
    planned: tuple[str, ...] = ()
    score: Score | None = None
    models: tuple[ModelPage, ...] = ()
    features: tuple[Feature, ...] = ()
    signals: tuple[FiredSignal, ...] = ()
    """Of a request, where the subject is one."""
    hour_scores: HourScores | None = None
    """Of all requests of its hour."""
    requests: tuple[LogLine, ...] = ()
    notes: tuple[str, ...] = ()


def recognizes(subject: str) -> bool:
    """Whether the subject is an address, a network or a request id."""
    return network_or_none(subject.strip()) is not None or REQUEST_ID.fullmatch(subject.strip()) is not None


def explain(settings: Settings, address: str, now: datetime | None = None) -> Explanation:
    """What the lake holds on an address, a CIDR or a request id, and why there is an action on it at `now`, or none.

    ExplainError for any other text, and where home or lake cannot be read.
    """
    import pyarrow as pa
    from deltalake.exceptions import DeltaError

    subject, at = address.strip(), as_utc(now or datetime.now(UTC))
    network = network_or_none(subject)
    if network is None and not REQUEST_ID.fullmatch(subject):
        raise not_recognized(subject, TAKES)
    if not settings.lake and not settings.home.is_dir():
        raise ExplainError(f"There is no home {settings.home}; run `weir run edge --input …` first or correct --home.")
    lake = lake_of(settings)
    try:
        if network is None:
            return _explain_request(settings, lake, subject, at)
        return _explain_client(settings, lake, network, at)
    except (OSError, DeltaError, pa.ArrowException) as error:
        raise ExplainError(
            f"The lake {settings.lake_root} cannot be read ({first_line(error)}); check WEIR_LAKE and try again."
        ) from None


def _explain_client(settings: Settings, lake: Lake, network: Network, now: datetime) -> Explanation:
    rules, allow_list = load_policy(settings.waf.policy_file).rules, load_allow_list(settings.waf.allow_list)
    state = in_force(audit_log.AUDIT.read(lake), now)
    rolled_back = decisions.rollback_decisions(lake, state, now)
    related = decisions.decisions_on(lake, network, now, rolled_back)
    planned = decisions.plan_entries(lake, network)
    subject = str(network.network_address) if is_one_address(network) else str(network)
    leading = related[0].decision if related else None
    notes = decisions.manual_notes(lake, network, leading, state, rolled_back)
    if leading is not None:
        until = leading.decided_at - timedelta(hours=0 if related[0].is_early else 1)
        client, hour = leading.address, format_hour(until)
        summary = decisions.verdict(related[0], subject)
        if Ranges.of(allow_list).overlaps(parse_network(client)):
            notes.append(f"{client} is on the allow list now, so no plan wants it.")
        if not related[0].is_in_force and (last := clients.last_active(lake, network, since=leading.expires_at)):
            why = decisions.why_none(last[0], clients.score_of(lake, *last), rules, allow_list)
            notes.append(f"{clients.activity(lake, *last)} Nothing was decided then: {why}.")
    elif last := clients.last_active(lake, network):
        client, hour = last
        why = decisions.why_none(client, clients.score_of(lake, client, hour), rules, allow_list)
        summary = f"Nothing is decided on {subject}: {why}."
        notes.append(clients.activity(lake, client, hour))
    else:
        return Explanation(subject, clients.never_seen(lake, subject), planned=planned, notes=tuple(notes))
    score = clients.score_of(lake, client, hour)
    ids: Sequence[str] = leading.evidence_request_ids if leading else ()
    ids = ids or evidence_ids(lake, client, hour)
    requests = log_lines(lake, ids, [format_hour(parse_hour(hour) - timedelta(hours=back)) for back in range(24)])
    if missing := len(ids) - len(requests):
        notes.append(
            f"{missing} of {len(ids)} requests are not in the lake any more: the retention of requests is over."
        )
    if score is not None and (why := _why_version(lake, score.model_name, score.model_version, hour, score.client)):
        notes.append(why)
    versions = [(source.model_name, source.model_version) for source in (score, leading) if source is not None]
    versions += [("request_attack", line.model_version) for line in requests if line.model_version]
    return Explanation(
        asked=subject,
        summary=summary,
        decisions=related,
        planned=planned,
        score=score,
        models=tuple(model_page(settings, name, version) for name, version in dict.fromkeys(versions)),
        features=clients.leading_features(lake, client, hour),
        requests=requests,
        notes=tuple(notes),
    )


def _explain_request(settings: Settings, lake: Lake, request_id: str, now: datetime) -> Explanation:
    hours = lake.hours(TABLES["requests"])
    requests: tuple[LogLine, ...] = ()
    for block in newest_first(hours, 24):
        if requests := log_lines(lake, [request_id], block):
            break
    if not requests:
        span = f"of {hours[0]} to {hours[-1]}" if hours else "(there are none yet)"
        raise ExplainError(f"No request {request_id!r} is among the lake's requests {span}; check the id.")
    line = requests[0]
    result = "it is not scored yet"
    if line.attack_probability is not None:
        verdict = f"{line.attack_class} by its {line.words}" if line.attack_class else "no attack"
        result = f"request_attack {line.model_version} gives it {line.attack_probability:.3f}, {verdict}"
    network, hour = network_or_none(line.client_ip), format_hour(line.event_at)
    rolled_back = decisions.rollback_decisions(lake, in_force(audit_log.AUDIT.read(lake), now), now)
    pages = (model_page(settings, "request_attack", line.model_version),) if line.model_version else ()
    signals: tuple[FiredSignal, ...] = ()
    notes: list[str] = []
    if line.model_version and network is not None:
        why = _why_version(lake, "request_attack", line.model_version, hour, str(network))
        notes += [why] if why else []
    for page in pages:
        try:
            signals = fired_signals(settings, lake, hour, request_id, page.version, is_registered=not page.problem)
        except Exception as error:
            notes.append(f"The signals are not shown: {first_line(error)}")
    return Explanation(
        asked=request_id,
        summary=f"A request of {line.client_ip} at {instant(line.event_at)}; {result}.",
        decisions=decisions.decisions_on(lake, network, now, rolled_back) if network else (),
        models=pages,
        signals=signals,
        hour_scores=hour_scores(lake, hour, line.attack_probability) if line.attack_probability is not None else None,
        requests=requests,
        notes=tuple(notes),
    )


def _why_version(lake: Lake, model: str, version: str, hour: str, client: str) -> str:
    """Why one version and not another scored a client, an address or network in CIDR notation; mostly empty."""
    from spark_jobs.sources.cloudfront.clients import network_of  # here, since it imports Arrow

    return why_version(lake, model, version, hour, network_of(client))

"""`weir explain`: an address, a CIDR or a request, back to the log lines that its fate rests on.

decision -> model version and score -> features beside the population's -> requests -> log objects with line numbers.
`explain` reads, and only the hours that the decision names; `render` and `to_json` show what it found.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from platform_assets.clients.engine import lake_of
from platform_assets.core.explaining import ExplainError, not_recognized
from platform_assets.core.times import as_utc, instant
from platform_assets.domains.waf.decisions import Decision, rank
from platform_assets.domains.waf.explain.request import FiredSignal, HourScores, fired_signals, hour_scores
from platform_assets.domains.waf.manual import audit_log
from platform_assets.domains.waf.manual.in_force import InForce, in_force
from platform_assets.domains.waf.networks import SPECIAL, Network, Ranges, is_one_address, parse_network, special_ranges
from platform_assets.domains.waf.policy import load_allow_list, load_policy
from platform_assets.domains.waf.rulebook import Rules
from platform_assets.domains.waf.tables import TABLES as WAF_TABLES
from platform_assets.settings import Settings
from spark_jobs import registry
from spark_jobs.contract import format_hour, parse_hour
from spark_jobs.storage.lake import Lake

TABLES = {table.name: table for table in (*registry.sources()["cloudfront"].tables, *WAF_TABLES)}
TAKES = "an address (192.0.2.7), a CIDR without host bits (192.0.2.0/24) or a request id"
REQUEST_ID = re.compile(r"[\w+/=-]{16,128}|[0-9a-f]{16,64}(-\d+)?:\d+")
"""x-edge-request-id; or etag:line, which a request has whose log has no ids."""
BLOCK_HOURS = 21 * 24
"""Hours searched at once, newest first; by the shipped policy no decision lives longer."""
LATEST_REQUESTS, LEADING_FEATURES = 20, 20


@dataclass(frozen=True)
class FoundDecision:
    """A decision that touches what was asked about."""

    relation: str
    is_in_force: bool
    decision: Decision


@dataclass(frozen=True)
class Score:
    """What the client model said of a client in an hour; the fields are columns of client_scores."""

    client: str
    hour_at: datetime
    abuse_probability: float
    is_abuse: bool
    abuse_kind: str | None
    reason: str | None
    request_count: int
    model_name: str
    model_version: str
    request_model_version: str | None


@dataclass(frozen=True)
class ModelPage:
    """What the registry says of a model version; `problem` where it cannot be asked."""

    name: str
    version: str
    page: str
    run_id: str = ""
    has_passed_gate: bool | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    training_table: str = ""
    git_revision: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Beside:
    """A client's value beside those of all clients of its kind in the same hour."""

    value: float
    median: float
    p99: float


@dataclass(frozen=True)
class Feature:
    """A quantity in the hour and in the 24 hours that end with it; None where the lake does not hold it."""

    name: str
    hour: Beside | None
    day: Beside | None

    @property
    def distance(self) -> float:
        """How far from the usual: 1 is at the 99th percentile, or at nothing where the median has something."""
        least = 0.1 if self.name.startswith("attack_probability") else 1.0
        held = [one for one in (self.day, self.hour) if one is not None]
        above = [(one.value - one.median) / max(one.p99 - one.median, least) for one in held]
        below = [(one.median - one.value) / max(one.median, least) for one in held]
        return max(above + below)


@dataclass(frozen=True)
class Evidence:
    """A request, what the request model said of it, and the log line that it comes from."""

    request_id: str
    event_at: datetime
    client_ip: str
    method: str | None
    host: str | None
    target: str
    status: int | None
    user_agent: str | None
    source_object: str
    etag: str | None
    line_number: int
    attack_probability: float | None
    attack_class: str | None
    words: str | None
    model_version: str | None


@dataclass(frozen=True)
class Explanation:
    """All that is known; of several decisions the one that counts comes first, and the rest is about it."""

    asked: str
    summary: str
    decisions: tuple[FoundDecision, ...] = ()
    planned: tuple[str, ...] = ()
    score: Score | None = None
    models: tuple[ModelPage, ...] = ()
    features: tuple[Feature, ...] = ()
    signals: tuple[FiredSignal, ...] = ()
    """Of one request, where it is what was asked about."""
    hour_scores: HourScores | None = None
    """Of all requests of its hour."""
    requests: tuple[Evidence, ...] = ()
    notes: tuple[str, ...] = ()


def recognizes(subject: str) -> bool:
    """Whether the subject is an address, a network or a request id."""
    return _network(subject.strip()) is not None or REQUEST_ID.fullmatch(subject.strip()) is not None


def explain(settings: Settings, address: str, now: datetime | None = None) -> Explanation:
    """What is known of an address, a CIDR or a request id, and why something is done about it at `now`, or nothing."""
    import pyarrow as pa
    from deltalake.exceptions import DeltaError

    asked, at = address.strip(), as_utc(now or datetime.now(UTC))
    network = _network(asked)
    if network is None and not REQUEST_ID.fullmatch(asked):
        raise not_recognized(asked, TAKES)
    if not settings.lake and not settings.home.is_dir():
        raise ExplainError(f"There is no home {settings.home}; run `weir run edge --input …` first or correct --home.")
    lake = lake_of(settings)
    try:
        if network is None:
            return _explain_request(settings, lake, asked, at)
        return _explain_client(settings, lake, network, at)
    except (OSError, DeltaError, pa.ArrowException) as error:
        said = f"The lake {settings.lake_root} cannot be read ({_first_line(error)}); check WEIR_LAKE and try again."
        raise ExplainError(said) from None


def _people(
    lake: Lake, network: Network, leading: Decision | None, state: InForce, rolled_back: Collection[Decision]
) -> list[str]:
    """What people asked for that is in force and concerns the addresses or the decision on them."""
    notes = [
        f"In force by people: {act.text()}."
        for act in (*state.allowed, *state.blocked)
        if parse_network(act.subject).version == network.version and network.overlaps(parse_network(act.subject))
    ]
    doubts = (*state.withdrawn, *((state.rollback,) if state.rollback else ()))
    if leading is not None and doubts:
        behind = audit_log.versions_behind(lake, [leading.row()])[leading.decision_id]
        is_left_out = state.rollback is not None and leading not in rolled_back
        if is_left_out or state.withdraws(behind):
            notes.append(f"The decision does not count: {'; '.join(act.text() for act in doubts)}.")
    return notes


def _explain_client(settings: Settings, lake: Lake, network: Network, now: datetime) -> Explanation:
    rules, allowed = load_policy(settings.waf.policy_file).rules, load_allow_list(settings.waf.allow_list)
    state = in_force(audit_log.read(lake), now)
    back = _rolled_back(lake, state, now)
    decisions, planned = _decisions(lake, network, now, back), _planned(lake, network)
    asked = str(network.network_address) if is_one_address(network) else str(network)
    leading = decisions[0].decision if decisions else None
    notes = _people(lake, network, leading, state, back)
    if leading is not None:
        client, hour = leading.address, format_hour(leading.decided_at - timedelta(hours=1))
        summary = _verdict(decisions[0], asked)
        if Ranges.of(allowed).overlaps(parse_network(client)):
            notes.append(f"{client} is on the allow list now, so no plan wants it.")
        if not decisions[0].is_in_force and (last := _last_active(lake, network, since=leading.expires_at)):
            why = why_nothing(last[0], _score(lake, *last), rules, allowed)
            notes.append(f"{_activity(lake, *last)} Nothing was decided then: {why}.")
    elif last := _last_active(lake, network):
        client, hour = last
        why = why_nothing(client, _score(lake, client, hour), rules, allowed)
        summary = f"Nothing is decided on {asked}: {why}."
        notes.append(_activity(lake, client, hour))
    else:
        return Explanation(asked, _never_seen(lake, asked), planned=planned, notes=tuple(notes))
    score = _score(lake, client, hour)
    ids: Sequence[str] = leading.evidence_request_ids if leading else ()
    ids = ids or _evidence_ids(lake, client, hour)
    requests = _requests(lake, ids, [format_hour(parse_hour(hour) - timedelta(hours=back)) for back in range(24)])
    if missing := len(ids) - len(requests):
        notes.append(
            f"{missing} of {len(ids)} requests are not in the lake any more: the retention of requests is over."
        )
    versions = [(one.model_name, one.model_version) for one in (score, leading) if one is not None]
    versions += [("request_attack", one.model_version) for one in requests if one.model_version]
    return Explanation(
        asked=asked,
        summary=summary,
        decisions=decisions,
        planned=planned,
        score=score,
        models=tuple(_model_page(settings, *one) for one in dict.fromkeys(versions)),
        features=_features(lake, client, hour),
        requests=requests,
        notes=tuple(notes),
    )


def _explain_request(settings: Settings, lake: Lake, request_id: str, now: datetime) -> Explanation:
    hours = lake.hours(TABLES["requests"])
    found: tuple[Evidence, ...] = ()
    for block in _newest_first(hours, 24):
        if found := _requests(lake, [request_id], block):
            break
    if not found:
        span = f"of {hours[0]} to {hours[-1]}" if hours else "(there are none yet)"
        raise ExplainError(f"No request {request_id!r} is among the lake's requests {span}; check the id.")
    one = found[0]
    said = "it is not scored yet"
    if one.attack_probability is not None:
        verdict = f"{one.attack_class} by its {one.words}" if one.attack_class else "no attack"
        said = f"request_attack {one.model_version} gives it {one.attack_probability:.3f}, {verdict}"
    network, hour = _network(one.client_ip), format_hour(one.event_at)
    back = _rolled_back(lake, in_force(audit_log.read(lake), now), now)
    pages = (_model_page(settings, "request_attack", one.model_version),) if one.model_version else ()
    signals: tuple[FiredSignal, ...] = ()
    notes: list[str] = []
    for page in pages:
        try:
            signals = fired_signals(settings, lake, hour, request_id, page.version, is_known=not page.problem)
        except Exception as error:
            notes.append(f"The signals are not shown: {_first_line(error)}")
    return Explanation(
        asked=request_id,
        summary=f"A request of {one.client_ip} at {instant(one.event_at)}; {said}.",
        decisions=_decisions(lake, network, now, back) if network else (),
        models=pages,
        signals=signals,
        hour_scores=hour_scores(lake, hour, one.attack_probability) if one.attack_probability is not None else None,
        requests=found,
        notes=tuple(notes),
    )


def why_nothing(client: str, score: Score | None, rules: Rules, allow_list: Iterable[str] = ()) -> str:
    """Why the policy decides nothing about a client with this score, as the end of a sentence."""
    network, least = parse_network(client), rules.step("count")
    if Ranges.of(allow_list).overlaps(network):
        return f"{client} is on the allow list"
    if special_ranges(rules.act_on_special).overlaps(network):
        kinds = [kind for cidr, kind in SPECIAL if Ranges.of([cidr]).overlaps(network)]
        return f"{client} is in a range that is never acted upon ({kinds[0]})"
    if rules.at_most == "none":
        return "the policy allows no action at all"
    if score is None:
        return f"{client} has no score in its last hour; `weir run edge` makes it"
    said = f"the abuse_probability of {client} is {score.abuse_probability:.3f}"
    if rules.require_is_abuse and not score.is_abuse:
        return f"{said}, below the threshold of {score.model_name} {score.model_version}"
    if score.abuse_probability < least.min_probability:
        return f"{said}, and the weakest action takes {least.min_probability}"
    if score.request_count < least.min_requests:
        return f"{client} made {score.request_count} requests, and the weakest action takes {least.min_requests}"
    return f"{said}, but the policy bounds it (by its kind, as a small network, as a named bot), its requests came under our own block, or the hour is not decided yet"


def _verdict(found: FoundDecision, asked: str) -> str:
    one = found.decision
    what = asked if found.relation == "itself" else f"{one.address}, {found.relation} {asked},"
    if found.is_in_force:
        return f"{what} is under {one.action} from {instant(one.decided_at)} until {instant(one.expires_at)}."
    return f"Nothing is in force on {asked}; the last {one.action} of {one.address} ended at {instant(one.expires_at)}."


# --- reading -------------------------------------------------------------------------------------------------


def _network(text: str) -> Network | None:
    try:
        return parse_network(text)
    except ValueError:
        return None


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__


def _newest_first(hours: Sequence[str], size: int) -> Iterator[list[str]]:
    for end in range(len(hours), 0, -size):
        yield list(hours[max(end - size, 0) : end])


def _rows(
    lake: Lake, table: str, hours: Sequence[str] | None, columns: Iterable[str], **among: Iterable[str]
) -> list[dict[str, Any]]:
    """Rows whose columns hold one of the values given."""
    import pyarrow as pa
    import pyarrow.compute as pc

    chosen = pc.scalar(True)
    for name, values in among.items():
        chosen &= pc.field(name).isin(pa.array(list(values), pa.string()))
    found: list[dict[str, Any]] = lake.read_arrow(TABLES[table], hours, list(columns), chosen).to_pylist()
    return found


def _touching(lake: Lake, table: str, hours: Sequence[str] | None, column: str, network: Network) -> list[str]:
    """The values of a column of CIDRs that share an address with the network."""
    values = lake.read_arrow(TABLES[table], hours, [column])[column].unique().to_pylist()
    asked = Ranges.of([str(network)])
    return [one for one in values if (other := _network(one)) is not None and asked.overlaps(other)]


def _decisions(
    lake: Lake, network: Network, now: datetime, rolled_back: Collection[Decision]
) -> tuple[FoundDecision, ...]:
    """Those in force first, of these the strongest; then those on exactly this, the latest first.

    What a rollback goes back to may not be in the table any more, or with another content: it comes as it was.
    """
    ids, asked = {one.decision_id for one in rolled_back}, Ranges.of([str(network)])
    found = [_found(one, network, now) for one in rolled_back if asked.overlaps(parse_network(one.address))]
    for block in _newest_first(lake.hours(TABLES["waf_decisions"]), BLOCK_HOURS):
        names = _touching(lake, "waf_decisions", block, "address", network)
        for row in _rows(lake, "waf_decisions", block, TABLES["waf_decisions"].column_names, address=names):
            if row["decision_id"] not in ids:
                found.append(_found(Decision.from_row(row), network, now))
        if found:
            break

    def order(one: FoundDecision) -> tuple[Any, ...]:
        strength = rank(one.decision.action) if one.is_in_force else 0
        return (strength, one.relation == "itself", one.decision.decided_at, one.decision.decision_id)

    return tuple(sorted(found, key=order, reverse=True))


def _rolled_back(lake: Lake, state: InForce, now: datetime) -> list[Decision]:
    """The decisions that a rollback in force goes back to."""
    rows = [] if state.rollback is None else audit_log.gone_back_to(lake, state.rollback, now)
    return [Decision.from_row(row) for row in rows]


def _found(one: Decision, network: Network, now: datetime) -> FoundDecision:
    other = parse_network(one.address)
    relation = "within" if other.prefixlen > network.prefixlen else "which holds"
    return FoundDecision("itself" if other == network else relation, one.decided_at <= now < one.expires_at, one)


def _planned(lake: Lake, network: Network) -> tuple[str, ...]:
    """What the latest plan does about it, a sentence an entry."""
    names = _touching(lake, "plan", None, "address", network)
    rows = _rows(lake, "plan", None, TABLES["plan"].column_names, address=names)
    return tuple(
        f"{row['ip_set']}: {row['operation']} {row['address']} (plan of {instant(row['planned_at'])})"
        for row in sorted(rows, key=lambda row: (row["address"] != str(network), row["ip_set"], row["address"]))
    )


def _last_active(lake: Lake, network: Network, since: datetime | None = None) -> tuple[str, str] | None:
    """Client and hour of the last activity: the network itself where it has a score, else its worst address."""
    hours = [hour for hour in lake.hours(TABLES["client_hourly"]) if since is None or parse_hour(hour) >= since]
    for block in _newest_first(hours, BLOCK_HOURS):
        alone = is_one_address(network)
        names = [str(network)] if alone else _touching(lake, "client_hourly", block, "client", network)
        seen = _rows(lake, "client_hourly", block, ["client", "event_hour", "request_count"], client=names)
        if seen:
            hour = max(row["event_hour"] for row in seen)
            here = {row["client"]: row["request_count"] for row in seen if row["event_hour"] == hour}
            scored = _rows(lake, "client_scores", [hour], ["client", "abuse_probability"], client=[*here, str(network)])
            worst = {row["client"]: row["abuse_probability"] for row in scored}
            own = str(network) if str(network) in worst else ""
            return own or max(here, key=lambda name: (worst.get(name, -1.0), here[name], name)), hour
    return None


def _never_seen(lake: Lake, asked: str) -> str:
    hours = lake.hours(TABLES["client_hourly"])
    if not hours:
        return f"The lake holds no requests yet, of {asked} or anybody; `weir run edge --input …` reads logs."
    return f"{asked} is unknown: no decision, and no request in the {len(hours)} hours that the lake holds ({hours[0]} to {hours[-1]})."


def _activity(lake: Lake, client: str, hour: str) -> str:
    rows = _rows(lake, "client_daily", [hour], ["request_count", "active_hour_count"], client=[client])
    counted = f", with {rows[0]['request_count']} requests in the 24 hours that end with it" if rows else ""
    return f"{client} was last active in the hour {hour}{counted}."


def _score(lake: Lake, client: str, hour: str) -> Score | None:
    rows = _rows(lake, "client_scores", [hour], [one.name for one in fields(Score)], client=[client])
    return Score(**{**rows[0], "hour_at": as_utc(rows[0]["hour_at"])}) if rows else None


def _evidence_ids(lake: Lake, client: str, hour: str) -> Sequence[str]:
    """The requests kept with the score; where there are none, the latest of the hour."""
    rows = _rows(lake, "client_scores", [hour], ["evidence_request_ids"], client=[client])
    if rows and rows[0]["evidence_request_ids"]:
        return list(rows[0]["evidence_request_ids"])
    active = _touching(lake, "client_hourly", [hour], "client", parse_network(client))
    addresses = [name.partition("/")[0] for name in active]
    made = _rows(lake, "requests", [hour], ["event_at", "request_id"], client_ip=addresses)
    latest = sorted(made, key=lambda row: (row["event_at"], row["request_id"]), reverse=True)
    return [row["request_id"] for row in latest[:LATEST_REQUESTS]]


def _requests(lake: Lake, ids: Sequence[str], hours: Sequence[str]) -> tuple[Evidence, ...]:
    """The requests of these ids, in their order, as far as the lake still holds them."""
    columns = ["request_id", "event_at", "attack_probability", "attack_class", "reason", "model_version"]
    scores = {row["request_id"]: row for row in _rows(lake, "request_scores", hours, columns, request_id=ids)}
    if len(scores) == len(set(ids)):
        hours = sorted({format_hour(row["event_at"]) for row in scores.values()})
    columns = ["request_id", "event_at", "client_ip", "method", "host", "uri_path", "uri_query", "status", "user_agent"]
    columns += ["source_object", "line_number", "event_hour"]
    rows = {row["request_id"]: row for row in _rows(lake, "requests", hours, columns, request_id=ids)}
    names = {row["source_object"] for row in rows.values()}
    counts = _rows(lake, "object_counts", hours, ["source_object", "etag", "event_hour"], source_object=names)
    etags = {(row["source_object"], row["event_hour"]): row["etag"] for row in counts}
    found = []
    for row in (rows[one] for one in ids if one in rows):
        path, query, hour = row.pop("uri_path") or "", row.pop("uri_query"), row.pop("event_hour")
        score = scores.get(row["request_id"], {})
        row |= {name: score.get(name) for name in ("attack_probability", "attack_class", "model_version")}
        row |= {"words": score.get("reason"), "etag": etags.get((row["source_object"], hour))}
        row |= {"event_at": as_utc(row["event_at"]), "target": path if query is None else f"{path}?{query}"}
        found.append(Evidence(**row))
    return tuple(found)


def _features(lake: Lake, client: str, hour: str) -> tuple[Feature, ...]:
    """What stands out most."""
    kind = "address" if is_one_address(parse_network(client)) else "network"
    by_day, population = _besides(lake, "client_daily", client, hour, kind)
    by_hour, _ = _besides(lake, "client_hourly", client, hour, kind)
    attacks, _ = _besides(lake, "client_attacks", client, hour, kind, population)
    for name, beside in attacks.items():
        (by_hour if name.startswith("hour_") else by_day)[name.partition("_")[2]] = beside
    found = [Feature(name, by_hour.get(name), by_day.get(name)) for name in dict.fromkeys([*by_day, *by_hour])]
    return tuple(sorted(found, key=lambda one: (-one.distance, one.name))[:LEADING_FEATURES])


def _besides(
    lake: Lake, table: str, client: str, hour: str, kind: str, population: int = 0
) -> tuple[dict[str, Beside], int]:
    """By column, and how many clients there are; with `population`, clients without a row count as zero."""
    import numpy as np
    import pyarrow.compute as pc

    names = [one.name for one in TABLES[table].columns if one.type in ("int64", "double")]
    kind_only = pc.field("client_kind") == kind
    rows = lake.read_arrow(TABLES[table], [hour], ["client", *names], kind_only).to_pandas()
    own, found = rows[rows["client"] == client], {}
    for name in names if len(own) or population else ():
        values = np.zeros(max(population, len(rows)))
        values[: len(rows)] = rows[name].to_numpy()
        median, p99 = np.quantile(values, (0.5, 0.99))
        found[name] = Beside(float(own[name].iloc[0]) if len(own) else 0.0, float(median), float(p99))
    return found, len(rows)


def _model_page(settings: Settings, name: str, version: str) -> ModelPage:
    """What MLflow says of a version. Whatever is wrong with it takes nothing else from the explanation."""
    uri = settings.tracking_uri
    page = f"/#/models/{name}/versions/{version}"
    page = f"{uri.rstrip('/')}{page}" if uri.startswith("http") else f"{page} of the MLflow that `weir ui` starts"
    try:
        from weir_models import tracking

        run_id, tags, figures = tracking.described(name, version, tracking_uri=uri)
    except Exception as error:
        return ModelPage(name, version, page, problem=_first_line(error))
    gate = tags.get(tracking.GATE_TAG) == "passed"
    training = f"{tags.get('training_table', '?')} version {tags.get('training_table_version', '?')}"
    return ModelPage(name, version, page, run_id, gate, figures, training, tags.get("git_revision", ""))

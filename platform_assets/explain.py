"""`weir explain`: an address, a CIDR or a request back to the log lines that its fate rests on.

decision -> model version and score -> features beside the population's -> requests -> log objects with line numbers.
`explain` reads, and only the hours that the decision names; `render` and `to_json` show what it found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from platform_assets.resources.engine import lake_of
from platform_assets.settings import Settings
from platform_assets.waf.decisions import Decision, as_utc, instant, rank
from platform_assets.waf.policy import load_allow_list, load_policy
from platform_assets.waf.ranges import (
    SPECIAL,
    Network,
    Ranges,
    is_one_address,
    parse_network,
    special_ranges,
)
from platform_assets.waf.rulebook import Rules
from platform_assets.waf.tables import WAF_DECISIONS, WAF_PLAN
from spark_jobs import registry
from spark_jobs.contract import Table, format_hour, parse_hour
from spark_jobs.lake import Lake

if TYPE_CHECKING:
    pass

OBJECT_COUNTS, REQUESTS, CLIENT_HOURLY, CLIENT_DAILY, REQUEST_SCORES, CLIENT_ATTACKS, CLIENT_SCORES = (
    registry.tables()[key]
    for key in (
        "parsed/cloudfront/object_counts",
        "parsed/cloudfront/requests",
        "features/cloudfront/client_hourly",
        "features/cloudfront/client_daily",
        "predictions/request_scores",
        "features/cloudfront/client_attacks",
        "predictions/client_scores",
    )
)
REQUEST_ID = re.compile(r"[\w+/=-]{16,128}|[0-9a-f]{16,64}(?:-\d+)?:\d+")
"""x-edge-request-id; or etag:line, which a request has whose log has no ids."""
BLOCK_HOURS = 21 * 24
"""Hours searched at once, newest first; no decision lives longer by the shipped policy."""
SHOWN_REQUESTS, SHOWN_FEATURES, SHOWN_DECISIONS = 20, 12, 8


class ExplainError(Exception):
    """There is nothing to explain; one sentence that says why and what to do."""


@dataclass(frozen=True)
class FoundDecision:
    """A decision that touches what was asked about."""

    relation: str
    is_in_force: bool
    decision: Decision


@dataclass(frozen=True)
class Score:
    """What the client model said of the client in the hour; the fields are columns of client_scores."""

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
    """A quantity in the hour and in the 24 hours that end with it, as far as the lake holds it."""

    name: str
    hour: Beside | None
    day: Beside | None

    @property
    def excess(self) -> float:
        """How far beyond the usual it is; 1 is the 99th percentile."""
        beside = [one for one in (self.day, self.hour) if one is not None]
        least = 0.1 if self.name.startswith("attack_probability") else 1.0
        return max((one.value - one.median) / max(one.p99 - one.median, least) for one in beside)


@dataclass(frozen=True)
class Evidence:
    """A request, what the request model said of it, and the log line it comes from."""

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
    attack_probability: float | None = None
    attack_class: str | None = None
    words: str | None = None
    model_version: str | None = None


@dataclass(frozen=True)
class Explanation:
    """All that is known, strongest first."""

    asked: str
    summary: str
    decisions: tuple[FoundDecision, ...] = ()
    planned: tuple[str, ...] = ()
    score: Score | None = None
    models: tuple[ModelPage, ...] = ()
    features: tuple[Feature, ...] = ()
    requests: tuple[Evidence, ...] = ()
    notes: tuple[str, ...] = ()


def explain(settings: Settings, address: str, now: datetime | None = None) -> Explanation:
    """What is known of an address, a CIDR or a request id, and why it is or is not acted upon at `now`."""
    import pyarrow as pa
    from deltalake.exceptions import DeltaError

    asked, at = address.strip(), as_utc(now or datetime.now(UTC))
    network = _network(asked)
    if not settings.lake and not settings.home.is_dir():
        raise ExplainError(f"There is no home {settings.home}; run `weir run edge --input …` first or correct --home.")
    lake = lake_of(settings)
    try:
        if network is None:
            return _explain_request(settings, lake, asked, at)
        return _explain_client(settings, lake, network, at)
    except (OSError, DeltaError, pa.ArrowException) as error:
        said = str(error).strip().split("\n")[0]
        raise ExplainError(
            f"The lake {settings.lake_root} cannot be read ({said}); check WEIR_LAKE and try again."
        ) from None


def _network(asked: str) -> Network | None:
    """None for what looks like a request id."""
    try:
        return parse_network(asked)
    except ValueError:
        if REQUEST_ID.fullmatch(asked) and not re.fullmatch(r"[\d./]+", asked):
            return None
    raise ExplainError(f"{asked[:80]!r} is no address, no CIDR without host bits and no request id; correct it.")


def _explain_client(settings: Settings, lake: Lake, network: Network, now: datetime) -> Explanation:
    rules, allowed = load_policy(settings.policy_file).rules, load_allow_list(settings.allow_list)
    decisions = _decisions(lake, network, now)
    planned = _planned(lake, network)
    leading = decisions[0].decision if decisions else None
    decided_hour = format_hour(leading.decided_at - timedelta(hours=1)) if leading else ""
    is_in_force = bool(decisions and decisions[0].is_in_force)
    last = None if is_in_force else _last_active(lake, network, decided_hour)
    notes: list[str] = []
    if leading is None:
        if last is None:
            return Explanation(str(network), _never_seen(lake, network), planned=planned)
        client, hour = last
        score = _score(lake, client, hour)
        summary = f"Nothing is decided on {network}: {why_nothing(parse_network(client), score, rules, allowed)}."
        notes.append(_activity(lake, client, hour))
    else:
        client, hour = leading.address, decided_hour
        score = _score(lake, client, hour)
        summary = _verdict(decisions[0], str(network))
        if Ranges.of(allowed).overlaps(parse_network(client)):
            notes.append(f"{client} is on the allow list now, so no plan wants it.")
        if last is not None:
            why = why_nothing(parse_network(last[0]), _score(lake, *last), rules, allowed)
            notes.append(f"{_activity(lake, *last)} Nothing was decided then: {why}.")
    ids = (leading.evidence_request_ids if leading else ()) or _evidence_ids(lake, client, hour)
    requests = _requests(lake, ids, _hours_up_to(hour))
    if missing := len(ids) - len(requests):
        notes.append(f"{missing} of {len(ids)} requests are not in the lake any more; see the retention of requests.")
    if score is None:
        notes.append(f"client_scores has no row of {client} in the hour {hour}.")
    versions = [(one.model_name, one.model_version) for one in (score, leading) if one is not None]
    versions += [("request_attack", v) for v in dict.fromkeys(r.model_version for r in requests) if v]
    return Explanation(
        asked=str(network),
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
    requests: tuple[Evidence, ...] = ()
    hours = lake.hours(REQUESTS)
    for block in _newest_first(hours, 24):
        if requests := _requests(lake, [request_id], block):
            break
    else:
        span = f"which hold {hours[0]} to {hours[-1]}" if hours else "which are empty yet"
        raise ExplainError(f"No request {request_id!r} is among the lake's requests, {span}; check the id.")
    one = requests[0]
    said = "it is not scored yet"
    if one.attack_probability is not None:
        kind = f"{one.attack_class}, because of {_clean(one.words or '')}" if one.attack_class else "no attack"
        said = f"request_attack {one.model_version} gives it {one.attack_probability:.3f}: {kind}"
    return Explanation(
        asked=request_id,
        summary=f"Request of {one.client_ip} at {instant(one.event_at)}; {said}.",
        decisions=_decisions(lake, parse_network(one.client_ip), now),
        models=(_model_page(settings, "request_attack", one.model_version),) if one.model_version else (),
        requests=requests,
    )


def why_nothing(client: Network, score: Score | None, rules: Rules, allow_list: Iterable[str] = ()) -> str:
    """Why the policy decides nothing on a client with this score, as the end of a sentence."""
    if Ranges.of(allow_list).overlaps(client):
        return "it is on the allow list"
    if special_ranges(rules.act_on_special).overlaps(client):
        kinds = [kind for cidr, kind in SPECIAL if Ranges.of([cidr]).overlaps(client)]
        return f"it is in a range that is never acted upon ({kinds[0]})"
    if rules.at_most == "none":
        return "the policy allows no action at all"
    if score is None:
        return "its hour has no client score yet; `weir run edge` makes it"
    said = f"abuse_probability is {score.abuse_probability:.3f}"
    if rules.require_is_abuse and not score.is_abuse:
        return f"{said}, below the threshold of {score.model_name} {score.model_version}"
    least = rules.step("count")
    if score.abuse_probability < least.min_probability:
        return f"{said}, and the weakest action takes {least.min_probability}"
    if score.request_count < least.min_requests:
        return f"it made {score.request_count} requests, and the weakest action takes {least.min_requests}"
    return f"{said}, but the policy bounds it (its kind, a small network, a named bot), or the hour is not decided yet"


# --- what the lake holds -------------------------------------------------------------------------------------


def _newest_first(hours: Sequence[str], size: int) -> Iterator[list[str]]:
    for end in range(len(hours), 0, -size):
        yield list(hours[max(end - size, 0) : end])


def _hours_up_to(hour: str) -> list[str]:
    """The 24 hours that end with it."""
    return [format_hour(parse_hour(hour) - timedelta(hours=back)) for back in range(24)]


def _rows(
    lake: Lake, table: Table, hours: Sequence[str] | None, columns: Iterable[str], **isin: Iterable[str]
) -> list[dict[str, Any]]:
    """Rows whose columns are among the values given."""
    import pyarrow as pa
    import pyarrow.compute as pc

    chosen = pc.scalar(True)
    for name, values in isin.items():
        chosen &= pc.field(name).isin(pa.array(list(values), pa.string()))
    found: list[dict[str, Any]] = lake.read_arrow(table, hours, list(columns), chosen).to_pylist()
    return found


def _touching(lake: Lake, table: Table, hours: Sequence[str] | None, column: str, network: Network) -> list[str]:
    """The values of a column of CIDRs that share an address with the network."""
    values = lake.read_arrow(table, hours, [column])[column].unique().to_pylist()
    asked = Ranges.of([str(network)])
    return [one for one in values if asked.overlaps(parse_network(one))]


def _decisions(lake: Lake, network: Network, now: datetime) -> tuple[FoundDecision, ...]:
    """Those in force first, then the strongest, on exactly this, latest."""
    found: list[FoundDecision] = []
    for block in _newest_first(lake.hours(WAF_DECISIONS), BLOCK_HOURS):
        names = _touching(lake, WAF_DECISIONS, block, "address", network)
        for row in _rows(lake, WAF_DECISIONS, block, WAF_DECISIONS.column_names, address=names) if names else []:
            one = Decision.from_row(row)
            is_in_force = one.decided_at <= now < one.expires_at
            found.append(FoundDecision(_relation(network, parse_network(one.address)), is_in_force, one))
        if found:
            break

    def order(one: FoundDecision) -> tuple[Any, ...]:
        its = one.decision
        strength = rank(its.action) if one.is_in_force else 0
        return (one.is_in_force, strength, its.address == str(network), its.decided_at, its.decision_id)

    return tuple(sorted(found, key=order, reverse=True))


def _relation(asked: Network, other: Network) -> str:
    if asked == other:
        return "itself"
    return "a network that holds it" if asked.prefixlen > other.prefixlen else "within it"


def _planned(lake: Lake, network: Network) -> tuple[str, ...]:
    """What the latest plan does about it."""
    names = _touching(lake, WAF_PLAN, None, "address", network)
    rows = _rows(lake, WAF_PLAN, None, WAF_PLAN.column_names, address=names) if names else []
    return tuple(
        f"{row['operation']} {row['address']} in {row['ip_set']} ({row['action']}), planned at {instant(row['planned_at'])}"
        for row in sorted(rows, key=lambda row: (row["ip_set"], row["address"]))
    )


def _last_active(lake: Lake, network: Network, after: str) -> tuple[str, str] | None:
    """The client and hour of the last activity after an hour: of several the network itself, else the worst."""
    for block in _newest_first([hour for hour in lake.hours(CLIENT_HOURLY) if hour > after], BLOCK_HOURS):
        names = [str(network)]
        if not is_one_address(network):
            names = _touching(lake, CLIENT_HOURLY, block, "client", network)
        seen = _rows(lake, CLIENT_HOURLY, block, ["client", "event_hour", "request_count"], client=names)
        if not seen:
            continue
        hour = max(row["event_hour"] for row in seen)
        here = {row["client"]: row["request_count"] for row in seen if row["event_hour"] == hour}
        scored = _rows(lake, CLIENT_SCORES, [hour], ["client", "abuse_probability"], client=[*here, str(network)])
        worst = {row["client"]: row["abuse_probability"] for row in scored}
        if str(network) in worst:
            return str(network), hour
        return max(here, key=lambda name: (worst.get(name, -1.0), here[name], name)), hour
    return None


def _never_seen(lake: Lake, network: Network) -> str:
    hours = lake.hours(CLIENT_HOURLY)
    if not hours:
        return f"The lake holds no requests yet, of {network} or of anybody; `weir run edge --input …` reads logs."
    return f"{network} is unknown: no decision, and no request in the {len(hours)} hours of the lake ({hours[0]} to {hours[-1]})."


def _verdict(found: FoundDecision, asked: str) -> str:
    one = found.decision
    where = "" if one.address == asked else f" through {one.address}, {found.relation},"
    if found.is_in_force:
        return f"{asked} is under {one.action}{where} from {instant(one.decided_at)} until {instant(one.expires_at)}."
    return (
        f"Nothing is in force on {asked}; the last decision,{where} {one.action}, ended at {instant(one.expires_at)}."
    )


def _activity(lake: Lake, client: str, hour: str) -> str:
    columns = ["request_count", "active_hour_count"]
    rows = _rows(lake, CLIENT_DAILY, [hour], columns, client=[client])
    if not rows:
        return f"{client} was last active in the hour {hour}."
    counted = f"{rows[0]['request_count']} requests in {rows[0]['active_hour_count']} of the 24 hours up to it"
    return f"{client} was last active in the hour {hour}: {counted}."


def _score(lake: Lake, client: str, hour: str) -> Score | None:
    rows = _rows(lake, CLIENT_SCORES, [hour], [one.name for one in fields(Score)], client=[client])
    return Score(**{**rows[0], "hour_at": as_utc(rows[0]["hour_at"])}) if rows else None


def _evidence_ids(lake: Lake, client: str, hour: str) -> list[str]:
    """The requests kept with the score; where there are none, the latest of the hour."""
    rows = _rows(lake, CLIENT_SCORES, [hour], ["evidence_request_ids"], client=[client])
    if rows and rows[0]["evidence_request_ids"]:
        return list(rows[0]["evidence_request_ids"])
    names = _touching(lake, CLIENT_HOURLY, [hour], "client", parse_network(client))
    ips = [name.partition("/")[0] for name in names]
    latest = sorted(
        _rows(lake, REQUESTS, [hour], ["event_at", "request_id"], client_ip=ips),
        key=lambda row: (row["event_at"], row["request_id"]),
        reverse=True,
    )
    return [row["request_id"] for row in latest[:SHOWN_REQUESTS]]


def _requests(lake: Lake, ids: Sequence[str], hours: Sequence[str]) -> tuple[Evidence, ...]:
    """The requests of these ids, in their order, as far as the lake still holds them."""
    kept = ["request_id", "event_at", "attack_probability", "attack_class", "reason", "model_version"]
    scores = {row["request_id"]: row for row in _rows(lake, REQUEST_SCORES, hours, kept, request_id=ids)}
    if set(scores) == set(ids):
        hours = sorted({format_hour(row["event_at"]) for row in scores.values()})
    columns = ["request_id", "event_at", "client_ip", "method", "host", "uri_path", "uri_query", "status", "user_agent"]
    columns += ["source_object", "line_number", "event_hour"]
    rows = {row["request_id"]: row for row in _rows(lake, REQUESTS, hours, columns, request_id=ids)}
    objects = {row["source_object"] for row in rows.values()}
    counts = _rows(lake, OBJECT_COUNTS, hours, ["source_object", "etag", "event_hour"], source_object=objects)
    etags = {(row["source_object"], row["event_hour"]): row["etag"] for row in counts}
    found = []
    for row in (rows[one] for one in ids if one in rows):
        path, query, hour = row.pop("uri_path") or "", row.pop("uri_query"), row.pop("event_hour")
        score = scores.get(row["request_id"], {})
        found.append(
            Evidence(
                **{**row, "event_at": as_utc(row["event_at"])},
                target=path if query is None else f"{path}?{query}",
                etag=etags.get((row["source_object"], hour)),
                attack_probability=score.get("attack_probability"),
                attack_class=score.get("attack_class"),
                words=score.get("reason"),
                model_version=score.get("model_version"),
            )
        )
    return tuple(found)


def _features(lake: Lake, client: str, hour: str) -> tuple[Feature, ...]:
    """What stands out most, beside the clients of the same kind in the same hour."""
    kind = "address" if is_one_address(parse_network(client)) else "network"
    by_day = _besides(lake, CLIENT_DAILY, client, hour, kind)
    by_hour = _besides(lake, CLIENT_HOURLY, client, hour, kind)
    population = lake.dataset(CLIENT_DAILY, [hour]).count_rows(filter=_kind(kind))
    for name, beside in _besides(lake, CLIENT_ATTACKS, client, hour, kind, population).items():
        (by_hour if name.startswith("hour_") else by_day)[name.partition("_")[2]] = beside
    found = [Feature(name, by_hour.get(name), by_day.get(name)) for name in dict.fromkeys([*by_day, *by_hour])]
    return tuple(sorted(found, key=lambda one: (-one.excess, one.name))[:SHOWN_FEATURES])


def _kind(kind: str) -> Any:
    import pyarrow.compute as pc

    return pc.field("client_kind") == kind


def _besides(lake: Lake, table: Table, client: str, hour: str, kind: str, population: int = 0) -> dict[str, Beside]:
    """Column -> the client's value, the median and the 99th percentile; clients without a row count as zero."""
    import numpy as np

    names = [one.name for one in table.columns if one.type in ("int64", "double")]
    rows = lake.read_arrow(table, [hour], ["client", *names], _kind(kind)).to_pandas()
    own = rows[rows["client"] == client]
    if own.empty and not population:
        return {}
    found = {}
    for name in names:
        values = np.zeros(max(population, len(rows)))
        values[: len(rows)] = rows[name].to_numpy()
        median, p99 = np.quantile(values, (0.5, 0.99))
        found[name] = Beside(float(own[name].iloc[0]) if len(own) else 0.0, float(median), float(p99))
    return found


def _model_page(settings: Settings, name: str, version: str) -> ModelPage:
    """What MLflow says of a version. Whatever is wrong with MLflow takes nothing else from the explanation."""
    uri = settings.tracking_uri
    base = uri.rstrip("/") if uri.startswith("http") else "MLflow of `weir ui`, "
    page = f"{base}/#/models/{name}/versions/{version}"
    try:
        from weir_models import tracking

        if (file := tracking._sqlite_file(uri)) is not None and not file.is_file():
            raise FileNotFoundError(f"there is no MLflow database {file}")
        with tracking._mlflow(uri) as (_, client):
            found = client.get_model_version(name, version)
            figures = client.get_run(found.run_id).data.metrics
    except Exception as error:
        said = str(error).strip().split("\n")[0] or type(error).__name__
        return ModelPage(name, version, page, problem=said)
    table, table_version = (found.tags.get(key, "") for key in ("training_table", "training_table_version"))
    return ModelPage(
        name,
        version,
        page,
        run_id=found.run_id,
        has_passed_gate=found.tags.get(tracking.GATE_TAG) == "passed",
        figures=dict(sorted(figures.items())),
        training_table=f"{table} version {table_version}" if table else "",
        git_revision=found.tags.get("git_revision", ""),
    )

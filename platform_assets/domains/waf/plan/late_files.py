"""Which changes of a plan are caused by log objects that arrived after a plan without them had been applied.

An entry is attributed to an object only if its hour was decided before the last plan was applied and again since, if its
decision appeared or disappeared in between, and if the object was first listed after the hour's first decision and holds
requests of that client within the decision's 24 hours. If the lake no longer has one of these facts, as after a vacuum,
the entry is attributed to no object.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from platform_assets.domains.waf.decide.echo import WINDOW_HOURS
from platform_assets.domains.waf.networks import is_one_address, parse_network
from platform_assets.domains.waf.plan.entries import Entry, named
from platform_assets.domains.waf.plan.values import Plan
from platform_assets.domains.waf.tables import WAF_DECISIONS
from spark_jobs.contract import HOUR_COLUMN, format_hour, parse_hour
from spark_jobs.incremental.lineage import MADE_HOURS
from spark_jobs.sources.cloudfront.tables import OBJECTS, REQUESTS
from spark_jobs.storage.lake import Lake

Lines = Mapping[str, Collection[tuple[str, str]]]
"""Client address -> (hour, log object) of its requests."""


@dataclass(frozen=True)
class _Changed:
    """A decision that was added or removed since the last plan was applied."""

    decision_id: str
    address: str
    hour: str


def with_late_files(lake: Lake, plan: Plan, applied_at: datetime | None) -> Plan:
    """The plan, where entries changed by late files name them, also in their reasons.

    `applied_at`: when the last applied plan was made; None if unknown.
    """
    decision_ids = {entry.decision_id for entry in plan.entries if _may_be_late(entry) and entry.decision_id}
    if applied_at is None or not decision_ids:
        return plan
    decided_times = _decided_anew(lake, applied_at)
    changed = _changed(lake, sorted(decided_times), decision_ids, applied_at)
    hours = {decision.hour for decision in changed}
    late = {hour: _late_objects(lake, hour, decided_times[hour], applied_at) for hour in hours}
    lines = _lines(lake, late.values())
    files = {decision.decision_id: _files_of(decision, late[decision.hour], lines) for decision in changed}

    def explained(entry: Entry) -> Entry:
        files_of_entry = files.get(entry.decision_id or "", ()) if _may_be_late(entry) else ()
        if not files_of_entry:
            return entry
        word = "late file" if len(files_of_entry) == 1 else "late files"
        return replace(entry, late_files=files_of_entry, reason=f"{entry.reason} ({word} {named(files_of_entry)})")

    sets = tuple(replace(set_plan, entries=tuple(map(explained, set_plan.entries))) for set_plan in plan.sets)
    return replace(plan, sets=sets)


def _may_be_late(entry: Entry) -> bool:
    """Whether the change depends on a single decision; a merged entry represents several."""
    return entry.operation in ("add", "remove") and not entry.members


def _decided_anew(lake: Lake, applied_at: datetime) -> dict[str, list[datetime]]:
    """Hour -> the times at which it was decided, in order, for hours decided before the last plan was applied and again since."""
    import pyarrow.dataset as ds

    rows = lake.read_arrow(
        MADE_HOURS, columns=["hour", "made_at"], filter=ds.field("table_key") == WAF_DECISIONS.key
    ).to_pylist()
    decided_times: dict[str, list[datetime]] = {}
    for row in sorted(rows, key=lambda row: row["made_at"]):
        decided_times.setdefault(row["hour"], []).append(row["made_at"].astimezone(UTC))
    return {hour: at for hour, at in decided_times.items() if at[0] <= applied_at < at[-1]}


def _changed(lake: Lake, hours: Sequence[str], decision_ids: Collection[str], applied_at: datetime) -> list[_Changed]:
    """The decisions among `decision_ids` that exist either now or at `applied_at`, but not both."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    if not hours or lake.delta(WAF_DECISIONS, applied_at) is None:
        return []
    is_candidate = ds.field("decision_id").isin(pa.array(sorted(decision_ids), pa.string()))
    columns = ["decision_id", "address", HOUR_COLUMN]

    def decisions(as_of: datetime | None) -> dict[str, _Changed]:
        rows = lake.read_arrow(WAF_DECISIONS, hours, columns=columns, filter=is_candidate, as_of=as_of).to_pylist()
        return {row["decision_id"]: _Changed(row["decision_id"], row["address"], row[HOUR_COLUMN]) for row in rows}

    try:
        then, now = decisions(applied_at), decisions(None)
    except OSError:  # a vacuum has deleted that version of the table
        return []
    return [changed for key, changed in sorted({**then, **now}.items()) if (key in then) != (key in now)]


def _late_objects(
    lake: Lake, hour: str, decided_times: Sequence[datetime], applied_at: datetime
) -> frozenset[tuple[str, str]]:
    """(hour, log object) of the hour's 24 hours for objects first listed after its first decision and included since `applied_at`."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    window = {format_hour(parse_hour(hour) - timedelta(hours=back)) for back in range(WINDOW_HOURS)}
    later = ds.field("first_seen_at") > pa.scalar(decided_times[0], pa.timestamp("us", tz="UTC"))
    columns = ["source_object", "first_seen_at", "event_hours"]
    objects = set()
    for row in lake.read_arrow(OBJECTS, columns=columns, filter=later).to_pylist():
        included = [at for at in decided_times if at >= row["first_seen_at"]]
        if included and included[0] > applied_at:
            objects |= {
                (event_hour, row["source_object"]) for event_hour in row["event_hours"] or () if event_hour in window
            }
    return frozenset(objects)


def _lines(lake: Lake, late: Collection[frozenset[tuple[str, str]]]) -> Lines:
    """The clients with requests in the late objects."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    pairs = frozenset().union(*late)
    hours = sorted({hour for hour, _ in pairs})
    if not hours:
        return {}
    is_late = ds.field("source_object").isin(pa.array(sorted({name for _, name in pairs}), pa.string()))
    columns = ["client_ip", HOUR_COLUMN, "source_object"]
    rows = lake.read_arrow(REQUESTS, hours, columns=columns, filter=is_late).group_by(columns).aggregate([])
    lines: dict[str, set[tuple[str, str]]] = {}
    for row in rows.to_pylist():
        lines.setdefault(row["client_ip"], set()).add((row[HOUR_COLUMN], row["source_object"]))
    return lines


def _files_of(changed: _Changed, late: frozenset[tuple[str, str]], lines: Lines) -> tuple[str, ...]:
    """Names of the late objects that hold requests of the decision's client."""
    network = parse_network(changed.address)
    if is_one_address(network):
        clients: list[Any] = [str(network.network_address)]
    else:
        clients = [client for client in lines if ip_address(client) in network]
    names = {pair[1] for client in clients for pair in lines.get(client, ()) if pair in late}
    return tuple(sorted(name.rsplit("/", 1)[-1] for name in names))

"""Promotion by replay: stored hours scored and decided by champion and challenger, in lakes over the home's, and who differs.

The jobs and the decider are those of production; the home's tables are only read. Both versions begin with the decisions
that were made before. The allow list is left out, so that it shows whom of it a version would act upon.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from platform_assets.clients.engine import SparkRunner, lake_of
from platform_assets.clients.model_registry import ModelRegistry
from platform_assets.domains.waf.decide.claims import identifier_of
from platform_assets.domains.waf.decide.hours import decide_hours
from platform_assets.domains.waf.decide.reading import is_in
from platform_assets.domains.waf.decide.rescoring import loader_of
from platform_assets.domains.waf.decisions import Decision, rank
from platform_assets.domains.waf.manual import audit_log
from platform_assets.domains.waf.manual.in_force import ALLOW, in_force
from platform_assets.domains.waf.networks import Ranges, address_order, parse_network
from platform_assets.domains.waf.policy import load_allow_list, load_policy
from platform_assets.domains.waf.tables import BOT_IDENTITIES, WAF_DECISIONS
from platform_assets.settings import Settings
from platform_assets.training.replays import Replayed, ReplayedEntry
from spark_jobs.contract import Interval, format_hour, parse_hour
from spark_jobs.sources.cloudfront.tables import CLIENT_ATTACKS, CLIENT_SCORES, REQUEST_SCORES, REQUESTS
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.overlay import OverlayLake

REQUEST_MODEL, CLIENT_MODEL = "request_attack", "client_abuse"
ACTS = rank("challenge")
"""From this action on clients feel what is decided; counting changes nothing for them."""
DECIDED = (WAF_DECISIONS, BOT_IDENTITIES)
SCRATCH, KEPT_SECONDS = "replay-", 86_400
"""Folders of a replay in the home, and after which time one that is still there was left by a kill."""
SCORED = {REQUEST_MODEL: (REQUEST_SCORES, CLIENT_ATTACKS, CLIENT_SCORES), CLIENT_MODEL: (CLIENT_SCORES,)}
"""Model -> the tables that follow from its scores, its own first."""


def replay(
    settings: Settings, model: str, champion: str, challenger: str, hours: int, benign: Collection[str]
) -> Replayed:
    """The newest stored hours decided by both versions; `benign`: networks that people called benign."""
    lake = lake_of(settings)
    scored = lake.hours(CLIENT_SCORES)
    other = ModelRegistry.of(settings).champion(CLIENT_MODEL)
    if not scored or other is None:
        return Replayed()
    start, end = parse_hour(scored[-1]) - timedelta(hours=hours - 1), parse_hour(scored[-1])
    first = next(hour for hour in scored if hour >= format_hour(start))
    interval = Interval.spanning(first, scored[-1])
    _clear_left_folders(settings.home)
    with tempfile.TemporaryDirectory(dir=settings.home, prefix=SCRATCH, ignore_cleanup_errors=True) as scratch:
        before, after = (
            _strongest(_decided(settings, lake, Path(scratch) / version, interval, {CLIENT_MODEL: other, model: version}, model))
            for version in (champion, challenger)
        )  # fmt: skip
    entries = changes(before, after, _known_innocent(settings, lake, benign, end))
    counts = request_counts(lake, interval, [entry.entry for entry in entries])
    shown = [
        replace(entry, request_count=counts[entry.entry][0], benign_request_count=counts[entry.entry][1])
        for entry in entries
    ]
    return Replayed(parse_hour(first), end + timedelta(hours=1), len(before), len(after), shown)


def _clear_left_folders(home: Path) -> None:
    for folder in home.glob(f"{SCRATCH}*"):
        if folder.is_dir() and time.time() - folder.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _decided(
    settings: Settings, lake: Lake, folder: Path, interval: Interval, versions: Mapping[str, str], model: str
) -> list[Decision]:
    """Decisions of the interval as if these versions had served in it."""
    tables = SCORED[model]
    registry = ModelRegistry.of(settings)
    is_stored = all(
        found == (versions[name],)
        for name, table in ((model, tables[0]), (CLIENT_MODEL, CLIENT_SCORES))
        for found in registry.versions_in(lake, table, interval.hours).values()
    )
    own = frozenset(table.key for table in (*DECIDED, *(() if is_stored else tables)))
    over = OverlayLake(str(folder), lake.storage, lake.root, own, interval.hours[0])
    if not is_stored:
        _score(settings, over, interval, versions, model)
    manual = [action for action in audit_log.AUDIT.read(lake) if action.command != ALLOW]
    _, rows = decide_hours(
        over,
        interval,
        load_policy(settings.waf.policy_file),
        (),
        loaded=loader_of(settings),
        identifier=identifier_of(settings, over),
        manual_actions=manual,
    )
    return [Decision.from_row(row) for row in rows]


def _score(settings: Settings, lake: Lake, interval: Interval, versions: Mapping[str, str], model: str) -> None:
    """Make the tables that follow from a model's scores, by the jobs of production."""
    from spark_jobs.main import JobRun
    from spark_jobs.runtime.session import spark_session
    from spark_jobs.sources.cloudfront import jobs

    registry, runner = ModelRegistry.of(settings), SparkRunner.of(settings)
    steps: list[tuple[Any, str]] = [(jobs.client_scores, CLIENT_MODEL)]
    if model == REQUEST_MODEL:
        steps = [(jobs.request_scores, REQUEST_MODEL), (jobs.client_attacks, ""), *steps]
    request_version = versions.get(REQUEST_MODEL) or registry.champion(REQUEST_MODEL)
    for job, name in steps:
        parameters: dict[str, Any] = {"request_model_version": request_version}
        if name:
            fetched = registry.fetched(name, versions[name])
            parameters |= {"model_name": name, "model_version": fetched.version, "model_dir": str(fetched.folder)}
        job(JobRun(spark_session(runner.engine), lake, interval, parameters, runner.tasks))


def _strongest(decisions: Collection[Decision]) -> dict[str, Decision]:
    """Address -> the strongest decision on it."""
    found: dict[str, Decision] = {}
    for decision in decisions:
        former = found.get(decision.address)
        if former is None or rank(decision.action) > rank(former.action):
            found[decision.address] = decision
    return found


def changes(
    before: Mapping[str, Decision], after: Mapping[str, Decision], innocent: Mapping[str, Ranges]
) -> list[ReplayedEntry]:
    """Whose strongest action differs, ordered by address. Pure. `innocent`: why -> the addresses of which people said so."""
    entries = []
    for address in sorted({*before, *after}, key=address_order):
        old, new = before.get(address), after.get(address)
        was, becomes = rank(old.action) if old else 0, rank(new.action) if new else 0
        if was == becomes:
            continue
        told = new if new is not None and becomes > was else old
        network = parse_network(address)
        entries.append(
            ReplayedEntry(
                address,
                old.action if old else "",
                new.action if new else "",
                becomes >= ACTS and becomes > was,
                0,
                0,
                next((why for why, ranges in innocent.items() if ranges.overlaps(network)), ""),
                told.reason if told else "",
            )
        )
    return entries


def _known_innocent(settings: Settings, lake: Lake, benign: Collection[str], at: datetime) -> dict[str, Ranges]:
    manual = in_force(audit_log.AUDIT.read(lake), at).allow_list
    return {
        "on the allow list": Ranges.of((*load_allow_list(settings.waf.allow_list), *manual)),
        "judged benign": Ranges.of(benign),
    }


def request_counts(lake: Lake, interval: Interval, addresses: Collection[str]) -> dict[str, tuple[int, int]]:
    """Address or network -> its requests in the interval, and those of benign look: served, and no attack as stored."""
    ranges = {address: Ranges.of([address]) for address in addresses}
    counts = dict.fromkeys(addresses, (0, 0))
    if not addresses:
        return counts
    whole = Ranges.of(addresses)
    for hour in interval.hours:
        rows = lake.read_arrow(REQUESTS, [hour], ["request_id", "client_ip", "status"])
        found = {ip for ip in rows["client_ip"].unique().to_pylist() if whole.overlaps(parse_network(ip))}
        if not found:
            continue
        is_attack = _attacks(lake, hour, is_in("client_ip", found))
        members = {ip: [name for name, its in ranges.items() if its.overlaps(parse_network(ip))] for ip in found}
        for row in rows.filter(is_in("client_ip", found)).to_pylist():
            is_benign = (row["status"] or 0) < 400 and row["request_id"] not in is_attack
            for name in members[row["client_ip"]]:
                total, benign = counts[name]
                counts[name] = total + 1, benign + is_benign
    return counts


def _attacks(lake: Lake, hour: str, is_member: Any) -> set[str]:
    """Ids of requests of some addresses that were scored as attacks."""
    import pyarrow.dataset as ds

    is_attack = is_member & (ds.field("is_attack") == ds.scalar(True))
    return {*lake.read_arrow(REQUEST_SCORES, [hour], ["request_id"], is_attack)["request_id"].to_pylist()}

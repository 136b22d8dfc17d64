"""What peers do, in miniature: from the descriptions in docs/peers.md, one failure each, so that scenarios tell them apart.

No code of theirs is here. Each is sound but for the failure that it shows: a plain scanner is blocked by all of them
(test_peers_reading, test_peers_writing). Readers are functions of log files and return blocks; writers change a wafv2.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from platform_assets.domains.waf.decisions import Decision
from tests.domains.waf.decision_world import START
from tests.peers.peer_logs import Block, LogFile

Row = dict[str, str]
Reader = Callable[[Sequence[LogFile]], list[Block]]
ERRORS = {"400", "401", "403", "404", "405"}
THRESHOLD = 20
"""Errors that make an offender."""
BLOCK_HOURS = 24
FIELD_COUNT = 33


# --- reading: log files -> blocks -------------------------------------------------------------------------------------


def rows_of(files: Iterable[LogFile]) -> list[Row]:
    """Rows of all well-formed lines."""
    return [row for file in files for row in _parsed(file) if row is not None]


def blocked_in_hours(rows: Iterable[Row]) -> list[Block]:
    """Who makes too many errors within 24 hours is blocked, whoever it is; and again when the time is up."""
    errors: dict[str, Counter[int]] = defaultdict(Counter)
    last = 0
    for row in rows:
        last = max(last, _hour(row))
        if row["sc-status"] in ERRORS:
            errors[row["c-ip"]][_hour(row)] += 1
    blocks = []
    for client, by_hour in sorted(errors.items()):
        free_from = 0
        for hour in range(min(by_hour), last + 1):
            if hour >= free_from and sum(by_hour[one] for one in range(hour - 23, hour + 1)) >= THRESHOLD:
                blocks.append(Block(client, hour + 1, BLOCK_HOURS))
                free_from = hour + 1 + BLOCK_HOURS
    return blocks


def threshold_by_address(files: Sequence[LogFile]) -> list[Block]:
    """Many: one number for every address, and WAF's own 403s are errors like others (issue #44)."""
    return blocked_in_hours(rows_of(files))


def threshold_by_file(files: Sequence[LogFile]) -> list[Block]:
    """AWS Security Automations: each file is counted alone."""
    return [block for file in files for block in blocked_in_hours(rows_of([file]))]


def file_dropped_for_bad_lines(files: Sequence[LogFile]) -> list[Block]:
    """AWS Security Automations: a line that cannot be read ends the reading of its file, and nothing of it counts."""
    rows: list[Row] = []
    for file in files:
        parsed = _parsed(file)
        if None not in parsed:
            rows += [row for row in parsed if row is not None]
    return blocked_in_hours(rows)


def latest_offender_of_a_path(files: Sequence[LogFile]) -> list[Block]:
    """AWS Security Automations: offenders are kept by path, and merging a file's replaces those that were there."""
    offenders: dict[str, list[Block]] = {}
    for file in files:
        by_path: dict[str, list[Row]] = defaultdict(list)
        for row in rows_of([file]):
            by_path[row["cs-uri-stem"]].append(row)
        found = {path: blocked_in_hours(rows) for path, rows in by_path.items()}
        offenders.update({path: blocks for path, blocks in found.items() if blocks})
    return [block for blocks in offenders.values() for block in blocks]


def window_of_first_and_last_day(files: Sequence[LogFile]) -> list[Block]:
    """AWS Security Automations: a window over several days names the partitions of its ends."""
    days = {file.hour // 24 for file in files}
    return blocked_in_hours(rows_of(file for file in files if file.hour // 24 in (min(days), max(days))))


def hour_transformed_once(files: Sequence[LogFile], hours_after: int = 2) -> list[Block]:
    """aws-samples CloudFront queries: an hour is transformed two hours later, once; what comes after that is not read."""
    return blocked_in_hours(rows_of(file for file in files if file.arrives <= file.hour + hours_after))


def fields_of_another_server(file: LogFile) -> set[str]:
    """CrowdSec: rules filter on fields that its parser fills for other servers; of CloudFront's it fills these alone."""
    filled = {"http_path": "cs-uri-stem", "http_status": "sc-status", "source_ip": "c-ip"}
    asked = ("http_path", "http_status", "http_args", "http_user_agent", "http_verb", "http_referer")
    return {row[filled[name]] for row in rows_of([file]) for name in asked if name in filled}


def _parsed(file: LogFile) -> list[Row | None]:
    """A row a line; None for one of another number of fields."""
    names: list[str] = []
    rows: list[Row | None] = []
    for text in file.data.decode("utf-8", "replace").splitlines():
        if text.startswith("#Fields:"):
            names = text.split()[1:]
        elif not text.startswith("#"):
            values = text.split("\t")
            rows.append(dict(zip(names, values, strict=True)) if len(values) == FIELD_COUNT else None)
    return rows


def _hour(row: Mapping[str, str]) -> int:
    event_at = datetime.fromisoformat(f"{row['date']}T{row['time']}+00:00")
    return int((event_at - START).total_seconds() // 3600)


# --- writing: decisions -> wafv2 --------------------------------------------------------------------------------------


class Peer:
    """A list of addresses that is replaced by the one that is wanted now. Subclasses do so wrongly."""

    name, scope = "peer-block", "CLOUDFRONT"

    def __init__(self, client: Any) -> None:
        self.client = client

    def start(self) -> None:
        pass

    def run(self, decisions: Sequence[Decision], now: datetime) -> None:
        self.put(list(dict.fromkeys(one.address for one in decisions if one.expires_at > now)))

    def stop(self) -> None:
        pass

    def put(self, addresses: Sequence[str]) -> None:
        found = self.get()
        self.client.update_ip_set(
            Name=self.name,
            Scope=self.scope,
            Id=found["IPSet"]["Id"],
            Addresses=list(addresses),
            LockToken=found["LockToken"],
        )

    def get(self) -> dict[str, Any]:
        """The set, made where there is none."""
        listed = self.client.list_ip_sets(Scope=self.scope)["IPSets"]
        if not any(one["Name"] == self.name for one in listed):
            self.client.create_ip_set(Name=self.name, Scope=self.scope, IPAddressVersion="IPV4", Addresses=[])
            listed = self.client.list_ip_sets(Scope=self.scope)["IPSets"]
        summary = next(one for one in listed if one["Name"] == self.name)
        found: dict[str, Any] = self.client.get_ip_set(Name=self.name, Scope=self.scope, Id=summary["Id"])
        return found

    def why(self, address: str) -> dict[str, Any]:
        """All that is known of an entry: that it is there."""
        return {"is_blocked": address in self.get()["IPSet"]["Addresses"]}

    def undo(self, model_version: str) -> None:
        """No entry knows what put it there: all of them go."""
        self.put([])


class ErrorsSwallowed(Peer):
    """AWS Security Automations: an update that WAF refuses is logged and forgotten, and a full list is one that it refuses."""

    def put(self, addresses: Sequence[str]) -> None:
        try:
            super().put(addresses)
        except ClientError:
            return None


class FeedsReplaceAll(Peer):
    """AWS Security Automations: the list is what the reputation feeds say; where none answers they say nothing."""


class FirstTenThousand(Peer):
    """cds-snc waf_ip_blocklist: the first 10,000 in order of their text, and no update where there are none."""

    def put(self, addresses: Sequence[str]) -> None:
        if addresses:
            super().put(sorted(addresses)[:10_000])


class FirstPage(Peer):
    """cds-snc waf_ip_blocklist: of the rows of the query the first page of 1,000 is read."""

    def run(self, decisions: Sequence[Decision], now: datetime) -> None:
        super().run(decisions[:1000], now)


class EmptyAtStartAndStop(Peer):
    """CrowdSec's AWS bouncer: begins and ends with empty sets."""

    def start(self) -> None:
        self.put([])

    def stop(self) -> None:
        self.put([])


class NoRetry(Peer):
    """CrowdSec's AWS bouncer: who was decided on goes to WAF once; a conflict ends that attempt."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self._sent: set[str] = set()

    def run(self, decisions: Sequence[Decision], now: datetime) -> None:
        new = [one.address for one in decisions if one.address not in self._sent]
        self._sent.update(new)
        if new:
            try:
                self.put(sorted({*self.get()["IPSet"]["Addresses"], *new}))
            except self.client.exceptions.WAFOptimisticLockException:
                return None


class AddressesAlone(Peer):
    """Many: an entry is an address, and nothing is known of it."""

"""Requests of the clients that decisions look at, hour by hour: what several decided hours need is read once and kept as Arrow.

Kept are the hours of two days. What clients asked for is kept whole only of those that may be looked at; of all others, what
they asked for from where as dictionary codes, some 40 bytes a request, and the rows of what may be attacks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from platform_assets.domains.waf.decide.browsing import PROBE_CLASS
from platform_assets.domains.waf.decide.echo import WINDOW_HOURS
from platform_assets.domains.waf.decide.reading import is_in, members_among
from spark_jobs.contract import Interval
from spark_jobs.sources.cloudfront.client_tables import ATTACK_FLOOR
from spark_jobs.sources.cloudfront.tables import CLIENT_HOURLY, REQUEST_SCORES, REQUESTS
from spark_jobs.storage.lake import Lake

SEEN_COLUMNS = tuple("event_at request_id method status host referer user_agent cookie_hash".split())
"""The first fields of a SeenRequest, as columns of requests."""
FEW_NAMES = 2
"""Paths that look like probes and that an ordinary client asks for at most."""
HOURS_KEPT = 2 * WINDOW_HOURS


class Requests(NamedTuple):
    """Requests of some addresses, two Arrow tables."""

    rows: Any
    """Their attacks, what they were served and what they put: the columns of requests that sessions and client_hourly need."""
    attacks: Any
    """Their rows of request_scores that are attacks."""


class Names(NamedTuple):
    """What clients asked for in an hour that looks like a probe, by its path alone."""

    of_few: Any
    """Distinct client_ip and uri_path of the clients that asked for `FEW_NAMES` at most; an Arrow table."""
    many: Any
    """The client_ip of the others; an Arrow array."""


class _Hour:
    """One hour; each part of it is read when it is first needed."""

    def __init__(self, lake: Lake, hour: str | None) -> None:
        self._lake, self._hours = lake, [hour] if hour else []
        self.suspects: tuple[frozenset[str], Requests] | None = None
        """Addresses whose requests are kept, and these."""

    @cached_property
    def clients(self) -> Any:
        return self._lake.read_arrow(CLIENT_HOURLY, self._hours, columns=["client"])["client"]

    @cached_property
    def hourly(self) -> Any:
        return self._lake.read_arrow(CLIENT_HOURLY, self._hours)

    @cached_property
    def scores(self) -> Any:
        """Rows of request_scores above the floor, and all attacks, with the columns that client_attacks reads."""
        import pyarrow.dataset as ds

        from spark_jobs.sources.cloudfront.client_attacks import COLUMNS

        may_be = (ds.field("attack_probability") > ATTACK_FLOOR) | (ds.field("is_attack") == ds.scalar(True))
        return self._lake.read_arrow(REQUEST_SCORES, self._hours, columns=COLUMNS, filter=may_be)

    @cached_property
    def names(self) -> Names:
        import pyarrow.compute as pc
        import pyarrow.dataset as ds

        is_probe = (ds.field("is_attack") == ds.scalar(True)) & (ds.field("attack_class") == ds.scalar(PROBE_CLASS))
        ids = self.scores.filter(is_probe)["request_id"].to_pylist()
        columns, hours = ["client_ip", "uri_path"], self._hours if ids else []
        rows = self._lake.read_arrow(REQUESTS, hours, columns=columns, filter=is_in("request_id", ids))
        pairs = rows.group_by(columns).aggregate([])
        asked = pairs.group_by("client_ip").aggregate([([], "count_all")])
        many = asked.filter(pc.greater(asked["count_all"], FEW_NAMES))["client_ip"]
        return Names(pairs.filter(pc.invert(pc.is_in(pairs["client_ip"], many.combine_chunks()))), many)

    @cached_property
    def asked(self) -> list[Any]:
        """Of all requests, who asked for what from where, and whether it was served; record batches."""
        import pyarrow as pa
        import pyarrow.compute as pc

        files = self._lake.files_by_hour(REQUESTS, self._hours)
        paths = [file.path for of_hour in files.values() for file in of_hour]
        columns = ["client_ip", "uri_path", "uri_query", "referer", "method", "status"]
        codes = ["client_ip", "uri_path", "referer", "method"]
        found = []
        for batch in self._lake.read_batches(REQUESTS, paths, columns, codes, self._hours):
            is_ok = pc.and_(pc.greater_equal(batch["status"], 200), pc.less_equal(batch["status"], 299))
            is_served = pc.and_(is_ok.fill_null(False), _among(batch["method"], pa.array(["GET"])))
            found.append(batch.select(columns[:4]).append_column("is_served", is_served))
        return pa.Table.from_batches(found).unify_dictionaries().combine_chunks().to_batches() if found else []

    def keep_suspects(self) -> None:
        """Forget what is of all clients, but for who was active; where it is needed again, it is read again."""
        for part in ("hourly", "names", "asked", *(() if self.suspects is None else ("scores",))):
            vars(self).pop(part, None)


class RequestHours:
    """The requests around the hours to decide. Hours are asked for in order: older ones than two days are forgotten."""

    def __init__(
        self, lake: Lake, hours: Collection[str] = (), suspects: Callable[[str], Collection[str]] = lambda hour: ()
    ) -> None:
        """`suspects`: an hour of `hours` -> clients that it may ask for. Of others, the requests are read when they are asked for."""
        self.lake = lake
        self._to_decide = frozenset(hours)
        self._suspects_of = suspects
        self._suspects: dict[str, frozenset[str]] = {}
        self._hours: dict[str, _Hour] = {}

    def begin(self, hour: str) -> None:
        """Forget what decisions of this hour and later ones cannot need."""
        before = Interval.of_hour(hour).widened(hours_before=HOURS_KEPT - 1).hours
        self._hours = {kept: found for kept, found in self._hours.items() if kept >= before[0]}
        for kept, found in self._hours.items():
            if kept < before[HOURS_KEPT - WINDOW_HOURS]:
                found.keep_suspects()
        self._suspects = {decided: found for decided, found in self._suspects.items() if decided >= hour}

    def members(self, hours: Iterable[str], clients: Iterable[str]) -> dict[str, list[str]]:
        """Address -> the clients that it belongs to, of those that sent something in the hours."""
        import pyarrow as pa

        def active() -> list[str]:
            chunks = [chunk for hour in hours for chunk in self._hour(hour).clients.chunks]
            addresses: list[str] = pa.chunked_array(chunks, pa.string()).unique().to_pylist()
            return addresses

        return members_among(active, clients)

    def active(self, hours: Iterable[str], addresses: Collection[str]) -> dict[str, list[str]]:
        """Hour -> those of the addresses (as clients) that sent something in it."""
        import pyarrow as pa
        import pyarrow.compute as pc

        wanted = pa.array(sorted(addresses), pa.string())
        found = {hour: self._hour(hour).clients for hour in hours}
        return {hour: clients.filter(pc.is_in(clients, wanted)).to_pylist() for hour, clients in found.items()}

    def requests(self, addresses_of: Mapping[str, Collection[str]]) -> Requests:
        """Hour -> addresses (as clients): their requests of these hours."""
        import pyarrow as pa
        import pyarrow.compute as pc

        parts = []
        for hour, addresses in sorted(addresses_of.items()):
            if not addresses:
                continue
            kept_addresses, kept = self._suspected(hour)
            wanted = pa.array(map(ip_of, addresses), pa.string())
            if not kept_addresses.isdisjoint(addresses):
                parts.append(Requests(*(table.filter(pc.is_in(table["client_ip"], wanted)) for table in kept)))
            if others := set(addresses) - kept_addresses:
                parts.append(self._read(hour, others))
        if not parts:
            parts.append(self._read(None, ()))
        return Requests(*(pa.concat_tables(tables) for tables in zip(*parts, strict=True)))

    def hourly(self, hours: Iterable[str], addresses: Iterable[str]) -> Any:
        """Rows of client_hourly of some addresses (as clients)."""
        import pyarrow as pa
        import pyarrow.compute as pc

        wanted, tables = pa.array(addresses, pa.string()), [self._hour(hour).hourly for hour in hours]
        return pa.concat_tables([table.filter(pc.is_in(table["client"], wanted)) for table in tables])

    def scores(self, hours: Iterable[str], addresses: Iterable[str]) -> Any:
        """Rows of request_scores above the floor of some addresses (as clients)."""
        import pyarrow as pa
        import pyarrow.compute as pc

        wanted, tables = pa.array(map(ip_of, addresses), pa.string()), [self._hour(hour).scores for hour in hours]
        found = pa.concat_tables([table.filter(pc.is_in(table["client_ip"], wanted)) for table in tables])
        return found.filter(pc.greater(found["attack_probability"], ATTACK_FLOOR))

    def certain_counts(self, hours: Iterable[str], addresses: Collection[str], min_probability: float) -> Counter[str]:
        """Of some addresses (as clients), the requests that are attacks with at least this probability."""
        import pyarrow.compute as pc

        rows = self.scores(hours, addresses)
        found = rows.filter(pc.greater_equal(rows["attack_probability"], min_probability))
        counts = found.group_by("client_ip").aggregate([([], "count_all")])
        return Counter(dict(zip(counts["client_ip"].to_pylist(), counts["count_all"].to_pylist(), strict=True)))

    def attack_ids(self, hour: str) -> Any:
        """The request_id of the attacks of an hour; an Arrow array."""
        scores = self._hour(hour).scores
        return scores.filter(scores["is_attack"])["request_id"].combine_chunks()

    def names(self, hours: Iterable[str]) -> list[Names]:
        """Of each hour: what clients asked for that looks like a probe."""
        return [self._hour(hour).names for hour in hours]

    def served(self, hours: Iterable[str], paths: Collection[str], addresses: Iterable[str]) -> list[tuple[str, str]]:
        """Pairs of client_ip and path of some addresses and paths that were served."""
        ips = list(map(ip_of, addresses))
        return self._distinct(hours, {"uri_path": paths, "client_ip": ips}, ["client_ip", "uri_path"], "is_served")

    def alike(
        self, hours: Iterable[str], texts: Collection[tuple[str, str]], referers: Collection[str]
    ) -> list[tuple[str, str | None, str | None, str | None]]:
        """client_ip, path, query and referer of the requests with one of these paths, queries and referers; more than `texts`."""
        among = {
            "uri_path": {path for path, _ in texts},
            "referer": referers,
            "uri_query": {query for _, query in texts},
        }
        return self._distinct(hours, among, ["client_ip", "uri_path", "uri_query", "referer"])

    def _distinct(
        self, hours: Iterable[str], among: Mapping[str, Collection[str]], columns: list[str], mark: str | None = None
    ) -> list[Any]:
        """Distinct values of all requests that have one of some values in each of some columns; a null query is an empty one."""
        import pyarrow as pa

        wanted = {name: pa.array(sorted(values), pa.string()) for name, values in among.items()}
        parts = []
        for batch in (batch for hour in hours for batch in self._hour(hour).asked):
            rows = batch if mark is None else batch.filter(batch[mark])
            for name, values in wanted.items():
                rows = rows.filter(_among(rows[name], values))
            if rows.num_rows:
                parts.append(pa.table({name: rows[name].cast(pa.string()) for name in columns}))
        if not parts:
            return []
        table = pa.concat_tables(parts).group_by(columns).aggregate([])
        return list(zip(*(table[name].to_pylist() for name in columns), strict=True))

    def _hour(self, hour: str) -> _Hour:
        if hour not in self._hours:
            self._hours[hour] = _Hour(self.lake, hour)
        return self._hours[hour]

    def _suspected(self, hour: str) -> tuple[frozenset[str], Requests]:
        """The addresses of an hour whose requests hours to decide may ask for, and these requests."""
        from spark_jobs.sources.cloudfront.clients import network_of

        kept = self._hour(hour)
        if kept.suspects is None:
            wanted: set[str] = set()
            needing = Interval.of_hour(hour).widened(hours_after=HOURS_KEPT - 1).hours
            for decided in self._to_decide.intersection(needing):
                if decided not in self._suspects:
                    self._suspects[decided] = frozenset(self._suspects_of(decided))
                wanted |= self._suspects[decided]
            clients = kept.clients.to_pylist() if wanted else ()
            found = frozenset(client for client in clients if client in wanted or network_of(client) in wanted)
            kept.suspects = found, self._read(hour, found)
        return kept.suspects

    def _read(self, hour: str | None, addresses: Collection[str]) -> Requests:
        import pyarrow.dataset as ds

        from spark_jobs.sources.cloudfront import client_hourly

        is_member = is_in("client_ip", map(ip_of, addresses))
        attacks = (self._hour(hour) if hour else _Hour(self.lake, None)).scores.filter(
            is_member & (ds.field("is_attack") == ds.scalar(True))
        )
        # What is neither served, written nor an attack says nothing about who is behind a client.
        status = ds.field("status")
        is_served = (ds.field("method") == "GET") & (((status >= 200) & (status <= 299)) | (status == 304))
        is_written = (ds.field("method") == "PUT") & (status >= 200) & (status <= 299)
        counts = is_served | is_written | is_in("request_id", attacks["request_id"].to_pylist())
        columns = sorted({*SEEN_COLUMNS, "uri_path", *client_hourly.COLUMNS})
        hours = [hour] if hour and addresses else []
        rows = self.lake.read_arrow(REQUESTS, hours, columns=columns, filter=is_member & counts)
        for name in client_hourly.READ_AS_DICTIONARY:
            if name not in ("client_ip", "uri_path"):  # these are filtered and matched as texts
                place = rows.schema.get_field_index(name)
                rows = rows.set_column(place, name, rows[name].dictionary_encode())
        return Requests(rows, attacks)


def _among(column: Any, values: Any) -> Any:
    """Whether each text of a column, a dictionary or plain, is one of an array of values; null is as empty."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        return pc.is_in(column.fill_null(""), values)
    matches = pa.array([*pc.is_in(column.dictionary, values).to_pylist(), pc.is_in(pa.scalar(""), values).as_py()])
    return matches.take(column.indices.fill_null(len(matches) - 1))


def ip_of(address: str) -> str:
    """`192.0.2.7/32` -> `192.0.2.7`."""
    return address.partition("/")[0]

"""The features that the client model reads, and the evidence for its scores. Pure Arrow and numpy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.contract import HOUR_COLUMN
from spark_jobs.sources.cloudfront.client_sums import ENTROPY_WEIGHTED, ClientHours, NetworkMembers
from spark_jobs.sources.cloudfront.client_tables import CLIENT_BEHAVIOR, CLIENT_GRAIN, EVIDENCE_REQUESTS
from spark_jobs.sources.cloudfront.clients import address_cidrs, networks_of
from spark_jobs.sources.cloudfront.tables import CLIENT_ATTACKS, CLIENT_DAILY, REQUESTS
from spark_jobs.storage.schema import arrow_type, columns_schema, hour_names

GRAIN = len(CLIENT_GRAIN)
EVIDENCE_COLUMNS = ("request_id", "event_at", "status")
REQUEST_COLUMNS = (*EVIDENCE_COLUMNS, "client_ip")
"""Columns of requests that are read."""
FRAME_SCHEMA = pa.schema(
    [(column.name, arrow_type(column)) for column in CLIENT_GRAIN]
    + [(f"hour_{column.name}", arrow_type(column)) for column in CLIENT_BEHAVIOR]
    + [(f"day_{column.name}", arrow_type(column)) for column in CLIENT_DAILY.columns[GRAIN:]]
    + [(column.name, arrow_type(column)) for column in CLIENT_ATTACKS.columns[GRAIN:]]
    + [(HOUR_COLUMN, pa.string())]
)
"""The client model's frame: columns of the grain, `hour_…` of client_hourly, `day_…` of client_daily, client_attacks."""


def client_frame_rows(hourly: pa.Table, daily: pa.Table, attacks: pa.Table) -> pa.Table:
    """The frame of one hour, with `FRAME_SCHEMA`: a row for each row of `daily` whose client has requests in `hourly`.

    Columns of client_attacks are zero, and attack_request_ids null, where the request model found nothing.
    """
    names, hour_columns = _with_networks(hourly)
    position = pc.index_in(daily["client"].combine_chunks(), names)
    daily, position = daily.filter(position.is_valid()), position.drop_null()
    attack = pc.index_in(daily["client"].combine_chunks(), attacks["client"].combine_chunks())
    columns = {column.name: daily[column.name] for column in CLIENT_GRAIN}
    columns |= {f"hour_{name}": values.take(position) for name, values in hour_columns.items()}
    columns |= {f"day_{column.name}": daily[column.name] for column in CLIENT_DAILY.columns[GRAIN:]}
    for column in CLIENT_ATTACKS.columns[GRAIN:]:
        values = attacks[column.name].combine_chunks().take(attack)
        columns[column.name] = values if column.type == "list<string>" else pc.fill_null(values, 0)
    columns[HOUR_COLUMN] = hour_names(daily["hour_at"])
    return pa.table({name: columns[name] for name in FRAME_SCHEMA.names}, schema=FRAME_SCHEMA)


def _with_networks(hourly: pa.Table) -> tuple[pa.Array, dict[str, pa.Array]]:
    """Clients of one hour and their behavior: rows of client_hourly, and their sums over networks."""
    address_columns = {c.name: pc.fill_null(hourly[c.name], 0).combine_chunks() for c in CLIENT_BEHAVIOR}
    names = hourly["client"].combine_chunks().cast(pa.string())
    if not hourly.num_rows:
        return names, address_columns
    members = NetworkMembers.among(ClientHours.of(hourly))
    networks = members.summed(in_millionths=True)
    requests = networks.quantity("request_count")
    of_networks = {
        "address_count": np.diff(np.r_[members.starts(), len(members.key)]),
        "path_entropy_bits": networks.quantity(ENTROPY_WEIGHTED) / requests,
    }
    columns = {}
    for name, values in address_columns.items():
        summed = of_networks[name] if name in of_networks else networks.quantity(name)
        columns[name] = pa.concat_arrays([values, pa.array(summed, values.type)])
    return pa.concat_arrays([names, networks.names.take(pa.array(networks.key))]), columns


def needs_evidence(scored: pa.Table) -> pa.ChunkedArray:
    """Whether each scored client is abusive without an attack by the request model."""
    return pc.and_(scored["is_abuse"], scored["attack_request_ids"].is_null())


def with_evidence(scored: pa.Table, requests: Iterable[pa.RecordBatch]) -> pa.Table:
    """Scored clients of one hour -> the same with `evidence_request_ids` instead of `attack_request_ids`.

    Evidence is up to 20 requests: the attacks that the request model found; for an abusive client without any, its
    requests of the hour (`requests`, with `REQUEST_COLUMNS`), failed ones first, then the latest.
    """
    unproven = scored["client"].filter(needs_evidence(scored)).combine_chunks()
    found_evidence = evidence(unproven, requests) if len(unproven) else pa.array([], pa.list_(pa.string()))
    requested = found_evidence.take(pc.index_in(scored["client"].combine_chunks(), unproven))
    nothing = pa.scalar([], pa.list_(pa.string()))
    ids = pc.coalesce(scored["attack_request_ids"].combine_chunks(), requested, nothing)
    return scored.drop_columns(["attack_request_ids"]).append_column("evidence_request_ids", ids)


def evidence(clients: pa.Array, requests: Iterable[pa.RecordBatch]) -> pa.Array:
    """For each client, an address or a network, the ids of up to 20 of its requests; null where it has none."""
    schema = columns_schema(REQUESTS, EVIDENCE_COLUMNS)
    tables = [table for batch in requests for table in _requests_of(clients, batch) if table.num_rows]
    position = np.concatenate([table["place"].to_numpy() for table in tables]) if tables else np.zeros(0, np.int64)
    rows = pa.concat_tables([table.select(EVIDENCE_COLUMNS).cast(schema) for table in tables] or [schema.empty_table()])
    lists = [evidence_of(rows.filter(pa.array(position == number))) or None for number in range(len(clients))]
    return pa.array(lists, pa.list_(pa.string()))


def evidence_of(requests: pa.Table) -> list[str]:
    """The ids of up to 20 of one client's requests: failed ones first, then the latest, then by id."""
    is_failure = pc.fill_null(pc.greater_equal(requests["status"], 400), False)
    order = [("is_failure", "descending"), ("event_at", "descending"), ("request_id", "ascending")]
    ids = requests.append_column("is_failure", is_failure).sort_by(order)["request_id"]
    return [str(request_id) for request_id in ids[:EVIDENCE_REQUESTS].to_pylist()]


def _requests_of(clients: pa.Array, batch: pa.RecordBatch) -> Iterator[pa.Table]:
    """Requests of the clients with `place`, the position of the client; one counts for its address and for its network."""
    encoded = batch.column("client_ip").dictionary_encode()
    addresses = address_cidrs(encoded.dictionary.cast(pa.string()))
    for names in (addresses, networks_of(addresses)):
        place = pc.index_in(names, clients).take(encoded.indices)
        rows = pa.Table.from_batches([batch]).append_column("place", place.cast(pa.int64()))
        yield rows.filter(place.is_valid())

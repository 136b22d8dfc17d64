"""A landed object of real-time logs -> rows of requests, rejected_lines and request_scores, as batch makes them.

The same parser and the same scoring; requests that were delivered twice are told apart by batch alone.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.contract import HOUR_COLUMN, Table
from spark_jobs.runtime.canary import Served
from spark_jobs.runtime.scoring import Scoring, scored
from spark_jobs.sources.cloudfront.clients import network_of_address
from spark_jobs.sources.cloudfront.layouts import LayoutError, headerless_fields
from spark_jobs.sources.cloudfront.ledger import parse_options
from spark_jobs.sources.cloudfront.log_object import LogObject, Rejected
from spark_jobs.sources.cloudfront.parse import ObjectParser
from spark_jobs.sources.cloudfront.requests import rejected_table
from spark_jobs.sources.cloudfront.tables import REJECTED_LINES, REQUEST_MODEL_INPUTS, REQUEST_SCORES, REQUESTS
from spark_jobs.storage.schema import hour_names
from spark_jobs.streaming.landed import LandedObject
from spark_jobs.streaming.micro_batch import MicroBatch

FIELDS_SETTING = "WEIR_CLOUDFRONT_STREAM_FIELDS"
KEPT = ("request_id", "event_at", "client_ip", HOUR_COLUMN)


def header(parameters: Mapping[str, Any]) -> bytes:
    """The `#Fields` line of landed objects, so that batch reads them whatever is configured later. LayoutError."""
    layout = str(parameters["stream_fields"])
    fields = headerless_fields(layout, FIELDS_SETTING)
    if not fields:
        raise LayoutError(f"{FIELDS_SETTING} is empty; list the fields of the real-time log configuration.")
    return f"#Fields: {' '.join(fields)}\n".encode()


def micro_batch(
    landed: LandedObject, parameters: Mapping[str, Any], open_from: str, served: Served | None, storage: Any
) -> MicroBatch:
    """Rows of the hours from `open_from` on; `served`: the versions that score them, None: nothing is scored."""
    options = parse_options({**parameters, "headerless_layout": ""})
    log_object = LogObject(landed.source_object, landed.etag, landed.size_bytes)
    requests: list[pa.Table] = []
    rejected: list[Rejected] = []
    for piece in ObjectParser(log_object, io.BytesIO(landed.content), options):
        rejected += piece.rejected
        if piece.requests is not None and piece.requests.num_rows:
            requests.append(piece.requests)
    rows: dict[Table, pa.Table] = {}
    hours: list[str] = []
    count = late = 0
    newest = 0.0
    if requests:
        table = pa.concat_tables(requests).unify_dictionaries()
        table = table.append_column(HOUR_COLUMN, hour_names(table["event_at"]))
        hours = sorted(pc.unique(table[HOUR_COLUMN]).to_pylist())
        newest = pc.max(table["event_at"]).as_py().timestamp()
        count = table.num_rows
        table = table.filter(pc.greater_equal(table[HOUR_COLUMN], open_from))
        late = count - table.num_rows
        rows[REQUESTS] = table
        if served is not None and table.num_rows:
            rows[REQUEST_SCORES] = _scores(table, served, storage)
    if rejected:
        hour = next((hour for hour in hours if hour >= open_from), open_from)
        lines = rejected_table(landed.source_object, rejected)
        rows = {REJECTED_LINES: lines.append_column(HOUR_COLUMN, pa.repeat(pa.scalar(hour), lines.num_rows)), **rows}
    return MicroBatch(rows, tuple(hours), late, len(rejected), count, newest)


def _scores(requests: pa.Table, served: Served, storage: Any) -> pa.Table:
    scoring = Scoring(served, REQUEST_MODEL_INPUTS, KEPT, "client_ip", network_of_address)
    columns = requests.select([*KEPT, *REQUEST_MODEL_INPUTS]).combine_chunks()
    return pa.concat_tables(scored(columns.to_batches(), scoring, storage, REQUEST_SCORES))

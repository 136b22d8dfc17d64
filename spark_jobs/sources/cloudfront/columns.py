"""A block of sound lines -> typed columns of `requests`, by Arrow's CSV reader."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from spark_jobs.sources.cloudfront.cookie_shapes import cookie_shapes
from spark_jobs.sources.cloudfront.layouts import FIELD_COLUMNS, OPTIONAL_FIELDS
from spark_jobs.sources.cloudfront.line_checks import LIMITS, MAX_NUMBER
from spark_jobs.sources.cloudfront.log_object import LogObject, ParseOptions
from spark_jobs.sources.cloudfront.tables import REQUESTS
from spark_jobs.sources.cloudfront.values import (
    canonical_address,
    coalesced,
    constant,
    decode_once,
    decoded,
    hashed_query,
    keyed_hash,
    mapped,
    split_query,
)
from spark_jobs.storage.schema import arrow_schema

_NAMED_ROW = re.compile(r"Row #(\d+)")
_SCHEMA = arrow_schema(REQUESTS)
_DICTIONARY = pa.dictionary(pa.int32(), pa.string())
_TYPE_OF_KIND = {
    "repeating": _DICTIONARY,
    "text": _DICTIONARY,
    "distinct": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "status": pa.int32(),
}
_TYPE_OF_TIME = {"date": pa.date32(), "time": pa.time32("s"), "timestamp": pa.float64(), "timestamp_ms": pa.float64()}
_NUMBERS = (
    "bytes_sent",
    "bytes_received",
    "content_length_bytes",
    "time_taken_seconds",
    "time_to_first_byte_seconds",
    "client_port",
    "status",
)
_PERCENT_ENCODED = ("uri_path", "uri_query", "user_agent", "referer", "content_type", "forwarded_for")
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = rf"^{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}$"


class BlockReader:
    """Reads blocks of one object at once."""

    def __init__(self, log_object: LogObject, options: ParseOptions) -> None:
        self.object, self.options = log_object, options
        self.hashed = keyed_hash(options.hash_key)

    def read(
        self, data: bytes, fields: tuple[str, ...], numbers: np.ndarray, may_skip: int = 0
    ) -> tuple[pa.Table | None, list[int]]:
        """Lines -> their table, None where Arrow's reader or a check refuses any of them. `numbers` are the lines' numbers.

        The second value is the rows (from 0) that the reader names as odd: those that the table lacks for their number of
        fields (at most `may_skip`), or those that are why there is no table.
        """
        skipped: list[int] = []

        def skip(row: Any) -> str:
            skipped.append(row.number - 1)
            return "skip" if len(skipped) <= may_skip else "error"

        try:
            raw = _read_csv(data, fields, skip)
            event_seconds = _event_seconds(raw)
        except pa.ArrowInvalid as error:
            odd_row = _NAMED_ROW.search(str(error))
            return None, [*skipped, *([int(odd_row.group(1)) - 1] if odd_row else [])]
        if raw.num_rows != len(numbers) - len(skipped):
            return None, []
        columns = {
            FIELD_COLUMNS[n][0]: raw[n].chunk(0) for n in raw.column_names if n in FIELD_COLUMNS and raw.num_rows
        }
        addresses = _canonical_addresses(columns.get("client_ip"))
        if event_seconds is None or addresses is None:
            return None, []
        bounds = pc.min_max(event_seconds)
        if bounds["min"].as_py() < self.options.earliest_event or bounds["max"].as_py() > self.options.latest_event:
            return None, []
        if not _within_limits(columns, raw.num_rows):
            return None, []
        columns |= {
            "event_at": pc.multiply(event_seconds, 1_000_000).cast(pa.timestamp("us", tz="UTC")),
            "client_ip": addresses,
            "line_number": pa.array(np.delete(numbers, skipped)),
            "source_object": constant(self.object.source_object, raw.num_rows),
        }
        if unlogged := " ".join(name for field, name in OPTIONAL_FIELDS.items() if field not in fields):
            columns["unlogged"] = constant(unlogged, raw.num_rows)
        if "cs_uri" in fields and "uri_path" in columns:
            columns |= split_query(columns["uri_path"], columns.get("uri_query"))
        return _table(self._finished(columns), raw.num_rows), skipped

    def _finished(self, columns: dict[str, pa.Array]) -> dict[str, pa.Array]:
        """The columns decoded and hashed, with host and request_id."""
        if "uri_query" not in columns and "uri_path" in columns:
            columns |= split_query(columns["uri_path"])
        for name in _PERCENT_ENCODED:
            if name in columns:
                columns[name] = decoded(columns[name], decode_once)
        if self.options.hash_query_values and "uri_query" in columns:
            change = partial(hashed_query, hashed=self.hashed)
            columns["uri_query"] = mapped(columns["uri_query"], change, only_with="=")
        if "cookie_hash" in columns:
            if self.options.cookies != "drop":
                columns["cookie_shape"] = cookie_shapes(columns["cookie_hash"])
            columns["cookie_hash"] = self._cookie(columns["cookie_hash"])
        distribution = columns.get("distribution_host")
        if distribution is not None:
            site = columns.get("host")
            columns["host"] = distribution if site is None else coalesced(site, distribution)
        if "request_id" not in columns or columns["request_id"].null_count:
            numbers = columns["line_number"].cast(pa.string())
            generated = pc.binary_join_element_wise(self.object.etag, numbers, ":")
            logged = columns.get("request_id")
            columns["request_id"] = generated if logged is None else pc.coalesce(logged, generated)
        return columns

    def _cookie(self, column: pa.Array) -> pa.Array:
        if self.options.cookies == "keep":
            return decoded(column, decode_once)
        if self.options.cookies == "drop":
            return pa.nulls(len(column), pa.string()).dictionary_encode()
        return mapped(column, self.hashed, only_with="")


def _read_csv(data: bytes, fields: tuple[str, ...], skip: Any) -> pa.Table:
    names = [name if name not in fields[:index] else f"{name} {index}" for index, name in enumerate(fields)]
    types = {name: kind for name in names if (kind := _csv_type(name)) is not None}
    return csv.read_csv(
        pa.BufferReader(data),
        read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=len(data) + 1),
        parse_options=csv.ParseOptions(delimiter="\t", quote_char=False, escape_char=False, invalid_row_handler=skip),
        convert_options=csv.ConvertOptions(
            column_types=types, include_columns=list(types), null_values=["-", ""], strings_can_be_null=True
        ),
    ).combine_chunks()


def _csv_type(name: str) -> pa.DataType | None:
    """The type of a field's column, None for a field that is not read."""
    if name in _TYPE_OF_TIME:
        return _TYPE_OF_TIME[name]
    return _TYPE_OF_KIND[FIELD_COLUMNS[name][1]] if name in FIELD_COLUMNS else None


def _event_seconds(raw: pa.Table) -> pa.Array | None:
    """Seconds since 1970 (int64), None where any row has no time."""
    seconds: pa.Array | None = None
    if "date" in raw.column_names and "time" in raw.column_names:
        days = raw["date"].cast(pa.int32()).cast(pa.int64())
        seconds = pc.add(pc.multiply(days, 86_400), raw["time"].cast(pa.int32()).cast(pa.int64()))
    for name, unit in (("timestamp_ms", 1000.0), ("timestamp", 1.0)):
        if name in raw.column_names and (seconds is None or seconds.null_count):
            epoch = pc.floor(pc.divide(raw[name], unit)).cast(pa.int64())
            seconds = epoch if seconds is None else pc.coalesce(seconds, epoch)
    if seconds is None or seconds.null_count or not len(seconds):
        return None
    return seconds.combine_chunks() if isinstance(seconds, pa.ChunkedArray) else seconds


def _canonical_addresses(column: pa.Array | None) -> pa.Array | None:
    """Canonical texts; None where any is absent or no address."""
    if column is None or column.null_count:
        return None
    is_other = pc.invert(pc.match_substring_regex(column.dictionary, _IPV4))
    others = column.dictionary.filter(is_other)
    if not len(others):
        return column
    texts = [canonical_address(text) for text in others.to_pylist()]
    if None in texts:
        return None
    names = pc.replace_with_mask(column.dictionary, is_other, pa.array(texts, pa.string()))
    return pa.DictionaryArray.from_arrays(column.indices, names)


def _within_limits(columns: dict[str, pa.Array], rows: int) -> bool:
    """Whether all numbers are finite, not negative and not too large."""
    for name in _NUMBERS:
        if name in columns and columns[name].null_count < rows:
            bounds = pc.min_max(columns[name])
            if not (bounds["min"].as_py() >= 0 and bounds["max"].as_py() <= LIMITS.get(name, MAX_NUMBER)):
                return False
            if pa.types.is_floating(columns[name].type) and pc.any(pc.is_nan(columns[name])).as_py():
                return False
    return True


def _table(columns: dict[str, pa.Array], rows: int) -> pa.Table:
    """All columns of `requests`, nulls where the log has none; texts that repeat dictionary-encoded."""
    arrays = []
    for field in _SCHEMA:
        column = columns.get(field.name)
        if column is None:
            column = pa.nulls(rows, field.type)
            if pa.types.is_string(field.type) and field.name != "uri_query":
                column = column.dictionary_encode()
        elif not (pa.types.is_dictionary(column.type) and pa.types.is_string(field.type)):
            column = column.cast(field.type)
        arrays.append(column)
    return pa.table(arrays, names=_SCHEMA.names)

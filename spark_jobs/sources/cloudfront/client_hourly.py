"""Requests -> client_hourly of whole hours: sums, distinct counts and extremes of each address and hour.

Pure Arrow and numpy, so that a task can run it on an hour that it reads itself; texts become dictionary codes, and a
pattern is matched once per distinct text. A row takes some 45 bytes of memory. No sum depends on the order of the rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spark_jobs.contract import HOUR_COLUMN
from spark_jobs.sources.cloudfront.clients import address_cidrs
from spark_jobs.sources.cloudfront.patterns import AGENT_PATTERNS, PATH_PATTERNS
from spark_jobs.sources.cloudfront.tables import CLIENT_HOURLY
from spark_jobs.storage.schema import hour_names

HOUR_MICROSECONDS = 3_600_000_000
MINUTE_MICROSECONDS = 60_000_000
MILLION = 1_000_000
TEXTS = ("client_ip", "uri_path", "user_agent", "forwarded_for")
READ_AS_DICTIONARY = (*TEXTS, "method", "referer", "cookie_hash", "content_type", "unlogged")
COLUMNS = (*READ_AS_DICTIONARY, "event_at", "status", "uri_query", "bytes_sent", "time_taken_seconds")
"""Columns of requests that are read."""
SLICE_ROWS = 262_144
"""Rows that are counted at once, about: bounds the memory for counting."""

Numbers = np.ndarray


def client_hourly_rows(requests: Iterable[pa.RecordBatch]) -> pa.Table | None:
    """Requests of whole hours of some addresses, or of all addresses of some hours, in any order -> their client_hourly.

    Batches have `COLUMNS`, texts as dictionaries or plain. None where there is no row.
    """
    rows = _Rows(requests)
    if not rows.count:
        return None
    hour = rows.numbers["event_at"] // HOUR_MICROSECONDS
    group = (hour - hour.min()) * len(rows.texts["client_ip"]) + rows.codes["client_ip"]
    order = np.argsort(group, kind="stable")
    group = group[order]
    starts = _firsts(group)
    slices = np.unique(
        np.r_[0, starts[np.searchsorted(starts, np.arange(0, len(group), SLICE_ROWS))[1:] - 1], len(group)]
    )
    patterns = {name: _matches(rows.texts["uri_path"], pattern) for name, pattern in PATH_PATTERNS.items()}
    patterns |= {name: _matches(rows.texts["user_agent"], pattern) for name, pattern in AGENT_PATTERNS.items()}
    return pa.concat_tables(
        _of_groups(rows, order[first:end], group[first:end], patterns)
        for first, end in itertools.pairwise(slices.tolist())
    )


def _of_groups(rows: _Rows, order: Numbers, group: Numbers, patterns: Mapping[str, Numbers]) -> pa.Table:
    """client_hourly of some groups: `order` are their rows, `group` the ascending number of each row's group."""
    starts = _firsts(group)
    number = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(group)]))
    at = rows.numbers["event_at"][order]
    path, agent = rows.codes["uri_path"][order], rows.codes["user_agent"][order]
    packed = rows.numbers["marks"][order]
    marks = {name: packed >> bit & 1 for bit, name in enumerate(MARKS)}
    failure, is_served, is_html = (marks.pop(name) for name in ("is_failed_post", "is_served", "is_html"))
    is_other = marks.pop("is_other_content")
    marks |= {name: patterns[name][path] for name in PATH_PATTERNS}
    is_page = np.where(is_other, False, ~marks.pop("not_a_page"))
    is_page = np.where(is_html, ~marks.pop("package_index"), is_page) & is_served.astype(bool)
    signs_in = marks.pop("sign_in")
    marks["sign_in_request_count"] = signs_in & marks["post_request_count"]
    marks["sign_in_failure_count"] = signs_in & failure
    marks |= {name: patterns[name][agent] for name in AGENT_PATTERNS}
    paths, path_counts = np.unique(number * len(rows.texts["uri_path"]) + path, return_counts=True)
    pages = np.unique(number[is_page] * len(rows.texts["uri_path"]) + path[is_page])
    agents = np.unique(number * len(rows.texts["user_agent"]) + agent)
    forwarded = _distinct_forwarded(rows, order, number)
    minutes, minute_counts = np.unique(number * 60 + at // MINUTE_MICROSECONDS % 60, return_counts=True)
    groups = len(starts)
    of_path, of_minute = paths // len(rows.texts["uri_path"]), minutes // 60
    requests_of = np.diff(np.r_[starts, len(group)])
    values = {
        **{name: np.add.reduceat(mask, starts, dtype=np.int64) for name, mask in marks.items()},
        "request_count": requests_of,
        "address_count": np.ones(groups, np.int64),
        "distinct_path_count": np.bincount(of_path, minlength=groups),
        "distinct_page_count": np.bincount(pages // len(rows.texts["uri_path"]), minlength=groups),
        "forwarded_client_count": np.bincount(forwarded, minlength=groups),
        "path_entropy_bits": _entropy_bits(of_path, path_counts, requests_of),
        "distinct_user_agent_count": np.bincount(agents // len(rows.texts["user_agent"]), minlength=groups),
        "active_minute_count": np.bincount(of_minute, minlength=groups),
        "peak_minute_request_count": np.maximum.reduceat(minute_counts, _firsts(of_minute)),
        "bytes_sent": np.add.reduceat(rows.numbers["bytes_sent"][order], starts),
        "time_taken_seconds": np.add.reduceat(rows.numbers["time_taken_micros"][order], starts) / MILLION,
    }
    first, last = np.minimum.reduceat(at, starts), np.maximum.reduceat(at, starts)
    hour_at = _timestamps(first // HOUR_MICROSECONDS * HOUR_MICROSECONDS)
    columns = {
        **values,
        "client": address_cidrs(rows.texts["client_ip"]).take(rows.codes["client_ip"][order][starts]),
        "client_kind": pa.repeat("address", groups),
        "hour_at": hour_at,
        "first_event_at": _timestamps(first),
        "last_event_at": _timestamps(last),
        HOUR_COLUMN: hour_names(hour_at),
    }
    return pa.table({name: columns[name] for name in (*CLIENT_HOURLY.column_names, HOUR_COLUMN)})


def _distinct_forwarded(rows: _Rows, order: Numbers, number: Numbers) -> Numbers:
    """The group of each distinct x-forwarded-for of a group; requests without one do not count."""
    texts, codes = rows.texts["forwarded_for"], rows.codes["forwarded_for"][order]
    is_given = _matches(texts, r"\S")[codes]
    return np.unique(number[is_given] * len(texts) + codes[is_given]) // len(texts)


class _Rows:
    """All rows: texts as codes and their dictionaries, the rest as numpy arrays."""

    def __init__(self, requests: Iterable[pa.RecordBatch]) -> None:
        tables = [_reduced(batch) for batch in requests if batch.num_rows]
        self.count = sum(table.num_rows for table in tables)
        if not self.count:
            return
        table = pa.concat_tables(tables)
        del tables
        self.texts, self.codes, self.numbers = {}, {}, {}
        for name in table.column_names:  # one at a time, so that only one of them is in memory twice
            column, table = table[name].unify_dictionaries(), table.drop_columns([name])
            if name in TEXTS:
                whole = column.combine_chunks()
                self.texts[name], self.codes[name] = whole.dictionary, whole.indices.to_numpy()
            else:
                self.numbers[name] = column.to_numpy()


def _reduced(batch: pa.RecordBatch) -> pa.Table:
    """The columns of a batch that are kept: three texts as codes, three quantities, and all marks in one integer."""
    columns = {name: batch.column(name) for name in batch.schema.names}
    columns |= {name: _dictionary(columns[name]) for name in READ_AS_DICTIONARY}
    seconds = columns["time_taken_seconds"].fill_null(0.0).to_numpy()
    packed = np.zeros(batch.num_rows, np.uint32)
    for bit, mark in enumerate(_marks(columns).values()):
        packed |= mark.astype(np.uint32) << np.uint32(bit)
    return pa.table(
        {
            **{name: _without_nulls(columns[name]) for name in TEXTS},
            "event_at": columns["event_at"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()),
            "bytes_sent": columns["bytes_sent"].fill_null(0).cast(pa.int64()),
            "time_taken_micros": np.rint(np.clip(seconds, 0, MILLION**2) * MILLION).astype(np.int64),
            "marks": packed,
        }
    )


def _marks(columns: dict[str, pa.Array]) -> dict[str, Numbers]:
    """Booleans of each request, named after the count of client_hourly that they go into; the order is that of MARKS."""
    method = columns["method"]
    status = columns["status"].fill_null(0).to_numpy()
    post = _is_any(method, "POST")
    marks = {
        "query_request_count": _is_present(columns["uri_query"]),
        "post_request_count": post,
        "head_request_count": _is_any(method, "HEAD"),
        "unusual_method_request_count": _is_present(method) & ~_is_any(method, "GET", "HEAD", "POST", "OPTIONS"),
        "is_failed_post": post & np.isin(status, (400, 401, 403, 422, 429)),
        "ok_count": (status >= 200) & (status <= 299) | (status == 304),
        "redirect_count": (status >= 300) & (status <= 399) & (status != 304),
        "unauthorised_count": (status == 401) | (status == 403),
        "not_found_count": (status == 404) | (status == 410),
        "client_error_count": (status >= 400) & (status <= 499),
        "server_error_count": (status >= 500) & (status <= 599),
        "no_referer_count": ~_is_present(columns["referer"]),
        "no_user_agent_count": ~_is_present(columns["user_agent"]),
        "cookie_request_count": _is_present(columns["cookie_hash"]),
        "is_served": _is_any(method, "GET") & ((status >= 200) & (status <= 299) & (status != 206) | (status == 304)),
        "is_html": (html := _is_like(columns["content_type"], r"(?i)\A(?:text/html|application/xhtml)")),
        "is_other_content": _is_present(columns["content_type"]) & ~html,
        "unlogged_referer_count": _is_like(columns["unlogged"], "referer"),
        "unlogged_cookie_count": _is_like(columns["unlogged"], "cookie"),
    }
    assert tuple(marks) == MARKS
    return marks


MARKS = tuple(
    """
        query_request_count post_request_count head_request_count unusual_method_request_count is_failed_post
        ok_count redirect_count unauthorised_count not_found_count client_error_count server_error_count
        no_referer_count no_user_agent_count cookie_request_count is_served is_html is_other_content
        unlogged_referer_count unlogged_cookie_count
    """.split()
)


def _dictionary(texts: pa.Array) -> pa.DictionaryArray:
    return texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()


def _without_nulls(texts: pa.DictionaryArray) -> pa.DictionaryArray:
    """Null texts as empty ones."""
    if not texts.null_count:
        return texts
    return texts.cast(pa.string()).fill_null("").dictionary_encode()


def _is_present(column: pa.Array) -> Numbers:
    return column.is_valid().to_numpy(zero_copy_only=False)


def _is_any(texts: pa.DictionaryArray, *values: str) -> Numbers:
    """Whether each text is one of `values`; nulls are not."""
    matches = pc.is_in(texts.dictionary, pa.array(values, pa.string())).to_numpy(zero_copy_only=False)
    return np.append(matches, False)[texts.indices.fill_null(-1).to_numpy()]


def _is_like(texts: pa.DictionaryArray, pattern: str) -> Numbers:
    """Whether each text matches; nulls do not."""
    matches = _matches(texts.dictionary, pattern)
    return np.append(matches, False)[texts.indices.fill_null(-1).to_numpy()]


def _matches(texts: pa.Array, pattern: str) -> Numbers:
    return pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)


def _firsts(sorted_groups: Numbers) -> Numbers:
    return np.flatnonzero(np.r_[True, sorted_groups[1:] != sorted_groups[:-1]])


def _entropy_bits(of_group: Numbers, counts: Numbers, requests: Numbers) -> Numbers:
    """Shannon entropy of each group from the counts of its distinct values, added from the smallest count up."""
    span = int(counts.max()) + 1
    ordered = np.sort(of_group * span + counts) % span
    n_log_n = np.add.reduceat(ordered * np.log2(ordered), _firsts(of_group))
    return np.maximum(np.log2(requests) - n_log_n / requests, 0.0)


def _timestamps(microseconds: Numbers) -> pa.Array:
    return pa.array(microseconds, pa.int64()).cast(pa.timestamp("us", tz="UTC"))

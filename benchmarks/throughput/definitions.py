"""What the peers share: fields, patterns and the definitions of the features as SQL conditions.

The conditions are written independently of `spark_jobs`: equal tables mean something only then. Imports neither pyspark
nor pyarrow, so that a peer's peak memory is its own.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from spark_jobs.sources.cloudfront import patterns
from spark_jobs.sources.cloudfront.client_tables import ADDITIVE, MAXIMA
from spark_jobs.sources.cloudfront.layouts import FIELD_COLUMNS, fields_of_header

FIELD_TYPES = {**{field: kind for field, (_, kind) in FIELD_COLUMNS.items()}, "date": "date", "time": "time"}
COLUMN_OF = {field: column for field, (column, _) in FIELD_COLUMNS.items()}
DECODED = ("uri_path", "uri_query", "referer")
DERIVED = ("user_agent", "cookie_hash", "host")
"""Columns that are more than a field: decoded once or twice, hashed, or the first of two fields."""
NOT_COMPARED = tuple(
    "distinct_page_count proxy_agent_count forwarded_client_count unlogged_referer_count unlogged_cookie_count".split()
)
"""Columns that only the platform computes."""
SUMS = tuple(name for name in ADDITIVE if name not in NOT_COMPARED)
GREATEST = tuple(name for name in MAXIMA if name not in NOT_COMPARED)
THREADS = 2
CLASSIC = f"local[{THREADS}]"

ADDRESSES_LIMIT = "client addresses are neither checked nor made canonical"
LINE_NUMBER_LIMIT = "rows have their object but no line number (its CSV reader gives none)"
HEADER_LIMIT = "all objects must share one header; a damaged object ends the run"
DELTA_LIMIT = "no Delta log: a reader sees a half-written table"
HASH_LIMIT = "cookies are hashed with md5, not with a key"
"""What peers leave out of the platform's work; each module lists its own in LIMITS."""

STATUS = "coalesce(status, 0)"
POST = "coalesce(method = 'POST', false)"
POST_FAILURE = f"({POST} AND {STATUS} IN (400, 401, 403, 422, 429))"
MARKS = {
    "query_request_count": "uri_query IS NOT NULL",
    "post_request_count": POST,
    "head_request_count": "coalesce(method = 'HEAD', false)",
    "unusual_method_request_count": "coalesce(method NOT IN ('GET', 'HEAD', 'POST', 'OPTIONS'), false)",
    "ok_count": f"{STATUS} BETWEEN 200 AND 299 OR {STATUS} = 304",
    "redirect_count": f"{STATUS} BETWEEN 300 AND 399 AND {STATUS} <> 304",
    "unauthorised_count": f"{STATUS} IN (401, 403)",
    "not_found_count": f"{STATUS} IN (404, 410)",
    "client_error_count": f"{STATUS} BETWEEN 400 AND 499",
    "server_error_count": f"{STATUS} BETWEEN 500 AND 599",
    "no_referer_count": "referer IS NULL",
    "no_user_agent_count": "user_agent IS NULL",
    "cookie_request_count": "cookie_hash IS NOT NULL",
    "post_failures": POST_FAILURE,
}
"""0 or 1 of a request, by what its sum over an hour is called."""
PATH_PATTERNS = {"is_asset": "ASSET_PATH", "is_sign_in": "SIGN_IN_PATH", "is_probe": "PROBE_PATH"}
PATH_COUNTS = {
    "asset_request_count": ("is_asset", "n"),
    "sign_in_request_count": ("is_sign_in", "post_request_count"),
    "sign_in_failure_count": ("is_sign_in", "post_failures"),
    "probe_path_request_count": ("is_probe", "n"),
    "robots_request_count": ("is_robots", "n"),
}
"""Which requests of a path count towards what: (mark of the path, what is summed)."""
AGENT_PATTERNS = {"tool_user_agent_count": "TOOL_AGENT", "declared_bot_count": "BOT_AGENT"}


def regular_expressions() -> dict[str, str]:
    """The patterns of the features, by name."""
    return {name: value for name, value in vars(patterns).items() if name.isupper() and isinstance(value, str)}


def decoded_agent(text: str) -> str:
    """A user agent, decoded once more where its file encoded it twice."""
    decoded = unquote(text)
    return unquote(decoded) if "%20" in decoded and " " not in decoded else decoded


def cookie_hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def common_fields(files: Sequence[Path]) -> tuple[str, ...]:
    """The fields of the header that all objects share."""
    headers = {_header(path) for path in files}
    if len(headers) != 1:
        raise ValueError(f"The {len(files)} objects have {len(headers)} different headers; the peers need one.")
    return fields_of_header(headers.pop())


def _header(path: Path) -> str:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        next(lines)
        return next(lines)

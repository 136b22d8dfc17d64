"""The column of each field of a CloudFront log, and the layouts of files that carry no header.

Source: AWS, "Standard logging reference" (v2 fields and formats) and "Configure and use standard logs" (v1 fields in
order, file names). No parsing here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from spark_jobs.contract import parse_hour
from spark_jobs.errors import ExitCode, WeirError

Kind = Literal["repeating", "text", "distinct", "integer", "number", "status"]

FIELD_COLUMNS: dict[str, tuple[str, Kind]] = {
    # normalized field name -> (column, kind); repeating and text are kept as dictionaries, distinct is not
    "x_edge_location": ("edge_location", "repeating"),
    "sc_bytes": ("bytes_sent", "integer"),
    "c_ip": ("client_ip", "repeating"),
    "cs_method": ("method", "repeating"),
    "cs_host": ("distribution_host", "repeating"),
    "cs_uri_stem": ("uri_path", "text"),
    "cs_uri": ("uri_path", "text"),
    "sc_status": ("status", "status"),
    "cs_referer": ("referer", "text"),
    "cs_user_agent": ("user_agent", "text"),
    "cs_uri_query": ("uri_query", "distinct"),
    "cs_cookie": ("cookie_hash", "repeating"),
    "x_edge_result_type": ("edge_result", "repeating"),
    "x_edge_request_id": ("request_id", "distinct"),
    "x_host_header": ("host", "repeating"),
    "cs_protocol": ("protocol", "repeating"),
    "cs_bytes": ("bytes_received", "integer"),
    "time_taken": ("time_taken_seconds", "number"),
    "x_forwarded_for": ("forwarded_for", "repeating"),
    "ssl_protocol": ("tls_protocol", "repeating"),
    "ssl_cipher": ("tls_cipher", "repeating"),
    "x_edge_response_result_type": ("edge_response_result", "repeating"),
    "cs_protocol_version": ("protocol_version", "repeating"),
    "c_port": ("client_port", "integer"),
    "time_to_first_byte": ("time_to_first_byte_seconds", "number"),
    "x_edge_detailed_result_type": ("edge_detailed_result", "repeating"),
    "sc_content_type": ("content_type", "repeating"),
    "sc_content_len": ("content_length_bytes", "integer"),
}
OPTIONAL_FIELDS = {"cs_referer": "referer", "cs_cookie": "cookie"}
"""Fields whose absence from a log must not be taken for that of what clients send."""
TIME_FIELDS = ("date", "time", "timestamp", "timestamp_ms")

V1_FIELDS = """
    date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent)
    cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken
    x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status
    fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len
    sc-range-start sc-range-end
""".split()
REAL_TIME_FIELDS = """
    timestamp c-ip s-ip time-to-first-byte sc-status sc-bytes cs-method cs-protocol cs-host cs-uri-stem cs-bytes
    x-edge-location x-edge-request-id x-host-header time-taken cs-protocol-version c-ip-version cs-user-agent cs-referer
    cs-cookie cs-uri-query x-edge-response-result-type x-forwarded-for ssl-protocol ssl-cipher x-edge-result-type
    fle-encrypted-fields fle-status sc-content-type sc-content-len sc-range-start sc-range-end c-port
    x-edge-detailed-result-type c-country cs-accept-encoding cs-accept cache-behavior-path-pattern cs-headers
    cs-header-names cs-headers-count primary-distribution-id primary-distribution-dns-name origin-fbl origin-lbl asn
    cmcd-encoded-bitrate cmcd-buffer-length cmcd-buffer-starvation cmcd-content-id cmcd-object-duration cmcd-deadline
    cmcd-measured-throughput cmcd-next-object-request cmcd-next-range-request cmcd-object-type cmcd-playback-rate
    cmcd-requested-maximum-throughput cmcd-streaming-format cmcd-session-id cmcd-stream-type cmcd-startup
    cmcd-top-bitrate cmcd-version r-host sr-reason x-edge-mqcs viewer-request-log-data viewer-response-log-data
""".split()
"""Fields of real-time logs in the order in which a record holds those that were chosen, whatever order they were chosen in."""
REAL_TIME_NAMES = {"cs-host", "cs-user-agent", "cs-referer", "cs-cookie"}
"""Names that standard logs spell with brackets, `cs(Host)`: one of them beside `timestamp` tells a real-time log."""
REAL_TIME_ONLY = {
    "c_ip_version",
    "cs_headers",
    "cs_header_names",
    "cs_headers_count",
    "cs_accept",
    "cs_accept_encoding",
}
"""Fields that standard logs lack: tell a real-time log where a conversion has left underscores in all names."""
REAL_TIME = {"cs_host": "x_host_header", "x_host_header": "cs_host", "cs_uri_stem": "cs_uri"}
"""Real-time name -> the standard one of the same meaning; their cs-uri-stem holds the query as well."""
V1_FIELD_COUNTS = (12, 15, 18, 19, 23, 24, 26, 33)
"""Lengths that standard log v1 has had: AWS has only ever appended fields."""

_NAME_HOUR = re.compile(r"(?:^|[./_-])(\d{4}-[01]\d-[0-3]\d-[0-2]\d)\.[0-9A-Za-z_-]+(?:\.|$)")


class LayoutError(WeirError, ValueError):
    """A layout setting that names no layout; the message is one sentence that says what to do."""

    exit_code = ExitCode.USAGE


def normalized(field: str) -> str:
    """`cs(User-Agent)`, `cs-user-agent` and `cs_user_agent` -> `cs_user_agent`; `timestamp(ms)` -> `timestamp_ms`."""
    return re.sub(r"[^a-z0-9]+", "_", field.lower()).strip("_")


def field_names(names: Iterable[str]) -> tuple[str, ...]:
    """Normalized names of a layout's fields; those of a real-time log get the standard names of the same meaning."""
    spelled = tuple(name.lower() for name in names)
    return real_time_fields(spelled) if _is_real_time(spelled, REAL_TIME_NAMES) else tuple(map(normalized, spelled))


def record_names(names: Iterable[str]) -> tuple[str, ...]:
    """As `field_names`, of JSON or Parquet, whose names a conversion may have spelled with underscores."""
    spelled = tuple(name.lower() for name in names)
    return real_time_fields(spelled) if _is_real_time(spelled, REAL_TIME_ONLY) else field_names(spelled)


def _is_real_time(spelled: tuple[str, ...], own: set[str]) -> bool:
    return "timestamp" in spelled and "date" not in spelled and not own.isdisjoint(spelled)


def real_time_fields(names: Iterable[str]) -> tuple[str, ...]:
    """Normalized names of a real-time log's fields: the standard ones of the same meaning."""
    return tuple(REAL_TIME.get(name, name) for name in map(normalized, names))


def fields_of_header(line: str) -> tuple[str, ...]:
    """Normalized names of a `#Fields:` line, whether tabs or spaces stand between them."""
    return field_names(line.partition(":")[2].split())


def headerless_fields(layout: str, setting: str = "WEIR_HEADERLESS_LAYOUT") -> tuple[str, ...]:
    """Normalized fields of the layout that a setting names; () for ''.

    A v1 field count; `realtime` for all fields of real-time logs; or the fields themselves. Chosen fields of a real-time
    log (those with `timestamp`, for standard logs with it have a header) are brought into AWS's order.
    """
    layout = layout.strip()
    if not layout:
        return ()
    if layout.lower() in ("realtime", "real-time"):
        layout = " ".join(REAL_TIME_FIELDS)
    if layout.isdigit():
        if int(layout) not in V1_FIELD_COUNTS:
            counts = ", ".join(map(str, V1_FIELD_COUNTS))
            raise LayoutError(
                f"{setting}={layout[:60]} is no layout of standard log v1; use one of {counts}, `realtime`, "
                "or list the fields."
            )
        return field_names(V1_FIELDS[: int(layout)])
    names = layout.replace(",", " ").split()
    if "timestamp" in names:
        unknown = [name for name in names if name not in REAL_TIME_FIELDS]
        if unknown:
            raise LayoutError(
                f"{setting} cannot be used: {unknown[0][:60]!r} is no field of real-time logs, so that its place "
                "in a record is unknown; list the fields as the real-time log configuration names them."
            )
        names = sorted({*names}, key=REAL_TIME_FIELDS.index)
    fields = real_time_fields(names) if "timestamp" in names else field_names(names)
    if problem := missing_fields(fields):
        raise LayoutError(f"{setting} cannot be used: {problem}; add the fields to the list.")
    return fields


def missing_fields(fields: tuple[str, ...]) -> str:
    """What a layout lacks to be parsed, in words; empty where it lacks nothing."""
    lacks = []
    if not ({"date", "time"} <= set(fields) or {"timestamp", "timestamp_ms"} & set(fields)):
        lacks.append("date and time (or timestamp)")
    if "c_ip" not in fields:
        lacks.append("c-ip")
    return f"it has no {' and no '.join(lacks)}" if lacks else ""


def name_hour(source_object: str) -> str | None:
    """The hour in `<prefix>/<distribution>.YYYY-MM-DD-HH.<unique>.gz`, None where the name has none."""
    match = _NAME_HOUR.search(source_object.rsplit("/", 1)[-1])
    if not match:
        return None
    try:
        parse_hour(match.group(1))
    except ValueError:
        return None
    return match.group(1)

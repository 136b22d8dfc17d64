"""The tables of the CloudFront source: columns, grain, upstream, checks. No pyspark here.

Field meanings are AWS's: "Configure and use standard logs (access logs)", CloudFront Developer Guide.
"""

from __future__ import annotations

from spark_jobs.contract import (
    Check,
    Column,
    Job,
    Parameters,
    RawFiles,
    ScoresBehind,
    SecretSetting,
    Source,
    StreamInput,
    Table,
    objects_table,
)
from spark_jobs.sources.cloudfront.client_tables import (
    CLIENT_ATTACKS,
    CLIENT_DAILY,
    CLIENT_EXAMPLES,
    CLIENT_HOURLY,
    CLIENT_SCORES,
)

OBJECTS = objects_table(
    "raw/cloudfront/objects",
    "Ledger of the log objects seen in the raw location; the objects themselves are never changed.",
    grain="one log object (key and etag)",
    upstream=("raw/cloudfront/logs",),
)

REQUESTS = Table(
    key="parsed/cloudfront/requests",
    meaning="Requests that CloudFront logged, typed, decoded once, each with the object and line that it comes from.",
    grain="one request (request_id)",
    upstream=("raw/cloudfront/objects",),
    unique=("request_id",),
    checks=(
        Check("every_line_is_accounted_for", "parsed + rejected = lines present, object by object"),
        Check("request_ids_are_unique", "no request_id occurs twice within the hours written"),
    ),
    retention_days=30,
    columns=(
        Column("request_id", "string", "x-edge-request-id; where the log has none, etag:line", nullable=False),
        Column("event_at", "timestamp", "when the response finished", nullable=False),
        Column("client_ip", "string", "c-ip, the TCP peer, IPv6 in canonical text", nullable=False, personal=True),
        Column("method", "string", "cs-method"),
        Column("host", "string", "x-host-header (the site), else cs(Host)"),
        Column("uri_path", "string", "cs-uri-stem, percent-decoded once", personal=True),
        Column("uri_query", "string", "cs-uri-query, percent-decoded once; hashed values by setting", personal=True),
        Column("status", "int32", "sc-status; 0 where the client closed the connection (000)"),
        Column("user_agent", "string", "cs(User-Agent), percent-decoded once (twice where the log encoded twice)"),
        Column("referer", "string", "cs(Referer), percent-decoded once", personal=True),
        Column("bytes_sent", "int64", "sc-bytes, response size with headers, bytes"),
        Column("time_taken_seconds", "double", "time-taken"),
        Column("source_object", "string", "the log object", nullable=False),
        Column("line_number", "int64", "line in the decompressed object, from 1; header lines count", nullable=False),
        Column("cookie_hash", "string", "keyed hash of cs(Cookie); the cookie itself by setting only", personal=True),
        Column("bytes_received", "int64", "cs-bytes, request size with headers, bytes"),
        Column("distribution_host", "string", "cs(Host), the distribution's own domain"),
        Column("edge_location", "string", "x-edge-location"),
        Column("edge_result", "string", "x-edge-result-type"),
        Column("edge_response_result", "string", "x-edge-response-result-type"),
        Column("edge_detailed_result", "string", "x-edge-detailed-result-type"),
        Column("protocol", "string", "cs-protocol"),
        Column("protocol_version", "string", "cs-protocol-version"),
        Column("tls_protocol", "string", "ssl-protocol"),
        Column("tls_cipher", "string", "ssl-cipher"),
        Column("forwarded_for", "string", "x-forwarded-for: text the client sends, never an identity", personal=True),
        Column("client_port", "int32", "c-port"),
        Column("time_to_first_byte_seconds", "double", "time-to-first-byte"),
        Column("content_type", "string", "sc-content-type"),
        Column("content_length_bytes", "int64", "sc-content-len"),
        Column(
            "cookie_shape",
            "string",
            "what of cs(Cookie) resembles an attack, other words as x; null where nothing does",
        ),
        Column("unlogged", "string", "of referer and cookie, what this log does not have; null where it has both"),
    ),
)

REJECTED_LINES = Table(
    key="parsed/cloudfront/rejected_lines",
    meaning="Lines that are not in requests, each with its reason; line 0 stands for an object rejected as a whole.",
    grain="one rejected line of one object",
    upstream=("raw/cloudfront/objects",),
    unique=("source_object", "line_number"),
    retention_days=30,
    columns=(
        Column("source_object", "string", "the log object", nullable=False),
        Column(
            "line_number", "int64", "line in the decompressed object, from 1; 0 for the object itself", nullable=False
        ),
        Column("reason", "string", "why, as a stable word such as field_count or bad_time", nullable=False),
        Column(
            "raw_line", "string", "the line; bytes that are not UTF-8 as \\xNN; first 8,192 characters", personal=True
        ),
        Column("detail", "string", "why, in a sentence with the values that decided it"),
        Column("line_bytes", "int64", "length of the whole line in bytes"),
    ),
)

OBJECT_COUNTS = Table(
    key="parsed/cloudfront/object_counts",
    meaning="What became of each object's lines: the evidence that none was lost, and which etag an hour was made from.",
    grain="one log object in one hour",
    upstream=("raw/cloudfront/objects",),
    unique=("source_object", "event_hour"),
    retention_days=None,
    columns=(
        Column("source_object", "string", "the log object", nullable=False),
        Column("etag", "string", "the content that was read", nullable=False),
        Column("lines_present", "int64", "data lines counted in the raw bytes of the whole object", nullable=False),
        Column("parsed_count", "int64", "of these, in this hour's requests", nullable=False),
        Column("rejected_count", "int64", "of these, in this hour's rejected_lines", nullable=False),
        Column("other_hours_count", "int64", "of these, in other hours", nullable=False),
        Column("duplicate_count", "int64", "of rejected_count, requests that another object or line has delivered"),
    ),
)

REQUEST_SCORES = Table(
    key="predictions/request_scores",
    meaning="What the request model says of every request; one model version an hour.",
    grain="one request (request_id)",
    upstream=("parsed/cloudfront/requests", "models/request_attack"),
    unique=("request_id",),
    checks=(
        Check("each_request_has_a_score", "as many scores as requests, hour by hour"),
        Check("request_scores_are_in_range", "attack_probability is a number within 0..1, never null"),
    ),
    retention_days=30,
    columns=(
        Column("request_id", "string", "the request", nullable=False),
        Column("event_at", "timestamp", "when the response finished", nullable=False),
        Column("client_ip", "string", "the TCP peer", nullable=False, personal=True),
        Column("attack_probability", "double", "probability that the request is an attack, 0..1", nullable=False),
        Column("is_attack", "boolean", "attack_probability at or above the model version's threshold", nullable=False),
        Column("attack_class", "string", "class of the attack; null where is_attack is false"),
        Column(
            "reason", "string", "the words of the request that decided it; null where is_attack is false", personal=True
        ),
        Column("model_name", "string", "request_attack", nullable=False),
        Column("model_version", "string", "version in the registry", nullable=False),
    ),
)

REQUEST_EXAMPLES = Table(
    key="training/cloudfront/request_examples",
    meaning="Labelled requests that request_attack is fitted and evaluated on.",
    grain="one example",
    hourly=False,
    retention_days=400,
    columns=(
        Column("method", "string", "as in requests"),
        Column("uri_path", "string", "as in requests"),
        Column("uri_query", "string", "as in requests"),
        Column("user_agent", "string", "as in requests"),
        Column("referer", "string", "as in requests"),
        Column("cookie_shape", "string", "as in requests"),
        Column("is_attack", "boolean", "the label", nullable=False),
        Column("attack_class", "string", "class of the attack, null for benign"),
        Column("family", "string", "generator family or file; splits never cut through one", nullable=False),
        Column("split", "string", "fit, calibrate or evaluate", nullable=False),
    ),
)

REQUEST_MODEL_INPUTS = ("method", "uri_path", "uri_query", "user_agent", "referer", "cookie_shape")
"""Columns of requests that request_attack reads."""
PARSING_PARAMETERS: Parameters = {
    "headerless_layout": "headerless_layout",
    "stream_fields": "cloudfront_stream_fields",
    "cookies": "cookies",
    "hash_query_values": "hash_query_values",
    "hash_key": SecretSetting("hash_key"),
    "limits": {name: name for name in ("max_line_bytes", "max_object_bytes", "max_expansion_ratio")},
}

SOURCE = Source(
    name="cloudfront",
    meaning="Amazon CloudFront standard access logs, v1 and v2",
    owner="team:edge",
    tables=(
        OBJECTS,
        REQUESTS,
        REJECTED_LINES,
        OBJECT_COUNTS,
        CLIENT_HOURLY,
        CLIENT_DAILY,
        REQUEST_SCORES,
        CLIENT_ATTACKS,
        CLIENT_SCORES,
        REQUEST_EXAMPLES,
        CLIENT_EXAMPLES,
    ),
    jobs=(
        Job("requests", (REQUESTS, REJECTED_LINES, OBJECT_COUNTS), parameters=PARSING_PARAMETERS),
        Job("client_hourly", (CLIENT_HOURLY,)),
        Job("client_daily", (CLIENT_DAILY,)),
        Job("request_scores", (REQUEST_SCORES,), model="request_attack"),
        Job("client_attacks", (CLIENT_ATTACKS,)),
        Job(
            "client_scores",
            (CLIENT_SCORES,),
            model="client_abuse",
            scores_behind=ScoresBehind(REQUEST_SCORES, CLIENT_ATTACKS, "request_model_version"),
        ),
    ),
    raw=RawFiles(
        key="raw/cloudfront/logs",
        meaning="CloudFront log objects in the raw folder or bucket; delivered by AWS, never changed here.",
        noun="log objects",
        setting="cloudfront_raw",
        how_to_set="run `weir run edge --input PATH_OR_S3_URI` once, or set WEIR_CLOUDFRONT_RAW",
        sensor="new_log_objects",
        queue_setting="raw_queue_url",
        include_setting="cloudfront_include",
        exclude_setting="cloudfront_exclude",
    ),
    stream=StreamInput(
        setting="cloudfront_stream",
        how_to_set="set WEIR_CLOUDFRONT_STREAM to the name of the Kinesis data stream of the real-time log configuration",
        header="spark_jobs.sources.cloudfront.stream:header",
        micro_batch="spark_jobs.sources.cloudfront.stream:micro_batch",
        model="request_attack",
        transform="spark_jobs.sources.cloudfront.firehose:transform",
    ),
)

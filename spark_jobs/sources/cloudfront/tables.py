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
    Table,
    objects_table,
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
    ),
)

CLIENT_GRAIN = (
    Column(
        "client",
        "string",
        "address as CIDR: one address (/32, /128) or, over 24 hours, its network (/24, /64)",
        nullable=False,
        personal=True,
    ),
    Column("client_kind", "string", "address or network", nullable=False),
    Column("hour_at", "timestamp", "start of the hour", nullable=False),
)

CLIENT_BEHAVIOUR = (
    Column("request_count", "int64", "requests", nullable=False),
    Column("address_count", "int64", "distinct addresses that made them (1 for an address)", nullable=False),
    Column("active_minute_count", "int64", "minutes with a request, summed over addresses", nullable=False),
    Column(
        "peak_minute_request_count", "int64", "requests of the busiest address in its busiest minute", nullable=False
    ),
    Column(
        "distinct_path_count",
        "int64",
        "distinct paths of an address in an hour, summed over hours and addresses",
        nullable=False,
    ),
    Column(
        "distinct_user_agent_count",
        "int64",
        "distinct user agents of an address in an hour, the largest of them",
        nullable=False,
    ),
    Column(
        "path_entropy_bits",
        "double",
        "Shannon entropy of the paths of an address in an hour, request-weighted mean",
        nullable=False,
    ),
    Column("asset_request_count", "int64", "requests for scripts, styles, images, fonts, media", nullable=False),
    Column("query_request_count", "int64", "requests with a query string", nullable=False),
    Column("post_request_count", "int64", "POST requests", nullable=False),
    Column("head_request_count", "int64", "HEAD requests", nullable=False),
    Column("unusual_method_request_count", "int64", "methods other than GET, HEAD, POST, OPTIONS", nullable=False),
    Column(
        "sign_in_request_count",
        "int64",
        "POST to a path that signs in (login, signin, session, token, wp-login …)",
        nullable=False,
    ),
    Column("sign_in_failure_count", "int64", "of these, answered with 400, 401, 403, 422 or 429", nullable=False),
    Column(
        "probe_path_request_count",
        "int64",
        "requests for paths that only scanners ask for (dot files, backups, admin consoles)",
        nullable=False,
    ),
    Column("robots_request_count", "int64", "requests for /robots.txt", nullable=False),
    Column("ok_count", "int64", "status 2xx or 304", nullable=False),
    Column("redirect_count", "int64", "status 3xx without 304", nullable=False),
    Column("unauthorised_count", "int64", "status 401 or 403", nullable=False),
    Column("not_found_count", "int64", "status 404 or 410", nullable=False),
    Column("client_error_count", "int64", "status 4xx", nullable=False),
    Column("server_error_count", "int64", "status 5xx", nullable=False),
    Column("no_referer_count", "int64", "requests without referer", nullable=False),
    Column("no_user_agent_count", "int64", "requests without user agent", nullable=False),
    Column(
        "tool_user_agent_count",
        "int64",
        "requests whose user agent names a library or command-line tool",
        nullable=False,
    ),
    Column(
        "declared_bot_count",
        "int64",
        "requests whose user agent calls itself a bot, crawler, spider or monitor",
        nullable=False,
    ),
    Column("cookie_request_count", "int64", "requests with a cookie", nullable=False),
    Column("bytes_sent", "int64", "response bytes", nullable=False),
    Column("time_taken_seconds", "double", "sum of time-taken", nullable=False),
)

MAXIMA = ("peak_minute_request_count", "distinct_user_agent_count")
"""Quantities whose value over several rows is the largest; the others are sums, but for these two."""
ATTACK_FLOOR = 0.1
"""Requests with a higher attack_probability go into client_attacks."""
EVIDENCE_REQUESTS = 20
"""Requests that are kept as evidence with a client's attacks and its score."""
ADDITIVE = tuple(c.name for c in CLIENT_BEHAVIOUR if c.name not in (*MAXIMA, "address_count", "path_entropy_bits"))

CLIENT_HOURLY = Table(
    key="features/cloudfront/client_hourly",
    meaning="What each address did in one hour.",
    grain="one address in one hour",
    upstream=("parsed/cloudfront/requests",),
    unique=("client", "hour_at"),
    columns=CLIENT_GRAIN
    + CLIENT_BEHAVIOUR
    + (
        Column("first_event_at", "timestamp", "first request of the hour", nullable=False),
        Column("last_event_at", "timestamp", "last request of the hour", nullable=False),
    ),
)

CLIENT_DAILY = Table(
    key="features/cloudfront/client_daily",
    meaning="What each address, and each network with two addresses or more, that is active in an hour did in the 24 hours that end with it.",
    grain="one client in one hour, over the trailing 24 hours",
    upstream=("features/cloudfront/client_hourly",),
    trailing_hours=23,
    unique=("client", "hour_at"),
    columns=CLIENT_GRAIN
    + CLIENT_BEHAVIOUR
    + (
        Column("active_hour_count", "int64", "of the 24 hours, those with a request", nullable=False),
        Column("peak_hour_request_count", "int64", "requests in the busiest of the 24 hours", nullable=False),
        Column("night_request_count", "int64", "requests between 00:00 and 06:00 UTC", nullable=False),
    ),
)

REQUEST_SCORES = Table(
    key="predictions/request_scores",
    meaning="What the request model says of every request; one model version an hour.",
    grain="one request (request_id)",
    upstream=("parsed/cloudfront/requests", "models/request_attack"),
    unique=("request_id",),
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

CLIENT_ATTACKS = Table(
    key="features/cloudfront/client_attacks",
    meaning="What the request model found of each client that is active in an hour, in it and in the 24 hours that end with it.",
    grain=f"one client in one hour; clients without a request above {ATTACK_FLOOR} probability in the 24 hours have no row",
    upstream=("predictions/request_scores",),
    also_reads=("features/cloudfront/client_daily",),
    trailing_hours=23,
    unique=("client", "hour_at"),
    columns=CLIENT_GRAIN
    + (
        Column("hour_attack_request_count", "int64", "requests of the hour with is_attack", nullable=False),
        Column("hour_attack_probability_max", "double", "highest attack_probability of the hour", nullable=False),
        Column("day_attack_request_count", "int64", "requests of the 24 hours with is_attack", nullable=False),
        Column("day_attack_probability_max", "double", "highest attack_probability of the 24 hours", nullable=False),
        Column(
            "day_attack_probability_sum",
            "double",
            f"sum of the attack_probability above {ATTACK_FLOOR}",
            nullable=False,
        ),
        Column("day_attack_class_count", "int64", "distinct attack classes of the 24 hours", nullable=False),
        Column("day_attack_hour_count", "int64", "of the 24 hours, those with an attack", nullable=False),
        Column("day_attack_address_count", "int64", "addresses that attacked in the 24 hours", nullable=False),
        Column(
            "attack_request_ids",
            "list<string>",
            "up to 20 of the requests, most probable first, then latest",
            nullable=False,
        ),
    ),
)

CLIENT_SCORES = Table(
    key="predictions/client_scores",
    meaning="What the client model says of every client that is active in an hour; one model version an hour.",
    grain="one client in one hour",
    upstream=(
        "features/cloudfront/client_hourly",
        "features/cloudfront/client_daily",
        "features/cloudfront/client_attacks",
        "models/client_abuse",
    ),
    unique=("client", "hour_at"),
    columns=CLIENT_GRAIN
    + (
        Column("abuse_probability", "double", "probability that the client abuses the site, 0..1", nullable=False),
        Column("is_abuse", "boolean", "abuse_probability at or above the model version's threshold", nullable=False),
        Column(
            "abuse_kind",
            "string",
            "what it looks like (scanner, prober, credential_stuffing, scraper …); null where is_abuse is false",
        ),
        Column(
            "reason",
            "string",
            "the leading features with their values and the population's; null where is_abuse is false",
        ),
        Column("request_count", "int64", "requests of the 24 hours", nullable=False),
        Column("evidence_request_ids", "list<string>", "up to 20 requests that show it", nullable=False),
        Column("model_name", "string", "client_abuse", nullable=False),
        Column("model_version", "string", "version in the registry", nullable=False),
        Column("request_model_version", "string", "version of request_attack whose scores went in"),
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
        Column("is_attack", "boolean", "the label", nullable=False),
        Column("attack_class", "string", "class of the attack, null for benign"),
        Column("family", "string", "generator family or file; splits never cut through one", nullable=False),
        Column("split", "string", "fit, calibrate or evaluate", nullable=False),
    ),
)

CLIENT_EXAMPLES = Table(
    key="training/cloudfront/client_examples",
    meaning="Features of labelled clients (simulated days, and labelled log folders that the user names).",
    grain="one client in one hour of one labelled day",
    upstream=("models/request_attack",),
    hourly=False,
    retention_days=400,
    columns=CLIENT_GRAIN
    + tuple(Column(f"hour_{c.name}", c.type, f"client_hourly.{c.name}", nullable=False) for c in CLIENT_BEHAVIOUR)
    + tuple(Column(f"day_{c.name}", c.type, f"client_daily.{c.name}", nullable=False) for c in CLIENT_DAILY.columns[3:])
    + tuple(Column(c.name, c.type, f"client_attacks.{c.name}", nullable=False) for c in CLIENT_ATTACKS.columns[3:-1])
    + (
        Column("is_abuse", "boolean", "the label", nullable=False),
        Column("abuse_kind", "string", "kind of the abuser, null for benign"),
        Column("family", "string", "actor family", nullable=False),
        Column("split", "string", "fit, calibrate or evaluate", nullable=False),
    ),
)

REQUEST_MODEL_INPUTS = ("method", "uri_path", "uri_query", "user_agent", "referer")
"""Columns of requests that request_attack reads."""
CLIENT_MODEL_INPUTS = ("client_kind", *CLIENT_EXAMPLES.column_names[3:-4])
"""Columns of the joined client features that client_abuse reads."""

PARSING_PARAMETERS: Parameters = {
    "headerless_layout": "headerless_layout",
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
    ),
)

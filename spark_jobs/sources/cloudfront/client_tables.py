"""The tables of clients: what addresses and networks do, and how the client model scores them."""

from __future__ import annotations

from spark_jobs.contract import Check, Column, Table

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

CLIENT_BEHAVIOR = (
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
    Column(
        "distinct_page_count",
        "int64",
        "distinct pages that were served to an address in an hour, summed; assets, segments, tiles, downloads and API "
        "answers are no pages; null in hours made before this was counted",
    ),
    Column("proxy_agent_count", "int64", "requests whose user agent is that of a CDN; null as above"),
    Column(
        "forwarded_client_count",
        "int64",
        "distinct texts of x-forwarded-for of an address in an hour, the largest of them; null as above",
    ),
    Column("unlogged_referer_count", "int64", "requests of logs that have no referers; null as above"),
    Column("unlogged_cookie_count", "int64", "requests of logs that have no cookies; null as above"),
)

MAXIMA = ("peak_minute_request_count", "distinct_user_agent_count", "forwarded_client_count")
"""Quantities whose value over several rows is the largest; the others are sums, but for these two."""
ATTACK_FLOOR = 0.1
"""Requests with a higher attack_probability go into client_attacks."""
EVIDENCE_REQUESTS = 20
"""Requests that are kept as evidence with a client's attacks and its score."""
ADDITIVE = tuple(c.name for c in CLIENT_BEHAVIOR if c.name not in (*MAXIMA, "address_count", "path_entropy_bits"))

CLIENT_HOURLY = Table(
    key="features/cloudfront/client_hourly",
    meaning="What each address did in one hour.",
    grain="one address in one hour",
    upstream=("parsed/cloudfront/requests",),
    unique=("client", "hour_at"),
    columns=CLIENT_GRAIN
    + CLIENT_BEHAVIOR
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
    + CLIENT_BEHAVIOR
    + (
        Column("active_hour_count", "int64", "of the 24 hours, those with a request", nullable=False),
        Column("peak_hour_request_count", "int64", "requests in the busiest of the 24 hours", nullable=False),
        Column("night_request_count", "int64", "requests between 00:00 and 06:00 UTC", nullable=False),
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
    checks=(
        Check("each_client_has_a_score", "as many scores as clients that are active in the hour"),
        Check("client_scores_are_in_range", "abuse_probability is a number within 0..1, never null"),
    ),
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

CLIENT_EXAMPLES = Table(
    key="training/cloudfront/client_examples",
    meaning="Features of labelled clients (simulated days, and labelled log folders that the user names).",
    grain="one client in one hour of one labelled day",
    upstream=("models/request_attack",),
    hourly=False,
    retention_days=400,
    columns=CLIENT_GRAIN
    + tuple(Column(f"hour_{c.name}", c.type, f"client_hourly.{c.name}", nullable=False) for c in CLIENT_BEHAVIOR)
    + tuple(Column(f"day_{c.name}", c.type, f"client_daily.{c.name}", nullable=False) for c in CLIENT_DAILY.columns[3:])
    + tuple(Column(c.name, c.type, f"client_attacks.{c.name}", nullable=False) for c in CLIENT_ATTACKS.columns[3:-1])
    + (
        Column("is_abuse", "boolean", "the label", nullable=False),
        Column("abuse_kind", "string", "kind of the abuser, null for benign"),
        Column("family", "string", "actor family", nullable=False),
        Column("split", "string", "fit, calibrate or evaluate", nullable=False),
    ),
)

CLIENT_MODEL_INPUTS = ("client_kind", *CLIENT_EXAMPLES.column_names[3:-4])
"""Columns of the joined client features that client_abuse reads."""

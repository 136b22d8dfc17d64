"""The tables between a prediction and a WAF rule: decisions, identities, the plan, the audit. Columns, grain, upstream and checks only.

Rows of decisions and plan derive from dataclasses in decisions.py and plan/, with their fields in the same order.
"""

from __future__ import annotations

from platform_assets.actions.audit import audit_columns
from spark_jobs.contract import Check, Column, Table

WAF_DECISIONS = Table(
    key="decisions/waf_decisions",
    meaning="What is to be done about a client from the end of an hour on, with why; append-only on the event clock.",
    grain="one action on one address or network, decided at the end of one hour",
    upstream=("predictions/client_scores", "features/cloudfront/client_daily", "features/cloudfront/client_attacks"),
    reads_own_past=True,
    unique=("decision_id",),
    checks=(
        Check(
            "nothing_protected_is_decided_on",
            "no address overlaps the allow list, what people allowed, or a special-purpose range",
        ),
        Check("every_decision_has_a_reason", "reason, model_name and model_version are never empty"),
    ),
    retention_days=400,
    columns=(
        Column("address", "string", "address or network as canonical CIDR", nullable=False, personal=True),
        Column("action", "string", "block, challenge or count", nullable=False),
        Column("reason", "string", "the rule that fired with its values, then the model's own reason", nullable=False),
        Column("decided_at", "timestamp", "end of the hour whose scores decided it", nullable=False),
        Column("expires_at", "timestamp", "when it ends by itself", nullable=False),
        Column("model_name", "string", "the model whose score decided it", nullable=False),
        Column("model_version", "string", "its version in the registry", nullable=False),
        Column(
            "decision_id", "string", "hash of address, action, decided_at, model_name and model_version", nullable=False
        ),
        Column("score", "double", "abuse_probability, 0..1", nullable=False),
        Column("abuse_kind", "string", "what the abuse looks like; null where the model does not say"),
        Column("client_kind", "string", "address or network", nullable=False),
        Column("request_count", "int64", "requests of the 24 hours", nullable=False),
        Column("attack_request_count", "int64", "of these, attacks by the request model", nullable=False),
        Column("evidence_count", "int64", "requests in evidence_request_ids", nullable=False),
        Column("evidence_request_ids", "list<string>", "up to 20 requests that show it", nullable=False),
        Column(
            "repetition",
            "int64",
            "earlier decisions as strong or stronger on the address; each doubled the duration",
            nullable=False,
        ),
    ),
)

EARLY_DECISIONS = Table(
    key="decisions/early_decisions",
    meaning="What a stream showed of an address before its hour was over; each lasts until the decision of its hour, or shortly.",
    grain="one action on one address",
    partition="month",
    unique=("decision_id",),
    retention_days=90,
    columns=(
        *WAF_DECISIONS.columns,
        Column("evidence_at", "timestamp", "the newest request that it rests on", nullable=False),
    ),
)

BOT_IDENTITIES = Table(
    key="evidence/bot_identities",
    meaning="Whether clients that call themselves a known crawler or monitor are it; an hour decided again sees the same.",
    grain="one address and the bot that it calls itself in one hour",
    unique=("client", "bot", "event_hour"),
    retention_days=400,
    columns=(
        Column("client", "string", "address as CIDR", nullable=False, personal=True),
        Column("bot", "string", "the crawler, monitor or preview that its user agent names", nullable=False),
        Column("bot_kind", "string", "crawler, monitor or preview", nullable=False),
        Column("verdict", "string", "verified, refuted or unknown", nullable=False),
        Column("how", "string", "the published list or the DNS name that says so", nullable=False, personal=True),
        Column("is_answered", "boolean", "false where DNS was not asked or silent; asked again then", nullable=False),
        Column("checked_at", "timestamp", "when it was found (wall clock)", nullable=False),
    ),
)

WAF_PLAN = Table(
    key="waf/plan",
    meaning="What applying would do to each IP set, entry by entry, with why: wanted against live and last applied.",
    grain="one address in one IP set of one scope",
    upstream=("decisions/waf_decisions",),
    hourly=False,
    unique=("scope", "ip_set", "address"),
    checks=(
        Check("plan_spares_protected_addresses", "nothing added overlaps the allow list or a special-purpose range"),
        Check("plan_adds_a_bounded_number", "networks with new block entries stay below a bound"),
        Check("plan_changes_a_bounded_share", "additions and removals stay below a share of what was applied"),
        Check("decisions_did_not_vanish", "decisions are not empty after a plan that had some"),
        Check("models_passed_their_gate", "every model that decided has passed its gate"),
        Check("rejected_lines_are_few", "rejected lines stay below a share of the lines"),
        Check("volume_is_plausible", "requests did not collapse against what is usual"),
        Check(
            "volume_did_not_explode",
            "requests of clients that nothing is decided on stay below a multiple of what is usual; otherwise new challenges without an attack wait",
            blocking=False,
        ),
        Check(
            "hours_are_complete", "no hours lack the log lines that are usual, and nothing leaves because logs stopped"
        ),
        Check("features_are_as_usual", "features of the newest hour are distributed as on the days before"),
        Check("families_are_balanced", "additions do not swing to IPv4 or IPv6 alone"),
        Check("everything_fits", "no wanted entry is left out because an IP set is full", blocking=False),
        Check(
            "nothing_waits",
            "no new entry beyond a bound waits for room or a person; overriding it applies those that wait",
            blocking=False,
        ),
    ),
    retention_days=400,
    columns=(
        Column("scope", "string", "where the IP set is: CLOUDFRONT or REGIONAL:<region>", nullable=False),
        Column("ip_set", "string", "name of the IP set", nullable=False),
        Column("address", "string", "address or network as canonical CIDR", nullable=False, personal=True),
        Column(
            "operation",
            "string",
            "add, extend, keep, remove, restore, drift, foreign, overflow or wait",
            nullable=False,
        ),
        Column("action", "string", "block, challenge or count", nullable=False),
        Column("reason", "string", "why this operation", nullable=False),
        Column("decision_id", "string", "the decision behind it; null for entries added by hand"),
        Column("expires_at", "timestamp", "when the entry ends; null for entries added by hand"),
        Column("planned_at", "timestamp", "when the plan was made (wall clock)", nullable=False),
    ),
)

WAF_AUDIT = Table(
    key="waf/audit",
    meaning="What people asked for, who, when and why; append-only, and the only place that says what of it is in force.",
    grain="one act of a person",
    unique=("acted_at", "audit_id"),
    retention_days=800,
    columns=(
        *audit_columns(
            command="allow, block, withdraw, rollback, resume or override",
            subject="what it is about: a CIDR, `model version`, the time of a rollback, a check; of resume, the subject or command it ends",
            expires_at="when it ends by itself; null where it lasts until resumed",
            is_personal=True,
        ),
        Column("details", "string", "the run an override is for; how the state of a rollback's time was found"),
        Column("decision_count", "int64", "of a rollback, its rows of waf/rollback_decisions; else null"),
    ),
)

WAF_ROLLBACK_DECISIONS = Table(
    key="waf/rollback_decisions",
    meaning="The decisions that a rollback goes back to, as they were; append-only, written before the rollback itself.",
    grain="one decision of one rollback",
    unique=("acted_at", "audit_id", "decision_id"),
    retention_days=800,
    columns=(
        Column("audit_id", "string", "the rollback, a row of waf/audit", nullable=False),
        Column("acted_at", "timestamp", "when it was asked for (wall clock)", nullable=False),
        *WAF_DECISIONS.columns,
    ),
)

TABLES = (WAF_DECISIONS, EARLY_DECISIONS, BOT_IDENTITIES, WAF_PLAN, WAF_AUDIT, WAF_ROLLBACK_DECISIONS)

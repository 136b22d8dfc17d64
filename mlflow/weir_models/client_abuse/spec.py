"""Specification of client_abuse: inputs, naive rule and gates."""

from __future__ import annotations

from weir_models.contract import Gate, Guard, Learning, ModelSpec, Replay

ERRORS_A_MINUTE = 50
REQUESTS_IN_FIVE_MINUTES = 100
"""The thresholds with which AWS WAF Security Automations ships its log parser."""

DAILY = (
    "client_kind", "request_count", "address_count", "active_hour_count", "peak_hour_request_count", "peak_minute_request_count",
    "distinct_user_agent_count", "path_entropy_bits", "asset_request_count", "query_request_count", "post_request_count",
    "head_request_count", "unusual_method_request_count", "sign_in_request_count", "sign_in_failure_count",
    "probe_path_request_count", "ok_count", "redirect_count", "unauthorised_count", "not_found_count", "client_error_count", "server_error_count",
    "no_referer_count", "no_user_agent_count", "tool_user_agent_count", "declared_bot_count", "cookie_request_count", "bytes_sent",
    "unlogged_referer_count", "unlogged_cookie_count",
)  # fmt: skip
"""Of client_daily; `day_…` in the examples, but for client_kind."""

ATTACKS = ("day_attack_request_count", "day_attack_probability_sum", "day_attack_address_count")
"""Of client_attacks, under the same names in the examples."""

SPEC = ModelSpec(
    name="client_abuse",
    meaning="Does this client abuse the site in this hour and the 24 hours that end with it, in which manner, and what says so.",
    owner="team:edge",
    training_table="training/cloudfront/client_examples",
    inputs={"features/cloudfront/client_daily": DAILY, "features/cloudfront/client_attacks": ATTACKS},
    label="is_abuse",
    naive_rule=(
        f"The best, by F1 over clients, of: AWS WAF Security Automations' {ERRORS_A_MINUTE} errors a minute or "
        f"{REQUESTS_IN_FIVE_MINUTES} requests in 5 minutes, both read off the busiest minute and the pace of an hour; any request "
        "that the request model calls an attack; either of the two."
    ),
    gates=(
        Gate("precision", at_least=0.98),
        Gate("recall", at_least=0.94),
        Gate("f1", at_least_figure="naive_f1"),
        Gate("pr_auc", at_least=0.97),
    ),
    learning=Learning(
        predictions="predictions/client_scores",
        score="abuse_probability",
        entity="client",
        flag="is_abuse",
        outcome="is_abuse",
        slices=("client_kind",),
        guards=(Guard("flagged_more", 0.005), Guard("flagged_less", 0.1), Guard("failed", 0.0), Guard("slower", 3.0)),
        realised=("precision", "recall", "accuracy"),
        figures={"precision": "precision", "recall": "recall", "F1": "f1", "false positive rate": "fpr"},
        details=("abuse_kind", "reason"),
        replay=Replay(hours=24, max_innocent=0),
        milliseconds_per_row=1.0,
    ),
    trusted_types=("weir_models.client_abuse.model.ClientAbuse",),
)

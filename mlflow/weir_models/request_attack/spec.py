"""Specification of request_attack: inputs, naive rule and gates."""

from __future__ import annotations

from weir_models.contract import Gate, Guard, Learning, ModelSpec, Replay

NAIVE_WORDS = (
    "union select", "select * from", "or 1=1", "' or '", "information_schema", "<script", "javascript:", "onerror=",
    "alert(", "../", "/etc/passwd", "cmd.exe", "/bin/sh", "${jndi:", "<?php", ".env", ".git/", "wp-login", "phpmyadmin",
)  # fmt: skip
"""The naive rule: any of these words in the once-decoded path, query, referer or user agent, whatever the case."""

SPEC = ModelSpec(
    name="request_attack",
    meaning="Is this request an attack, of which class, and which of its words say so.",
    owner="team:edge",
    training_table="training/cloudfront/request_examples",
    inputs={"parsed/cloudfront/requests": ("method", "uri_path", "uri_query", "user_agent", "referer", "cookie_shape")},
    label="is_attack",
    naive_rule="A request is an attack where path, query, referer or user agent, decoded once more, holds one of: "
    + ", ".join(NAIVE_WORDS),
    gates=(
        Gate("tpr", at_least=0.8, at_least_figure="naive_tpr"),
        Gate("macro_tpr", at_least=0.7, at_least_figure="naive_macro_tpr"),
        Gate("fpr", at_most=0.01),
        Gate("pr_auc", at_least_figure="naive_pr_auc"),
    ),
    learning=Learning(
        predictions="predictions/request_scores",
        score="attack_probability",
        entity="client_ip",
        flag="is_attack",
        outcome="is_attack",
        slices=("attack_class",),
        guards=(Guard("flagged_more", 0.002), Guard("flagged_less", 0.05), Guard("failed", 0.0), Guard("slower", 3.0)),
        realised=("precision", "recall", "accuracy"),
        figures={"precision": "precision", "recall": "tpr", "false positive rate": "fpr"},
        details=("attack_class", "reason"),
        replay=Replay(hours=24, max_innocent=0),
        milliseconds_per_row=0.5,
    ),
    trusted_types=("weir_models.request_attack.model.RequestAttack",),
)

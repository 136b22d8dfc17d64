"""Tables of the clients' evaluation -> the page docs/detection-clients.md. Nothing is measured here."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from weir_models import detector_metrics
from weir_models.cards import markdown_table

RULES = {
    "model": "client_abuse",
    "aws": "AWS Security Automations",
    "any_attack": "any request that request_attack calls an attack",
}
"""Rule -> its name on the page."""

PAGE = """\
# Detection of clients

Written by `make eval-clients`; no figure is typed by hand. Fitted on {fitted}; evaluated on {evaluated}; scale {scale}.
Threshold that ships with this fit: {threshold}. Intervals in brackets are 95 % (Wilson).

A client is an address or a network of one day; it is detected when any of its hours is flagged, or any of its network's.
By the same rule an innocent address in a flagged network counts as wrongly flagged. Each evaluated day has a day of
history before it. The simulator is another program, which shares no code and no pattern with the detectors.

## Beside the naive rules

summary

overall

## By kind of abuse

Hours run from the start of the client's first hour to the end of the one that flags it, or its network, which may be
before an address of it acts (0). The log itself arrives minutes to hours after that.

by_kind

## Families with errors

errors

## Never to be blocked: the highest probabilities

nearest

## Decisions

The rules of `platform_assets/domains/waf/decide/rules.py` with the shipped policy, hour after hour; addresses only, each
with the strongest decision about it or its network. There is no feedback: simulated clients go on as if nobody had
challenged them. No resolver and no list of ranges is used, so nobody is exempted as a verified crawler.

decisions

On the first day of an empty lake an address that many people share looks like the one scanner behind it until the others
have come, so the policy blocks nobody on it (`rules.history`). By family, from the second day on:

decisions_by_family

## Site by site

Would it fit another site? [fit.md](fit.md) says what to set for which.

<!-- sites: written by `make eval-clients` -->

{sites}

<!-- end of sites -->

## fail2ban's sample logs

Web log lines of fail2ban's own tests, rendered as CloudFront lines; an address of a file abuses where fail2ban's filter
names it. `as it stands`: the lines of the file, mostly one. `repeated`: the same lines, ten seconds apart, until they are
five, the number that fail2ban's shipped configuration requires before it bans.

fail2ban

fail2ban_clients

## A real log, without labels

The web log that Elastic ships as an example, four days of a personal site in 2015: real visitors, crawlers and the odd
scanner. It has no cookies. There are no labels, so the table shows the reasons of what is flagged:

weblog

weblog_clients

## Families

A third of each kind is never used for fitting.

split"""
"""Paragraphs, and tables by their names."""


def rate(figures: Mapping[str, float], name: str) -> str:
    """A rate in per cent with its interval and count."""
    if math.isnan(figures[name]):
        return "–"
    low, high = 100 * figures[f"{name}_low"], 100 * figures[f"{name}_high"]
    return f"{100 * figures[name]:.2f} [{low:.1f}–{high:.1f}] of {figures[f'n_{name}']:,.0f}"


def share(hits: int, n: int) -> str:
    """The same from counts."""
    if not n:
        return "–"
    low, high = detector_metrics.wilson_interval(hits, n)
    return f"{100 * hits / n:.2f} [{100 * low:.1f}–{100 * high:.1f}] of {n:,}"


def markdown(settings: Mapping[str, str], tables: Mapping[str, pd.DataFrame]) -> str:
    """The page; a sentence stands in for a table that was not measured."""
    parts = []
    for part in (" ".join(paragraph.splitlines()) for paragraph in PAGE.split("\n\n")):
        if part in tables:
            parts.append(markdown_table(tables[part]))
        elif part.isidentifier():
            parts.append("Not measured: the data was not there (WEIR_EVAL_DATA).")
        else:
            parts.append(part.format(**settings))
    return "\n\n".join(parts) + "\n"

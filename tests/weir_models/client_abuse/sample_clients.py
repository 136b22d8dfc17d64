"""Clients of a made-up site that the tests of client_abuse share: abusers, those who must never be blocked, shoppers."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pandas as pd

from spark_jobs.sources.cloudfront.tables import CLIENT_EXAMPLES

LABELS = ("is_abuse", "abuse_kind", "family", "split")
NUMBERS = [name for name in CLIENT_EXAMPLES.column_names if name.startswith(("hour_", "day_")) and name != "hour_at"]


def client(requests: int = 30, **shares: float) -> dict[str, Any]:
    """Columns of one hour of one client: keywords are counts of the day; what is not named is a quiet shopper's."""
    day = {
        "request_count": requests, "address_count": 1, "active_minute_count": 3, "peak_minute_request_count": min(requests, 14),
        "distinct_path_count": 0.8 * requests, "distinct_user_agent_count": 1, "path_entropy_bits": 4.0, "ok_count": requests - shares.get("client_error_count", 0), "bytes_sent": 40_000 * requests,
        "asset_request_count": 0.7 * requests, "cookie_request_count": 0.95 * requests, "active_hour_count": 1,
        "peak_hour_request_count": requests, **shares,
    }  # fmt: skip
    row: dict[str, Any] = dict.fromkeys(NUMBERS, 0) | {f"day_{name}": value for name, value in day.items()}
    row |= {f"hour_{name}": value for name, value in day.items() if f"hour_{name}" in row}
    attacks = day.get("attack_request_count", 0)
    row |= {"day_attack_request_count": attacks, "day_attack_probability_sum": 0.95 * attacks}
    return row | {"client_kind": "network" if day["address_count"] > 1 else "address"}


def bare(requests: int, **shares: float) -> dict[str, Any]:
    """A client that fetches neither assets nor keeps cookies."""
    return client(
        requests, **{"asset_request_count": 0, "cookie_request_count": 0, "no_referer_count": requests, **shares}
    )


def scanner(n: int) -> dict[str, Any]:
    return bare(
        n,
        not_found_count=0.8 * n,
        client_error_count=0.9 * n,
        probe_path_request_count=0.6 * n,
        attack_request_count=0.6 * n,
    )


def prober(n: int) -> dict[str, Any]:
    return bare(n, query_request_count=0.9 * n, attack_request_count=0.8 * n, client_error_count=0.2 * n)


def stuffer(n: int) -> dict[str, Any]:
    return bare(
        n,
        post_request_count=n,
        sign_in_request_count=n,
        sign_in_failure_count=0.95 * n,
        unauthorised_count=0.95 * n,
        client_error_count=0.95 * n,
        path_entropy_bits=0.1,
    )


def scraper(n: int) -> dict[str, Any]:
    return bare(n, path_entropy_bits=float(np.log2(n)), distinct_path_count=n)


def rotating(n: int) -> dict[str, Any]:
    return stuffer(n) | {"day_address_count": max(3, n // 3), "client_kind": "network", "day_active_hour_count": 12}


def crawler(n: int) -> dict[str, Any]:
    return scraper(n) | {"day_declared_bot_count": n, "day_active_hour_count": 24, "day_path_entropy_bits": 3.0}


def monitor(n: int) -> dict[str, Any]:
    return bare(n, path_entropy_bits=0.0, active_hour_count=24, peak_hour_request_count=n / 24, declared_bot_count=n)


def partner(n: int) -> dict[str, Any]:
    return bare(
        n,
        path_entropy_bits=0.4,
        active_hour_count=24,
        peak_hour_request_count=n / 24,
        tool_user_agent_count=n,
        unauthorised_count=0.02 * n,
        client_error_count=0.02 * n,
    )


def office(n: int) -> dict[str, Any]:
    """Forty people behind one address, and a page whose images are missing."""
    return client(
        n,
        distinct_user_agent_count=20,
        not_found_count=0.5 * n,
        client_error_count=0.5 * n,
        asset_request_count=0.88 * n,
        cookie_request_count=0.4 * n,
        active_hour_count=12,
        peak_hour_request_count=n / 8,
    )


def carrier(n: int) -> dict[str, Any]:
    """Two hundred shoppers behind one address, and one scanner with a hundred requests."""
    return client(
        n,
        distinct_user_agent_count=16,
        attack_request_count=100,
        probe_path_request_count=60,
        not_found_count=80,
        client_error_count=95,
        active_hour_count=22,
        peak_hour_request_count=n / 10,
    )


ABUSERS = {
    "scanner": scanner,
    "prober": prober,
    "credential_stuffing": stuffer,
    "scraper": scraper,
    "rotation": rotating,
}
NEVER_BLOCK = {"crawler": crawler, "monitor": monitor, "partner": partner, "office": office, "carrier": carrier}
SIZES = {"scanner": 40, "prober": 40, "credential_stuffing": 80, "scraper": 300, "rotation": 200, "crawler": 400, "monitor": 700, "partner": 800, "office": 1500, "carrier": 3600}  # fmt: skip


def examples(seed: int = 1, without: str | None = None) -> pd.DataFrame:
    """Labeled clients of three families a kind and of many shoppers; `without` leaves a kind to the evaluation."""
    rng = random.Random(seed)
    rows = []
    for number in range(600):
        row = client(rng.randint(2, 120), not_found_count=rng.choice([0, 0, 0, 1]))
        rows.append(row | {"family": f"shopper_{number % 3}", "is_abuse": False, "abuse_kind": None})
    for kind, write in {**ABUSERS, **NEVER_BLOCK}.items():
        for number in range(24):
            row = write(max(8, round(SIZES[kind] * rng.uniform(0.5, 2))))
            rows.append(
                row
                | {
                    "family": f"{kind}_{number % 3}",
                    "is_abuse": kind in ABUSERS,
                    "abuse_kind": kind if kind in ABUSERS else None,
                }
            )
    frame = pd.DataFrame(rows)
    frame["client"] = [
        f"10.{n >> 8}.{n & 255}.0/24" if kind == "network" else f"10.{n >> 8}.{n & 255}.1/32"
        for n, kind in enumerate(frame["client_kind"])
    ]
    frame["hour_at"] = pd.Timestamp("2026-11-20T10", tz="UTC")
    frame["split"] = np.where(frame.index % 4 == 3, "calibrate", "fit")
    frame.loc[frame["abuse_kind"] == without, "split"] = "evaluate"
    return frame[list(CLIENT_EXAMPLES.column_names)]

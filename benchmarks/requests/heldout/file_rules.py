"""Rules of what lies about in folders of sites, and of folders that sites mean to serve."""

from __future__ import annotations

from benchmarks.requests.heldout.words import COMMON

RULES = COMMON | {
    "base": ("", "", "app/", "web/", "public/", "backup/", "old/", "src/", "site/", "www/", "api/", "‹@tok›/"),
    "year": tuple("2018 2021 2023 2024 2025 2026".split()),
    "month": tuple("01 03 06 09 11".split()),
    "day": tuple("02 11 17 28".split()),
    "date": ("‹@year›-‹@month›-‹@day›", "‹@year›_‹@month›_‹@day›", "‹@year›‹@month›‹@day›"),
}  # fmt: skip

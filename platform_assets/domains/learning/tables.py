"""The tables of the learning loop. Columns, grain, upstream and checks only; those of releases are generic code's."""

from __future__ import annotations

from platform_assets.releases.tables import TABLES as RELEASE_TABLES

TABLES = (*RELEASE_TABLES,)

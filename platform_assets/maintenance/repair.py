"""Damage to a home, and its repair: what can be made again is marked stale, the rest is named as lost.

Nothing is deleted: a table whose log cannot be read and a database that is no database are put aside.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from platform_assets.clients.engine import lake_of
from platform_assets.core.domain import command_that_fills, made_hourly
from platform_assets.core.files import numbered
from platform_assets.core.tables import all_tables
from platform_assets.settings import Settings
from spark_jobs.contract import PARSED_LAYER, Table
from spark_jobs.incremental import lineage
from spark_jobs.storage.damage import Damage, damage_of
from spark_jobs.storage.heads import note_head
from spark_jobs.storage.lake import Lake
from spark_jobs.wording import counted

ASIDE = "damaged"
"""Folder of a local lake for what was put aside."""
UNUSABLE = "damaged"
"""In place of the fingerprint of an hour that has to be made again."""


def damages(lake: Lake, thorough: bool = False) -> list[Damage]:
    """Of every table of the lake; what tells the stale hours comes first, for the other repairs read it.

    `thorough`: the content of the files of a local lake is read as well.
    """
    found = [damage for table in all_tables().values() if (damage := damage_of(lake, table, thorough)) is not None]
    return sorted(found, key=lambda damage: damage.table.key != lineage.MADE_HOURS.key)


def describe(damage: Damage) -> str:
    """`parsed/cloudfront/requests: 2 data files with 4,312 rows are gone or damaged, one is …/7ad.parquet`."""
    found = [damage.unreadable] if damage.unreadable else []
    if lost := damage.lost_commits:
        found.append(f"the newest {'commit is' if lost == 1 else f'{lost} commits are'} gone from its log")
    if count := len(damage.files):
        rows = "" if damage.rows is None else f" with {counted(damage.rows, 'row')}"
        which = f"one is {damage.files[0].path}" if count > 1 else damage.files[0].path
        found.append(
            f"{count} data file{'s' * (count > 1)}{rows} {'is' if count == 1 else 'are'} gone or damaged, {which}"
        )
    return f"{damage.table.key}: {'; '.join(found)}"


def repair(settings: Settings, now: datetime | None = None) -> Iterator[str]:
    """Repair what is damaged; one sentence for each table and database. All files of a local lake are read."""
    from platform_assets.core.databases import put_aside_damaged

    at = now or datetime.now(UTC)
    yield from put_aside_damaged(settings, at)
    lake = lake_of(settings)
    for damage in damages(lake, thorough=True):
        yield f"{describe(damage)}; {_repair_table(lake, damage, at)}."
        if damage.table.key == lineage.MADE_HOURS.key and damage_of(lake, damage.table) is not None:
            return  # it has to be moved by hand first: the other repairs read it


def _repair_table(lake: Lake, damage: Damage, at: datetime) -> str:
    table = damage.table
    can_be_made = table.hourly and (table.layer == PARSED_LAYER or made_hourly(table))
    recorded = lineage.recorded(lake).get(table.key, {}) if can_be_made else {}
    hours = sorted(hour for hour in recorded if damage.holds(hour))
    if damage.unreadable:
        if lake.root.startswith("s3://"):
            return f"move {lake.path(table)} to another place and run `weir repair` again"
        aside = _put_aside(Path(lake.path(table)), Path(lake.root) / ASIDE, table, at)
        what = f"it was moved to {aside}"
    else:
        if damage.lost_commits and (delta := lake.delta(table)):
            note_head(lake.path(table), delta.version())  # else nothing would read the table any more
        lake.drop_files(table, damage.files)
        what = "taken out of the table" if damage.files else "it goes on from the commit before"
    lineage.record(lake, {table.key: dict.fromkeys(hours, UNUSABLE)})
    if can_be_made:
        again = "its hours" if not recorded else counted(len(hours), "hour")
        return f"{what}, and `{command_that_fills(table)}` makes {again} again"
    if table.key == lineage.MADE_HOURS.key:
        return f"{what}, and the next runs make those hours again"
    if table.hourly:
        return f"{what}; people and actions wrote these rows, so they are lost unless you restore a backup"
    return f"{what}, and the next run writes it again"


def _put_aside(folder: Path, place: Path, table: Table, at: datetime) -> Path:
    place = next(path for path in numbered(place) if path.is_dir() or not os.path.lexists(path))
    place.mkdir(exist_ok=True)
    names = numbered(place / f"{table.key.replace('/', '-')}-{at:%Y%m%dT%H%M%S}")
    aside = next(name for name in names if not os.path.lexists(name))
    folder.rename(aside)
    return aside

"""The tables of the tides source."""

from __future__ import annotations

from spark_jobs.contract import Check, Column, Job, RawFiles, Source, Table, objects_table

OBJECTS = objects_table(
    "raw/tides/objects", "Ledger of the tide files.", grain="one file (key and etag)", upstream=("raw/tides/files",)
)
LEVELS = Table(
    key="parsed/tides/levels",
    meaning="Water levels as they were measured.",
    grain="one measurement",
    upstream=(OBJECTS.key,),
    unique=("event_at",),
    checks=(Check("levels_are_plausible", "no level is beyond 20 m"),),
    columns=(
        Column("event_at", "timestamp", "when it was measured", nullable=False),
        Column("level_meters", "double", "height above mean sea level", nullable=False),
    ),
)
OBJECT_COUNTS = Table(
    key="parsed/tides/object_counts",
    meaning="Lines of each tide file.",
    grain="one file",
    upstream=(OBJECTS.key,),
    unique=("source_object", "etag"),
    columns=(
        Column("source_object", "string", "the file", nullable=False),
        Column("etag", "string", "its content", nullable=False),
        Column("line_count", "int64", "its lines", nullable=False),
    ),
)
SOURCE = Source(
    name="tides",
    meaning="Tide gauges.",
    owner="team:harbor",
    tables=(OBJECTS, LEVELS, OBJECT_COUNTS),
    jobs=(Job("levels", (LEVELS, OBJECT_COUNTS)),),
    raw=RawFiles(
        key="raw/tides/files",
        meaning="Tide files in the raw folder.",
        noun="tide files",
        setting="tides_raw",
        how_to_set="run `weir run tides --input FOLDER` once, or set WEIR_TIDES_RAW",
        sensor="new_tide_files",
        is_optional=True,
    ),
)

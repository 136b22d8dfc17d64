"""The declarations of sources and tables, which types, checks, docs and the asset graph derive from.

Standard library only, so that loading the asset graph imports neither pyspark nor pyarrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal

HOUR_FORMAT = "%Y-%m-%d-%H"
"""An hour as CloudFront writes it in file names; also the lake's partition value and Dagster's partition key."""

HOUR_COLUMN = "event_hour"
"""The hour of each row of an hourly table: in folder names where hours are partitions, else a column of the data files."""

PARSED_LAYER = "parsed"
"""Tables of this layer are made from raw objects; their ledger tells which hours are stale."""

TYPES = ("string", "int32", "int64", "double", "boolean", "timestamp", "list<string>")


@dataclass(frozen=True)
class Column:
    """One column: its name (unit as suffix), one of `TYPES` (`timestamp` is UTC, microseconds), its meaning."""

    name: str
    type: str
    meaning: str
    nullable: bool = True
    personal: bool = False

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise ValueError(f"Column {self.name} has type {self.type!r}; use one of {', '.join(TYPES)}.")


@dataclass(frozen=True)
class Check:
    """A named condition on a table that an asset check evaluates; a blocking one stops what is downstream."""

    name: str
    meaning: str
    blocking: bool = True


@dataclass(frozen=True)
class Table:
    """A lake table. `key` is its asset key and its folder, `grain` is what one row stands for."""

    key: str
    meaning: str
    grain: str
    columns: tuple[Column, ...]
    upstream: tuple[str, ...] = ()
    also_reads: tuple[str, ...] = ()
    """Further tables that the job reads, for a row's own hour only."""
    hourly: bool = True
    partition: Literal["hour", "month"] = "hour"
    """What a data file of an hourly table and a partition in Dagster hold; a month where an hour has few rows."""
    trailing_hours: int = 0
    """How many hours before its own an hourly row reads from upstream."""
    reads_own_past: bool = False
    """Whether an hourly row is made from earlier hours of this table too."""
    backfill_days: int | None = None
    """Of a longer past only these newest days are made by themselves; None: all of it."""
    unique: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    retention_days: int | None = 90
    """Days that data stays after it was written (None: for good); WEIR_RETENTION_DAYS overrides it per table."""

    @property
    def layer(self) -> str:
        """First part of the key, such as `features`."""
        return self.key.split("/")[0]

    @property
    def name(self) -> str:
        """Last part of the key, such as `client_hourly`."""
        return self.key.split("/")[-1]

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns in order, without the partition column."""
        return tuple(column.name for column in self.columns)

    @property
    def is_by_hour(self) -> bool:
        """Whether hours are partitions of the Delta table."""
        return self.hourly and self.partition == "hour"

    @property
    def is_by_month(self) -> bool:
        """Whether data files hold many hours of a month each."""
        return self.hourly and self.partition == "month"

    def partition_of(self, hour: str) -> str:
        """What of the time is in one data file with this hour: the hour itself, or its month such as `2026-11`."""
        return hour[:7] if self.is_by_month else hour

    def column(self, name: str) -> Column:
        """The column of this name; KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"Table {self.key} has no column {name!r}; it has {', '.join(self.column_names)}.")


LEDGER_COLUMNS = (
    Column("source_object", "string", "URI or absolute path of the object", nullable=False),
    Column("etag", "string", "S3 ETag without quotes, or MD5 of the content of a local file", nullable=False),
    Column("size_bytes", "int64", "size as stored (compressed)", nullable=False),
    Column("modified_at", "timestamp", "when the storage says it was last written", nullable=False),
    Column("first_seen_at", "timestamp", "when the ledger first listed it (wall clock)", nullable=False),
    Column("name_hour", "string", "hour of its events by its file name, null where the name has none"),
    Column("event_hours", "list<string>", "hours of its events: from the name, completed by what parsing saw"),
    Column("duplicate_of", "string", "the source_object with the same content (etag and size) that was seen before"),
    Column("retry_at", "timestamp", "when to open it again, where that failed; null for others"),
)


def objects_table(key: str, meaning: str, grain: str, upstream: tuple[str, ...]) -> Table:
    """The ledger of a source."""
    return Table(
        key=key,
        meaning=meaning,
        grain=grain,
        upstream=upstream,
        hourly=False,
        unique=("source_object", "etag"),
        retention_days=None,
        columns=LEDGER_COLUMNS,
    )


@dataclass(frozen=True)
class RawFiles:
    """Where the objects of a source come from: a location that a setting names, listed into the source's ledger."""

    key: str
    """Asset key of the objects themselves."""
    meaning: str
    noun: str
    """The noun for its objects in sentences."""
    setting: str
    """The setting that names the location."""
    how_to_set: str
    """How to set it, as the end of a sentence."""
    sensor: str
    """Name of the sensor that looks for new ones."""
    queue_setting: str | None = None
    """The setting that names a queue with S3's notifications, where the source takes them."""
    is_optional: bool = False
    """Whether the location may be left empty."""
    poller: str = ""
    """Key of the asset that fetches files into the location, where there is one."""
    poll_setting: str = ""
    """The setting that switches the poller on."""
    include_setting: str = ""
    """The setting with patterns of the names that are read; empty reads all."""
    exclude_setting: str = ""
    """The setting with patterns of the names that are left out."""


@dataclass(frozen=True)
class StreamInput:
    """A data stream that brings, within seconds, what the raw files of a source bring."""

    setting: str
    """The setting that names the Kinesis data stream."""
    how_to_set: str
    """How to set it, as the end of a sentence."""
    header: str
    """`package.module:function`: parameters of the parse job -> the lines that each landed object begins with."""
    micro_batch: str
    """`package.module:function` (streaming/micro_batch.py): a landed object -> rows of tables."""
    model: str | None = None
    """The model that scores its rows."""
    transform: str | None = None
    """`package.module:function` (streaming/firehose.py): records that Firehose asks about -> the result of each."""


@dataclass(frozen=True)
class SecretSetting:
    """A secret parameter: the value of the setting, else one that the home generates and keeps."""

    setting: str


Parameters = Mapping[str, "str | SecretSetting | Parameters"]
"""Parameter of a job -> the setting that it takes its value from (nested settings with dots); a mapping nests parameters."""


@dataclass(frozen=True)
class ScoresBehind:
    """Scores of another model that go into a job's rows; the job records their model versions."""

    scores: Table
    """The table of scores, with a column model_version."""
    through: Table
    """The table that brings them to the job; its `trailing_hours` say how far back they reach."""
    parameter: str
    """The parameter in which the job gets the versions, comma-separated."""


@dataclass(frozen=True)
class Job:
    """A Spark job: the function of this name in the source's `jobs.py`, and the tables that it writes."""

    name: str
    tables: tuple[Table, ...]
    model: str | None = None
    """Name of the registered model that the job applies, if any."""
    scores_behind: ScoresBehind | None = None
    parameters: Parameters = field(default_factory=dict, hash=False)
    """What the job takes from the settings."""


@dataclass(frozen=True)
class Source:
    """A folder of `spark_jobs/sources`: the tables it owns, in the order in which they are built."""

    name: str
    meaning: str
    owner: str
    tables: tuple[Table, ...]
    jobs: tuple[Job, ...] = ()
    raw: RawFiles | None = None
    stream: StreamInput | None = None

    @property
    def objects(self) -> Table:
        """The ledger of the raw objects."""
        return self.table(f"raw/{self.name}/objects")

    @property
    def object_counts(self) -> Table:
        """The outcome of each raw object in each hour: rows kept, rejected, and in other hours."""
        return self.table(f"parsed/{self.name}/object_counts")

    @property
    def parsed(self) -> tuple[Table, ...]:
        """The hourly tables that are made from raw objects."""
        return tuple(table for table in self.tables if table.hourly and table.layer == PARSED_LAYER)

    def table(self, key: str) -> Table:
        """The table of this key; KeyError."""
        for table in self.tables:
            if table.key == key:
                return table
        raise KeyError(f"Source {self.name} has no table {key!r}.")


@dataclass(frozen=True, order=True)
class Interval:
    """Half-open span of whole UTC hours `[start, end)`, which one job run overwrites exactly."""

    start: datetime
    end: datetime = field(compare=True)

    def __post_init__(self) -> None:
        for at in (self.start, self.end):
            if at.tzinfo is None or at != at.replace(minute=0, second=0, microsecond=0):
                raise ValueError(f"An interval needs whole UTC hours; got {at.isoformat()}.")
        if self.end <= self.start:
            raise ValueError(f"An interval must not be empty; got {self.start} to {self.end}.")

    @classmethod
    def of_hour(cls, hour: str) -> Interval:
        """The interval of one hour, `2026-11-20-13`."""
        start = parse_hour(hour)
        return cls(start, start + timedelta(hours=1))

    @classmethod
    def spanning(cls, first_hour: str, last_hour: str) -> Interval:
        """The interval from the first to the last hour, both included."""
        return cls(parse_hour(first_hour), parse_hour(last_hour) + timedelta(hours=1))

    @property
    def hours(self) -> tuple[str, ...]:
        """Its hours in order, as partitions name them."""
        return _hours_between(self.start, self.end)

    def widened(self, hours_before: int = 0, hours_after: int = 0) -> Interval:
        """The interval with more hours at its ends."""
        return Interval(self.start - timedelta(hours=hours_before), self.end + timedelta(hours=hours_after))


@lru_cache(maxsize=64)
def _hours_between(start: datetime, end: datetime) -> tuple[str, ...]:
    count = (end - start) // timedelta(hours=1)
    return tuple(format_hour(start + timedelta(hours=number)) for number in range(count))


def parse_hour(hour: str) -> datetime:
    """`2026-11-20-13` -> 2026-11-20T13:00Z; ValueError for anything else."""
    return datetime.strptime(hour, HOUR_FORMAT).replace(tzinfo=UTC)


def format_hour(at: datetime) -> str:
    """The UTC hour that holds `at`, in `HOUR_FORMAT`."""
    return at.astimezone(UTC).strftime(HOUR_FORMAT)

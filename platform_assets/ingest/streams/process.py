"""The process behind `weir stream run`: lands a stream, and appends each landed object to the open hours of its tables.

An hour is open until GRACE after its end. Then its landed objects are in the ledger, and batch makes the hour from them as
from any other objects; what arrives later makes it stale. Killed at any point, the next process goes on where this one was.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from json import dumps
from typing import Any

from platform_assets.clients import metric_publishers as metrics
from platform_assets.clients.aws import aws_sentence
from platform_assets.clients.engine import lake_of
from platform_assets.clients.kinesis import kinesis_client
from platform_assets.clients.model_registry import NoChampionError
from platform_assets.core.domain import domains, load
from platform_assets.core.job_parameters import parameters_of
from platform_assets.core.streams import progress, record_progress
from platform_assets.ingest.streams.landed_objects import Registered, landing_of, register, registered_number, stream_of
from platform_assets.releases.serving import Serving
from platform_assets.settings import Settings
from spark_jobs.contract import Source, Table, format_hour
from spark_jobs.errors import ExitCode, WeirError
from spark_jobs.registry import sources
from spark_jobs.runtime.canary import Served
from spark_jobs.streaming.kinesis import KinesisReader
from spark_jobs.streaming.land import BatchBounds, Lander
from spark_jobs.streaming.landed import LandedObject
from spark_jobs.streaming.micro_batch import MicroBatch

logger = logging.getLogger(__name__)
GRACE = timedelta(minutes=5)
"""How long after an hour's end its events are still appended by the stream."""
RECORD_SECONDS = 60.0
"""How often progress is recorded."""
MODEL_SECONDS = 60.0
"""How often the model that serves is looked up."""


class StreamError(WeirError):
    """A stream that is not set, or that cannot be read; one sentence that says what to do."""

    exit_code = ExitCode.INPUT


class StreamServiceError(StreamError):
    """AWS refuses what a stream needs, or cannot be reached."""

    exit_code = ExitCode.SERVICE


@dataclass
class Figures:
    """What the process has done, for people and for the progress table."""

    records: int = 0
    rejected: int = 0
    late: int = 0
    objects: int = 0
    age_seconds: float | None = None
    newest_event_at: float | None = None
    rate: float = 0.0
    behind_milliseconds: dict[str, int] = field(default_factory=dict)
    throttled: int = 0


def streamed_source(name: str) -> Source:
    """The source of this name that a stream can bring; StreamError."""
    streamed = {source.name: source for source in sources().values() if source.stream is not None}
    if name not in streamed:
        raise StreamError(f"No stream brings {name!r}; choose one of {', '.join(sorted(streamed))}.")
    return streamed[name]


class StreamProcess:
    """Lands and appends one stream. Not for several threads."""

    def __init__(
        self,
        settings: Settings,
        source: Source,
        client: Any = None,
        bounds: BatchBounds | None = None,
        start_at: datetime | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`client`: of Kinesis; None: as the settings and botocore's variables say. `start_at`: where a first run begins."""
        assert source.stream is not None
        stream = stream_of(settings, source)
        if not stream:
            raise StreamError(f"No data stream is set for {source.name}; {source.stream.how_to_set}.")
        self.settings, self.source, self.input, self.name, self.now = settings, source, source.stream, stream, now
        self.lake = lake_of(settings)
        self.parameters = parameters_of(settings, source.name)
        client = client or kinesis_client(settings.aws_region)
        self.lander = Lander(
            KinesisReader(client, stream, start_at=start_at),
            landing_of(settings, self.lake, source),
            load(self.input.header)(self.parameters),
            bounds,
        )
        self.writer = f"weir-stream-{source.name}-{stream}"
        self.figures = Figures()
        self.started_at, self.recorded_at, self.model_at = now(), float("-inf"), float("-inf")
        self.start_count = 1 + int((progress(self.lake).get(source.name) or {"start_count": 0})["start_count"])
        self.open_from = self._open_from()
        self.served: Served | None = None
        self.followers = [
            load(domain.streams[source.name])(settings, self.lake)
            for domain in domains().values()
            if source.name in domain.streams
        ]
        self.unregistered: list[Registered] = []
        self.object_number = 0
        self._recent: list[tuple[float, int]] = []

    def run(self, is_stopping: Callable[[], bool], tell: Callable[[Figures], None] = lambda figures: None) -> Figures:
        """Until `is_stopping`; then registers what is landed, so that batch can make the hours."""
        self._recover()
        self._record(is_running=True)
        self._followed("restore", self.now())
        while not is_stopping():
            landed = self.lander.land(is_stopping)
            if landed is not None:
                batch = self._append(landed)
                self._followed("observe", batch, self.now())
            self._followed("act")
            self._close_hours()
            if time.monotonic() - self.recorded_at >= RECORD_SECONDS:
                self._record(is_running=True)
            tell(self._figures())
        self._followed("act", True)
        self._register()
        self._record(is_running=False)
        return self._figures()

    # --- one landed object --------------------------------------------------------------------------------------------

    def _append(self, landed: LandedObject, is_done: bool = False) -> MicroBatch:
        """Rows of a landed object into the tables of the open hours, each table once; `is_done`: they are there."""
        served = None if is_done else self._serving()
        batch: MicroBatch = load(self.input.micro_batch)(
            landed, self.parameters, self.open_from, served, self.lake.storage
        )
        if not is_done:
            for table, rows in batch.rows.items():
                self.lake.append_once(rows, table, self.writer, landed.number)
        hours = batch.event_hours or (format_hour(landed.modified_at),)
        # Without its bytes: those of an hour would fill the memory.
        self.unregistered.append(Registered(replace(landed, content=b""), hours))
        self.object_number = landed.number
        figures = self.figures
        figures.records += batch.event_count + batch.rejected_count
        figures.rejected += batch.rejected_count
        figures.late += batch.late_count
        figures.objects += 1
        if batch.newest_at:
            figures.newest_event_at = max(batch.newest_at, figures.newest_event_at or 0.0)
            figures.age_seconds = self.now().timestamp() - batch.newest_at
        self._recent.append((time.monotonic(), batch.event_count + batch.rejected_count))
        return batch

    def _followed(self, method: str, *arguments: Any) -> None:
        """Call a method of each domain that follows the stream; what one raises is logged, and keeps no record from the tables."""
        for follower in self.followers:
            try:
                getattr(follower, method)(*arguments)
            except Exception:
                logger.exception("%s failed; records go on into the tables.", type(follower).__name__)

    def _recover(self) -> None:
        """Append and register what an earlier process landed and did not register."""
        after = registered_number(self.lake, self.source, self.lander.landing)
        delta = self.lake.delta(self._last_table())
        done = 0 if delta is None else int(delta.transaction_version(self.writer) or 0)
        for landed in self.lander.recovered(after):
            self._append(landed, is_done=landed.number <= done)
        self.object_number = max(self.object_number, after)

    def _last_table(self) -> Table:
        """The table that is appended to last: what it holds, the others hold as well."""
        scored = (job.tables[0] for job in self.source.jobs if job.model and job.model == self.input.model)
        return next(scored, self.source.parsed[0])

    def _serving(self) -> Served | None:
        """The versions that serve, looked up once a minute; None where none does yet."""
        if self.input.model is None:
            return None
        if time.monotonic() - self.model_at >= MODEL_SECONDS:
            serving = Serving(self.settings, self.lake, self.input.model)
            self.model_at = time.monotonic()
            try:
                now = serving.now()
            except NoChampionError as error:
                logger.warning("%s Records are kept, and scored by `weir run`.", error)
                self.served = None
            else:
                if self.served is None or now != replace(self.served, model_dir="", canary_dir=""):
                    self.served = serving.with_fallback(now, serving.fetched)
                serving.record(self.served, [self.open_from])
        return self.served

    # --- hours --------------------------------------------------------------------------------------------------------

    def _open_from(self) -> str:
        return format_hour(self.now() - GRACE)

    def _close_hours(self) -> None:
        """Where an hour has ended: its objects go into the ledger, and the tables are left to batch."""
        open_from = self._open_from()
        if open_from > self.open_from:
            self.open_from = open_from
            self._register()
            self._record(is_running=True)
            self.model_at = float("-inf")

    def _register(self) -> None:
        if self.unregistered:
            register(self.lake, self.source, self.unregistered)
            self.unregistered.clear()

    # --- figures ------------------------------------------------------------------------------------------------------

    def _figures(self) -> Figures:
        since = time.monotonic() - RECORD_SECONDS
        self._recent = [(at, count) for at, count in self._recent if at >= since]
        elapsed = max(min(RECORD_SECONDS, (self.now() - self.started_at).total_seconds()), 1.0)
        self.figures.rate = sum(count for _, count in self._recent) / elapsed
        self.figures.behind_milliseconds = dict(self.lander.figures.behind_milliseconds)
        self.figures.throttled = self.lander.figures.throttled_reads
        return self.figures

    def _record(self, *, is_running: bool) -> None:
        figures = self._figures()
        behind = figures.behind_milliseconds
        newest = figures.newest_event_at
        self.recorded_at = time.monotonic()
        row = {
            "source": self.source.name,
            "stream": self.name,
            "recorded_at": self.now(),
            "started_at": self.started_at,
            "start_count": self.start_count,
            "open_from": self.open_from,
            "is_running": is_running,
            "object_number": self.object_number,
            "record_count": figures.records,
            "rejected_count": figures.rejected,
            "late_count": figures.late,
            "throttled_count": figures.throttled,
            "records_per_second": figures.rate,
            "behind_seconds": max(behind.values(), default=0) / 1000,
            "newest_event_at": None if newest is None else datetime.fromtimestamp(newest, UTC),
            "age_seconds": figures.age_seconds,
            "shards_behind": dumps(behind, sort_keys=True),
            "model_version": self.served.versions if self.served else None,
        }
        record_progress(self.lake, row)
        self._publish(row)

    def _publish(self, row: dict[str, Any]) -> None:
        """The figures as metrics; where they cannot be published, the stream goes on."""
        units = {"records_per_second": "Count/Second", "behind_seconds": "Seconds", "age_seconds": "Seconds"}
        dimensions = {"Stream": self.name}
        points = [
            metrics.MetricPoint(f"stream_{name}", float(row[name]), row["recorded_at"], unit, dimensions)
            for name, unit in {**units, "rejected_count": "Count", "start_count": "Count"}.items()
            if row[name] is not None
        ]
        try:
            metrics.publish(self.settings, points)
        except metrics.MetricsError as error:
            logger.warning("%s", error)


@contextmanager
def with_sentences(stream: StreamProcess) -> Iterator[None]:
    """Context in which an error of AWS ends in one sentence."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        subject = f"the data stream {stream.name} in {stream.settings.aws_region}"
        permission = "kinesis:ListShards, kinesis:GetShardIterator and kinesis:GetRecords"
        raise StreamServiceError(aws_sentence(error, subject, permission=permission)) from error

"""Polls GetMetricData into JSON lines files in the raw location of metrics, one file per poll.

The file names say how far polling has got, so there is no other state that could be ahead of the data. Each poll
overlaps the last one a little, because CloudWatch completes periods late; features count a sample that comes twice once.
What a metric means is the source's.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from platform_assets.clients.aws import AWS_ERRORS, aws_client, aws_sentence
from platform_assets.clients.engine import storage_of
from platform_assets.ingest.listings import location_of
from platform_assets.ingest.objects import ObjectsError, list_objects
from platform_assets.settings import Settings
from spark_jobs.errors import ExitCode, WeirError

FOLDER = "cloudwatch"
UNTIL = re.compile(r"cloudwatch-(\d{8}T\d{6}Z)-from-[\d-]{13}-[0-9a-f]+\.jsonl\.gz$")
UNTIL_FORMAT = "%Y%m%dT%H%M%SZ"
QUERIES_PER_CALL = 500
"""AWS's limit."""
SETTLING = timedelta(minutes=2)
"""How long after its end a period counts as complete."""
OVERLAP = timedelta(minutes=15)
"""How far a poll overlaps the last one; datapoints that arrive later than this are lost."""
LONGEST = timedelta(days=15)
"""How long CloudWatch keeps periods of a minute."""
DEFAULT_METRICS = {
    "node_cpu_utilization": "Percent",
    "node_memory_utilization": "Percent",
    "cluster_node_count": "Count",
    "cluster_number_of_running_pods": "Count",
}
"""Metrics of Container Insights, by cluster, that the features need."""


class PollError(WeirError):
    """CloudWatch cannot be polled; the message is one sentence that says why and what to do."""

    exit_code = ExitCode.SERVICE


@dataclass(frozen=True)
class Query:
    """One metric of one cluster, or a metric math `expression`; `metric` names it where the mapping does not."""

    cluster_id: str
    metric_name: str = ""
    namespace: str = "ContainerInsights"
    dimensions: dict[str, str] = field(default_factory=dict)
    statistic: str = "Average"
    period_seconds: int = 60
    unit: str | None = None
    metric: str | None = None
    factor: float | None = None
    expression: str | None = None

    def request(self, number: int) -> dict[str, Any]:
        """The query as GetMetricData expects it."""
        name = f"q{number}"
        if self.expression:
            return {"Id": name, "Expression": self.expression, "Period": self.period_seconds, "ReturnData": True}
        dimensions = [{"Name": key, "Value": value} for key, value in sorted(self.dimensions.items())]
        metric = {"Namespace": self.namespace, "MetricName": self.metric_name, "Dimensions": dimensions}
        stat = {"Metric": metric, "Period": self.period_seconds, "Stat": self.statistic}
        return {"Id": name, "MetricStat": stat, "ReturnData": True}

    def to_json(self) -> dict[str, Any]:
        """The query as the file stores it, without absent fields."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def queries_of(settings: Settings) -> list[Query]:
    """The queries of the configured file, else Container Insights of the configured clusters. PollError."""
    if settings.metrics.queries:
        return _from_file(Path(settings.metrics.queries).expanduser())
    clusters = [name.strip() for name in settings.metrics.clusters.split(",") if name.strip()]
    if not clusters:
        raise PollError(
            "Nothing is to be polled; name clusters in WEIR_CLOUDWATCH_CLUSTERS or a file in WEIR_CLOUDWATCH_QUERIES."
        )
    return [
        Query(cluster, name, dimensions={"ClusterName": cluster}, unit=unit)
        for cluster in clusters
        for name, unit in DEFAULT_METRICS.items()
    ]


def _from_file(path: Path) -> list[Query]:
    import yaml

    how = "write a list of entries with cluster_id, namespace, metric_name and dimensions (docs/metrics.md)"
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PollError(
            f"The queries in {path} cannot be read ({error.strerror}); correct WEIR_CLOUDWATCH_QUERIES."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise PollError(f"{path} is no YAML; {how}.") from None
    if not isinstance(entries, list) or not entries:
        raise PollError(f"{path} holds no list of queries; {how}.")
    queries = []
    for number, entry in enumerate(entries, 1):
        try:
            query = Query(**entry)
        except TypeError:
            raise PollError(f"Query {number} of {path} has other entries than a query has; {how}.") from None
        is_named = bool(query.metric) if query.expression else bool(query.metric_name)
        if not query.cluster_id or not is_named:
            raise PollError(f"Query {number} of {path} names no metric; {how}.")
        if query.period_seconds <= 0 or query.period_seconds % 60:
            raise PollError(f"Query {number} of {path} has a period of {query.period_seconds} s; use a multiple of 60.")
        queries.append(query)
    return queries


def poll(settings: Settings, now: datetime) -> dict[str, Any]:
    """Fetch the complete periods since the last poll and write them; returns figures. PollError."""
    location = location_of(settings, "metrics").rstrip("/")
    if not location:
        raise PollError("There is no location to write polled metrics to; set WEIR_METRICS_RAW.")
    queries = queries_of(settings)
    longest = max(query.period_seconds for query in queries)
    end = _floored(now - SETTLING, longest)
    last = _last_end(settings, f"{location}/{FOLDER}")
    start = end - timedelta(hours=settings.metrics.first_hours) if last is None else last - OVERLAP
    start = _floored(max(start, end - LONGEST), longest)
    if last is not None and end <= last:
        return {"datapoints": 0, "polled until": last.isoformat()}
    results = list(_results(settings, queries, start, end))
    count = sum(len(result["Timestamps"]) for _, result in results)
    lines = [
        json.dumps({"polled_at": now.isoformat(), "Query": query.to_json(), "MetricDataResult": result})
        for query, result in results
    ]
    name = _write(settings, f"{location}/{FOLDER}", lines, start, end)
    return {"datapoints": count, "queries": len(queries), "polled until": end.isoformat(), "path": name}


def _results(
    settings: Settings, queries: Sequence[Query], start: datetime, end: datetime
) -> Iterator[tuple[Query, dict[str, Any]]]:
    """Each query with its datapoints, over all pages, in time order."""
    what = "CloudWatch metrics"
    try:
        client = aws_client("cloudwatch", settings.aws_region)
        for number in range(0, len(queries), QUERIES_PER_CALL):
            batch = queries[number : number + QUERIES_PER_CALL]
            results: dict[str, dict[str, Any]] = {}
            pages = client.get_paginator("get_metric_data").paginate(
                MetricDataQueries=[query.request(index) for index, query in enumerate(batch)],
                StartTime=start,
                EndTime=end,
                ScanBy="TimestampAscending",
            )
            for page in pages:
                for result in page["MetricDataResults"]:
                    if result.get("StatusCode") in ("InternalError", "Forbidden"):
                        metric = batch[int(result["Id"][1:])].metric_name
                        raise PollError(
                            f"CloudWatch answered {result['StatusCode']} for {metric}; run again, and allow cloudwatch:GetMetricData if it persists."
                        )
                    datapoints = results.setdefault(
                        result["Id"], {"Label": result.get("Label", ""), "Timestamps": [], "Values": []}
                    )
                    datapoints["Timestamps"] += [at.astimezone(UTC).isoformat() for at in result["Timestamps"]]
                    datapoints["Values"] += result["Values"]
            for index, query in enumerate(batch):
                if f"q{index}" in results:
                    yield query, results[f"q{index}"]
    except AWS_ERRORS as error:
        raise PollError(aws_sentence(error, what, permission="cloudwatch:GetMetricData")) from error


def _last_end(settings: Settings, folder: str) -> datetime | None:
    """The newest end time of the files in the folder; None without files."""
    if not folder.startswith("s3://"):
        names = [path.name for path in Path(folder).glob("cloudwatch-*")]
    else:
        try:
            listed = list_objects(f"{folder}/", region=settings.aws_region, endpoint_url=settings.s3_endpoint_url)
            names = [listed_object.source_object for listed_object in listed]
        except ObjectsError as error:
            raise PollError(str(error)) from error
    times = [match[1] for name in names if (match := UNTIL.search(name))]
    return datetime.strptime(max(times), UNTIL_FORMAT).replace(tzinfo=UTC) if times else None


def _write(settings: Settings, folder: str, lines: Sequence[str], start: datetime, end: datetime) -> str:
    """Write one file with the lines, atomically; returns its path."""
    data = gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0)
    digest = hashlib.blake2b(data, digest_size=6).hexdigest()
    name = f"cloudwatch-{end.strftime(UNTIL_FORMAT)}-from-{start:%Y-%m-%d-%H}-{digest}.jsonl.gz"
    uri = f"{folder}/{name}"
    try:
        if folder.startswith("s3://"):
            filesystem, path = storage_of(settings).filesystem(uri)
            with filesystem.open_output_stream(path, compression=None) as stream:  # the name would compress it again
                stream.write(data)
        else:
            Path(folder).mkdir(parents=True, exist_ok=True)
            partial = Path(folder) / f".{name}"
            partial.write_bytes(data)
            partial.rename(Path(folder) / name)
    except OSError as error:
        raise PollError(f"{uri} cannot be written ({error.strerror or error}); let this user write there.") from error
    return uri


def _floored(at: datetime, seconds: int) -> datetime:
    return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, UTC)

"""What content that cannot be read comes nearest to, as the end of a sentence that says what to do. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_TEXTS = (
    (r"PK\x03\x04", "it is a spreadsheet or an archive; save the sheet as CSV"),
    (r"(?i)\s*<(?:!doctype|html|\?xml)", "it is an HTML or XML document, perhaps a page that asks for a login"),
    (r"NAME\s+(?:READY|CPU\(cores\)\s+MEMORY)", "it is nearest to kubectl top nodes, which shows percentages; pods have none"),
    (r"# (?:HELP|TYPE) |[a-zA-Z_:][\w:]*\{.*\} \S+(?: \d+)?\s*$", "it is nearest to Prometheus's exposition text, which has no times; export query_range's answer"),
    (r"[^\s,]+(?:,[^\s,=]+=[^\s,=]+)* [^\s,=]+=[^\s,=]+(?:,[^\s,=]+=[^\s,=]+)* \d{10,}\s*$", "it is nearest to InfluxDB's line protocol; export it as CSV"),
    (r"(?:DATAPOINTS|METRICDATARESULTS)\s|\s*\|\s*(?:GetMetric|Datapoints)", "it is nearest to the AWS CLI's text output; use --output json"),
)  # fmt: skip
_FORMS = {
    "an answer of GetMetricData": ({"MetricDataResults"}, {"Timestamps", "Values", "Id", "Messages"}),
    "an answer of GetMetricStatistics": ({"Datapoints", "Label"}, set()),
    "a record of a metric stream": (
        {"metric_stream_name", "namespace", "metric_name", "timestamp", "value"},
        {"dimensions", "unit"},
    ),
    "a series of Prometheus": ({"metric", "values"}, {"value", "timestamps", "labels", "__name__"}),
    "an answer of Prometheus's query API": ({"status", "data"}, {"resultType", "result", "error", "errorType"}),
    "a performance event of Container Insights": ({"Type", "ClusterName", "Timestamp"}, {"_aws", "CloudWatchMetrics"}),
    "an object with a key per metric": ({"timestamp"}, {"cluster_id", "cpu_utilization", "memory_utilization"}),
}
"""Form -> keys that it needs, and others that show it."""
KEYS_SHOWN = 5


def nearest_form(lines: Sequence[str]) -> str:
    """What the first lines of a text come nearest to, and what to do about it."""
    head = [line.rstrip("\r") for line in lines if line.strip()][:5]
    for pattern, meaning in _TEXTS:
        if any(re.match(pattern, line) for line in head):
            return meaning
    if head and any(sign in head[0] for sign in ",;\t|"):
        return "it is nearest to CSV; call the column of times timestamp"
    return "write CSV with a header line, JSON of CloudWatch or Prometheus, or Parquet"


def nearest_record(record: Mapping[str, Any]) -> str:
    """What a JSON object of no known form comes nearest to, and what it lacks."""
    if record.get("status") == "error" and "error" in record:
        return f"it is an answer of Prometheus that reports an error: {str(record['error'])[:200]}"
    scores = {form: len(keys & record.keys()) * 2 + len(more & record.keys()) for form, (keys, more) in _FORMS.items()}
    form = max(scores, key=lambda form: scores[form])
    if not scores[form]:
        shown = ", ".join(map(repr, list(record)[:KEYS_SHOWN]))
        return f"it has the keys {shown}" if shown else "it has no keys"
    missing = sorted(_FORMS[form][0] - record.keys())
    return f"it is nearest to {form}" + (f" and lacks {', '.join(missing)}" if missing else "")

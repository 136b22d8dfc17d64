"""What kind of text an object holds, told by its beginning: a CloudFront log and how its fields are parted, or another log.

Knows the first lines of the logs that share buckets with CloudFront's. Sources: AWS, "Access logs for your Application Load
Balancer", "Amazon S3 server access log format", "Flow log records", "Web ACL logging", "CloudTrail record contents".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from spark_jobs.sources.cloudfront.layouts import FIELD_COLUMNS, REAL_TIME_FIELDS, TIME_FIELDS, V1_FIELDS, normalized
from spark_jobs.sources.cloudfront.record_lines import normalized_names
from spark_jobs.storage.json_records import JsonRecord

DELIMITERS = (b"\t", b",", b"|", b";", b" ")
"""Of the output format w3c of standard log v2, the most frequent first."""
LINES_LOOKED_AT = 20
_JSON = re.compile(rb"[\s\x00]*(?:\[\s*)?\{")
_HEADER = re.compile(rb"^#\s*(?:Fields|Version):", re.IGNORECASE | re.MULTILINE)
_ROW = re.compile(rb"(?:\d{4}-\d\d-\d\d[\t,|; ]\d\d:\d\d|\d{10}(?:\.\d+|\d{3})?[\t,|; ])")
"""The start of a row of a CloudFront log: a date and a time, or an epoch time."""
_TEXTS = (
    (rb"(?:https?|h2|grpcs|wss?) \d{4}-\d\d-\d\dT", "an access log of an Application Load Balancer"),
    (rb"tls \d\.\d \d{4}-\d\d-\d\dT", "an access log of a Network Load Balancer"),
    (rb"\d{4}-\d\d-\d\dT\S+Z \S+ \S+:\d+ ", "an access log of a Classic Load Balancer"),
    (rb"[0-9a-f]{64} \S+ \[", "an S3 server access log"),
    (rb"version account-id |\d \d{12} eni-", "a VPC flow log"),
    (rb"\S+ \S+ \S+ \[\d\d?/\w{3}/\d{4}:", "an access log of a web server"),
    (rb'(?i)"?date"?,"?time"?,', "a CSV table as Athena exports one (give the log objects that it was made of)"),
    (rb"(?i)<(?:!doctype|html|\?xml)", "an HTML or XML document"),
)
_RECORDS = (
    ({"webaclid", "httprequest"}, "logs of AWS WAF"),
    ({"eventversion", "eventsource"}, "records of CloudTrail"),
    ({"records"}, "records of CloudTrail or a notification"),
    ({"digests3bucket"}, "a digest of CloudTrail"),
)
_OWN_FIELDS = {*FIELD_COLUMNS, *TIME_FIELDS, *(normalized(name) for name in (*V1_FIELDS, *REAL_TIME_FIELDS))}
FEWEST_OWN_FIELDS = 3
"""Known names that make a record or a line of names one of CloudFront's."""


def is_json(head: bytes) -> bool:
    """Whether the object holds JSON objects, alone or in an array."""
    return _JSON.match(head) is not None


def kind_of_foreign_text(head: bytes) -> str:
    """What the text is, with its article, where it is no CloudFront log; empty where it may be one."""
    if b"\0" in head[:4096] and not head.startswith(b"#"):
        return "binary data of another kind"
    if _HEADER.search(head):
        return ""
    lines = [line for line in head.split(b"\n")[:LINES_LOOKED_AT] if line.strip()]
    if not lines or any(_ROW.match(line) for line in lines) or names_of(lines[0]):
        return ""
    for pattern, kind in _TEXTS:
        if re.match(pattern, lines[0]):
            return kind
    return "text of another kind"


def kind_of_foreign_records(batch: Sequence[JsonRecord]) -> str:
    """What the records are, where none of them has fields of a CloudFront log; empty where any has, or is unreadable."""
    names: set[str] = set()
    for record in batch:
        if not isinstance(record.fields, dict):
            return ""
        own = normalized_names(record.fields)
        if len(_OWN_FIELDS & own.keys()) >= FEWEST_OWN_FIELDS or "c_ip" in own:
            return ""
        names |= own.keys()
    for known, kind in _RECORDS:
        if known <= names:
            return kind
    return "JSON of another kind" if names else ""


def names_of(line: bytes) -> list[bytes]:
    """The field names in a line that holds nothing else; [] where it is no such line."""
    for delimiter in DELIMITERS:
        names = [name.strip().strip(b'"') for name in line.strip().split(delimiter)]
        if len(names) >= FEWEST_OWN_FIELDS and all(normalized(name.decode("latin-1")) in _OWN_FIELDS for name in names):
            return names
    return []


def delimiter_of(data: bytes, field_count: int) -> bytes:
    """What parts the fields of the first lines: that which gives one of them its number of fields, a tab where none does."""
    lines = [
        line.rstrip(b"\r") for line in data[: 1 << 20].split(b"\n", LINES_LOOKED_AT)[:LINES_LOOKED_AT] if line.strip()
    ]
    for delimiter in DELIMITERS:
        if any(with_tabs(line, delimiter).count(b"\t") == field_count - 1 for line in lines):
            return delimiter
    return b"\t"


def with_tabs(data: bytes, delimiter: bytes) -> bytes:
    """Lines with tabs for their delimiter. One before an encoded space is a user agent's: no field begins with a space."""
    if delimiter == b"\t":
        return data
    within = delimiter + b"%20"
    return data.replace(b"\t", b"%09").replace(within, b"\0").replace(delimiter, b"\t").replace(b"\0", within)

"""CloudFront lines and files for tests, and the outcome of parsing them. No tests."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from spark_jobs.sources.cloudfront.layouts import V1_FIELDS
from spark_jobs.sources.cloudfront.log_object import LogObject, ParseOptions, Rejected
from spark_jobs.sources.cloudfront.parse import ObjectParser
from spark_jobs.sources.cloudfront.tables import REQUESTS
from spark_jobs.storage.objects import Limits

ROW = {
    "date": "2026-11-20",
    "time": "13:05:07",
    "x-edge-location": "FRA56-P1",
    "sc-bytes": "1045",
    "c-ip": "192.0.2.10",
    "cs-method": "GET",
    "cs(Host)": "d111111abcdef8.cloudfront.net",
    "cs-uri-stem": "/shop/item.html",
    "sc-status": "200",
    "cs(Referer)": "https://www.example.com/",
    "cs(User-Agent)": "Mozilla/5.0%20(X11;%20Linux)",
    "cs-uri-query": "id=7&ref=mail",
    "cs(Cookie)": "session=abc",
    "x-edge-result-type": "Hit",
    "x-edge-request-id": "id-1==",
    "x-host-header": "www.example.com",
    "cs-protocol": "https",
    "cs-bytes": "310",
    "time-taken": "0.012",
    "x-forwarded-for": "-",
    "ssl-protocol": "TLSv1.3",
    "ssl-cipher": "TLS_AES_128_GCM_SHA256",
    "x-edge-response-result-type": "Hit",
    "cs-protocol-version": "HTTP/2.0",
    "fle-status": "-",
    "fle-encrypted-fields": "-",
    "c-port": "51000",
    "time-to-first-byte": "0.011",
    "x-edge-detailed-result-type": "Hit",
    "sc-content-type": "text/html",
    "sc-content-len": "820",
    "sc-range-start": "-",
    "sc-range-end": "-",
}
RTMP_HEADER = (
    "#Fields: date time x-edge-location c-ip x-event sc-bytes x-cf-status x-cf-client-id cs-uri-stem cs-uri-query "
    "c-referrer x-page-url c-user-agent x-sname x-sname-query x-file-ext x-sid"
)
RTMP_LINE = (
    "2010-03-12\t23:51:20\tSEA4\t192.0.2.147\tconnect\t2014\tOK\tbfd8a98bee0840d9b871b7f6adf9908f\t"
    "rtmp://shqshne4jdp4b6.cloudfront.net/cfx/st\tkey=value\thttp://player.longtailvideo.com/player.swf\t"
    "http://www.longtailvideo.com/support/\tLNX%2010,0,32,18\t-\t-\t-\t-"
)


def header(fields: Sequence[str] = V1_FIELDS, between: str = " ") -> str:
    return "#Fields: " + between.join(fields)


def line(fields: Sequence[str] = V1_FIELDS, **changed: str) -> str:
    """One good row, but for `changed`: names with `_` for every sign, as `cs_user_agent`."""
    names = {name: "".join(c if c.isalnum() else "_" for c in name.lower()).strip("_") for name in {*fields, *ROW}}
    known = {names[name]: value for name, value in ROW.items()}
    if unknown := set(changed) - set(names.values()):
        raise KeyError(f"no fields {unknown}")
    return "\t".join({**known, **changed}.get(names[name], "x") for name in fields)


def log(*lines: str | bytes, fields: Sequence[str] = V1_FIELDS, end: str = "\n") -> bytes:
    """A file: version, header, lines."""
    texts = ["#Version: 1.0", header(fields), *lines]
    return b"".join((t if isinstance(t, bytes) else t.encode()) + end.encode() for t in texts)


def many(count: int, start: int = 0, **changed: str) -> list[str]:
    """Good rows with request ids of their own."""
    return [line(x_edge_request_id=f"id-{i}==", **changed) for i in range(start, start + count)]


@dataclass(frozen=True)
class Outcome:
    """All that parsing an object gave."""

    requests: pa.Table
    rejected: list[Rejected]
    lines_present: int

    @property
    def rows(self) -> list[dict]:
        return self.requests.to_pylist()

    @property
    def row(self) -> dict:
        (row,) = self.rows
        return row

    @property
    def reasons(self) -> list[tuple[int, str]]:
        return [(r.line_number, r.reason) for r in self.rejected]

    @property
    def line_numbers(self) -> list[int]:
        return self.requests["line_number"].to_pylist()


def parse(
    data: bytes, options: ParseOptions | None = None, log_object: LogObject | None = None, block_bytes: int = 0
) -> Outcome:
    """What the parser makes of an object, after a look at what holds of every object: no line is lost."""
    options = options or ParseOptions()
    if block_bytes:
        limits = Limits(options.limits.max_line_bytes, block_bytes=block_bytes)
        options = ParseOptions(**{**options.__dict__, "limits": limits})
    parser = ObjectParser(log_object or LogObject("raw/a.gz", "etag0", len(data)), io.BytesIO(data), options)
    parts = list(parser)
    tables = [plain(part.requests) for part in parts if part.requests is not None]
    schema = pa.schema([(f.name, f.type) for f in plain_schema()])
    requests = pa.concat_tables(tables) if tables else schema.empty_table()
    rejected = [rejection for part in parts for rejection in part.rejected]
    outcome = Outcome(requests, rejected, parser.lines_present)
    numbers = outcome.line_numbers + [r.line_number for r in rejected if r.line_number > 0]
    assert requests.num_rows + sum(r.line_number > 0 for r in rejected) == parser.lines_present
    assert len(set(numbers)) == len(numbers), "a line is in one place only"
    return outcome


def plain_schema() -> pa.Schema:
    from spark_jobs.storage.schema import arrow_schema

    return arrow_schema(REQUESTS)


def plain(requests: pa.Table) -> pa.Table:
    """The table without dictionaries, so that two of them can be compared."""
    return requests.cast(plain_schema()).combine_chunks()


def by_line(outcome: Outcome) -> pa.Table:
    return outcome.requests.sort_by("line_number")


def gzipped(data: bytes, level: int = 6) -> bytes:
    return gzip.compress(data, level, mtime=0)


def data_lines(data: bytes) -> dict[int, bytes]:
    """Line number -> line, of the lines that hold data: neither comments nor blank. Counted independently of ours."""
    numbered: Iterable[tuple[int, bytes]] = enumerate(data.split(b"\n"), 1)
    return {number: text for number, text in numbered if text.strip() and not text.startswith(b"#")}

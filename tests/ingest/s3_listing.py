"""An S3 that only lists, with S3's own rules of order, groups and pages, and counts what it is asked. No test here.

moto groups before it looks at start-after, so a group that begins before it is left out whole there; S3 shows it.
"""

from __future__ import annotations

import http.server
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


class ListedBucket:
    """Keys with etags; every listing that it was asked for, as its query."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[str, datetime]] = {}
        self.asked: list[dict[str, str]] = []
        self.endpoint = ""

    def put(self, key: str, etag: str, at: datetime = datetime(2026, 11, 20, tzinfo=UTC)) -> None:
        self.objects[key] = (etag, at)

    def answer(self, query: dict[str, str]) -> str:
        self.asked.append(query)
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        token = query.get("continuation-token")
        after = bytes.fromhex(token).decode() if token else query.get("start-after", "")
        size, last, is_truncated = int(query.get("max-keys", 1000)), "", False
        shown: list[str] = []
        groups: set[str] = set()
        for key in sorted(self.objects, key=str.encode):
            if not key.startswith(prefix) or key.encode() <= after.encode():
                continue
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            group = key[: cut + 1] if cut >= 0 else ""
            if group and group in groups:
                last = key
                continue
            if len(shown) == size:
                is_truncated = True
                break
            groups.add(group)
            shown.append(_group(group) if group else _object(key, *self.objects[key]))
            last = key
        told = f"<IsTruncated>{str(is_truncated).lower()}</IsTruncated><EncodingType>url</EncodingType>"
        told += f"<NextContinuationToken>{last.encode().hex()}</NextContinuationToken>" if is_truncated else ""
        return f"<ListBucketResult>{told}{''.join(shown)}</ListBucketResult>"


def _object(key: str, etag: str, at: datetime) -> str:
    time = at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    name = urllib.parse.quote(key)
    return (
        f'<Contents><Key>{name}</Key><LastModified>{time}</LastModified><ETag>"{etag}"</ETag><Size>7</Size></Contents>'
    )


def _group(group: str) -> str:
    return f"<CommonPrefixes><Prefix>{urllib.parse.quote(group)}</Prefix></CommonPrefixes>"


@contextmanager
def served() -> Iterator[ListedBucket]:
    """A bucket of any name behind `endpoint`."""
    bucket = ListedBucket()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query, keep_blank_values=True))
            text = bucket.answer(query).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bucket.endpoint = f"http://127.0.0.1:{server.server_port}"
    yield bucket
    server.shutdown()
    server.server_close()

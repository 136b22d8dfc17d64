"""S3 that answers 503 or breaks off in the middle of a listing: one sentence, and a ledger that stays as it was."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.ingest.objects import ObjectsError, list_objects
from platform_assets.ingest.raw import update_ledger
from platform_assets.settings import Settings
from spark_jobs.sources.cloudfront.tables import OBJECTS

pytestmark = pytest.mark.attack("faults: storage")

HOUR = "2026-11-20-13"
PAGE = """<ListBucketResult><IsTruncated>{more}</IsTruncated><NextContinuationToken>next</NextContinuationToken>
<Contents><Key>logs/E1.{hour}.{name}.gz</Key><LastModified>2026-11-20T14:00:00.000Z</LastModified><ETag>"{name}"</ETag>
<Size>7</Size></Contents></ListBucketResult>"""
BUSY = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


class Storage(http.server.BaseHTTPRequestHandler):
    """Two pages; as many of the answers for `busy_for` are 503 as `busy` says."""

    busy_for, busy, asked = "", 0, 0

    def do_GET(self) -> None:
        kind = type(self)
        kind.asked += 1
        is_second = "continuation-token" in self.path
        status, text = 200, PAGE.format(more=str(not is_second).lower(), hour=HOUR, name="b" if is_second else "a")
        if kind.busy_for in ("every page", "second page" if is_second else "first page") and kind.busy > 0:
            kind.busy -= 1
            status, text = 503, BUSY
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def storage(home: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[type[Storage], Settings]]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setattr("time.sleep", lambda _: None)
    kind = type("OneStorage", (Storage,), {"busy_for": "", "busy": 0, "asked": 0})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    yield kind, home.model_copy(update={"cloudfront_raw": "s3://raw/logs/", "s3_endpoint_url": endpoint})
    server.shutdown()
    server.server_close()


def test_an_s3_that_is_busy_for_a_moment_is_asked_again(storage: tuple[type[Storage], Settings]) -> None:
    kind, settings = storage
    kind.busy_for, kind.busy = "every page", 3
    assert update_ledger(settings, "cloudfront")["new objects"] == 2
    assert kind.asked == 5


@pytest.mark.parametrize("page", ["first page", "second page"])
def test_an_s3_that_stays_busy_is_one_sentence_and_changes_no_ledger(
    storage: tuple[type[Storage], Settings], page: str
) -> None:
    kind, settings = storage
    kind.busy_for, kind.busy = page, 1000
    with pytest.raises(ObjectsError) as caught:
        list(list_objects("s3://raw/logs/", endpoint_url=settings.s3_endpoint_url))
    assert str(caught.value) == "AWS throttles the calls for s3://raw/logs/ (SlowDown); run again in a minute."
    with pytest.raises(ObjectsError):
        update_ledger(settings, "cloudfront")
    assert lake_of(settings).read_arrow(OBJECTS).num_rows == 0, "not even what the first page held"
    kind.busy = 0
    assert update_ledger(settings, "cloudfront")["new objects"] == 2

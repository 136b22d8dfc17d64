"""What the gate in front of Dagster and MLflow refuses, and what it passes untouched."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from platform_assets.web.gate import Gate, cookie_of

pytestmark = pytest.mark.attack("web pages and programs against weir ui")

TOKEN = "5f" * 32
ORIGIN = "http://127.0.0.1:3000"
SOCKET = "ws://127.0.0.1:3000/socket"
NAME = cookie_of(TOKEN)
COOKIE = {"cookie": f"{NAME}={TOKEN}"}
BEARER = {"authorization": f"Bearer {TOKEN}"}
NAVIGATION = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


async def _graphql(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{request.method} {request.url.query} {(await request.body()).decode()}")


async def _stream(_: Request) -> StreamingResponse:
    async def parts() -> object:
        for part in (b"one ", b"two"):
            yield part

    return StreamingResponse(parts())  # type: ignore[arg-type]


async def _headers(request: Request) -> JSONResponse:
    return JSONResponse(dict(request.headers))


async def _socket(socket: WebSocket) -> None:
    await socket.accept(subprotocol="graphql-ws")
    await socket.send_text(await socket.receive_text())
    await socket.close()


APP = Starlette(
    routes=[
        Route("/graphql", _graphql, methods=["GET", "POST"]),
        Route("/stream", _stream),
        Route("/headers", _headers),
        WebSocketRoute("/socket", _socket),
    ]
)


@pytest.fixture
def client() -> Iterator[TestClient]:
    gate = Gate(APP, TOKEN, ["127.0.0.1:3000", "localhost:3000"], post_only=["/graphql"])
    with TestClient(gate, base_url=ORIGIN, follow_redirects=False) as started:
        yield started


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"cookie": f"{NAME}={'0' * 64}"}, 401),
        ({"cookie": f"{NAME}="}, 401),
        ({"cookie": f"\x01=; {NAME}"}, 401),
        ({"authorization": f"Basic {TOKEN}"}, 401),
        ({"cookie": f"weir_0={TOKEN}"}, 401),
        (COOKIE, 200),
        ({"cookie": f'a="{{[,@"; x=\x7f; {NAME}=0; {NAME}={TOKEN}; b'}, 200),
        (BEARER, 200),
        (COOKIE | {"host": "localhost:3000"}, 200),
        (COOKIE | {"host": "evil.example"}, 403),
        (COOKIE | {"host": "evil.example:3000"}, 403),
        (COOKIE | {"host": "127.0.0.1:3000.evil.example"}, 403),
        (COOKIE | {"host": "127.0.0.1"}, 403),
        (COOKIE | {"host": ""}, 403),
        (COOKIE | {"origin": ORIGIN}, 200),
        (COOKIE | {"origin": "http://evil.example"}, 403),
        (COOKIE | {"origin": "http://127.0.0.1:6666"}, 403),
        (COOKIE | {"origin": "http://localhost:3000"}, 403),
        (COOKIE | {"origin": "null"}, 403),
        (COOKIE | {"host": "evil.example", "origin": "http://evil.example"}, 403),
        (COOKIE | {"sec-fetch-site": "same-origin"}, 200),
        (COOKIE | {"sec-fetch-site": "none"} | NAVIGATION, 200),
        (COOKIE | {"sec-fetch-site": "cross-site"}, 403),
        (COOKIE | {"sec-fetch-site": "cross-site"} | NAVIGATION, 403),
        (COOKIE | {"sec-fetch-site": "same-site"}, 403),
        (COOKIE | {"sec-fetch-site": "same-site"} | NAVIGATION, 200),
        (COOKIE | {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, 403),
    ],
)
def test_a_request_needs_host_origin_and_token(client: TestClient, headers: dict[str, str], status: int) -> None:
    answer = client.get("/headers", headers=headers)
    assert answer.status_code == status
    assert status == 200 or answer.text.endswith(".\n")


@pytest.mark.parametrize(
    ("header", "other"),
    [("host", "evil.example"), ("host", "127.0.0.1:3000"), ("origin", "http://evil.example"), ("origin", ORIGIN)],
)
def test_a_header_sent_twice_is_refused(client: TestClient, header: str, other: str) -> None:
    right = "127.0.0.1:3000" if header == "host" else ORIGIN
    headers = httpx.Headers([*COOKIE.items(), (header, right), (header, other)])
    assert client.get("/headers", headers=headers).status_code == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
@pytest.mark.parametrize("name", ["query", "%71uery"])
def test_a_link_changes_nothing(client: TestClient, method: str, name: str) -> None:
    answer = client.request(method, f"/graphql?{name}=mutation%7B%7D", headers=COOKIE)
    assert answer.status_code == 405


@pytest.mark.parametrize("path", ["/graphql%0A", "/graphql%0D", "/graphql%00", "/a%C2%85"])
def test_control_characters_are_in_no_address(client: TestClient, path: str) -> None:
    assert client.get(f"{path}?query=mutation%7B%7D", headers=COOKIE).status_code == 400


def test_the_token_leads_to_no_other_server(client: TestClient) -> None:
    for path in ("/%5Cevil.example", "/\\evil.example", "//evil.example", "/\\/evil.example"):
        location = client.get(f"http://127.0.0.1:3000{path}?token={TOKEN}").headers.get("location", "/")
        assert location[:1] == "/" and location[1:2] not in ("/", "\\")


def test_a_query_by_post_is_passed(client: TestClient) -> None:
    answer = client.post("/graphql?op=a", headers=COOKIE | {"origin": ORIGIN}, content="mutation {}")
    assert answer.text == "POST op=a mutation {}"
    assert client.get("/graphql", headers=COOKIE).status_code == 200


def test_the_token_leaves_the_address(client: TestClient) -> None:
    answer = client.get(f"/a%2Fb?x=1&token={TOKEN}&y=")
    assert (answer.status_code, answer.headers["location"]) == (303, "/a%2Fb?x=1&y=")
    assert answer.headers["set-cookie"] == f"{NAME}={TOKEN}; HttpOnly; SameSite=Strict; Path=/"
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert client.get("/headers").status_code == 200, "the client keeps the cookie"


@pytest.mark.parametrize("path", ["//evil.example/", "/%2F/evil.example", "///evil.example"])
def test_the_exchange_stays_on_this_server(client: TestClient, path: str) -> None:
    answer = client.get(f"{ORIGIN}{path}?token={TOKEN}")
    assert answer.status_code == 303
    assert not answer.headers["location"].startswith("//")


@pytest.mark.parametrize(
    ("method", "query"), [("POST", f"token={TOKEN}"), ("GET", "token=0"), ("GET", "token="), ("GET", f"token={TOKEN}&token=0")]
)  # fmt: skip
def test_a_token_is_exchanged_only_by_links(client: TestClient, method: str, query: str) -> None:
    answer = client.request(method, f"/headers?{query}")
    assert answer.status_code == 401 and "set-cookie" not in answer.headers


def test_an_answer_is_streamed(client: TestClient) -> None:
    with client.stream("GET", "/stream", headers=COOKIE) as answer:
        assert list(answer.iter_bytes()) == [b"one ", b"two"] or answer.num_bytes_downloaded == 7


def test_a_socket_is_passed(client: TestClient) -> None:
    with client.websocket_connect(SOCKET, ["graphql-ws"], headers=COOKIE | {"origin": ORIGIN}) as socket:
        assert socket.accepted_subprotocol == "graphql-ws"
        socket.send_text("hello")
        assert socket.receive_text() == "hello"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"cookie": f"{NAME}=0"},
        COOKIE | {"origin": "http://evil.example"},
        COOKIE | {"origin": "http://127.0.0.1:6666"},
        COOKIE | {"host": "evil.example"},
        COOKIE | {"sec-fetch-site": "same-site"} | NAVIGATION,
    ],
)
def test_a_foreign_socket_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        client.websocket_connect(SOCKET, headers={"host": "127.0.0.1:3000"} | headers),
    ):
        pass
    assert refused.value.code == 1008


def test_a_gate_without_a_token_is_none() -> None:
    with pytest.raises(ValueError, match="needs a token"):
        Gate(APP, "", ["127.0.0.1:3000"])


PREFERENCES = {"kind": '"a</script><b>"'}
PAGE = NAVIGATION | {"sec-fetch-site": "none"}


@pytest.fixture
def preferring() -> Iterator[TestClient]:
    gate = Gate(APP, TOKEN, ["127.0.0.1:3000"], preferences=PREFERENCES)
    with TestClient(gate, base_url=ORIGIN, follow_redirects=False) as started:
        yield started


def test_preferences_are_set_when_a_browser_enters(preferring: TestClient) -> None:
    answer = preferring.get(f"/headers?x=%3C/script%3E&token={TOKEN}", headers=PAGE)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert 'location.replace("/headers?x=%3C%2Fscript%3E" + location.hash)' in answer.text
    assert answer.text.count("<") == 5, "doctype, title and script, and nothing of the values"
    assert TOKEN not in answer.text
    assert preferring.get("/headers", headers=PAGE).json()["host"] == "127.0.0.1:3000"


def test_preferences_are_set_also_behind_a_link(preferring: TestClient) -> None:
    """The cookie of the token is that of the other server."""
    preferring.cookies.set(NAME, TOKEN)
    assert "location.reload()" in preferring.get("/headers", headers=PAGE).text
    assert preferring.get("/headers", headers=PAGE).json()["host"] == "127.0.0.1:3000"


@pytest.mark.parametrize("headers", [{}, {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}])
def test_only_pages_are_entered(preferring: TestClient, headers: dict[str, str]) -> None:
    assert preferring.get("/headers", headers=headers | BEARER).json()["host"] == "127.0.0.1:3000"


def test_nobody_enters_without_the_token(preferring: TestClient) -> None:
    assert preferring.get("/headers", headers=PAGE).status_code == 401


@pytest.mark.parametrize("path", ["/headers", "/headers/", "//headers", "/headers/more"])
def test_what_is_switched_off_is_reached_by_nobody(path: str) -> None:
    gate = Gate(APP, TOKEN, ["127.0.0.1:3000"], switched_off=("headers",))
    with TestClient(gate, base_url=ORIGIN) as started:
        answer = started.get(f"{ORIGIN}{path}", headers=BEARER)
        assert answer.status_code == 404
        assert "runs commands on this machine" in answer.text
        assert started.get("/stream", headers=BEARER).status_code == 200

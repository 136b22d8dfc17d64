"""The gate in front of everything that Weir serves to a browser: who may ask, and from where.

An ASGI middleware. A loopback port is open to every user of the machine and to every web page that the browser shows, so
a request needs the right Host (rebinding), no foreign origin (forged requests), and the token of the home. Which server
is behind it, and how it is started, is in servers.py.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PARAMETER = "token"
POLICY_VIOLATION = 1008
"""Code of a closed WebSocket (RFC 6455, 7.4.1)."""
UNAUTHORIZED = (
    401,
    "Open the address that `weir ui` printed; it ends in ?token=…, which this browser does not have yet.",
)
FOREIGN_HOST = (403, "This server answers to the address that `weir ui` printed and to no other host name; open that.")
FOREIGN_ORIGIN = (403, "Another site sent this request, so it was refused; open the address that `weir ui` printed.")
ODD_PATH = (400, "The address holds a character that no address of this server has; open what `weir ui` printed.")
ONLY_POST = (405, "Queries are sent by POST here, so that no link can change anything.")
Refusal = tuple[int, str]


class Gate:
    """Passes what comes from a person or program with the token, on this machine, and from no other site.

    `hosts`: the values of the Host header that are answered, such as `127.0.0.1:3000`. `post_only`: paths at which a query
    in the address is refused, since it could change something.
    """

    def __init__(self, app: App, token: str, hosts: Iterable[str], post_only: Iterable[str] = ()) -> None:
        if not token:
            raise ValueError("a gate needs a token")
        self._app, self._token, self._cookie = app, token, cookie_of(token)
        self._hosts, self._post_only = frozenset(hosts), frozenset(post_only)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        refusal = self._refusal(scope, headers)
        parameters = _parameters(scope)
        if refusal is None and not self._has_token(headers):
            if scope["type"] == "http" and scope["method"] == "GET" and self._is_token(dict(parameters).get(PARAMETER)):
                await self._exchange(scope, parameters, send)
                return
            refusal = UNAUTHORIZED
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""})
        else:
            await _answer(send, *refusal)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> Refusal | None:
        """Why the request is refused whoever sends it."""
        host = headers.get("host", "").lower()
        if host not in self._hosts:
            return FOREIGN_HOST
        if not scope["path"].isprintable():
            return ODD_PATH
        if headers.get("origin", f"http://{host}") != f"http://{host}":
            return FOREIGN_ORIGIN
        if not _is_own_site(scope, headers):
            return FOREIGN_ORIGIN
        is_link = scope["type"] == "http" and scope["method"] != "POST" and scope["path"] in self._post_only
        if is_link and "query" in dict(_parameters(scope)):
            return ONLY_POST
        return None

    def _has_token(self, headers: dict[str, str]) -> bool:
        """Whether a cookie or `Authorization: Bearer` carries the token."""
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._is_token(bearer.strip()):
            return True
        # Other servers of this machine set cookies as well, which the standard library's parser may stop at.
        cookies = (cookie.strip().partition("=") for cookie in headers.get("cookie", "").split(";"))
        return any(name == self._cookie and self._is_token(value) for name, _, value in cookies)

    def _is_token(self, text: str | None) -> bool:
        return text is not None and hmac.compare_digest(text.encode(), self._token.encode())

    async def _exchange(self, scope: Scope, parameters: list[tuple[str, str]], send: Send) -> None:
        """The token of the address becomes a cookie, and leaves the address."""
        query = urlencode([(name, value) for name, value in parameters if name != PARAMETER])
        path = "/" + scope.get("raw_path", scope["path"].encode()).decode("latin-1").partition("?")[0].lstrip("/\\")
        cookie = f"{self._cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/"
        await _answer(send, 303, "", ("location", f"{path}?{query}" if query else path), ("set-cookie", cookie))


def cookie_of(token: str) -> str:
    """The name of the cookie. Cookies know no ports: the servers of one home share it, those of two homes do not."""
    return f"weir_{hashlib.sha256(token.encode()).hexdigest()[:12]}"


def _parameters(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _headers(scope: Scope) -> dict[str, str]:
    """Name -> value; a header that was sent twice is joined, which no value that is compared here survives."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}; {text}" if key in headers else text
    return headers


def _is_own_site(scope: Scope, headers: dict[str, str]) -> bool:
    """What the browser says of who sends the request; programs say nothing.

    A link from another port of this machine, as from Dagster to MLflow, opens a page and no more.
    """
    site = headers.get("sec-fetch-site", "none")
    is_link = (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
    )
    return site in ("same-origin", "none") or (site == "same-site" and is_link)


async def _answer(send: Send, status: int, sentence: str, *headers: tuple[str, str]) -> None:
    body = f"{sentence}\n".encode() if sentence else b""
    fixed = (
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", str(len(body))),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    )
    pairs = [(name.encode(), value.encode()) for name, value in (*fixed, *headers)]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})

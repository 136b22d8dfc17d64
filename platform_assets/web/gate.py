"""The gate in front of everything that Weir serves to a browser: who may ask, and from where.

An ASGI middleware. A loopback port is open to every user of the machine and to every web page that the browser shows, so
a request needs the right Host (rebinding), no foreign origin (forged requests), and the token of the home. Which server
is behind it, and how it is started, is in servers.py.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
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
SWITCHED_OFF = (404, "Weir switches this part of the server off: it runs commands on this machine.")
ONLY_POST = (405, "Queries are sent by POST here, so that no link can change anything.")
Refusal = tuple[int, str]


class Gate:
    """Passes what comes from a person or program with the token, on this machine, and from no other site.

    `hosts`: the values of the Host header that are answered, such as `127.0.0.1:3000`. `post_only`: paths at which a query
    in the address is refused, since it could change something. `preferences`: what the pages behind it keep in the browser,
    as JSON texts, set when it enters unless it has them. `switched_off`: beginnings of paths that nobody reaches.
    """

    def __init__(
        self,
        app: App,
        token: str,
        hosts: Iterable[str],
        post_only: Iterable[str] = (),
        preferences: Mapping[str, str] | None = None,
        switched_off: Iterable[str] = (),
    ) -> None:
        if not token:
            raise ValueError("a gate needs a token")
        self._app, self._token, self._cookie = app, token, cookie_of(token)
        self._hosts, self._post_only = frozenset(hosts), frozenset(post_only)
        self._preferences, self._switched_off = dict(preferences or {}), tuple(switched_off)

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
        if refusal is None and self._preferences and _opens_page(scope, headers) and not self._has_entered(headers):
            await self._enter(send, "location.reload()", (self._entered_cookie(),))
        elif refusal is None:
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
        if "/".join(filter(None, scope["path"].split("/"))).startswith(self._switched_off):
            return SWITCHED_OFF
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
        target = f"{path}?{query}" if query else path
        if not self._preferences:
            await _answer(send, 303, "", ("location", target), ("set-cookie", cookie))
            return
        place = json.dumps(target).replace("<", "\\u003c")
        await self._enter(send, f"location.replace({place} + location.hash)", (cookie, self._entered_cookie()))

    def _has_entered(self, headers: dict[str, str]) -> bool:
        return self._entered_cookie().partition(";")[0] in (
            cookie.strip() for cookie in headers.get("cookie", "").split(";")
        )

    def _entered_cookie(self) -> str:
        """Says that the browser was given these preferences; by their names, since cookies know no ports."""
        return f"weir_{hashlib.sha256(repr(sorted(self._preferences)).encode()).hexdigest()[:12]}=1; HttpOnly; SameSite=Strict; Path=/"

    async def _enter(self, send: Send, then: str, cookies: Iterable[str]) -> None:
        """A page that sets the preferences that the browser lacks, and then runs the statement `then`."""
        values = json.dumps(self._preferences).replace("<", "\\u003c")
        script = (
            f"for (const [key, value] of Object.entries({values})) "
            f"if (localStorage.getItem(key) === null) localStorage.setItem(key, value); {then};"
        )
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        await _answer(
            send,
            200,
            f"<!doctype html><title>Weir</title><script>{script}</script>",
            *(("set-cookie", cookie) for cookie in cookies),
            ("content-security-policy", f"default-src 'none'; script-src 'sha256-{digest}'; frame-ancestors 'none'"),
            kind="text/html",
        )


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


def _opens_page(scope: Scope, headers: dict[str, str]) -> bool:
    """Whether a browser opens the address as a page, by what it says of the request."""
    sent = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    return scope["type"] == "http" and scope["method"] == "GET" and sent == ("navigate", "document")


def _is_own_site(scope: Scope, headers: dict[str, str]) -> bool:
    """What the browser says of who sends the request; programs say nothing.

    A link from another port of this machine, as from Dagster to MLflow, opens a page and no more.
    """
    site = headers.get("sec-fetch-site", "none")
    return site in ("same-origin", "none") or (site == "same-site" and _opens_page(scope, headers))


async def _answer(send: Send, status: int, sentence: str, *headers: tuple[str, str], kind: str = "text/plain") -> None:
    body = f"{sentence}\n".encode() if sentence else b""
    fixed = (
        ("content-type", f"{kind}; charset=utf-8"),
        ("content-length", str(len(body))),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    )
    pairs = [(name.encode(), value.encode()) for name, value in (*fixed, *headers)]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})

"""Chat and file sync: requests that the server keeps open for half a minute, and programs that compare folders all day."""

from __future__ import annotations

from simulator.actors import attacks
from simulator.web import agents
from simulator.web.addresses import CARRIERS
from simulator.web.browsing import visitors
from simulator.web.collection import Collection
from simulator.web.families import Family, borrowed
from simulator.web.site import HTML, JSON, Page, Style
from simulator.web.stage import OFFICE_HOURS, Client, Stage
from simulator.web.words import identifier

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class ChatSync(Collection):
    """A team chat with shared folders: long polling, web sockets, uploads by PUT, WebDAV programs, links for sharing.

    Normal: a poll that lasts up to 30 s, then the next, all day; reads and typing by PUT and POST; sync programs that HEAD and
    PUT hundreds of files at once, with 304, 404 and 409 as usual answers; WebDAV programs whose PROPFIND the edge refuses with
    403 every few minutes because CloudFront forwards no such method; an office behind one address. Attackers: guessers of
    sharing links, takers of public rooms, stuffing of accounts by form and by the app's call, scanners.
    """

    name = "chat_sync"
    second_label = "sync"
    adjectives = ("weekly", "random", "design", "remote", "all", "project", "urgent", "release")
    things = ("standup", "notes", "budget", "photos", "plans", "tickets", "roadmap", "team")
    sections = ("features", "pricing", "apps", "security", "blog", "help")
    schemes = (
        Style("/{category}", "/r/{slug}-{number}", ("/search", "q"), "", "/workspaces", "/upgrade", "/signin", "/settings/profile",
              ("/avatars/{number}-{n}.jpg", "s=96"), "/static/js/{name}.{build}.js", "", ("POST", "/api/metrics", "")),
        Style("/{category}/", "/public/{number}/{slug}", ("/find", "text"), "", "/cloud/files", "/cloud/plan", "/cloud/login", "/cloud/settings",
              ("/cloud/avatar/{number}/{n}", ""), "/cloud/dist/js/{name}.js", "v={n}", ("GET", "/cloud/status.json", "")),
    )  # fmt: skip
    item_count = 300

    def families(self) -> tuple[Family, ...]:
        return (
            Family("visitor", "chat_pages", self.public_pages, "HTTP Archive: pages of services", base=True),
            Family("chat", "chat_browsers", self.browsers, "Matrix client-server API: /sync with timeout; Engine.IO long polling", base=True),
            Family("chat", "chat_phones", self.phones, "Matrix client-server API; push and background fetch on phones"),
            Family("chat", "chat_office", self.office, "an office of one workspace behind NAT", never_block=True),
            Family("sync", "chat_folders", self.folders, "Nextcloud desktop client documentation: chunked PUT, ETag checks"),
            Family("sync", "chat_webdav", self.webdav, "RFC 4918; CloudFront Developer Guide: methods that are forwarded"),
            Family("bot", "chat_bots", self.bots, "chat bots and webhooks by timer", never_block=True),
            Family("scanner", "chat_link_guessers", self.link_guessers, "reports on guessable sharing links", abuse_kind="scanner"),
            Family("scraper", "chat_room_takers", self.room_takers, "OWASP OAT-011: archives of public rooms", abuse_kind="scraper"),
            Family("credential_stuffing", "chat_call_stuffers", self.call_stuffers, "OWASP OAT-008 against app calls", abuse_kind="credential_stuffing"),
            *borrowed("monitor_uptime", "preview_chat", "scanner_secrets", "scanner_wpscan", "stuffing_openbullet", "stuffing_spray",
                      "prober_xss_script_tags", "prober_path_wrappers", "rotation_stuffing_v6", "slow_sign_ins"),
        )  # fmt: skip

    def page(self, on_api: bool, path: str) -> Page | None:
        if on_api and path.startswith(("/_sync/", "/engine.io/")):
            return Page(200, JSON, 700)
        if on_api and path.startswith("/files/"):
            return Page(200, "application/octet-stream", 480000, takes_body=True)
        if not on_api and path.startswith("/s/"):
            return Page(200, HTML, 21000) if len(path) == 18 and path[-1] == "x" else None
        return super().page(on_api, path)

    def _open(
        self, stage: Stage, client: Client, at: float, seconds: float, referer: str = "", busy: float = 1.0
    ) -> None:
        """A client that polls: each answer comes with the next message or after 30 s; sends, reads and types between."""
        rng, since, end = stage.rng, stage.rng.randrange(10_000, 900_000), at + seconds
        while at < end:
            waited = min(30.0, rng.expovariate(busy / 25))
            at += waited + 0.1
            since += 1
            stage.call(client, at, "/_sync/v3/sync", f"since=s{since}_{since * 3}&timeout=30000", referer=referer, wait=waited, cookie="",
                       size=220 if waited == 30 else int(rng.lognormvariate(7.0, 0.8)))  # fmt: skip
            if rng.random() < 0.12 * busy:
                room = identifier(rng, 12, _LETTERS)
                stage.call(
                    client,
                    at + 0.5,
                    f"/_sync/v3/rooms/{room}/typing/me",
                    method="PUT",
                    referer=referer,
                    body=40,
                    cookie="",
                )
                stage.call(
                    client,
                    at + 4,
                    f"/_sync/v3/rooms/{room}/send/m{since}",
                    method="PUT",
                    referer=referer,
                    body=rng.randrange(80, 900),
                    cookie="",
                )
            if rng.random() < 0.08:
                stage.call(client, at + 1, "/_sync/v3/receipt", method="POST", referer=referer, body=60, cookie="")
        if rng.random() < 0.3:
            stage.call(client, at, "/_sync/v3/sync", "timeout=30000", status=401, referer=referer, cookie="")
            stage.call(client, at + 0.4, "/_sync/v3/refresh", method="POST", referer=referer, cookie="")

    def public_pages(self, stage: Stage) -> None:
        """People who read about the service, and visitors of public rooms and shared links."""
        rng = stage.rng
        visitors(stage, 230, 3.0, signs_in=0.2)
        for at in stage.moments(stage.crowd(120)):
            client, link = stage.shopper(), f"/s/{identifier(rng, 14, _LETTERS)}x"
            stage.send(client, at, link, status=404 if rng.random() < 0.08 else 0)
            stage.load(client, at + 0.4, stage.site.scripts[:3], stage.site.link(link))

    def browsers(self, stage: Stage) -> None:
        """The chat in a tab: some polls for a minute, some for a working day; a few over a web socket with one line only."""
        rng = stage.rng
        for at in stage.moments(stage.crowd(150)):
            client = stage.shopper(0.1)
            stage.send(client, at, "/")
            if rng.random() < 0.35:
                seconds = rng.lognormvariate(7.5, 1.0)
                stage.call(
                    client,
                    at + seconds,
                    "/engine.io/",
                    "EIO=4&transport=websocket",
                    status=101,
                    wait=seconds,
                    referer=stage.site.link("/"),
                )
            else:
                self._open(stage, client, at + 1, min(28000.0, rng.lognormvariate(7.6, 1.1)), stage.site.link("/"))

    def phones(self, stage: Stage) -> None:
        """Phones: open for a minute, many times a day, and woken by a push for one poll."""
        rng = stage.rng
        for _ in range(stage.crowd(150)):
            agent = rng.choice(("Huddle/26.1 (iPhone; iOS 26.1)", "Huddle/26.1 (Pixel 9; Android 16) okhttp/4.12.0"))
            client = stage.client(*stage.addresses.home(rng, 0.4, CARRIERS), agent, "modern_tool")
            for at in stage.moments(max(1, round(14 * stage.days))):
                self._open(stage, client, at, rng.choice((1, 1, 40, 90)), busy=2.0)

    def office(self, stage: Stage) -> None:
        """Sixty people of one company behind one address: every tab polls all day, folders sync in the background."""
        rng, address = stage.rng, stage.addresses.home(stage.lasting, 0.0)
        for at in stage.moments(stage.crowd(50, OFFICE_HOURS), OFFICE_HOURS):
            self._open(
                stage, stage.client(*address, agents.desktop(rng)), at, rng.uniform(1200, 12000), stage.site.link("/")
            )
        for at in stage.moments(stage.crowd(30, OFFICE_HOURS), OFFICE_HOURS):
            self._sync(
                stage,
                stage.client(*address, "Mozilla/5.0 (Windows) mirall/3.15.0 (Nextcloud)", "modern_tool"),
                at,
                rng.randrange(5, 150),
            )

    def _sync(self, stage: Stage, client: Client, at: float, files: int) -> None:
        rng, folder = stage.rng, identifier(stage.rng, 8)
        for number in range(stage.volume(files)):
            at += rng.expovariate(4.0)
            path = f"/files/{folder}/{rng.choice(('IMG', 'report', 'notes', 'scan'))}_{number:04d}.{rng.choice(('jpg', 'docx', 'md', 'pdf', 'php', 'sql'))}"
            draw = rng.random()
            if draw < 0.45:
                stage.call(client, at, path, method="HEAD", status=404 if rng.random() < 0.4 else 304)
            elif draw < 0.8:
                stage.call(
                    client,
                    at,
                    path,
                    method="PUT",
                    status=rng.choice((201, 201, 204, 409)),
                    size=0,
                    body=rng.randrange(4000, 3000000),
                )
            elif draw < 0.95:
                stage.call(client, at, path, byte_range=(0, rng.randrange(20000, 470000)))
            else:
                stage.call(client, at, path, method="DELETE", status=204, size=0)

    def folders(self, stage: Stage) -> None:
        """Sync programs at home: a check every half minute, now and then hundreds of files in and out."""
        rng = stage.rng
        for _ in range(max(3, round(22 * stage.scale))):
            agent = rng.choice(
                (
                    "Mozilla/5.0 (Macintosh) mirall/3.15.0 (Nextcloud)",
                    "rclone/v1.68.2",
                    "Mozilla/5.0 (Linux) mirall/3.14.3 (Nextcloud)",
                )
            )
            client = stage.client(*stage.addresses.home(rng), agent, "modern_tool")
            for at in stage.ticks(30, 2):
                if rng.random() < 0.5:
                    stage.call(
                        client, at, "/_sync/v3/changes", f"cursor={int(at)}", status=304 if rng.random() < 0.8 else 0
                    )
            for at in stage.moments(max(1, round(4 * stage.days))):
                self._sync(stage, client, at, rng.randrange(10, 300))

    def webdav(self, stage: Stage) -> None:
        """Explorers and calendars that try WebDAV: OPTIONS, then PROPFIND, refused by the edge, again every few minutes."""
        rng = stage.rng
        names = ("Microsoft-WebDAV-MiniRedir/10.0.22631", "DAVx5/4.4.3 (2026/10/01; dav4jvm; okhttp/4.12.0) Android/15", "WebDAVFS/3.0.0 (03008000) Darwin/25.1.0 (arm64)",
                 "gvfs/1.54.0")  # fmt: skip
        for _ in range(max(3, round(22 * stage.scale))):
            client = stage.client(*stage.addresses.home(rng, 0.1), rng.choice(names), "tool")
            for at in stage.ticks(rng.choice((300, 900, 1800)), 10):
                stage.call(client, at, "/files/", method="OPTIONS")
                for _ in range(rng.randrange(1, 4)):
                    at += 0.3
                    stage.call(
                        client,
                        at,
                        rng.choice(("/files/", "/files/Documents", "/.well-known/caldav")),
                        method="PROPFIND",
                        body=280,
                    )

    def bots(self, stage: Stage) -> None:
        """Customers' bots and webhooks: long polls without end and a message by timer, a library's name."""
        rng = stage.rng
        for _ in range(max(2, round(5 * stage.scale))):
            client = stage.server(
                rng.choice(
                    (
                        "matrix-nio/0.25",
                        "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
                        "Python/3.12 aiohttp/3.11.2",
                    )
                ),
                lasting=True,
            )
            self._open(stage, client, 5.0, stage.end, busy=0.7)

    def link_guessers(self, stage: Stage) -> None:
        """Random codes of sharing links and invitations: 404 after 404."""
        rng = stage.rng
        for _ in range(stage.actors(6)):
            client, at = stage.suspect(attacks.any_agent(rng)), stage.burst_start(900)
            pace = rng.choice((attacks.brisk, attacks.measured))
            for _ in range(stage.volume(rng.randrange(150, 600))):
                at += pace(rng)
                stage.send(
                    client,
                    at,
                    f"/s/{identifier(rng, 15, _LETTERS)}"
                    if rng.random() < 0.8
                    else f"/invite/{identifier(rng, 8, _LETTERS)}",
                )

    def room_takers(self, stage: Stage) -> None:
        """The archive of every public room, page by page back in time, without polls and without assets."""
        rng, site = stage.rng, stage.site
        for _ in range(stage.actors(5)):
            client, at = (
                stage.suspect(rng.choice((agents.desktop(rng), agents.library(rng))), "modern_tool"),
                stage.burst_start(1500),
            )
            by_call = rng.random() < 0.5
            for step in range(stage.volume(rng.randrange(200, 700))):
                at += attacks.brisk(rng)
                if by_call:
                    stage.call(
                        client,
                        at,
                        f"/_sync/v3/rooms/{site.products[step // 20].number}/messages",
                        f"from=t{step}&dir=b&limit=1000",
                        size=90000,
                    )
                else:
                    stage.send(client, at, site.products[step % len(site.products)].path, f"before={step // 10}")

    def call_stuffers(self, stage: Stage) -> None:
        """Names and passwords by the app's own call with the app's name."""
        rng = stage.rng
        for _ in range(stage.actors(6)):
            client, at = (
                stage.suspect(rng.choice(("Huddle/26.1 (Pixel 9; Android 16) okhttp/4.12.0", agents.library(rng)))),
                stage.burst_start(1500),
            )
            for _ in range(stage.volume(rng.randrange(80, 300))):
                at += attacks.measured(rng) if rng.random() < 0.5 else attacks.brisk(rng)
                stage.call(
                    client,
                    at,
                    "/_sync/v3/login",
                    method="POST",
                    status=200 if rng.random() < 0.01 else rng.choice((403, 401, 403, 429)),
                    body=210,
                )


SITE = ChatSync

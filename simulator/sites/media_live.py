"""Media and live television: players that request a segment every few seconds, by the thousand, without cookies."""

from __future__ import annotations

from simulator.actors import attacks
from simulator.web import agents
from simulator.web.addresses import CARRIERS
from simulator.web.browsing import visitors
from simulator.web.collection import Collection
from simulator.web.families import Family, borrowed
from simulator.web.site import JSON, Page, Product, Style
from simulator.web.stage import Client, Stage
from simulator.web.words import identifier

_EVENING = (30, 18, 10, 6, 5, 6, 12, 20, 24, 25, 26, 30, 36, 34, 32, 34, 42, 58, 80, 98, 100, 92, 70, 46)
_PLAYLIST, _MANIFEST = "application/vnd.apple.mpegurl", "application/dash+xml"
_PAGES = {
    ".m3u8": Page(200, _PLAYLIST, 1900, 0.6), ".mpd": Page(200, _MANIFEST, 5200, 0.6), ".ts": Page(200, "video/mp2t", 1400000, 0.94),
    ".m4s": Page(200, "video/iso.segment", 1100000, 0.93), ".mp4": Page(200, "video/mp4", 410000000, 0.85), ".m4a": Page(200, "audio/mp4", 31000000, 0.9),
    ".vtt": Page(200, "text/vtt", 1400, 0.9), ".key": Page(200, "application/octet-stream", 16),
}  # fmt: skip
"""By extension."""

_APPLE = "AppleCoreMedia/1.0.0.22{build} ({device}; U; CPU OS 26_{minor} like Mac OS X; en_us)"
_TELEVISIONS = (
    "Mozilla/5.0 (SMART-TV; LINUX; Tizen 8.0) AppleWebKit/537.36 (KHTML, like Gecko) 108.0.5359.1/8.0 TV Safari/537.36",
    "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/108.0.5359.211 Safari/537.36 WebAppManager",
    "Roku/DVP-13.0 (13.0.0.4182-88)",
    "Dalvik/2.1.0 (Linux; U; Android 12; AFTKA Build/PS7285)",
)


class MediaLive(Collection):
    """A broadcaster: live channels and a library of videos by HLS and DASH, audio by byte ranges, pages around them.

    Normal: a player requests a segment of 2-6 s as often as it lasts, live ones a playlist each time too; audio and
    downloads are 206; televisions and apps have no referer and no cookie; an expired signature gives a minute of 403.
    Attackers: downloaders that take whole videos and channels, counting of video numbers, stuffing of accounts, scanners.
    """

    name = "media_live"
    held_out = True
    second_label = "video"
    adjectives = ("late", "northern", "open", "last", "golden", "hidden", "silent", "coastal", "second", "royal")
    things = ("harbor", "kitchen", "detectives", "news", "derby", "garden", "station", "orchestra", "matters", "island")
    sections = ("drama", "news", "sport", "documentary", "comedy", "children", "music", "film")
    schemes = (
        Style("/browse/{category}", "/watch/{slug}-{number}", ("/search", "q"), "", "/watchlist", "/subscribe", "/account/signin", "/account",
              ("/images/{number}/{slug}-{n}.jpg", "w=640"), "/static/js/{name}.{build}.js", "", ("POST", "/api/playback/events", "")),
        Style("/{category}/", "/programs/{number}/{slug}/", ("/find/", "term"), "", "/my/list/", "/my/plan/", "/id/login", "/my/",
              ("/img/{number}_{n}.jpg", ""), "/assets/js/{name}-{build}.js", "", ("GET", "/api/session", "")),
    )  # fmt: skip
    item_count = 420

    def families(self) -> tuple[Family, ...]:
        return (
            Family("visitor", "media_visitors", self.pages, "HTTP Archive: pages of publishers", base=True),
            Family("player", "media_library", self.library, "RFC 8216 (HLS), DASH-IF: segment and playlist requests", base=True),
            Family("player", "media_live", self.live, "RFC 8216 section 6.3.4: reloading a live playlist"),
            Family("player", "media_audio", self.audio, "podcast clients' byte ranges: IAB podcast measurement guidelines"),
            Family("player", "media_shared_screens", self.shared_screens, "hotel and dormitory networks behind NAT", never_block=True),
            Family("player", "media_embedded", self.embedded, "players embedded by partners' sites"),
            Family("scraper", "media_downloaders", self.downloaders, "yt-dlp, ffmpeg and N_m3u8DL-RE documentation", abuse_kind="scraper"),
            Family("scraper", "media_counters", self.counters, "OWASP OAT-011; sequential video numbers", abuse_kind="scraper"),
            *borrowed("crawler_googlebot", "monitor_uptime", "scraper_walkers", "stuffing_openbullet", "stuffing_spray", "scanner_secrets", "scanner_cms",
                      "prober_sqli_by_hand", "prober_path_parameters", "slow_sign_ins"),
        )  # fmt: skip

    def page(self, on_api: bool, path: str) -> Page | None:
        page = super().page(on_api, path)
        if page or not on_api:
            return page or (Page(200, JSON, 2100) if path.startswith("/api/playback/") else None)
        extension = path[path.rfind(".") :]
        parts = path.split("/")
        exists = parts[1] in ("live", "audio") or (len(parts) > 2 and parts[2] in self._numbers)
        return _PAGES.get(extension) if exists else None

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._numbers = {str(item.number) for item in self.products}

    # Clients

    def _player(self, stage: Stage, phone_share: float = 0.45) -> Client:
        rng = stage.rng
        if rng.random() < 0.4:
            return stage.client(*stage.addresses.home(rng), rng.choice(_TELEVISIONS), "modern_tool")
        client = stage.shopper(phone_share)
        if rng.random() < 0.3:
            device = rng.choice(("iPhone", "iPad", "Apple TV"))
            client.agent = _APPLE.format(build=rng.choice(("H20", "J81", "F77")), device=device, minor=rng.randrange(5))
            client.hides_referer = True
        return client

    def _watch(self, stage: Stage, client: Client, at: float, item: Product, seconds: float, referer: str = "") -> None:
        """A video: its lists, then segments as fast as they play after a first burst; a key and subtitles now and then."""
        rng, dash = stage.rng, stage.rng.random() < 0.35
        base, length = f"/vod/{item.number}/", rng.choice((4, 6))
        token = (
            f"Policy={identifier(rng, 40)}&Signature={identifier(rng, 60)}&Key-Pair-Id=K{identifier(rng, 13).upper()}"
        )
        rendition = rng.choice(("v1080", "v720", "v540"))
        if client.agent.startswith("Mozilla") and "TV" not in client.agent:
            stage.send(client, at - 2, item.path, referer=stage.site.link("/"))
        if dash:
            stage.call(client, at, f"{base}manifest.mpd", token, referer=referer)
        else:
            stage.call(client, at, f"{base}master.m3u8", token, referer=referer)
            stage.call(client, at + 0.2, f"{base}{rendition}/index.m3u8", token, referer=referer)
            stage.call(client, at + 0.3, f"{base}enc.key", token, referer=referer)
        first, expires = rng.randrange(300) if rng.random() < 0.3 else 0, rng.random() < 0.02
        count = int(seconds / length)
        for number in range(count):
            at += 0.25 if number < 5 else length * rng.uniform(0.85, 1.15)
            name = f"{rendition}/seg-{first + number:05d}.{'m4s' if dash else 'ts'}"
            size = int(rng.lognormvariate(13.6, 0.3))
            if expires and number > count * 0.7:
                stage.call(client, at, base + name, token, referer=referer, status=403)
                if number > count * 0.7 + 25:
                    break
                continue
            stage.call(client, at, base + name, token, referer=referer, size=size)
            if dash:
                stage.call(
                    client, at + 0.1, f"{base}audio/seg-{first + number:05d}.m4s", token, referer=referer, size=96000
                )
            if rng.random() < 0.03:
                rendition = rng.choice(("v1080", "v720", "v540"))
                if not dash:
                    stage.call(client, at + 0.2, f"{base}{rendition}/index.m3u8", token, referer=referer)

    def pages(self, stage: Stage) -> None:
        """People who look for something to watch: pages, pictures, some sign in."""
        visitors(stage, 420, 4.0, signs_in=0.12, curve=_EVENING)

    def library(self, stage: Stage) -> None:
        """Videos on demand, some minutes to an hour, on browsers, phones and televisions."""
        rng, site = stage.rng, stage.site
        for at in stage.moments(stage.crowd(150, _EVENING), _EVENING):
            seconds = min(5400.0, rng.lognormvariate(6.4, 1.1))
            self._watch(stage, self._player(stage), at, site.product(rng), seconds, site.link("/"))

    def live(self, stage: Stage) -> None:
        """Live channels: a playlist and a segment every two or six seconds until the viewer leaves."""
        rng = stage.rng
        for at in stage.moments(stage.crowd(55, _EVENING), _EVENING):
            self._channel(stage, self._player(stage), at, min(7200.0, rng.lognormvariate(6.6, 1.0)))

    def _channel(self, stage: Stage, client: Client, at: float, seconds: float) -> None:
        rng = stage.rng
        length, channel = rng.choice((2, 6, 6)), f"/live/{rng.choice(('one', 'two', 'sport', 'news'))}/"
        referer = stage.site.link("/live") if client.agent.startswith("Mozilla") else ""
        stage.call(client, at, f"{channel}master.m3u8", referer=referer)
        for _ in range(int(seconds / length)):
            number = int((stage.start.timestamp() + at) / length)
            stage.call(
                client, at, f"{channel}720p/index.m3u8", f"_HLS_msn={number}" if length == 2 else "", referer=referer
            )
            stage.call(
                client,
                at + 0.2,
                f"{channel}720p/{number}.ts",
                referer=referer,
                size=int(rng.lognormvariate(13.2 if length == 2 else 14.2, 0.2)),
            )
            at += length * rng.uniform(0.95, 1.05)

    def audio(self, stage: Stage) -> None:
        """Podcasts: the feed by a program, then an episode in byte ranges, some of them many small ones."""
        rng = stage.rng
        programs = ("AppleCoreMedia/1.0.0.22H20 (iPhone; U; CPU OS 26_1 like Mac OS X; de_de)", "Pocket Casts", "Overcast/3.0 (+http://overcast.fm/; iOS podcast app)",
                    "AntennaPod/3.6.0", "Spotify/9.0 Android/34", "stagefright/1.2 (Linux;Android 14)")  # fmt: skip
        for at in stage.moments(stage.crowd(160)):
            client = stage.client(*stage.addresses.home(rng, 0.3, CARRIERS), rng.choice(programs), "modern_tool")
            path = f"/audio/{rng.choice(stage.site.products).number}.m4a"
            if rng.random() < 0.4:
                stage.send(client, at, stage.site.feed, status=304 if rng.random() < 0.6 else 0)
            stage.call(client, at + 1, path, method="HEAD")
            step, position = rng.choice((262144, 1048576, 4194304)), 0
            stage.call(client, at + 1.4, path, byte_range=(0, 1))
            for _ in range(rng.randrange(3, 40)):
                at += rng.uniform(2, 25)
                stage.call(client, at, path, byte_range=(position, position + step - 1))
                position += step if rng.random() < 0.9 else 9 * step

    def shared_screens(self, stage: Stage) -> None:
        """A hotel and a dormitory: dozens of televisions and phones behind one address, each watching something else."""
        rng = stage.rng
        for people in (30, 45):
            address = stage.addresses.home(stage.lasting, 0.0)
            for at in stage.moments(stage.crowd(people, _EVENING), _EVENING):
                client = stage.client(*address, rng.choice((*_TELEVISIONS, agents.phone(rng))), "modern_tool")
                if rng.random() < 0.5:
                    self._channel(stage, client, at, rng.uniform(200, 1800))
                else:
                    self._watch(stage, client, at, stage.site.product(rng), rng.uniform(200, 1800))

    def embedded(self, stage: Stage) -> None:
        """Clips in newspapers' pages: foreign referers, no page of ours, a few segments, many start and stop."""
        rng = stage.rng
        for at in stage.moments(stage.crowd(280)):
            referer = rng.choice(
                ("https://www.newspaper.example/", "https://blog.example/", "https://www.sports.example/")
            )
            client = stage.shopper()
            self._watch(stage, client, at, stage.site.product(rng), rng.expovariate(1 / 40) + 6, referer)

    def downloaders(self, stage: Stage) -> None:
        """Programs that save videos: every segment as fast as the line allows, title after title, a recorder of a channel."""
        rng, site = stage.rng, stage.site
        for _ in range(stage.actors(6)):
            agent = rng.choice(("Lavf/61.7.100", "N_m3u8DL-RE/0.3.0", agents.desktop(rng), agents.python_requests(rng)))
            client = stage.suspect(agent, "modern_tool")
            at = stage.burst_start(2400)
            for item in rng.sample(site.products, stage.volume(rng.randrange(6, 20))):
                base = f"/vod/{item.number}/"
                stage.send(client, at, item.path)
                stage.call(client, at + 1, f"{base}master.m3u8")
                stage.call(client, at + 1.3, f"{base}v1080/index.m3u8")
                for number in range(stage.volume(rng.randrange(40, 130))):
                    at += rng.expovariate(12.0)
                    stage.call(client, at, f"{base}v1080/seg-{number:05d}.ts", size=int(rng.lognormvariate(14.2, 0.2)))
                at += rng.uniform(2, 10)

    def counters(self, stage: Stage) -> None:
        """Count video numbers up and ask for each one's list; most are missing. Some read all titles' pages instead."""
        rng, site = stage.rng, stage.site
        for _ in range(stage.actors(5)):
            client = stage.suspect(attacks.any_agent(rng))
            at, number, by_title = stage.burst_start(1200), rng.randrange(10200, 90000), rng.random() < 0.4
            for step in range(stage.volume(rng.randrange(200, 600))):
                at += attacks.brisk(rng)
                if by_title:
                    stage.send(client, at, site.products[(number + step) % len(site.products)].path)
                else:
                    stage.call(client, at, f"/vod/{number + step}/master.m3u8")


SITE = MediaLive

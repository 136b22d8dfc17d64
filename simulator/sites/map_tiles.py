"""Map tiles: bursts of small pictures by coordinates, from pages of other sites, apps and desktop programs."""

from __future__ import annotations

import math
from random import Random

from simulator.actors import attacks
from simulator.web import agents
from simulator.web.addresses import CARRIERS
from simulator.web.browsing import visitors
from simulator.web.collection import Collection
from simulator.web.families import Family, borrowed
from simulator.web.site import JSON, TEXT, Page, Style
from simulator.web.stage import OFFICE_HOURS, Client, Stage
from simulator.web.words import identifier

_TILES = {"png": Page(200, "image/png", 17000, 0.8), "pbf": Page(200, "application/x-protobuf", 38000, 0.85)}
_EMPTY = Page(204, "-", 0, 0.9)
_CUSTOMERS = (
    "https://www.hotels.example/", "https://www.weather.example/", "https://delivery.example/track", "https://www.estate.example/",
    "https://hiking.example/", "https://www.city.example/parking",
)  # fmt: skip
_CITIES = (
    (52.52, 13.4),
    (48.85, 2.35),
    (51.5, -0.12),
    (40.42, -3.7),
    (45.46, 9.19),
    (52.37, 4.9),
    (40.71, -74.0),
    (48.14, 11.58),
    (47.4, 10.3),
)


def tile(latitude: float, longitude: float, zoom: int) -> tuple[int, int]:
    """Column and row of the tile in Web Mercator."""
    scale = 1 << zoom
    row = (1 - math.asinh(math.tan(math.radians(latitude))) / math.pi) / 2 * scale
    return int((longitude + 180) / 360 * scale), int(row)


class MapTiles(Collection):
    """A map service: raster and vector tiles under `/z/x/y`, fonts and styles of maps, a place search, a site about it.

    Normal: 12-40 tiles at once when a map opens, more with each move; the referer is a customer's page or missing; at sea
    and beyond the covered area tiles are 204 or 404; navigation takes hundreds ahead; a surveyor's office has many desktops
    behind one address. Attackers: downloaders of whole areas, guessers of keys, takers of the place index, scanners.
    """

    name = "map_tiles"
    second_label = "tiles"
    adjectives = ("old", "north", "upper", "saint", "green", "long", "market", "mill")
    things = ("bridge", "square", "hill", "station", "park", "castle", "harbor", "field")
    sections = ("docs", "plans", "gallery", "status", "changelog", "places")
    schemes = (
        Style("/{category}", "/place/{number}-{slug}", ("/search", "q"), "", "/console/keys", "/plans/checkout", "/console/signin", "/console",
              ("/gallery/{number}-{n}.jpg", ""), "/static/js/{name}.{build}.js", "", ("POST", "/api/turnstile", "")),
        Style("/{category}/", "/explore/{slug}/{number}", ("/geocode", "text"), "", "/account/tokens", "/account/billing", "/auth/login", "/account",
              ("/media/{number}_{n}.jpg", ""), "/dist/js/{name}-{build}.js", "", ("GET", "/auth/session", "")),
    )  # fmt: skip
    item_count = 350

    def families(self) -> tuple[Family, ...]:
        return (
            Family("visitor", "map_site", self.pages, "HTTP Archive: pages of services", base=True),
            Family("map", "map_embedded", self.embedded, "Leaflet and MapLibre documentation: tiles of a viewport", base=True),
            Family("map", "map_apps", self.apps, "mobile map SDKs: offline regions, prefetching along a route"),
            Family("map", "map_desktops", self.desktops, "QGIS documentation: XYZ layers, user agent, parallel requests", never_block=True),
            Family("map", "map_wall", self.wall, "dashboards that reload a map by timer", never_block=True),
            Family("map", "map_geocoding_batch", self.geocoding_batch, "geocoding of address lists by geopy", never_block=True),
            Family("scraper", "map_area_downloaders", self.area_downloaders, "OpenStreetMap tile usage policy on bulk downloads", abuse_kind="scraper"),
            Family("scraper", "map_place_takers", self.place_takers, "OWASP OAT-011: scraping of place indexes", abuse_kind="scraper"),
            Family("scanner", "map_key_guessers", self.key_guessers, "OWASP API2: guessing of keys", abuse_kind="scanner"),
            *borrowed("crawler_googlebot", "monitor_places", "scanner_secrets", "scanner_repositories", "stuffing_combo_script", "stuffing_headless",
                      "prober_sqli_sqlmap", "prober_xxe_inside", "prober_path_aliases", "rotation_scanning"),
        )  # fmt: skip

    def page(self, on_api: bool, path: str) -> Page | None:
        if not on_api:
            return super().page(on_api, path)
        if path == "/geocode/v1/search":
            return Page(200, JSON, 2600, 0.1)
        if path.startswith(("/fonts/", "/styles/")):
            return Page(200, JSON if path.endswith(".json") else _TILES["pbf"].content_type, 26000, 0.96)
        parts = path.split("/")
        if len(parts) != 5 or not (parts[2].isdigit() and parts[3].isdigit()):
            return super().page(on_api, path)
        row, _, extension = parts[4].replace("@2x", "").partition(".")
        if extension not in _TILES or not row.isdigit() or int(parts[2]) > 20:
            return None
        draw = Random(f"{self.apex}{parts[2]}/{int(parts[3]) >> 2}/{int(row) >> 2}").random()
        return Page(404, TEXT, 14, 0.8) if draw < 0.015 else (_EMPTY if draw < 0.08 else _TILES[extension])

    def _view(
        self,
        stage: Stage,
        client: Client,
        at: float,
        spot: tuple[float, float],
        zoom: int,
        layer: str,
        key: str,
        referer: str,
        new: int = 0,
    ) -> None:
        """The tiles of a viewport, or a strip of them after a move; in spirals, all within a second."""
        column, row = tile(*spot, zoom)
        width, height = (3, 5) if "Mobile" in client.agent else (6, 4)
        tiles = [
            (x, y)
            for x in range(column - width // 2, column + width // 2 + 1)
            for y in range(row - height // 2, row + height // 2 + 1)
        ]
        stage.rng.shuffle(tiles)
        for x, y in tiles[: new or len(tiles)]:
            at += stage.rng.expovariate(30.0)
            stage.call(
                client,
                at,
                f"/{layer.split('.')[0]}/{zoom}/{x}/{y}{layer[layer.index('.') :]}",
                key,
                referer=referer,
                cookie="",
            )

    def _session(self, stage: Stage, client: Client, at: float, moves: int, referer: str, key: str) -> None:
        rng = stage.rng
        layer = rng.choice(("streets.pbf", "streets.pbf", "outdoor.png", "satellite.png", "streets@2x.png"))
        latitude, longitude = rng.choice(_CITIES)
        latitude, longitude, zoom = latitude + rng.gauss(0, 0.6), longitude + rng.gauss(0, 0.9), rng.randrange(10, 15)
        if layer.endswith("pbf"):
            stage.call(client, at - 0.4, "/styles/streets/style.json", key, referer=referer)
            for block in ("0-255", "256-511"):
                stage.call(client, at - 0.2, f"/fonts/Noto%20Sans%20Regular/{block}.pbf", key, referer=referer)
        self._view(stage, client, at, (latitude, longitude), zoom, layer, key, referer)
        for _ in range(moves):
            at += rng.lognormvariate(1.2, 0.8)
            if rng.random() < 0.4:
                zoom = min(18, max(4, zoom + rng.choice((-1, 1, 1))))
                self._view(stage, client, at, (latitude, longitude), zoom, layer, key, referer)
            else:
                latitude, longitude = (
                    latitude + rng.gauss(0, 40 / (1 << zoom)),
                    longitude + rng.gauss(0, 60 / (1 << zoom)),
                )
                self._view(stage, client, at, (latitude, longitude), zoom, layer, key, referer, rng.randrange(3, 14))
        if rng.random() < 0.25:
            text = f"{rng.choice(self.adjectives)} {rng.choice(self.things)}"
            for end in range(3, len(text), 2):
                stage.call(
                    client,
                    at + end * 0.3,
                    "/geocode/v1/search",
                    f"text={text[:end].replace(' ', '%20')}&limit=5&{key}",
                    referer=referer,
                )

    def _key(self, stage: Stage) -> str:
        return f"key={identifier(Random(f'{self.apex}{stage.rng.randrange(40)}'), 20)}"

    def pages(self, stage: Stage) -> None:
        """People who read about the service, its plans and places; some sign in to the console."""
        visitors(stage, 130, 3.0, signs_in=0.2)

    def embedded(self, stage: Stage) -> None:
        """Maps in pages of customers: open, look, sometimes move and zoom, often only one viewport."""
        rng = stage.rng
        for at in stage.moments(stage.crowd(1050)):
            moves = int(rng.expovariate(1 / 3.5)) if rng.random() < 0.6 else 0
            self._session(stage, stage.shopper(), at, moves, rng.choice(_CUSTOMERS), self._key(stage))

    def apps(self, stage: Stage) -> None:
        """Phones: a map in an app, navigation that fetches its route ahead, now and then a region for offline use."""
        rng = stage.rng
        for at in stage.moments(stage.crowd(170)):
            agent = rng.choice(
                (
                    "MapSDK-iOS/11.8.0 Darwin/25.1.0",
                    "com.rides.example/5.2 MapSDK-Android/11.9 okhttp/4.12.0",
                    "okhttp/4.12.0",
                )
            )
            client, key = (
                stage.client(*stage.addresses.home(rng, 0.4, CARRIERS), agent, "modern_tool"),
                self._key(stage),
            )
            draw = rng.random()
            if draw < 0.6:
                self._session(stage, client, at, int(rng.expovariate(1 / 5)), "", key)
                continue
            latitude, longitude = rng.choice(_CITIES)
            if draw < 0.95:
                for _ in range(rng.randrange(15, 80)):
                    at += rng.uniform(8, 25)
                    latitude, longitude = latitude + rng.uniform(0, 0.01), longitude + rng.uniform(-0.002, 0.012)
                    self._view(
                        stage, client, at, (latitude, longitude), 14, "navigation.pbf", key, "", rng.randrange(1, 4)
                    )
            else:
                for zoom in range(9, 15):
                    self._view(stage, client, at + zoom, (latitude, longitude), zoom, "navigation.pbf", key, "")

    def desktops(self, stage: Stage) -> None:
        """A surveyors' office: GIS programs behind one address, thousands of tiles a day, no referer, one program's name."""
        rng, address = stage.rng, stage.addresses.home(stage.lasting, 0.0)
        key = self._key(stage)
        seats = [
            stage.client(
                *address, f"Mozilla/5.0 QGIS/3{rng.choice(('3415', '4003'))}/Windows 10 Version 2009", "modern_tool"
            )
            for _ in range(8)
        ]
        for at in stage.moments(stage.crowd(150, OFFICE_HOURS), OFFICE_HOURS):
            spot = (47.4 + rng.gauss(0, 0.2), 10.3 + rng.gauss(0, 0.3))
            self._view(stage, rng.choice(seats), at, spot, rng.randrange(12, 19), "satellite.png", key, "")

    def wall(self, stage: Stage) -> None:
        """A control room's screen: the same sixteen tiles every five minutes, day and night."""
        client = stage.client(*stage.addresses.home(stage.lasting, 0.0), agents.desktop(stage.rng))
        for at in stage.ticks(300, 5):
            self._view(
                stage, client, at, _CITIES[0], 12, "traffic.png", f"key=wall&t={int(at)}", "http://10.4.0.12/wall", 16
            )

    def geocoding_batch(self, stage: Stage) -> None:
        """A partner geocodes its list of addresses every night: one after the other, a second apart."""
        rng = stage.rng
        client = stage.server("geopy/2.4.1", v6_share=0, lasting=True)
        at = stage.burst_start(3600)
        for _ in range(stage.volume(1500)):
            at += rng.uniform(0.9, 1.4)
            text = f"{rng.choice(self.adjectives)}%20{rng.choice(self.things)}%20{rng.randrange(1, 200)}"
            stage.call(
                client,
                at,
                "/geocode/v1/search",
                f"text={text}&limit=1&key=partner",
                status=429 if rng.random() < 0.01 else 0,
            )

    def area_downloaders(self, stage: Stage) -> None:
        """Whole areas, column by column, at deep zoom, under a browser's or a tool's name, with a key from somebody's page."""
        rng = stage.rng
        for _ in range(stage.actors(7)):
            agent = rng.choice(
                (agents.desktop(rng), agents.desktop(rng), agents.library(rng), "JDownloader", "MOBAC/2.3.3")
            )
            client, key = stage.suspect(agent, "modern_tool"), self._key(stage)
            zoom, extension = rng.randrange(14, 19), rng.choice(("png", "png", "pbf"))
            column, row = tile(*rng.choice(_CITIES), zoom)
            pace, height = rng.choice((2.0, 8.0, 25.0)), rng.randrange(20, 60)
            at, referer = stage.burst_start(1500 / pace), rng.choice(("", "", *_CUSTOMERS[:2]))
            for step in range(stage.volume(rng.randrange(700, 2200))):
                at += rng.expovariate(pace)
                path = f"/streets/{zoom}/{column + step // height}/{row + step % height}.{extension}"
                stage.call(
                    client,
                    at,
                    path,
                    key,
                    referer=referer,
                    cookie="",
                    status=429 if pace > 10 and rng.random() < 0.05 else 0,
                )

    def place_takers(self, stage: Stage) -> None:
        """The index of places: every place's page by number, or the search letter by letter."""
        rng, site = stage.rng, stage.site
        for _ in range(stage.actors(5)):
            client, at = stage.suspect(attacks.any_agent(rng), "modern_tool"), stage.burst_start(1200)
            by_search = rng.random() < 0.5
            for step in range(stage.volume(rng.randrange(200, 700))):
                at += attacks.brisk(rng)
                if by_search:
                    prefix = chr(97 + step // 26 % 26) + chr(97 + step % 26) + chr(97 + step // 676 % 26)
                    stage.call(client, at, "/geocode/v1/search", f"text={prefix}&limit=100&{self._key(stage)}")
                else:
                    stage.send(client, at, site.products[step % len(site.products)].path)

    def key_guessers(self, stage: Stage) -> None:
        """One tile, a new key each time; nearly every answer is 401 or 403."""
        rng = stage.rng
        for _ in range(stage.actors(4)):
            client, at = stage.suspect(attacks.any_agent(rng)), stage.burst_start(600)
            for _ in range(stage.volume(rng.randrange(120, 500))):
                at += attacks.brisk(rng)
                stage.call(
                    client,
                    at,
                    "/streets/12/2200/1343.png",
                    f"key={identifier(rng, 20)}",
                    status=200 if rng.random() < 0.005 else rng.choice((401, 403)),
                )


SITE = MapTiles

"""A mirror of packages for pip, npm, apt and containers: tools by name, bursts from build machines, hardly a browser."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from simulator.actors import attacks
from simulator.web import agents
from simulator.web.addresses import HOMES, HOSTING
from simulator.web.browsing import visitors
from simulator.web.collection import Collection
from simulator.web.families import Family, borrowed
from simulator.web.site import HTML, JSON, TEXT, Page, Product, Style
from simulator.web.stage import ALL_HOURS, OFFICE_HOURS, Client, Stage
from simulator.web.words import identifier

_WHEEL, _TAR, _DEB = (Page(200, kind, size, 0.93) for kind, size in (
    ("application/octet-stream", 900000), ("application/gzip", 240000), ("application/vnd.debian.binary-package", 700000)))  # fmt: skip


class PackageMirror(Collection):
    """Indexes and files of packages: `/simple/`, `/npm/`, `/debian/`; every client is a program that says its name.

    Normal: one installation is an index page and a file for each of up to 150 packages within a minute; build machines of a
    company come by the hundred through one address; names that exist only inside a company are 404 here each time; apt asks
    for indexes that are 304 and resumes with 206; other mirrors copy everything with permission. Attackers: guessers of
    internal names (dependency confusion), takers of the whole index without permission, guessers of upload tokens, scanners.
    """

    name = "package_mirror"
    held_out = True
    first_label = "packages"
    second_label = "files"
    adjectives = (
        "py",
        "fast",
        "lib",
        "micro",
        "node",
        "easy",
        "open",
        "data",
        "tiny",
        "re",
        "flask",
        "django",
        "react",
        "types",
    )
    things = (
        "json",
        "http",
        "yaml",
        "cache",
        "router",
        "crypto",
        "utils",
        "parser",
        "lint",
        "test",
        "auth",
        "queue",
        "client",
        "core",
    )
    sections = ("python", "node", "debian", "containers", "docs", "stats")
    schemes = (
        Style("/browse/{category}", "/project/{slug}-{number}/", ("/search/", "q"), "", "/manage/projects/", "/manage/upload/", "/account/login/", "/manage/account/",
              ("/badge/{slug}-{number}-{n}.svg", ""), "/static/js/{name}.{build}.js", "", ("GET", "/api/me/", "")),
        Style("/{category}/", "/package/{slug}.{number}", ("/search", "text"), "", "/settings/tokens", "/publish", "/login", "/settings/profile",
              ("/shields/{number}/{n}.svg", ""), "/-/static/js/{name}.{build}.js", "", ("POST", "/-/events", "")),
    )  # fmt: skip
    item_count = 900

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._names = {f"{item.slug}-{item.number}" for item in self.products}

    def families(self) -> tuple[Family, ...]:
        return (
            Family("visitor", "mirror_readers", self.readers, "HTTP Archive: pages of documentation", base=True),
            Family("tool", "mirror_developers", self.developers, "PEP 503 and 691, npm registry API, apt: installs at home and work", base=True),
            Family("tool", "mirror_builds", self.builds, "CI without a cache behind NAT: PyPI and npm on traffic of CI", never_block=True),
            Family("tool", "mirror_cloud_builds", self.cloud_builds, "hosted CI runners: a new address for each job"),
            Family("tool", "mirror_servers", self.servers, "unattended-upgrades and apt-daily: twice a day, 304 and 206"),
            Family("partner", "mirror_mirrors", self.mirrors, "bandersnatch and apt-mirror documentation", never_block=True),
            Family("partner", "mirror_audits", self.audits, "Dependabot, Renovate and Snyk: metadata of every dependency", never_block=True),
            Family("scanner", "mirror_name_guessers", self.name_guessers, "A. Birsan, 2021: dependency confusion", abuse_kind="scanner"),
            Family("scraper", "mirror_index_takers", self.index_takers, "OWASP OAT-011: metadata and files for resale and training", abuse_kind="scraper"),
            Family("credential_stuffing", "mirror_token_guessers", self.token_guessers, "OWASP OAT-007 against upload endpoints", abuse_kind="credential_stuffing"),
            *borrowed("monitor_uptime", "crawler_googlebot", "survey_search", "scanner_secrets", "scanner_consoles", "stuffing_headless",
                      "prober_path_overlong", "prober_xxe_metadata", "prober_command_separators", "slow_paths"),
        )  # fmt: skip

    def page(self, on_api: bool, path: str) -> Page | None:
        parts = path.split("/")
        if on_api and path.endswith((".whl", ".tgz", ".deb")):
            return _WHEEL if path.endswith(".whl") else (_TAR if path.endswith(".tgz") else _DEB)
        if not on_api and parts[1] in ("simple", "npm", "pypi") and len(parts) > 2:
            if parts[2] not in self._names and parts[2]:
                return None
            return Page(200, HTML if parts[1] == "simple" else JSON, 9000, 0.9)
        if parts[1] == "debian":
            return Page(200, TEXT, 150000, 0.95)
        return Page(200, JSON, 60) if path in ("/legacy/", "/-/publish") else super().page(on_api, path)

    def _install(
        self, stage: Stage, client: Client, at: float, kind: str, packages: int, private: float = 0.0
    ) -> float:
        """Index and file of each package; some names are private and missing here; a cache holds some files already."""
        rng = stage.rng
        for item in rng.sample(self.products, min(packages, 200)):
            at += rng.expovariate(9.0)
            name = f"{item.slug}-{item.number}"
            if rng.random() < private:
                name = f"{rng.choice(('acme', 'corp', 'internal'))}-{rng.choice(self.things)}-{rng.choice(self.things)}"
            index = {"pip": f"/simple/{name}/", "npm": f"/npm/{name}"}[kind]
            status = stage.send(
                client, at, index, cookie="", status=304 if rng.random() < 0.1 and name[-1].isdigit() else 0
            )
            if status in (200, 304) and rng.random() < 0.75:
                self._file(stage, client, at + 0.1, kind, item)
        return at

    def _file(self, stage: Stage, client: Client, at: float, kind: str, item: Product) -> None:
        name, size = f"{item.slug}-{item.number}", int(stage.rng.lognormvariate(12.0, 1.6))
        path = (
            f"/packages/{item.number % 97:02x}/{name}-1.{item.number % 9}.0-py3-none-any.whl"
            if kind == "pip"
            else f"/npm/{name}/-/{name}-1.{item.number % 9}.0.tgz"
        )
        if kind == "pip" and stage.rng.random() < 0.3:
            stage.call(client, at, path + ".metadata", status=200, size=2100, cookie="")
        if stage.rng.random() < 0.04:
            stage.call(client, at, path, byte_range=(0, 65535), cookie="")
        stage.call(client, at + 0.05, path, size=size, cookie="")

    def _tool(self, rng: Random) -> tuple[str, str]:
        """The user agent of an installer, and what it installs from."""
        if rng.random() < 0.6:
            ci = "true" if rng.random() < 0.5 else "null"
            python = f'{{"ci":{ci},"cpu":"x86_64","implementation":{{"name":"CPython","version":"3.{rng.randrange(9, 14)}.{rng.randrange(9)}"}},"installer":{{"name":"pip","version":"25.{rng.randrange(4)}"}}}}'
            return rng.choice(
                (
                    f"pip/25.{rng.randrange(4)} {python}",
                    f"uv/0.9.{rng.randrange(30)} {python}",
                    "poetry/2.1.3 CPython/3.12.3 Linux/6.8",
                )
            ), "pip"
        return rng.choice(
            (
                "npm/10.9.2 node/v22.12.0 linux x64 workspaces/false",
                "yarn/1.22.22 npm/? node/v20.18.0 linux x64",
                "pnpm/9.15.0 npm/? node/v22.12.0 linux x64",
            )
        ), "npm"

    def readers(self, stage: Stage) -> None:
        """Developers who look a package up in a browser."""
        visitors(stage, 260, 3.0, signs_in=0.05, curve=OFFICE_HOURS)

    def developers(self, stage: Stage) -> None:
        """One installation, a few or many packages, with pip, uv, npm and the like, from home or an office."""
        rng = stage.rng
        for at in stage.moments(stage.crowd(480)):
            agent, kind = self._tool(rng)
            client = stage.client(*stage.addresses.home(rng), agent, "modern_tool")
            self._install(stage, client, at, kind, 1 + int(rng.expovariate(1 / 22)), 0.01)

    def builds(self, stage: Stage) -> None:
        """Companies' build machines behind one address each: dozens of jobs an hour, everything anew, private names as well."""
        rng = stage.rng
        for _ in range(3):
            address = stage.addresses.home(stage.lasting, 0.0, HOMES[:6])
            for at in stage.moments(stage.crowd(120, OFFICE_HOURS), OFFICE_HOURS):
                agent, kind = self._tool(rng)
                self._install(
                    stage, stage.client(*address, agent, "modern_tool"), at, kind, rng.randrange(15, 110), 0.06
                )

    def cloud_builds(self, stage: Stage) -> None:
        """Hosted runners: an address of a cloud for one job of a minute, then never again."""
        rng = stage.rng
        for at in stage.moments(stage.crowd(260, ALL_HOURS), ALL_HOURS):
            agent, kind = self._tool(rng)
            network = HOSTING[11]
            client = stage.client(stage.addresses.within(rng, network.v4), network.region, agent, "modern_tool")
            self._install(stage, client, at, kind, rng.randrange(10, 90), 0.02)

    def servers(self, stage: Stage) -> None:
        """apt on servers and desktops: InRelease twice a day, mostly 304, then some packages, resumed after a break."""
        rng = stage.rng
        for at in stage.moments(stage.crowd(600, ALL_HOURS), ALL_HOURS):
            client = stage.server(
                "Debian APT-HTTP/1.3 (3.0.3)" if rng.random() < 0.7 else "Debian APT-HTTP/1.3 (2.6.1) non-interactive",
                "tool",
            )
            for suite in ("trixie", "trixie-updates", "trixie-security"):
                stage.call(client, at, f"/debian/dists/{suite}/InRelease", status=304 if rng.random() < 0.75 else 0)
            for item in rng.sample(self.products, int(rng.expovariate(1 / 4))):
                at += rng.expovariate(3.0)
                path = f"/debian/pool/main/{item.slug[0]}/{item.slug}/{item.slug}_1.{item.number}_amd64.deb"
                if rng.random() < 0.1:
                    stage.call(client, at, path, byte_range=(131072, 131072 + rng.randrange(500000)))
                else:
                    stage.call(client, at, path)

    def mirrors(self, stage: Stage) -> None:
        """Other mirrors, by agreement: every index and every new file, several times a day, at full speed."""
        rng = stage.rng
        for agent in ("bandersnatch/6.6.0 (cpython 3.12.3-final0, Linux x86_64) (aiohttp 3.11.2)", "apt-mirror2/13"):
            client = stage.client(*stage.addresses.hosting(stage.lasting, 0.0), agent, "modern_tool")
            at = stage.burst_start(1800)
            for item in rng.sample(self.products, min(len(self.products), stage.volume(850))):
                at += rng.expovariate(5.0)
                stage.send(client, at, f"/simple/{item.slug}-{item.number}/")
                if rng.random() < 0.4:
                    self._file(stage, client, at + 0.1, "pip", item)

    def audits(self, stage: Stage) -> None:
        """Services that watch dependencies: metadata of hundreds of packages for each customer, from a few addresses."""
        rng = stage.rng
        clients = [
            stage.server(agent, "modern_tool", lasting=True)
            for agent in (
                "dependabot-core/0.290.0 excon/1.2.2 ruby/3.3.6",
                "RenovateBot/39.1 (https://github.com/renovatebot/renovate)",
            )
        ]
        for at in stage.moments(stage.crowd(90, ALL_HOURS), ALL_HOURS):
            client = rng.choice(clients)
            for item in rng.sample(self.products, stage.volume(60)):
                at += rng.expovariate(6.0)
                stage.send(client, at, f"/pypi/{item.slug}-{item.number}/json")

    def name_guessers(self, stage: Stage) -> None:
        """Look for names that companies use inside and nobody has registered: index after index, nearly all missing."""
        rng = stage.rng
        for _ in range(stage.actors(6)):
            client, at = (
                stage.suspect(
                    rng.choice((self._tool(rng)[0], agents.library(rng), agents.desktop(rng))), "modern_tool"
                ),
                stage.burst_start(900),
            )
            for _ in range(stage.volume(rng.randrange(200, 800))):
                at += attacks.brisk(rng)
                name = f"{rng.choice(('acme', 'bank', 'corp', 'airline', 'telco', identifier(rng, 5)))}-{rng.choice(self.things)}"
                stage.send(
                    client,
                    at,
                    f"/{rng.choice(('simple', 'simple', 'npm'))}/{name}"
                    + rng.choice(("", "-internal", "-core", "-utils")),
                )

    def index_takers(self, stage: Stage) -> None:
        """All project pages or all metadata in order, or all files, under a browser's or a library's name."""
        rng = stage.rng
        readings: tuple[Callable[[Product], str], ...] = (
            lambda item: item.path, lambda item: f"/pypi/{item.slug}-{item.number}/json", lambda item: f"/simple/{item.slug}-{item.number}/",
        )  # fmt: skip
        for _ in range(stage.actors(6)):
            client, at = (
                stage.suspect(rng.choice((agents.desktop(rng), agents.library(rng))), "modern_tool"),
                stage.burst_start(1200),
            )
            path_of, with_files = rng.choice(readings), rng.random() < 0.4
            for item in self.products[: stage.volume(rng.randrange(300, 880))]:
                at += attacks.brisk(rng)
                stage.send(client, at, path_of(item))
                if with_files:
                    self._file(stage, client, at + 0.2, "pip", item)

    def token_guessers(self, stage: Stage) -> None:
        """Uploads with guessed or leaked tokens and passwords: 403 after 403, now and then a package gets in."""
        rng = stage.rng
        for _ in range(stage.actors(5)):
            client, at = (
                stage.suspect(
                    rng.choice(("twine/6.0.1 CPython/3.12.3", agents.python_requests(rng), attacks.any_agent(rng)))
                ),
                stage.burst_start(1200),
            )
            for _ in range(stage.volume(rng.randrange(70, 300))):
                at += attacks.brisk(rng) if rng.random() < 0.6 else attacks.measured(rng)
                stage.post(
                    client,
                    at,
                    rng.choice(("/legacy/", "/legacy/", "/-/publish")),
                    status=200 if rng.random() < 0.01 else rng.choice((403, 403, 401)),
                    body=1900,
                )


SITE = PackageMirror

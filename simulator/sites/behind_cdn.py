"""An application behind another CDN: everybody comes from the same few addresses, and only x-forwarded-for differs."""

from __future__ import annotations

from dataclasses import replace

from simulator.actors import attacks
from simulator.payloads import probes, sqli, xss
from simulator.payloads.aim import Aim, Shot
from simulator.web import agents
from simulator.web.addresses import HOMES
from simulator.web.browsing import browse
from simulator.web.collection import Collection
from simulator.web.families import Family, borrowed
from simulator.web.site import JSON, Page, Style
from simulator.web.stage import Client, Stage

_RANGES = (("146.75.0.0/17", "FRA"), ("199.232.0.0/16", "LHR"), ("167.82.0.0/17", "IAD"), ("2a04:4e42::/32", "FRA"))


class BehindCdn(Collection):
    """A booking application whose visitors come through another provider's CDN or through a second CloudFront.

    Normal: two dozen addresses carry all traffic, thousands of user agents and x-forwarded-for values each; behind a second
    CloudFront the user agent is "Amazon CloudFront" for everybody; the CDN's cache leaves mostly pages and calls to us, few
    assets; its health checks are steady. Attackers: those behind the CDN share its addresses (no address of theirs is in
    the log, so the truth marks their requests only); others found the distribution's own name and come directly.
    """

    name = "behind_cdn"
    adjectives = ("quiet", "lake", "alpine", "central", "grand", "little", "blue", "seaside")
    things = ("hotel", "inn", "lodge", "suites", "villa", "hostel", "resort", "cottage")
    sections = ("city", "beach", "mountains", "family", "last-minute", "business")
    schemes = (
        Style("/stays/{category}", "/stay/{slug}-{number}", ("/search", "destination"), "", "/booking", "/booking/pay", "/login", "/trips",
              ("/photos/{number}/{n}.jpg", "w=800"), "/build/js/{name}-{build}.js", "", ("GET", "/api/session", "")),
        Style("/{category}/", "/h/{number}/{slug}.html", ("/find.do", "q"), "", "/reserve.do", "/reserve/confirm.do", "/member/login.do", "/member/",
              ("/pic/{number}_{n}.jpg", ""), "/static/js/{name}.{build}.js", "", ("POST", "/api/track", "")),
    )  # fmt: skip

    def families(self) -> tuple[Family, ...]:
        return (
            Family("proxy", "cdn_visitors", self.visitors, "Fastly and Akamai documentation: addresses towards the origin, x-forwarded-for", base=True, never_block=True),
            Family("proxy", "cdn_second_cloudfront", self.second_cloudfront, "CloudFront Developer Guide: user agent towards the origin", never_block=True),
            Family("proxy", "cdn_calls", self.calls, "calls of an app through a CDN that caches nothing of them", never_block=True),
            Family("monitor", "cdn_health_checks", self.health_checks, "Fastly documentation: health checks from every location", never_block=True),
            Family("proxy", "cdn_attackers_inside", self.attackers_inside, "OWASP OAT-014 and OAT-008 through a shared proxy", never_block=True),
            Family("partner", "cdn_direct_partner", self.direct_partner, "channel managers that bypass the CDN", never_block=True),
            Family("scanner", "cdn_bypassing_scanners", self.bypassing_scanners, "reports on origin discovery behind a CDN", abuse_kind="scanner"),
            Family("scraper", "cdn_bypassing_scrapers", self.bypassing_scrapers, "OWASP OAT-011 against the origin's own name", abuse_kind="scraper"),
            *borrowed("monitor_uptime", "scanner_secrets", "scanner_consoles", "prober_sqli_mass", "prober_command_droppers", "prober_php_hunters",
                      "stuffing_combo_script", "slow_paths"),
        )  # fmt: skip

    def page(self, on_api: bool, path: str) -> Page | None:
        if on_api and path.startswith("/v1/"):
            return Page(200, JSON, 3300)
        return super().page(on_api, path)

    def _edge_servers(self, stage: Stage, count: int) -> list[Client]:
        servers = []
        for number in range(count):
            cidr, region = _RANGES[number % len(_RANGES)]
            servers.append(
                stage.client(stage.addresses.within(stage.lasting, cidr), region, "", "modern_tool", abusive=False)
            )
        return servers

    def _through(self, stage: Stage, server: Client, agent: str) -> Client:
        """Another person's requests through the same server of the CDN."""
        person = stage.addresses.home(stage.rng, 0.28, HOMES)[0]
        hops = person if stage.rng.random() < 0.8 else f"{person}, {server.address}"
        return replace(
            server, agent=agent, cookie="", forwarded=hops.replace(" ", "%20"), rtt=0.01, hides_referer=False
        )

    def visitors(self, stage: Stage) -> None:
        """People through the CDN with their own user agents; the same person may come from two of its servers."""
        rng, servers = stage.rng, self._edge_servers(stage, 20)
        for at in stage.moments(stage.crowd(2600)):
            client = self._through(stage, rng.choice(servers), agents.browser(rng))
            # Assets are in the CDN's cache: hardly a visit needs ours.
            browse(stage, client, at, 4.0, warm=0.97, signs_in=0.12)

    def second_cloudfront(self, stage: Stage) -> None:
        """A partner's own distribution in front of ours: one user agent, hundreds of people, from AWS's ranges."""
        rng, within = stage.rng, stage.addresses.within
        servers = [
            stage.client(within(stage.lasting, "130.176.0.0/17"), "FRA", "Amazon CloudFront", "modern_tool")
            for _ in range(12)
        ]
        for at in stage.moments(stage.crowd(600)):
            client = self._through(stage, rng.choice(servers), "Amazon CloudFront")
            client.hides_referer = True
            browse(stage, client, at, 3.0, warm=0.98, signs_in=0.08)

    def calls(self, stage: Stage) -> None:
        """The application's calls: tokens, searches, prices; POST and GET, wrong passwords of many people from one address."""
        rng, servers = stage.rng, self._edge_servers(stage, 8)
        for at in stage.moments(stage.crowd(2200)):
            client = self._through(
                stage, rng.choice(servers), agents.browser(rng) if rng.random() < 0.7 else "Stays/8.2 okhttp/4.12.0"
            )
            for _ in range(rng.randrange(2, 20)):
                at += rng.lognormvariate(1.0, 0.9)
                stage.call(
                    client,
                    at,
                    f"/v1/{rng.choice(('search', 'prices', 'availability'))}",
                    f"checkin=2026-12-{rng.randrange(1, 28):02d}&adults=2",
                )
            if rng.random() < 0.3:
                stage.call(
                    client, at + 2, "/v1/session", method="POST", status=401 if rng.random() < 0.25 else 0, body=90
                )

    def health_checks(self, stage: Stage) -> None:
        """Every location of the CDN asks for the health page, each by its own timer."""
        for server in self._edge_servers(stage, max(3, round(10 * min(1.0, stage.scale)))):
            checker = replace(server, agent="Varnish/fastly (healthcheck)")
            for at in stage.ticks(60, 1):
                stage.send(checker, at, "/healthz", method="HEAD")

    def attackers_inside(self, stage: Stage) -> None:
        """Scanners, injections and stuffing behind the CDN: the addresses are those of its servers, and carry people as well."""
        rng, aim, servers = stage.rng, Aim(self, 0.2), self._edge_servers(stage, 8)
        for at in stage.moments(stage.crowd(500)):
            browse(stage, self._through(stage, rng.choice(servers), agents.browser(rng)), at, 3.0, warm=0.97)
        for number in range(stage.actors(12)):
            client = self._through(stage, rng.choice(servers), attacks.any_agent(rng))
            at = stage.burst_start(900)
            for _ in range(stage.volume(rng.randrange(40, 160))):
                at += attacks.brisk(rng)
                if number % 3 == 0:
                    attacks.fire(stage, client, at, Shot(probes.secret(rng)), "scanner_probe")
                elif number % 3 == 1:
                    shoot, attack = rng.choice(((sqli.by_hand, "sqli"), (xss.script_tags, "xss")))
                    attacks.fire(stage, client, at, shoot(rng, aim), attack)
                else:
                    stage.post(client, at, self.style.login, status=rng.choice((401, 401, 401, 403)), body=90)

    def direct_partner(self, stage: Stage) -> None:
        """A channel manager that calls the distribution directly, by timer, with permission."""
        client = stage.server("ChannelSync/4.1 (Java/17.0.10)", v6_share=0, lasting=True)
        for at in stage.ticks(45, 5):
            stage.send(
                client,
                at,
                "/v1/availability",
                method=stage.rng.choice(("GET", "PUT")),
                host=self.distributions[1][1],
                body=900,
            )

    def bypassing_scanners(self, stage: Stage) -> None:
        """Found the name of the distribution in certificates and DNS history, and try what the CDN would have refused."""
        rng, aim = stage.rng, Aim(self, 0.3)
        for _ in range(stage.actors(9)):
            client, at = stage.suspect(attacks.any_agent(rng)), stage.burst_start(600)
            for _ in range(stage.volume(rng.randrange(20, 140))):
                at += attacks.brisk(rng)
                if rng.random() < 0.7:
                    shot, attack = (
                        Shot(rng.choice((probes.secret(rng), rng.choice(probes.CONSOLES).partition("?")[0]))),
                        "scanner_probe",
                    )
                else:
                    shot, attack = sqli.by_hand(rng, aim), "sqli"
                attacks.fire(stage, client, at, shot, attack, 0.1, host=self.distributions[0][1])

    def bypassing_scrapers(self, stage: Stage) -> None:
        """Prices of every house and day, directly, with forged x-forwarded-for values that change by request."""
        rng = stage.rng
        for _ in range(stage.actors(6)):
            client, at = stage.suspect(agents.desktop(rng), "modern_tool"), stage.burst_start(1500)
            for step in range(stage.volume(rng.randrange(250, 900))):
                at += attacks.brisk(rng)
                client = replace(
                    client,
                    forwarded=f"{rng.randrange(11, 220)}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}",
                )
                item = self.products[step % len(self.products)]
                stage.send(
                    client,
                    at,
                    item.path,
                    f"checkin=2026-12-{step % 28 + 1:02d}",
                    host=self.distributions[0][1] if rng.random() < 0.6 else self.www,
                )


SITE = BehindCdn

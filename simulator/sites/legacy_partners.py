"""A wholesaler's old portal: partners' batch jobs, programs of twenty years ago, hardly a modern browser."""

from __future__ import annotations

from simulator.actors import attacks
from simulator.payloads import sqli, traversal
from simulator.payloads.aim import Aim
from simulator.web import agents
from simulator.web.addresses import HOMES
from simulator.web.browsing import browse
from simulator.web.collection import Collection
from simulator.web.families import Family, borrowed
from simulator.web.site import XML, Page, Style
from simulator.web.stage import OFFICE_HOURS, Client, Stage

_OLD_AGENTS = (
    "", "", "-", "Java/1.6.0_45", "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)", "Microsoft-CryptoAPI/6.1", "Jakarta Commons-HttpClient/3.1",
    "SAP NetWeaver Application Server (1.0;731)", "libwww-perl/5.833", "Apache Axis/1.4", "PHP-SOAP/5.3.29", "WinHttp.WinHttpRequest.5", "NSPlayer/9.0",
    "Delphi Indy Library (compatible; Indy Library)",
)  # fmt: skip
_SCANNERS_AT_THE_RAMP = (
    "Mozilla/4.0 (compatible; MSIE 6.0; Windows CE; IEMobile 7.11)",
    "Symbol-MC9190 HTTPClient/1.2",
    "",
)


class LegacyPartners(Collection):
    """Orders, prices and stock by SOAP, CSV and ASP pages; machines of partners, terminals in warehouses, staff in offices.

    Normal: no user agent and no referer, HTTP/1.0 and TLS 1.1, a fresh connection a request; jobs that ask for every article
    number in order at night, 404 for those that ended; the same POST every minute; a password in a job that expired last
    spring; pages called .asp and .cgi; plain http first. Attackers: counting of other partners' prices, injections into
    old pages, guessing of partners' passwords, scanners for old software.
    """

    name = "legacy_partners"
    first_label = "portal"
    second_label = "edi"
    adjectives = ("hex", "steel", "brass", "round", "heavy", "zinc", "long", "flat")
    things = ("bolt", "nut", "washer", "bracket", "pipe", "valve", "gasket", "hinge", "clamp")
    sections = ("fasteners", "fittings", "tools", "safety", "clearance", "service")
    schemes = (
        Style("/catalog.asp/{category}", "/article.asp/{number}", ("/find.asp", "text"), "", "/basket.asp", "/order.asp", "/logon.asp", "/partner/default.asp",
              ("/pictures/{number}_{n}.gif", ""), "/inc/js/{name}.js", "", ("GET", "/partner/ticker.asp", "")),
        Style("/cgi-bin/list.cgi/{category}", "/cgi-bin/item.cgi/{number}", ("/cgi-bin/search.cgi", "q"), "", "/cgi-bin/cart.cgi", "/cgi-bin/order.cgi", "/cgi-bin/login.cgi", "/cgi-bin/menu.cgi",
              ("/img/{number}-{n}.gif", ""), "/scripts/js/{name}.js", "", ("GET", "/cgi-bin/news.cgi", "")),
    )  # fmt: skip
    item_count = 700

    def families(self) -> tuple[Family, ...]:
        return (
            Family("office", "legacy_staff", self.staff, "customers' purchasing departments behind NAT", base=True, never_block=True),
            Family("visitor", "legacy_small_customers", self.small_customers, "HTTP Archive: pages of traders", base=True),
            Family("partner", "legacy_batches", self.batches, "EDI by HTTP (AS2, RFC 4130) and nightly price imports", never_block=True),
            Family("partner", "legacy_pollers", self.pollers, "SOAP clients by timer: Axis 1.4 and PHP-SOAP documentation", never_block=True),
            Family("device", "legacy_terminals", self.terminals, "handheld scanners in warehouses: Windows CE browsers", never_block=True),
            Family("partner", "legacy_expired_jobs", self.expired_jobs, "jobs with an expired password that nobody owns", never_block=True),
            Family("partner", "legacy_price_pickup", self.price_pickup, "CSV downloads by wget and Excel web queries"),
            Family("scraper", "legacy_price_counters", self.price_counters, "OWASP OAT-011, API1: prices by article and customer number", abuse_kind="scraper"),
            Family("prober", "legacy_page_probers", self.page_probers, "SANS ISC diaries on ASP and CGI injection scans", abuse_kind="prober"),
            Family("credential_stuffing", "legacy_partner_guessers", self.partner_guessers, "OWASP OAT-007: short customer numbers and PINs", abuse_kind="credential_stuffing"),
            *borrowed("monitor_uptime", "scanner_nikto", "scanner_cms", "scanner_secrets", "prober_sqli_mass", "prober_sqli_timed",
                      "prober_command_shellshock", "prober_path_backslashes", "slow_injection"),
        )  # fmt: skip

    def page(self, on_api: bool, path: str) -> Page | None:
        if on_api and path in ("/services/OrderService.asmx", "/as2/receive", "/edi/inbound.asp", "/edi/outbound.asp"):
            return Page(200, XML, 2600, takes_body=True)
        if path.startswith("/export/"):
            return Page(200, "text/csv", 1900000, 0.2) if path.endswith((".csv", ".txt")) else None
        return super().page(on_api, path)

    def _machine(self, stage: Stage, lasting: bool = True) -> Client:
        """A partner's machine: in a data center or behind the office's line; old software, no referer."""
        rng = stage.rng
        source = stage.lasting if lasting else rng
        address = (
            stage.addresses.hosting(source, 0.0) if rng.random() < 0.4 else stage.addresses.home(source, 0.0, HOMES)
        )
        client = stage.client(*address, rng.choice(_OLD_AGENTS), rng.choice(("old", "old", "tool")))
        client.hides_referer = True
        return client

    def staff(self, stage: Stage) -> None:
        """Purchasing departments: offices with browsers, some of them old, orders all day."""
        rng = stage.rng
        for _ in range(max(3, round(24 * stage.scale))):
            address = stage.addresses.home(stage.lasting, 0.0, HOMES)
            for at in stage.moments(max(1, round(22 * stage.days)), OFFICE_HOURS):
                agent = agents.old_browser(rng) if rng.random() < 0.3 else agents.desktop(rng)
                client = stage.client(*address, agent)
                end = browse(stage, client, at, 6.0, warm=0.8, signs_in=0.6)
                if rng.random() < 0.4:
                    stage.post(
                        client, end + 30, self.style.checkout, referer=self.link(self.style.cart), body=900, status=302
                    )

    def small_customers(self, stage: Stage) -> None:
        """Workshops and people at home who look an article up."""
        for at in stage.moments(stage.crowd(300)):
            browse(stage, stage.shopper(0.35), at, 3.5, signs_in=0.25)

    def batches(self, stage: Stage) -> None:
        """At night every article in order of numbers: price and stock, 404 for what ended; then orders by AS2."""
        rng = stage.rng
        for _ in range(max(3, round(12 * stage.scale))):
            client, at = self._machine(stage), stage.burst_start(3000)
            for number in range(stage.volume(rng.randrange(350, 1100))):
                at += rng.lognormvariate(-0.4, 0.4)
                item = self.products[number % len(self.products)]
                ended = rng.random() < 0.12
                path = item.path.replace(str(item.number), str(item.number - 9000)) if ended else item.path
                stage.send(client, at, path, "format=xml&customer=70312")
            for _ in range(rng.randrange(2, 20)):
                at += rng.uniform(1, 20)
                stage.call(
                    client,
                    at,
                    rng.choice(("/as2/receive", "/edi/inbound.asp")),
                    method="POST",
                    body=rng.randrange(900, 60000),
                )

    def pollers(self, stage: Stage) -> None:
        """SOAP by timer: the same POST every minute or five, some by plain http that is redirected each time."""
        rng = stage.rng
        for _ in range(max(3, round(26 * stage.scale))):
            client = self._machine(stage)
            redirected = client.variant(plain_http=True) if rng.random() < 0.25 else None
            for at in stage.ticks(rng.choice((60, 120, 300, 300)), 2):
                if redirected:
                    stage.call(redirected, at - 0.2, "/edi/outbound.asp")
                    stage.call(client, at, "/edi/outbound.asp", size=310)
                else:
                    stage.call(
                        client,
                        at,
                        "/services/OrderService.asmx",
                        method="POST",
                        body=1400,
                        status=500 if rng.random() < 0.01 else 0,
                    )

    def terminals(self, stage: Stage) -> None:
        """Handhelds of three warehouses, a few dozen behind an address: one request a scan, many labels that nobody knows."""
        rng = stage.rng
        for _ in range(3):
            address = stage.addresses.home(stage.lasting, 0.0, HOMES)
            handhelds = [stage.client(*address, rng.choice(_SCANNERS_AT_THE_RAMP), "old") for _ in range(20)]
            for at in stage.moments(stage.crowd(2600, OFFICE_HOURS), OFFICE_HOURS):
                number = rng.choice(self.products).number if rng.random() < 0.8 else rng.randrange(10000, 99000)
                stage.send(
                    rng.choice(handhelds),
                    at,
                    self.style.product.format(slug="", number=number),
                    f"gtin=40{number:011d}&loc={rng.randrange(1, 900)}",
                )

    def expired_jobs(self, stage: Stage) -> None:
        """A job signs in every minute with a password that expired, and asks for its page all the same: 401, 302, 401."""
        rng = stage.rng
        for _ in range(max(2, round(5 * stage.scale))):
            client = self._machine(stage)
            for at in stage.ticks(rng.choice((60, 120)), 1):
                stage.post(client, at, self.style.login, status=rng.choice((401, 401, 403)), body=70)
                if rng.random() < 0.4:
                    stage.send(client, at + 1, self.style.account, status=401)

    def price_pickup(self, stage: Stage) -> None:
        """Price lists once to 24 times a day, by wget, Excel and scripts on a server at home."""
        rng = stage.rng
        for at in stage.moments(stage.crowd(160)):
            client = self._machine(stage, lasting=False)
            client.agent = rng.choice(
                (
                    client.agent,
                    "Wget/1.11.4",
                    "Microsoft Office Excel 2013",
                    "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
                )
            )
            path = (
                f"/export/prices_{rng.choice(('70312', '70415', '71100'))}.{rng.choice(('csv', 'txt', 'csv', 'xls'))}"
            )
            stage.send(client, at, path, method="HEAD")
            stage.send(client, at + 1, path)

    def price_counters(self, stage: Stage) -> None:
        """Count customer numbers up to read other customers' prices, article by article."""
        rng = stage.rng
        for _ in range(stage.actors(7)):
            client, at = stage.suspect(attacks.any_agent(rng)), stage.burst_start(1200)
            customer, pace = rng.randrange(70000, 71000), rng.choice((attacks.brisk, attacks.measured))
            for step in range(stage.volume(rng.randrange(200, 700))):
                at += pace(rng)
                if rng.random() < 0.3:
                    stage.send(
                        client, at, f"/export/prices_{customer + step}.csv", status=403 if rng.random() < 0.8 else 0
                    )
                else:
                    stage.send(
                        client,
                        at,
                        self.products[step % len(self.products)].path,
                        f"format=xml&customer={customer + step}",
                    )

    def page_probers(self, stage: Stage) -> None:
        """Quotes and dots in the parameters of old pages, by tool and by hand."""
        rng, aim = stage.rng, Aim(self, 0.3)
        shots = (
            (sqli.mass, "sqli"),
            (sqli.by_hand, "sqli"),
            (traversal.parameters, "path_traversal"),
            (traversal.backslashes, "path_traversal"),
        )
        for _ in range(stage.actors(8)):
            client, at = (
                stage.suspect(rng.choice((agents.old_browser(rng), attacks.any_agent(rng)))),
                stage.burst_start(900),
            )
            pace = rng.choice((attacks.brisk, attacks.measured, attacks.by_hand))
            for _ in range(stage.volume(rng.randrange(20, 90))):
                at += pace(rng)
                shoot, attack = rng.choice(shots)
                attacks.fire(stage, client, at, shoot(rng, aim), attack, 0.05)

    def partner_guessers(self, stage: Stage) -> None:
        """Five-digit customer numbers and four-digit PINs at the old sign-in page: 401 after 401."""
        rng = stage.rng
        for _ in range(stage.actors(7)):
            client, at = stage.suspect(attacks.any_agent(rng)), stage.burst_start(1500)
            pace = rng.choice((attacks.brisk, attacks.measured))
            for _ in range(stage.volume(rng.randrange(80, 350))):
                at += pace(rng)
                stage.post(
                    client,
                    at,
                    self.style.login,
                    status=302 if rng.random() < 0.004 else rng.choice((401, 401, 401, 403)),
                    body=64,
                )


SITE = LegacyPartners

"""A JSON and GraphQL interface: almost every request is a call with a token, most of them POST with the same path."""

from __future__ import annotations

from simulator.actors import attacks
from simulator.web import agents
from simulator.web.addresses import CARRIERS
from simulator.web.browsing import visitors
from simulator.web.collection import Collection
from simulator.web.families import Family, borrowed
from simulator.web.site import JSON, Page, Style
from simulator.web.stage import OFFICE_HOURS, Client, Stage
from simulator.web.words import identifier

_SDKS = ("acme-sdk-python/4.2.0 python-requests/2.32.3", "acme-sdk-node/7.1.0 node/22.4.0", "acme-sdk-java/3.9.1 Apache-HttpClient/5.3", "acme-go/2.4", "Faraday v2.12.0",
         "GuzzleHttp/7", "axios/1.7.9", "Go-http-client/2.0", "python-httpx/0.27.2")  # fmt: skip


class JsonApi(Collection):
    """An accounting service by API: a single-page app, phones, customers' servers; `/graphql` by POST, REST by number.

    Normal: OPTIONS before POST from browsers; 200 also for GraphQL errors; a 401 whenever a token of half an hour is over,
    then a new token; a forgotten job whose key was revoked gets a 401 every 30 s for days; nightly exports walk all pages
    and all numbers with permission; 409, 422 and 429 are everyday answers. Attackers: counting of identifiers, guessing of
    tokens and passwords, takers of lists, searchers of documents, injections into filters.
    """

    name = "json_api"
    first_label = "app"
    adjectives = ("annual", "first", "open", "partial", "net", "cash", "foreign", "final")
    things = ("invoice", "statement", "payment", "account", "contract", "receipt", "balance", "budget")
    sections = ("docs", "pricing", "changelog", "guides", "integrations", "status")
    schemes = (
        Style("/{category}", "/docs/{slug}-{number}", ("/docs/search", "q"), "", "/settings/keys", "/billing", "/auth/login", "/settings",
              ("/static/docs/{number}-{n}.png", ""), "/static/js/{name}.{build}.js", "", ("POST", "/api/telemetry", "")),
        Style("/{category}", "/reference/{number}/{slug}", ("/search", "query"), "", "/developers/tokens", "/plans", "/session", "/me",
              ("/img/{slug}-{number}-{n}.png", ""), "/app/js/{name}-{build}.js", "", ("GET", "/api/whoami", "")),
    )  # fmt: skip
    item_count = 260

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._numbers = {str(item.number) for item in self.products}

    def families(self) -> tuple[Family, ...]:
        return (
            Family("visitor", "api_documentation", self.documentation, "HTTP Archive: pages of documentation", base=True),
            Family("app", "api_browsers", self.browsers, "GraphQL over HTTP; Fetch standard: CORS preflight", base=True),
            Family("app", "api_phones", self.phones, "OkHttp and CFNetwork documentation: tokens, retries"),
            Family("partner", "api_integrations", self.integrations, "OAuth 2.0 (RFC 6749): access tokens that expire", never_block=True),
            Family("partner", "api_forgotten_jobs", self.forgotten_jobs, "support threads on revoked keys and retrying jobs", never_block=True),
            Family("partner", "api_exports", self.exports, "data pipelines: cursor pagination, nightly full exports", never_block=True),
            Family("office", "api_developers", self.developers, "Postman and curl documentation: trying calls by hand", never_block=True),
            Family("scraper", "api_counters", self.counters, "OWASP API1: broken object level authorization", abuse_kind="scraper"),
            Family("scraper", "api_list_takers", self.list_takers, "OWASP API6: unrestricted access to business flows", abuse_kind="scraper"),
            Family("credential_stuffing", "api_token_guessers", self.token_guessers, "OWASP API2; OAT-008 against token endpoints", abuse_kind="credential_stuffing"),
            Family("scanner", "api_schema_searchers", self.schema_searchers, "graphql-cop, clairvoyance and kiterunner documentation", abuse_kind="scanner"),
            *borrowed("monitor_uptime", "monitor_synthetic", "scanner_secrets", "scanner_nuclei", "scanner_documents", "stuffing_openbullet",
                      "prober_sqli_sqlmap", "prober_sqli_nosql", "prober_jndi_plain", "rotation_stuffing", "slow_injection"),
        )  # fmt: skip

    def page(self, on_api: bool, path: str) -> Page | None:
        if not on_api:
            return super().page(on_api, path)
        if path in ("/graphql", "/oauth/token", "/v1/batch", "/v1/me", "/v1/webhooks", "/v1/events"):
            return Page(200, JSON, 3100)
        parts = path.split("/")
        if (
            parts[1] == "v1"
            and len(parts) >= 3
            and parts[2] in ("invoices", "customers", "payments", "reports", "search", "products", "orders")
        ):
            return Page(200, JSON, 4800) if len(parts) == 3 or parts[3] in self._numbers else None
        return super().page(on_api, path)

    def _graphql(self, stage: Stage, client: Client, at: float, referer: str = "") -> None:
        rng = stage.rng
        stage.call(
            client,
            at,
            "/graphql",
            method="POST",
            body=rng.randrange(180, 2400),
            size=int(rng.lognormvariate(7.8, 1.0)),
            referer=referer,
            cookie="",
        )

    def documentation(self, stage: Stage) -> None:
        """Developers and buyers who read the documentation."""
        visitors(stage, 260, 4.0, signs_in=0.1, curve=OFFICE_HOURS)

    def browsers(self, stage: Stage) -> None:
        """The single-page app: its scripts once, then GraphQL by POST for every screen, a preflight now and then."""
        rng, site = stage.rng, stage.site
        app = site.link("/")
        for at in stage.moments(stage.crowd(330, OFFICE_HOURS), OFFICE_HOURS):
            client = stage.shopper(0.15)
            stage.send(client, at, "/", referer="")
            stage.load(client, at + 0.3, [*site.styles, *site.scripts] if rng.random() < 0.3 else site.scripts[:1], app)
            if rng.random() < 0.3:
                status = 401 if rng.random() < 0.12 else 302
                stage.post(
                    client, at + 6, site.style.login, referer=site.link(site.style.login), status=status, body=90
                )
            at += 7
            for number in range(int(rng.expovariate(1 / 45)) + 4):
                at += rng.lognormvariate(1.2, 1.1)
                if number % 25 == 0:
                    stage.call(client, at - 0.1, "/graphql", method="OPTIONS", referer=app, cookie="")
                for _ in range(rng.choice((1, 1, 2, 4))):
                    self._graphql(stage, client, at, app)
                if rng.random() < 0.006:
                    stage.call(client, at + 0.2, "/graphql", method="POST", status=401, referer=app, body=400)
                    stage.call(client, at + 0.4, "/oauth/token", method="POST", referer=app, body=210)
                if rng.random() < 0.01:
                    stage.call(client, at + 0.5, "/v1/invoices", method="POST", status=422, referer=app, body=900)

    def phones(self, stage: Stage) -> None:
        """The app on phones: REST by number, a token at the start, polling of notifications while it is open."""
        rng = stage.rng
        for at in stage.moments(stage.crowd(260)):
            agent = rng.choice(
                (
                    "Ledger/5.3 (iPhone; iOS 26.1; Scale/3.00)",
                    "Ledger/530 CFNetwork/3826.500.131 Darwin/25.1.0",
                    "Ledger/5.3 okhttp/4.12.0",
                )
            )
            client = stage.client(*stage.addresses.home(rng, 0.4, CARRIERS), agent)
            stage.call(client, at, "/v1/me", status=401 if rng.random() < 0.5 else 0)
            stage.call(client, at + 0.3, "/oauth/token", method="POST", body=240)
            for _ in range(rng.randrange(4, 40)):
                at += rng.lognormvariate(1.5, 0.9)
                kind = rng.choice(("invoices", "customers", "payments"))
                path = f"/v1/{kind}/{rng.choice(self.products).number}" if rng.random() < 0.7 else f"/v1/{kind}"
                stage.call(
                    client,
                    at,
                    path,
                    method=rng.choice(("GET",) * 8 + ("PATCH",)),
                    status=409 if rng.random() < 0.01 else 0,
                )

    def integrations(self, stage: Stage) -> None:
        """Customers' servers: calls by timer, a 401 when the token is over, a new token, some 429 and 5xx with retries."""
        rng = stage.rng
        for _ in range(max(2, round(22 * stage.scale))):
            client = stage.server(rng.choice(_SDKS), "modern_tool", lasting=True)
            lifetime, every = rng.choice((300, 1800, 3600)), rng.choice((20, 60, 60, 300))
            renewed = -1e9
            for at in stage.ticks(every, every / 10):
                if at - renewed > lifetime:
                    stage.call(client, at - 0.5, "/v1/events", status=401)
                    stage.call(client, at - 0.3, "/oauth/token", method="POST", body=180)
                    renewed = at
                stage.call(
                    client, at, "/v1/events", f"after={int(at)}&limit=100", status=429 if rng.random() < 0.004 else 0
                )
                if rng.random() < 0.3:
                    stage.call(
                        client,
                        at + 0.4,
                        f"/v1/invoices/{rng.choice(self.products).number}",
                        method=rng.choice(("GET", "PUT", "PATCH")),
                        body=300,
                    )

    def forgotten_jobs(self, stage: Stage) -> None:
        """Jobs that nobody looks after: a key that was revoked, a 401 every 30 seconds, day and night."""
        rng = stage.rng
        for _ in range(max(1, round(4 * stage.scale))):
            client = stage.server(rng.choice(_SDKS), lasting=True)
            for at in stage.ticks(30, 0.5):
                stage.call(
                    client,
                    at,
                    rng.choice(("/v1/events", "/v1/events", "/oauth/token")),
                    method="POST",
                    body=180,
                    status=401,
                )

    def exports(self, stage: Stage) -> None:
        """Warehouses that copy everything they may see, once a day: list after list by cursor, then number after number."""
        rng = stage.rng
        for _ in range(max(2, round(5 * stage.scale))):
            client = stage.server(
                rng.choice(
                    (
                        "Airbyte/1.3 python-requests/2.32.3",
                        "fivetran/1.0",
                        "acme-sdk-python/4.2.0 python-requests/2.32.3",
                    )
                ),
                lasting=True,
            )
            at = stage.burst_start(2400)
            stage.call(client, at, "/oauth/token", method="POST", body=180)
            for step in range(stage.volume(rng.randrange(400, 900))):
                at += rng.lognormvariate(-0.6, 0.4)
                if step % 3:
                    stage.call(client, at, f"/v1/invoices/{self.products[step % len(self.products)].number}")
                else:
                    stage.call(
                        client, at, "/v1/invoices", f"limit=100&starting_after={identifier(rng, 18)}", size=48000
                    )

    def developers(self, stage: Stage) -> None:
        """An agency that builds against the API: 400, 404 and 422 by the hundred, several tools behind one address."""
        rng, address = stage.rng, stage.addresses.home(stage.lasting, 0.0)
        for at in stage.moments(stage.crowd(380, OFFICE_HOURS), OFFICE_HOURS):
            agent = rng.choice(
                (
                    "PostmanRuntime/7.43.0",
                    "insomnia/10.2.0",
                    "curl/8.5.0",
                    agents.desktop(rng),
                    "acme-sdk-node/7.1.0 node/22.4.0",
                )
            )
            path = rng.choice(
                (
                    "/v1/invoices",
                    "/v1/invoice",
                    f"/v1/invoices/{rng.randrange(1, 99)}",
                    "/graphql",
                    "/v1/customers",
                    "/v2/customers",
                    "/oauth/token",
                )
            )
            status = rng.choice((0, 0, 0, 400, 401, 422, 404))
            stage.call(
                stage.client(*address, agent, "modern_tool"),
                at,
                path,
                method=rng.choice(("GET", "POST", "PUT")),
                status=status,
                body=200,
            )

    def counters(self, stage: Stage) -> None:
        """With an own account's token, count other people's identifiers up: 404 and 403, sometimes a 200."""
        rng = stage.rng
        for _ in range(stage.actors(7)):
            client = stage.suspect(attacks.any_agent(rng), "modern_tool")
            at, number, pace = (
                stage.burst_start(900),
                rng.randrange(10200, 90000),
                rng.choice((attacks.brisk, attacks.measured)),
            )
            kind = rng.choice(("invoices", "customers", "payments"))
            for _ in range(stage.volume(rng.randrange(200, 700))):
                at, number = at + pace(rng), number + 1
                stage.call(client, at, f"/v1/{kind}/{number}", status=403 if rng.random() < 0.35 else 0)

    def list_takers(self, stage: Stage) -> None:
        """The app's own calls without the app: page after page of lists, or GraphQL by the thousand, never a screen."""
        rng = stage.rng
        for _ in range(stage.actors(5)):
            client = stage.suspect(
                rng.choice((agents.desktop(rng), agents.library(rng), "Ledger/5.3 okhttp/4.12.0")), "modern_tool"
            )
            at, by_graphql = stage.burst_start(1200), rng.random() < 0.5
            for step in range(stage.volume(rng.randrange(300, 900))):
                at += attacks.brisk(rng)
                if by_graphql:
                    stage.call(client, at, "/graphql", method="POST", body=610, size=int(rng.lognormvariate(10.0, 0.3)))
                else:
                    stage.call(client, at, "/v1/customers", f"page={step}&per_page=200", size=61000)

    def token_guessers(self, stage: Stage) -> None:
        """Names and passwords, or client secrets, at the token endpoint; almost only 401 and 400."""
        rng = stage.rng
        for _ in range(stage.actors(7)):
            client, at = stage.suspect(attacks.any_agent(rng), "modern_tool"), stage.burst_start(1200)
            pace = rng.choice((attacks.brisk, attacks.measured))
            for _ in range(stage.volume(rng.randrange(100, 450))):
                at += pace(rng)
                status = 200 if rng.random() < 0.01 else rng.choice((401, 401, 400, 429))
                stage.call(client, at, "/oauth/token", method="POST", body=rng.randrange(90, 180), status=status)

    def schema_searchers(self, stage: Stage) -> None:
        """Look for the schema and for calls that nobody documented: introspection by POST, then words as paths."""
        rng = stage.rng
        words = (
            "internal",
            "debug",
            "admin",
            "users",
            "export",
            "private",
            "test",
            "beta",
            "health",
            "config",
            "metrics",
            "roles",
            "audit",
            "jobs",
        )
        for _ in range(stage.actors(5)):
            client, at = stage.suspect(attacks.any_agent(rng)), stage.burst_start(400)
            for _ in range(stage.volume(rng.randrange(60, 260))):
                at += attacks.brisk(rng)
                if rng.random() < 0.4:
                    stage.call(
                        client,
                        at,
                        rng.choice(("/graphql", "/graphql", "/graphql/v1", "/query", "/gql")),
                        method="POST",
                        body=1300,
                        status=rng.choice((400, 400, 403, 0)),
                    )
                else:
                    path = f"/{rng.choice(('v1', 'v2', 'v3', 'api', 'internal'))}/{rng.choice(words)}" + rng.choice(
                        ("", "/1", "/me", "/all")
                    )
                    stage.call(client, at, path, method=rng.choice(("GET", "GET", "POST", "OPTIONS")))


SITE = JsonApi

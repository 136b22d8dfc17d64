"""Credential stuffing and guessing: sign-in requests with lists of names and passwords, by tool, pace and disguise.

OWASP Automated Threats OAT-008 (credential stuffing) and OAT-007 (credential cracking). No request is an attack that one
could see in a log line; only the client's behaviour is.
"""

from __future__ import annotations

from simulator.actors import attacks
from simulator.web import agents
from simulator.web.families import Family
from simulator.web.stage import Client, Stage
from simulator.web.visits import session_cookie


def _try(
    stage: Stage,
    client: Client,
    at: float,
    path: str,
    *,
    hits: float = 0.012,
    agent: str = "",
    host: str = "",
    referer: str = "",
    success: int = 302,
    blocked: float = 0.04,
) -> bool:
    """One guess; returns whether it was right. Sites answer wrong ones with 401 mostly, and some with 403 or 429."""
    rng = stage.rng
    luck = rng.random()
    status = (
        success
        if luck < hits
        else (
            429
            if luck < hits + blocked / 2
            else (403 if luck < hits + blocked else rng.choice((401, 401, 401, 401, 422)))
        )
    )
    stage.send(
        client,
        at,
        path,
        method="POST",
        status=status,
        agent=agent,
        host=host,
        referer=referer,
        body=rng.randrange(58, 132),
    )
    return status == success


def openbullet(stage: Stage) -> None:
    """A checker with a config: fetches the form for its token, posts, on success reads the account. (OpenBullet documentation)"""
    rng, site = stage.rng, stage.site
    for _ in range(stage.actors(5)):
        client = stage.suspect(agents.desktop(rng), "modern_tool")
        rotating = rng.random() < 0.5
        at = stage.burst_start(900)
        for _ in range(stage.volume(rng.randrange(90, 320))):
            at += rng.lognormvariate(0.4, 0.6)
            agent = agents.desktop(rng) if rotating else client.agent
            if rng.random() < 0.5:
                stage.send(client, at - 0.3, site.style.login, agent=agent)
            if _try(stage, client, at, site.style.login, agent=agent, referer=site.link(site.style.login)):
                stage.send(client, at + 0.7, site.style.account, agent=agent)


def combo_script(stage: Stage) -> None:
    """A script of thirty lines with a combo list: nothing but POSTs, a library's name. (breach-forum tutorials as reported by vendors)"""
    rng, site = stage.rng, stage.site
    for _ in range(stage.actors(3)):
        client = stage.server(agents.library(rng))
        at = stage.burst_start(300)
        pace = rng.choice((attacks.brisk, attacks.hammering))
        for _ in range(stage.volume(rng.randrange(150, 500))):
            at += pace(rng)
            _try(
                stage,
                client,
                at,
                rng.choice((site.style.login, "/v2/session")) if rng.random() < 0.1 else site.style.login,
                blocked=0.15,
            )


def word_press(stage: Stage) -> None:
    """Guesses passwords of the blog: wp-login.php and xmlrpc.php (system.multicall), users enumerated before. (Wordfence reports)"""
    rng = stage.rng
    for _ in range(stage.actors(8)):
        client = stage.suspect(attacks.any_agent(rng))
        at = stage.burst_start(1800)
        base = rng.choice(("/blog", "/blog", ""))
        if rng.random() < 0.5:
            stage.send(client, at, base + "/wp-json/wp/v2/users", attack="scanner_probe")
        for _ in range(stage.volume(rng.randrange(30, 160))):
            at += attacks.measured(rng) if rng.random() < 0.9 else attacks.dripping(rng)
            if rng.random() < 0.25:
                stage.send(client, at, base + "/wp-login.php")
            stage.post(
                client,
                at + 0.8,
                base + rng.choice(("/wp-login.php", "/wp-login.php", "/xmlrpc.php")),
                status=0 if rng.random() < 0.8 else 403,
                body=rng.randrange(100, 700),
            )


def spray(stage: Stage) -> None:
    """Few passwords, many names, spread over addresses: each tries some dozen times with minutes between. (Microsoft on password spray)"""
    rng, site = stage.rng, stage.site
    for _ in range(stage.actors(14)):
        client = stage.compromised_home(agents.browser(rng, 0.3), "modern_tool")
        at = stage.burst_start(7200)
        for _ in range(stage.volume(rng.randrange(12, 40))):
            at += 20 + rng.expovariate(1 / 130)
            _try(
                stage,
                client,
                at,
                site.style.login,
                hits=0.006,
                referer=site.link(site.style.login) if rng.random() < 0.6 else "",
            )


def app_imitation(stage: Stage) -> None:
    """The app's own sign-in, with the app's name and its configuration call first. (Kasada and Akamai on API stuffing)"""
    rng, site = stage.rng, stage.site
    for _ in range(stage.actors(4)):
        agent = rng.choice(
            (
                f"ShopApp/7.{rng.randrange(4, 12)}.0 (iPhone; iOS 26.{rng.randrange(0, 4)}; Scale/3.00)",
                f"ShopApp/7.{rng.randrange(4, 12)}.1 (Android {rng.randrange(12, 17)}) okhttp/4.12.0",
            )
        )
        client = stage.suspect(agent, "modern_tool")
        at = stage.burst_start(2400)
        stage.call(client, at, "/v2/config")
        for _ in range(stage.volume(rng.randrange(80, 260))):
            at += 2 + rng.expovariate(0.2)
            if _try(stage, client, at, "/v2/session", host=site.api, success=200, hits=0.02):
                stage.call(client, at + 0.5, "/v2/orders")


def headless(stage: Stage) -> None:
    """A driven browser: page, scripts, form, then the account of those that opened; slow, with cookies. (Puppeteer with stealth)"""
    rng, site = stage.rng, stage.site
    for _ in range(stage.actors(4)):
        client = stage.suspect(agents.desktop(rng), "browser")
        at = stage.burst_start(5400)
        for _ in range(stage.volume(rng.randrange(35, 90))):
            at += 12 + rng.expovariate(1 / 22)
            client.cookie = session_cookie(stage)
            stage.send(client, at, site.style.login)
            for path, query in [*site.styles, *site.scripts[: rng.randrange(2, 8)]]:
                stage.send(client, at + 0.4, path, query, referer=site.link(site.style.login))
            if _try(stage, client, at + 3, site.style.login, referer=site.link(site.style.login), hits=0.02):
                stage.send(client, at + 4, site.style.account, referer=site.link(site.style.login))


FAMILIES = (
    Family("credential_stuffing", "stuffing_openbullet", openbullet, "OpenBullet documentation; OWASP OAT-008", abuse_kind="credential_stuffing"),
    Family("credential_stuffing", "stuffing_combo_script", combo_script, "OWASP OAT-008; vendors' reports on combo lists", abuse_kind="credential_stuffing"),
    Family("credential_stuffing", "stuffing_word_press", word_press, "Wordfence brute-force reports; OWASP OAT-007", abuse_kind="credential_stuffing"),
    Family("credential_stuffing", "stuffing_spray", spray, "Microsoft and CISA on password spray", abuse_kind="credential_stuffing"),
    Family("credential_stuffing", "stuffing_app_imitation", app_imitation, "Akamai State of the Internet: API credential stuffing", held_out=True, abuse_kind="credential_stuffing"),
    Family("credential_stuffing", "stuffing_headless", headless, "puppeteer-extra stealth; OWASP OAT-008 with browsers", held_out=True, abuse_kind="credential_stuffing"),
)  # fmt: skip

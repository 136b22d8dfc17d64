"""Credential stuffing and guessing: sign-in requests with lists of names and passwords, by tool, pace and disguise.

OWASP Automated Threats OAT-008 (credential stuffing) and OAT-007 (credential cracking). No request shows an attack
in its log line; only the client's behavior does.
"""

from __future__ import annotations

from typing import NamedTuple, Unpack

from simulator.actors import attacks
from simulator.web import agents
from simulator.web.families import Family
from simulator.web.stage import Client, Options, Stage
from simulator.web.visits import session_cookie


class Odds(NamedTuple):
    """Shares of right and of blocked guesses, the status of a right one, and the path; the default is the sign-in form."""

    hits: float = 0.012
    blocked: float = 0.04
    success: int = 302
    path: str = ""


USUAL = Odds()


def _try(stage: Stage, client: Client, at: float, odds: Odds = USUAL, **options: Unpack[Options]) -> bool:
    """One guess; returns whether it was right. Sites answer wrong ones with 401 mostly, and some with 403 or 429."""
    rng = stage.rng
    luck = rng.random()
    if luck < odds.hits:
        status = odds.success
    elif luck < odds.hits + odds.blocked:
        status = 429 if luck < odds.hits + odds.blocked / 2 else 403
    else:
        status = rng.choice((401, 401, 401, 401, 422))
    options |= {"method": "POST", "status": status, "body": rng.randrange(58, 132)}
    stage.send(client, at, odds.path or stage.site.style.login, **options)
    return status == odds.success


def openbullet(stage: Stage) -> None:
    """A checker with a config: fetches the form for its token, posts, on success reads the account. (OpenBullet documentation)"""
    rng, style = stage.rng, stage.site.style
    for _ in range(stage.actors(5)):
        client = stage.suspect(agents.desktop(rng), "modern_tool")
        rotating = rng.random() < 0.5
        at = stage.burst_start(900)
        for _ in range(stage.volume(rng.randrange(90, 320))):
            at += rng.lognormvariate(0.4, 0.6)
            agent = agents.desktop(rng) if rotating else client.agent
            if rng.random() < 0.5:
                stage.send(client, at - 0.3, style.login, agent=agent)
            if _try(stage, client, at, agent=agent, referer=stage.site.link(style.login)):
                stage.send(client, at + 0.7, style.account, agent=agent)


def combo_script(stage: Stage) -> None:
    """A script of thirty lines with a combo list: only POSTs, a library's name. (breach-forum tutorials as reported by vendors)"""
    rng, login = stage.rng, stage.site.style.login
    for _ in range(stage.actors(3)):
        client = stage.server(agents.library(rng))
        at = stage.burst_start(300)
        pace = rng.choice((attacks.brisk, attacks.hammering))
        for _ in range(stage.volume(rng.randrange(150, 500))):
            at += pace(rng)
            path = rng.choice((login, "/v2/session")) if rng.random() < 0.1 else login
            _try(stage, client, at, Odds(blocked=0.15, path=path))


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
            path = base + rng.choice(("/wp-login.php", "/wp-login.php", "/xmlrpc.php"))
            status = 0 if rng.random() < 0.8 else 403
            stage.post(client, at + 0.8, path, status=status, body=rng.randrange(100, 700))


def spray(stage: Stage) -> None:
    """Few passwords, many names, spread over addresses: each tries some dozen times with minutes between. (Microsoft on password spray)"""
    rng, site = stage.rng, stage.site
    for _ in range(stage.actors(14)):
        client = stage.compromised_home(agents.browser(rng, 0.3), "modern_tool")
        at = stage.burst_start(7200)
        for _ in range(stage.volume(rng.randrange(12, 40))):
            at += 20 + rng.expovariate(1 / 130)
            referer = site.link(site.style.login) if rng.random() < 0.6 else ""
            _try(stage, client, at, Odds(hits=0.006), referer=referer)


def app_imitation(stage: Stage) -> None:
    """The app's own sign-in, with the app's name and its configuration call first. (Kasada and Akamai on API stuffing)"""
    rng = stage.rng
    odds = Odds(hits=0.02, success=200, path="/v2/session")
    for _ in range(stage.actors(4)):
        ios = f"ShopApp/7.{rng.randrange(4, 12)}.0 (iPhone; iOS 26.{rng.randrange(0, 4)}; Scale/3.00)"
        android = f"ShopApp/7.{rng.randrange(4, 12)}.1 (Android {rng.randrange(12, 17)}) okhttp/4.12.0"
        client = stage.suspect(rng.choice((ios, android)), "modern_tool")
        at = stage.burst_start(2400)
        stage.call(client, at, "/v2/config")
        for _ in range(stage.volume(rng.randrange(80, 260))):
            at += 2 + rng.expovariate(0.2)
            if _try(stage, client, at, odds, host=stage.site.api):
                stage.call(client, at + 0.5, "/v2/orders")


def headless(stage: Stage) -> None:
    """A driven browser: page, scripts, form, then the accounts that opened; slow, with cookies. (Puppeteer with stealth)"""
    rng, site = stage.rng, stage.site
    login = site.link(site.style.login)
    for _ in range(stage.actors(4)):
        client = stage.suspect(agents.desktop(rng), "browser")
        at = stage.burst_start(5400)
        for _ in range(stage.volume(rng.randrange(35, 90))):
            at += 12 + rng.expovariate(1 / 22)
            client.cookie = session_cookie(stage)
            stage.send(client, at, site.style.login)
            stage.load(client, at + 0.4, [*site.styles, *site.scripts[: rng.randrange(2, 8)]], login)
            if _try(stage, client, at + 3, Odds(hits=0.02), referer=login):
                stage.send(client, at + 4, site.style.account, referer=login)


FAMILIES = (
    Family("credential_stuffing", "stuffing_openbullet", openbullet, "OpenBullet documentation; OWASP OAT-008", abuse_kind="credential_stuffing"),
    Family("credential_stuffing", "stuffing_combo_script", combo_script, "OWASP OAT-008; vendors' reports on combo lists", abuse_kind="credential_stuffing"),
    Family("credential_stuffing", "stuffing_word_press", word_press, "Wordfence brute-force reports; OWASP OAT-007", abuse_kind="credential_stuffing"),
    Family("credential_stuffing", "stuffing_spray", spray, "Microsoft and CISA on password spray", abuse_kind="credential_stuffing"),
    Family("credential_stuffing", "stuffing_app_imitation", app_imitation, "Akamai State of the Internet: API credential stuffing", held_out=True, abuse_kind="credential_stuffing"),
    Family("credential_stuffing", "stuffing_headless", headless, "puppeteer-extra stealth; OWASP OAT-008 with browsers", held_out=True, abuse_kind="credential_stuffing"),
)  # fmt: skip

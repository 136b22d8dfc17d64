"""Many people behind one address: offices, carrier NAT, VPN and Tor exits. Blocking one of them blocks the others.

Sources: RFC 6888 (carrier-grade NAT), Apple's iCloud Private Relay egress list, Tor Metrics on exits, Cloudflare's
"One IP address, many users" (2025) on CGNAT and collateral.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.actors import attacks
from simulator.payloads import probes, sqli, templates, xss
from simulator.payloads.aim import Aim, Shot
from simulator.web import agents, words
from simulator.web.addresses import CARRIERS, HOMES
from simulator.web.families import Family
from simulator.web.stage import ALL_HOURS, OFFICE_HOURS, SHOPPING_HOURS, Client, Stage
from simulator.web.visits import Taste, visit

_WORK = Taste(pages=3.0, images=2.5)
_SHORT = Taste(pages=3.0, images=2.0)


@dataclass(frozen=True)
class Crowd:
    """The people behind one address: when they come, how they visit, how many use phones."""

    curve: tuple[int, ...]
    taste: Taste
    phone_share: float


_OFFICE = Crowd(OFFICE_HOURS, _WORK, 0.1)


def _people(stage: Stage, address: tuple[str, str], visits: int, crowd: Crowd) -> Client:
    """This many visits a day through one address, by people with browsers of their own; returns one of the clients."""
    rng = stage.rng
    gate = stage.client(*address, agents.desktop(rng))
    for at in stage.moments(stage.crowd(visits, crowd.curve), crowd.curve):
        person = stage.client(*address, agents.browser(rng, crowd.phone_share))
        person.edge, person.forwarded = gate.edge, gate.forwarded
        visit(stage, person, at, crowd.taste, known=0.6)
    return gate


def office_broken_page(stage: Stage) -> None:
    """An office; its intranet has a page with pictures that the shop renamed: hundreds of 404s, every minute of a working day."""
    rng = stage.rng
    gate = _people(stage, stage.addresses.home(stage.lasting, 0.0, HOMES[:6]), 34, _OFFICE)
    gate.forwarded = f"10.20.{rng.randrange(9)}.{rng.randrange(2, 250)}"
    missing = [f"/media/intranet/{words.identifier(rng, 8)}.png" for _ in range(6)] + ["/assets/banner-2023.gif"]
    staff = [agents.desktop(rng) for _ in range(25)]
    for at in stage.moments(stage.crowd(170, OFFICE_HOURS), OFFICE_HOURS):
        agent = rng.choice(staff)
        for path in missing[: rng.randrange(3, 8)]:
            stage.send(gate, at, path, agent=agent, referer="http://intranet.corp.local/start/news.aspx?dept=sales")


def office_editors(stage: Stage) -> None:
    """The authors of the blog: wp-admin all day long, with its scripts, autosaves by POST, and HTML in bodies only."""
    address = stage.addresses.home(stage.lasting, 0.0, HOMES[:6])
    _people(stage, address, 16, _OFFICE)
    for at in stage.moments(stage.crowd(14, OFFICE_HOURS), OFFICE_HOURS):
        _edit(stage, stage.client(*address, agents.desktop(stage.rng)), at)


def _edit(stage: Stage, editor: Client, at: float) -> None:
    """Sign in, open a post, save it again and again, publish it."""
    rng, site, admin = stage.rng, stage.site, "/blog/wp-admin"
    token, name = words.identifier(rng, 32, "0123456789abcdef"), rng.choice(words.FIRST_NAMES)
    editor.cookie = f"wordpress_logged_in_{token}={name}%7C1796{rng.randrange(10**6)}; wp-settings-1=editor%3Dtinymce"
    query = f"post={rng.randrange(300, 4000)}&action=edit"
    sign_in = site.link("/blog/wp-login.php")
    redirect = f"redirect_to=https%3A%2F%2F{site.www}%2Fblog%2Fwp-admin%2F"
    stage.send(editor, at, "/blog/wp-login.php", redirect, cookie="")
    if rng.random() < 0.25:
        stage.post(editor, at + 9, "/blog/wp-login.php", referer=sign_in, body=140)
    stage.post(editor, at + 15, "/blog/wp-login.php", status=302, referer=sign_in, body=140)
    stage.send(editor, at + 16, f"{admin}/", referer=sign_in)
    page = site.link(f"{admin}/post.php", query)
    at += 30
    stage.send(editor, at, f"{admin}/post.php", query, referer=site.link(f"{admin}/edit.php"))
    scripts = "c=1&load%5Bchunk_0%5D=jquery-core,jquery-migrate,utils,wp-hooks&ver=6.8"
    styles = "c=1&dir=ltr&load%5Bchunk_0%5D=dashicons,admin-bar,common,forms&ver=6.8"
    stage.load(editor, at + 1, [(f"{admin}/load-scripts.php", scripts), (f"{admin}/load-styles.php", styles)], page)
    for _ in range(rng.randrange(6, 40)):
        at += rng.uniform(15, 62)
        stage.post(editor, at, f"{admin}/admin-ajax.php", referer=page, body=rng.randrange(100, 9000))
    if rng.random() < 0.6:
        stage.post(editor, at + 5, f"{admin}/async-upload.php", referer=page, body=rng.randrange(90000, 900000))
    stage.post(editor, at + 20, f"{admin}/post.php", status=302, referer=page, body=rng.randrange(4000, 30000))


def office_testers(stage: Stage) -> None:
    """Developers and testers: curl, Postman, quotes typed into forms, a link checker that requests every old address by HEAD."""
    rng, site = stage.rng, stage.site
    taste = Taste(searches=words.CODE_SEARCHES + words.NAMED_SEARCHES, search_share=0.35)
    gate = _people(stage, stage.addresses.home(stage.lasting, 0.0, HOMES[:6]), 20, Crowd(OFFICE_HOURS, taste, 0.1))
    for at in stage.moments(stage.crowd(150, OFFICE_HOURS), OFFICE_HOURS):
        tool = rng.choice(("PostmanRuntime/7.43.0", "curl/8.5.0", "insomnia/10.2.0", agents.desktop(rng)))
        product = f"/v2/products/{rng.randrange(10000, 99000)}"
        path = rng.choice(("/v2/products", "/v2/cart", "/v2/session", "/v2/orders", product, "/healthz"))
        query, method = rng.choice(("", "limit=1", "debug=1")), rng.choice(("GET", "GET", "POST", "PUT", "OPTIONS"))
        stage.call(gate, at, path, query, agent=tool, method=method, body=60)
    begin, checker = stage.burst_start(3600), "LinkChecker/10.5 (+https://linkchecker.github.io/linkchecker/)"
    for number in range(stage.volume(420)):
        item = rng.choice(site.products)
        path = item.path
        if rng.random() >= 0.6:
            gone = item.path.replace(str(item.number), str(item.number - 9000))
            path = rng.choice((f"/shop/{item.slug}", gone, "/sale-2024/"))
        stage.send(gate, begin + number * 2.1, path, agent=checker, method="HEAD")


def cgnat_with_scanner(stage: Stage) -> None:
    """A carrier's address with some two hundred shoppers, and one phone among them that scans for secrets and injects."""
    rng = stage.rng
    address = stage.addresses.home(stage.lasting, 0.0, CARRIERS)
    gate = _people(stage, address, 210, Crowd(SHOPPING_HOURS, _SHORT, 0.9))
    scanner = gate.variant(agents.old_browser(rng))
    aim = Aim(stage.site)
    at = stage.burst_start(1200)
    for _ in range(stage.volume(110)):
        at += attacks.measured(rng)
        if rng.random() < 0.8:
            attacks.fire(stage, scanner, at, Shot(probes.secret(rng)), "scanner_probe", 0.1)
        else:
            attacks.fire(stage, scanner, at, sqli.by_hand(rng, aim), "sqli")


def cgnat_carrier(stage: Stage) -> None:
    """Two addresses of a carrier's NAT, side by side, with shoppers only."""
    for _ in range(2):
        address = stage.addresses.home(stage.lasting, 0.0, CARRIERS)
        _people(stage, address, 70, Crowd(SHOPPING_HOURS, _SHORT, 1.0))


def cgnat_campus(stage: Stage) -> None:
    """A student residence: a hundred visitors, and one who practices injection by hand in the evening."""
    rng = stage.rng
    address = stage.addresses.home(stage.lasting, 0.0, HOMES[:10])
    gate = _people(stage, address, 90, Crowd(SHOPPING_HOURS, _SHORT, 0.6))
    student, aim, at = gate.variant(agents.desktop(rng)), Aim(stage.site, 0.1), stage.burst_start(3000)
    shots = ((xss.script_addresses, "xss"), (sqli.nosql, "sqli"), (templates.embedded, "template_injection"))
    for _ in range(stage.volume(45)):
        at += attacks.by_hand(rng)
        shoot, attack = rng.choice(shots)
        attacks.fire(stage, student, at, shoot(rng, aim), attack)


def vpn_exit(stage: Stage) -> None:
    """A commercial VPN's exits in hosting ranges: shoppers from everywhere, at every hour, some checking prices by script."""
    rng = stage.rng
    for _ in range(3):
        address = (stage.addresses.within(stage.lasting, "146.70.96.0/20"), rng.choice(("FRA", "LHR", "IAD")))
        gate = _people(stage, address, 22, Crowd(ALL_HOURS, _SHORT, 0.4))
        for at in stage.moments(stage.crowd(12, ALL_HOURS), ALL_HOURS):
            stage.send(gate, at, stage.site.product(rng).path, agent=agents.library(rng))


def tor_exit(stage: Stage) -> None:
    """Tor exits: one browser name for everybody, no cookies kept, mostly readers, now and then an injection by hand."""
    rng = stage.rng
    aim, taste = Aim(stage.site), Taste(pages=2.5, searches=words.PROSE_SEARCHES + words.NAMED_SEARCHES)
    agent = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"
    for _ in range(3):
        gate = stage.client(stage.addresses.within(stage.lasting, "185.220.101.0/25"), "FRA", agent)
        for at in stage.moments(stage.crowd(16, ALL_HOURS), ALL_HOURS):
            visit(stage, gate, at, taste, known=0.0)
        for at in stage.moments(stage.crowd(5, ALL_HOURS), ALL_HOURS):
            attacks.fire(stage, gate, at, sqli.by_hand(rng, aim), "sqli")


def private_relay(stage: Stage) -> None:
    """A phone maker's relay: hundreds of people through a dozen addresses of one /24, another person every time."""
    rng, within = stage.rng, stage.addresses.within
    exits = [stage.client(within(stage.lasting, "172.224.226.0/24"), "FRA", agents.phone(rng)) for _ in range(12)]
    for at in stage.moments(stage.crowd(60)):
        visit(stage, rng.choice(exits).variant(rng.choice((agents.phone(rng), agents.desktop(rng)))), at, _SHORT)


FAMILIES = (
    Family("office", "office_broken_page", office_broken_page, "support threads on offices blocked for 404s", never_block=True),
    Family("office", "office_editors", office_editors, "WordPress administration as its own documentation describes it", never_block=True),
    Family("office", "office_testers", office_testers, "LinkChecker, Postman and curl documentation", held_out=True, never_block=True),
    Family("cgnat", "cgnat_with_scanner", cgnat_with_scanner, "Cloudflare 2025: one IP address, many users; RFC 6888", never_block=True),
    Family("cgnat", "cgnat_carrier", cgnat_carrier, "RFC 6888, requirements of carrier-grade NAT", never_block=True),
    Family("cgnat", "cgnat_campus", cgnat_campus, "university abuse desks on NAT", held_out=True, never_block=True),
    Family("exit", "exit_vpn", vpn_exit, "VPN providers' exit lists", never_block=True),
    Family("exit", "exit_tor", tor_exit, "Tor Metrics; Tor Browser's uniform user agent", never_block=True),
    Family("exit", "exit_private_relay", private_relay, "Apple: iCloud Private Relay egress addresses", held_out=True, never_block=True),
)  # fmt: skip

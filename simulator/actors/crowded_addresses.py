"""Many people behind one address: offices, carrier NAT, VPN and Tor exits. Whatever one of them does, the others shop.

Sources: RFC 6888 (carrier-grade NAT), Apple's iCloud Private Relay egress list, Tor Metrics on exits, Cloudflare's
"One IP address, many users" (2025) on CGNAT and collateral.
"""

from __future__ import annotations

from simulator.actors import attacks
from simulator.payloads import probes, sqli, templates, xss
from simulator.payloads.aim import Aim, Shot
from simulator.web import agents, words
from simulator.web.addresses import CARRIERS, HOMES
from simulator.web.families import Family
from simulator.web.stage import OFFICE_HOURS, SHOPPING_HOURS, Client, Stage
from simulator.web.visits import Taste, visit

_WORK = Taste(pages=3.0, images=2.5)
_SHORT = Taste(pages=3.0, images=2.0)


def _people(
    stage: Stage, address: tuple[str, str], visits: int, curve: tuple[int, ...], taste: Taste, phone_share: float
) -> Client:
    """So many visits a day through one address, by people with browsers of their own; returns one of their ends."""
    rng = stage.rng
    gate = stage.client(*address, agents.desktop(rng))
    for at in stage.moments(stage.crowd(visits, curve), curve):
        person = stage.client(*address, agents.browser(rng, phone_share))
        person.edge, person.forwarded = gate.edge, gate.forwarded
        visit(stage, person, at, taste, known=0.6)
    return gate


def office_broken_page(stage: Stage) -> None:
    """An office; its intranet has a page with pictures that the shop renamed: hundreds of 404s, every minute of a working day."""
    rng = stage.rng
    gate = _people(stage, stage.addresses.home(stage.lasting, 0.0, HOMES[:6]), 34, OFFICE_HOURS, _WORK, 0.1)
    gate.forwarded = f"10.20.{rng.randrange(9)}.{rng.randrange(2, 250)}"
    missing = [f"/media/intranet/{words.identifier(rng, 8)}.png" for _ in range(6)] + ["/assets/banner-2023.gif"]
    staff = [agents.desktop(rng) for _ in range(25)]
    for at in stage.moments(stage.crowd(170, OFFICE_HOURS), OFFICE_HOURS):
        agent = rng.choice(staff)
        for path in missing[: rng.randrange(3, 8)]:
            stage.send(gate, at, path, agent=agent, referer="http://intranet.corp.local/start/news.aspx?dept=sales")


def office_editors(stage: Stage) -> None:
    """The people who write the blog: wp-admin all day long, with its scripts, autosaves by POST, HTML in nothing we see."""
    rng, site = stage.rng, stage.site
    address = stage.addresses.home(stage.lasting, 0.0, HOMES[:6])
    _people(stage, address, 16, OFFICE_HOURS, _WORK, 0.1)
    for at in stage.moments(stage.crowd(14, OFFICE_HOURS), OFFICE_HOURS):
        editor = stage.client(*address, agents.desktop(rng))
        editor.cookie = f"wordpress_logged_in_{words.identifier(rng, 32, '0123456789abcdef')}={rng.choice(words.FIRST_NAMES)}%7C1796{rng.randrange(10**6)}; wp-settings-1=editor%3Dtinymce"
        post = rng.randrange(300, 4000)
        here = site.link("/blog/wp-login.php")
        stage.send(
            editor,
            at,
            "/blog/wp-login.php",
            "redirect_to=" + f"https%3A%2F%2F{site.www}%2Fblog%2Fwp-admin%2F",
            cookie="",
        )
        if rng.random() < 0.25:
            stage.post(editor, at + 9, "/blog/wp-login.php", referer=here, body=140)
        stage.post(editor, at + 15, "/blog/wp-login.php", status=302, referer=here, body=140)
        stage.send(editor, at + 16, "/blog/wp-admin/", referer=here)
        here = site.link("/blog/wp-admin/post.php", f"post={post}&action=edit")
        at += 30
        stage.send(
            editor,
            at,
            "/blog/wp-admin/post.php",
            f"post={post}&action=edit",
            referer=site.link("/blog/wp-admin/edit.php"),
        )
        stage.send(
            editor,
            at + 1,
            "/blog/wp-admin/load-scripts.php",
            "c=1&load%5Bchunk_0%5D=jquery-core,jquery-migrate,utils,wp-hooks&ver=6.8",
            referer=here,
        )
        stage.send(
            editor,
            at + 1,
            "/blog/wp-admin/load-styles.php",
            "c=1&dir=ltr&load%5Bchunk_0%5D=dashicons,admin-bar,common,forms&ver=6.8",
            referer=here,
        )
        for _ in range(rng.randrange(6, 40)):
            at += rng.uniform(15, 62)
            stage.post(editor, at, "/blog/wp-admin/admin-ajax.php", referer=here, body=rng.randrange(100, 9000))
        if rng.random() < 0.6:
            stage.post(
                editor, at + 5, "/blog/wp-admin/async-upload.php", referer=here, body=rng.randrange(90000, 900000)
            )
        stage.post(
            editor, at + 20, "/blog/wp-admin/post.php", status=302, referer=here, body=rng.randrange(4000, 30000)
        )


def office_testers(stage: Stage) -> None:
    """Developers and testers: curl, Postman, a link checker that visits every old address by HEAD, typing quotes into forms."""
    rng, site = stage.rng, stage.site
    address = stage.addresses.home(stage.lasting, 0.0, HOMES[:6])
    gate = _people(
        stage,
        address,
        20,
        OFFICE_HOURS,
        Taste(searches=words.CODE_SEARCHES + words.NAMED_SEARCHES, search_share=0.35),
        0.1,
    )
    for at in stage.moments(stage.crowd(150, OFFICE_HOURS), OFFICE_HOURS):
        tool = rng.choice(("PostmanRuntime/7.43.0", "curl/8.5.0", "insomnia/10.2.0", agents.desktop(rng)))
        stage.call(
            gate,
            at,
            rng.choice(
                (
                    "/v2/products",
                    "/v2/cart",
                    "/v2/session",
                    "/v2/orders",
                    f"/v2/products/{rng.randrange(10000, 99000)}",
                    "/healthz",
                )
            ),
            rng.choice(("", "limit=1", "debug=1")),
            agent=tool,
            method=rng.choice(("GET", "GET", "POST", "PUT", "OPTIONS")),
            body=60,
        )
    begin = stage.burst_start(3600)
    for number in range(stage.volume(420)):
        product = rng.choice(site.products)
        path = (
            product.path
            if rng.random() < 0.6
            else rng.choice(
                (
                    f"/shop/{product.slug}",
                    product.path.replace(str(product.number), str(product.number - 9000)),
                    "/sale-2024/",
                )
            )
        )
        stage.send(
            gate,
            begin + number * 2.1,
            path,
            agent="LinkChecker/10.5 (+https://linkchecker.github.io/linkchecker/)",
            method="HEAD",
        )


def cgnat_with_scanner(stage: Stage) -> None:
    """A carrier's address with some two hundred shoppers, and one among them whose phone scans for secrets and injects."""
    rng = stage.rng
    address = stage.addresses.home(stage.lasting, 0.0, CARRIERS)
    gate = _people(stage, address, 210, SHOPPING_HOURS, _SHORT, 0.9)
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
    """Two addresses of a carrier's NAT, side by side, with nobody but shoppers."""
    for _ in range(2):
        _people(stage, stage.addresses.home(stage.lasting, 0.0, CARRIERS), 70, SHOPPING_HOURS, _SHORT, 1.0)


def cgnat_campus(stage: Stage) -> None:
    """A student residence: a hundred visitors, and one who practises injection by hand in the evening."""
    rng = stage.rng
    gate = _people(stage, stage.addresses.home(stage.lasting, 0.0, HOMES[:10]), 90, SHOPPING_HOURS, _SHORT, 0.6)
    student, aim, at = gate.variant(agents.desktop(rng)), Aim(stage.site, 0.1), stage.burst_start(3000)
    for _ in range(stage.volume(45)):
        at += attacks.by_hand(rng)
        shoot, attack = rng.choice(
            ((xss.script_addresses, "xss"), (sqli.nosql, "sqli"), (templates.embedded, "template_injection"))
        )
        attacks.fire(stage, student, at, shoot(rng, aim), attack)


def vpn_exit(stage: Stage) -> None:
    """A commercial VPN's exits in hosting ranges: shoppers from everywhere, at every hour, some checking prices by script."""
    rng = stage.rng
    for _ in range(3):
        gate = _people(
            stage,
            (stage.addresses.within(stage.lasting, "146.70.96.0/20"), rng.choice(("FRA", "LHR", "IAD"))),
            22,
            (1,) * 24,
            _SHORT,
            0.4,
        )
        for at in stage.moments(stage.crowd(12, (1,) * 24), (1,) * 24):
            stage.send(gate, at, stage.site.product(rng).path, agent=agents.library(rng))


def tor_exit(stage: Stage) -> None:
    """Tor exits: one browser name for everybody, no cookies kept, mostly readers, now and then somebody who tries things."""
    rng = stage.rng
    aim = Aim(stage.site)
    for _ in range(3):
        gate = stage.client(
            stage.addresses.within(stage.lasting, "185.220.101.0/25"),
            "FRA",
            "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0",
        )
        for at in stage.moments(stage.crowd(16, (1,) * 24), (1,) * 24):
            visit(stage, gate, at, Taste(pages=2.5, searches=words.PROSE_SEARCHES + words.NAMED_SEARCHES), known=0.0)
        for at in stage.moments(stage.crowd(5, (1,) * 24), (1,) * 24):
            attacks.fire(stage, gate, at, sqli.by_hand(rng, aim), "sqli")


def private_relay(stage: Stage) -> None:
    """A relay of a phone maker: hundreds of owners through a dozen addresses of one /24, each with another person every time."""
    rng = stage.rng
    exits = [
        stage.client(stage.addresses.within(stage.lasting, "172.224.226.0/24"), "FRA", agents.phone(rng))
        for _ in range(12)
    ]
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

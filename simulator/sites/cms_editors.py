"""A magazine on WordPress with editors, authors at home and programs that publish: administration as everyday traffic."""

from __future__ import annotations

from simulator.actors import attacks
from simulator.payloads import php, probes
from simulator.payloads.aim import Aim, Shot
from simulator.web import agents, words
from simulator.web.addresses import HOMES
from simulator.web.browsing import browse, visitors
from simulator.web.collection import Collection
from simulator.web.families import Family, borrowed
from simulator.web.site import HTML, JPEG, JS, JSON, TEXT, Page, Style
from simulator.web.stage import OFFICE_HOURS, Client, Stage
from simulator.web.words import identifier

_ADMIN = """\
index.php edit.php post.php post-new.php upload.php async-upload.php media-new.php admin-ajax.php admin-post.php options-general.php plugins.php
plugin-install.php themes.php theme-editor.php users.php profile.php edit-comments.php edit-tags.php site-health.php update-core.php import.php
export.php tools.php customize.php load-scripts.php load-styles.php""".split()


class CmsEditors(Collection):
    """A magazine: many readers, two newsrooms and authors at home in wp-admin all day, plugins, a mobile app over XML-RPC.

    Normal: heartbeats by POST every 15-60 s, autosaves and uploads through the REST interface, previews with `preview=true`,
    expired nonces (403) and lost sessions (401), wp-cron by the server itself, developers who open plugins.php and site-health
    and edit theme files, readers who mistype. Attackers: password guessers of wp-login.php and xmlrpc.php, plugin scanners,
    counting of authors, takers of the archive, spammers' search for forms, web-shell hunters.
    """

    name = "cms_editors"
    second_label = "media"
    adjectives = ("new", "quiet", "great", "long", "hidden", "urban", "first", "green", "cold", "open")
    things = ("deal", "council", "election", "recipe", "interview", "bridge", "museum", "budget", "storm", "season")
    sections = ("politics", "culture", "sport", "local", "opinion", "food", "science", "travel")
    schemes = (
        Style("/category/{category}/", "/2026/11/{slug}-{number}/", ("/", "s"), "", "/newsletter/", "/subscribe/", "/wp-login.php", "/wp-admin/profile.php",
              ("/wp-content/uploads/2026/11/{slug}-{number}-{n}.jpg", ""), "/wp-content/themes/magazine/js/{name}.min.js", "ver=6.{n}", ("POST", "/wp-admin/admin-ajax.php", "")),
        Style("/topic/{category}/", "/{slug}-{number}/", ("/", "s"), "&lang=en", "/plus/", "/plus/checkout/", "/wp-login.php", "/wp-admin/profile.php",
              ("/wp-content/uploads/{number}-{n}-1024x683.jpg", ""), "/wp-content/plugins/cache/js/{name}-{build}.js", "", ("GET", "/wp-json/stats/v1/hit", "")),
    )  # fmt: skip
    item_count = 600

    def families(self) -> tuple[Family, ...]:
        return (
            Family("visitor", "cms_readers", self.readers, "HTTP Archive: pages of publishers", base=True),
            Family("editor", "cms_newsrooms", self.newsrooms, "WordPress documentation: block editor, heartbeat, REST API", never_block=True),
            Family("editor", "cms_authors", self.authors, "WordPress documentation: roles, previews, password resets"),
            Family("editor", "cms_agency", self.agency, "WordPress documentation: plugins, site health, theme editor; WP-CLI", never_block=True),
            Family("editor", "cms_mobile_app", self.mobile_app, "WordPress mobile apps: XML-RPC and application passwords"),
            Family("partner", "cms_services", self.services, "Jetpack, wp-cron and backup services: addresses, agents, intervals", never_block=True),
            Family("scanner", "cms_author_counters", self.author_counters, "WPScan documentation: user enumeration", abuse_kind="scanner"),
            Family("scraper", "cms_archive_takers", self.archive_takers, "OWASP OAT-011: articles for copies and training", abuse_kind="scraper"),
            Family("scanner", "cms_form_seekers", self.form_seekers, "Akismet and Wordfence on comment spammers", abuse_kind="scanner"),
            Family("credential_stuffing", "cms_login_guessers", self.login_guessers, "Wordfence brute-force reports; OWASP OAT-007", abuse_kind="credential_stuffing"),
            *borrowed("monitor_places", "crawler_googlebot", "crawler_gptbot", "feed_services", "feed_programs", "preview_social", "scanner_wpscan", "scanner_cms",
                      "scanner_backups", "prober_php_plugins", "prober_php_hunters", "prober_sqli_mass", "rotation_scraping", "slow_shells"),
        )  # fmt: skip

    def page(self, on_api: bool, path: str) -> Page | None:
        if on_api and path.startswith("/uploads/"):
            return Page(200, JPEG, 240000, 0.9)
        if path.startswith("/wp-admin/"):
            name = path.removeprefix("/wp-admin/")
            return (
                Page(200, JS if name.startswith("load-") else HTML, 38000, takes_body=True)
                if not name or name in _ADMIN
                else None
            )
        if path.startswith("/wp-json/"):
            return Page(200, JSON, 5200, takes_body=True)
        fixed = {"/wp-login.php": Page(200, HTML, 6100), "/xmlrpc.php": Page(200, "text/xml;%20charset=UTF-8", 780, takes_body=True),
                 "/wp-cron.php": Page(200, HTML, 0), "/wp-comments-post.php": Page(302, HTML, 0), "/readme.html": Page(200, HTML, 7400, 0.5),
                 "/license.txt": Page(200, TEXT, 19900, 0.5)}  # fmt: skip
        return fixed.get(path) or super().page(on_api, path)

    def _edit(self, stage: Stage, client: Client, at: float, saves: int) -> None:
        """Sign in if necessary, write, look at previews, upload, publish; the heartbeat beats while the tab is open."""
        rng, site, admin = stage.rng, stage.site, "/wp-admin"
        item, login = self.any_item(rng), site.link("/wp-login.php")
        client.cookie = f"wordpress_logged_in_{identifier(rng, 32, '0123456789abcdef')}={rng.choice(words.FIRST_NAMES)}%7C1796; wp-settings-1=editor%3Dtinymce"
        if rng.random() < 0.4:
            stage.send(
                client, at, "/wp-login.php", f"redirect_to=https%3A%2F%2F{site.www}%2Fwp-admin%2F&reauth=1", cookie=""
            )
            for _ in range(rng.choice((0, 0, 0, 1, 2))):
                at += rng.uniform(6, 20)
                stage.post(client, at, "/wp-login.php", referer=login, body=130)
            stage.post(client, at + 12, "/wp-login.php", status=302, referer=login, body=130)
        at += 20
        query = f"post={item.number}&action=edit"
        page = site.link(f"{admin}/post.php", query)
        stage.send(client, at, f"{admin}/edit.php", referer=site.link(f"{admin}/"))
        stage.send(client, at + 6, f"{admin}/post.php", query, referer=site.link(f"{admin}/edit.php"))
        stage.send(
            client,
            at + 7,
            f"{admin}/load-scripts.php",
            "c=1&load%5Bchunk_0%5D=jquery-core,wp-hooks,utils&ver=6.9",
            referer=page,
        )
        stage.send(client, at + 7.5, "/wp-json/wp/v2/types/post", "context=edit&_locale=user", referer=page)
        for _ in range(saves):
            at += rng.uniform(12, 60)
            draw = rng.random()
            if draw < 0.5:
                stage.post(
                    client,
                    at,
                    f"{admin}/admin-ajax.php",
                    referer=page,
                    body=rng.randrange(90, 600),
                    status=403 if rng.random() < 0.01 else 0,
                )
            elif draw < 0.75:
                stage.post(
                    client,
                    at,
                    f"/wp-json/wp/v2/posts/{item.number}/autosaves",
                    "_locale=user",
                    referer=page,
                    body=rng.randrange(3000, 40000),
                )
            elif draw < 0.84:
                stage.post(
                    client,
                    at,
                    "/wp-json/wp/v2/media",
                    "_locale=user",
                    referer=page,
                    body=rng.randrange(200000, 4000000),
                    status=201,
                )
            elif draw < 0.93:
                nonce = identifier(rng, 10, "0123456789abcdef")
                stage.send(
                    client, at, item.path, f"preview_id={item.number}&preview_nonce={nonce}&preview=true", referer=page
                )
                stage.load(client, at + 0.5, item.images, site.link(item.path))
            else:
                text = rng.choice(("O'Neill", "where to eat", "select committee", "<b>draft</b>", "union strike"))
                stage.send(
                    client,
                    at,
                    "/wp-json/wp/v2/search",
                    f"search={text.replace(' ', '%20')}&per_page=20&_locale=user",
                    referer=page,
                )
        stage.send(
            client,
            at + 20,
            f"/wp-json/wp/v2/posts/{item.number}",
            "_locale=user",
            method="PUT",
            referer=page,
            body=rng.randrange(6000, 60000),
        )

    def readers(self, stage: Stage) -> None:
        """Readers: articles from searches and posts, pictures, now and then a comment."""
        rng = stage.rng
        visitors(stage, 1150, 3.5, signs_in=0.01)
        for at in stage.moments(stage.crowd(60)):
            client, item = stage.shopper(), stage.site.product(rng)
            stage.send(client, at, item.path)
            stage.post(
                client,
                at + rng.uniform(40, 300),
                "/wp-comments-post.php",
                referer=stage.site.link(item.path),
                body=rng.randrange(200, 2500),
            )

    def newsrooms(self, stage: Stage) -> None:
        """Two newsrooms behind an address each: a dozen editors at a time, all day, who also read the site."""
        rng = stage.rng
        for _ in range(2):
            address = stage.addresses.home(stage.lasting, 0.0, HOMES[:6])
            for at in stage.moments(stage.crowd(80, OFFICE_HOURS), OFFICE_HOURS):
                self._edit(stage, stage.client(*address, agents.desktop(rng)), at, rng.randrange(10, 90))
            for at in stage.moments(stage.crowd(40, OFFICE_HOURS), OFFICE_HOURS):
                browse(stage, stage.client(*address, agents.desktop(rng)), at, 3.0)

    def authors(self, stage: Stage) -> None:
        """Authors at home and on the way: the same alone at an address, with forgotten passwords."""
        rng = stage.rng
        for at in stage.moments(stage.crowd(45)):
            client = stage.shopper(0.25)
            if rng.random() < 0.2:
                for _ in range(rng.randrange(2, 7)):
                    at += rng.uniform(8, 30)
                    stage.post(client, at, "/wp-login.php", referer=stage.site.link("/wp-login.php"), body=130)
                stage.send(client, at + 10, "/wp-login.php", "action=lostpassword")
                stage.post(client, at + 30, "/wp-login.php", "action=lostpassword", status=302, body=60)
                at += 300
            self._edit(stage, client, at, rng.randrange(4, 50))

    def agency(self, stage: Stage) -> None:
        """The agency that maintains it: plugins, themes, imports, WP-CLI, a link checker, curl on every old address."""
        rng, address = stage.rng, stage.addresses.home(stage.lasting, 0.0, HOMES[:6])
        for at in stage.moments(stage.crowd(160, OFFICE_HOURS), OFFICE_HOURS):
            client = stage.client(*address, agents.desktop(rng))
            client.cookie = f"wordpress_logged_in_{identifier(rng, 32, '0123456789abcdef')}=agency%7C1796"
            name = rng.choice(_ADMIN[9:25])
            query = rng.choice(
                (
                    "",
                    "",
                    "action=activate&plugin=cache%2Fcache.php&_wpnonce=8a1b2c3d4e",
                    "file=functions.php&theme=magazine",
                    "tab=upload",
                )
            )
            stage.send(
                client,
                at,
                f"/wp-admin/{name}",
                query,
                method=rng.choice(("GET", "GET", "POST")),
                referer=self.link("/wp-admin/"),
                body=400,
            )
        begin = stage.burst_start(2000)
        for number in range(stage.volume(300)):
            gone = number % 3 == 0
            path = f"/archive/{rng.randrange(2009, 2020)}/{rng.randrange(900)}" if gone else self.any_item(rng).path
            stage.send(
                stage.client(*address, "LinkChecker/10.5 (+https://linkchecker.github.io/linkchecker/)", "tool"),
                begin + number * 1.8,
                path,
                method="HEAD",
            )

    def mobile_app(self, stage: Stage) -> None:
        """The WordPress app: XML-RPC and REST by POST, polls for comments, uploads from the phone."""
        rng = stage.rng
        for at in stage.moments(stage.crowd(40)):
            client = stage.client(
                *stage.addresses.home(rng),
                rng.choice(("wp-iphone/25.6 (iOS 26.1, iPhone)", "wp-android/25.6 (Android 16; Pixel 9)")),
                "modern_tool",
            )
            for _ in range(rng.randrange(4, 25)):
                at += rng.lognormvariate(2.0, 0.9)
                path, body = rng.choice(
                    (
                        ("/xmlrpc.php", 900),
                        ("/xmlrpc.php", 900),
                        ("/wp-json/wp/v2/comments", 0),
                        ("/wp-json/wp/v2/media", 900000),
                    )
                )
                stage.send(
                    client,
                    at,
                    path,
                    method="POST" if body else "GET",
                    body=body,
                    status=403 if rng.random() < 0.03 else 0,
                )

    def services(self, stage: Stage) -> None:
        """wp-cron by the server, Jetpack's checks, a backup at night, a newsletter service that reads the feed."""
        own = stage.server(f"WordPress/6.9; https://{self.www}", v6_share=0, lasting=True)
        for at in stage.ticks(120, 10):
            stage.post(own, at, "/wp-cron.php", f"doing_wp_cron={1795600000 + at:.4f}")
        jetpack = stage.client(
            stage.addresses.within(stage.lasting, "192.0.80.0/20"), "DFW", "Jetpack by WordPress.com", "modern_tool"
        )
        for at in stage.ticks(300, 20):
            stage.post(
                jetpack,
                at,
                "/xmlrpc.php",
                "for=jetpack&token=aBcD&timestamp=1795600000&nonce=Xy12&body-hash=&signature=q%3D",
                body=700,
            )
        backup = stage.server("UpdraftCentral/1.2", v6_share=0, lasting=True)
        at = stage.burst_start(1200)
        for number in range(stage.volume(260)):
            stage.send(backup, at + number * 0.8, "/wp-json/wp/v2/media", f"page={number + 1}&per_page=100")

    def author_counters(self, stage: Stage) -> None:
        """Who writes here: ?author=1 and up, the users' list, oEmbed; then the names at the sign-in form."""
        rng = stage.rng
        for _ in range(stage.actors(6)):
            client, at = stage.suspect(attacks.any_agent(rng)), stage.burst_start(300)
            for path, query in (
                ("/wp-json/wp/v2/users", "per_page=100"),
                ("/wp-json/oembed/1.0/embed", f"url=https%3A%2F%2F{self.www}%2F"),
                ("/author-sitemap.xml", ""),
            ):
                at += attacks.brisk(rng)
                stage.send(
                    client,
                    at,
                    path,
                    query,
                    status=401 if "users" in path else 0,
                    attack="scanner_probe" if "users" in path else "",
                )
            for number in range(1, stage.volume(rng.randrange(20, 120))):
                at += attacks.brisk(rng)
                stage.send(
                    client, at, "/", f"author={number}", status=rng.choice((301, 404, 404)), attack="scanner_probe"
                )

    def archive_takers(self, stage: Stage) -> None:
        """Every article in order of the archive or by the REST interface, without pictures."""
        rng = stage.rng
        for _ in range(stage.actors(6)):
            client, at = (
                stage.suspect(
                    rng.choice((agents.desktop(rng), agents.desktop(rng), agents.library(rng))), "modern_tool"
                ),
                stage.burst_start(1500),
            )
            pace, by_call = rng.choice((attacks.brisk, attacks.measured)), rng.random() < 0.3
            for step in range(stage.volume(rng.randrange(150, 580))):
                at += pace(rng)
                if by_call:
                    stage.send(client, at, "/wp-json/wp/v2/posts", f"per_page=100&page={step + 1}", size=310000)
                else:
                    stage.send(client, at, self.products[step].path)

    def form_seekers(self, stage: Stage) -> None:
        """Comment spammers: an article, a comment two seconds later, the next; contact forms and registrations besides."""
        rng, aim = stage.rng, Aim(self, 0.5)
        for _ in range(stage.actors(7)):
            client, at = (
                stage.suspect(rng.choice((agents.old_browser(rng), agents.desktop(rng)))),
                stage.burst_start(900),
            )
            for _ in range(stage.volume(rng.randrange(30, 160))):
                at += attacks.brisk(rng) + 1
                item = self.any_item(rng)
                stage.send(client, at, item.path)
                stage.post(
                    client,
                    at + 1.5,
                    "/wp-comments-post.php",
                    referer=self.link(item.path),
                    body=1900,
                    status=rng.choice((302, 403, 409)),
                )
                if rng.random() < 0.2:
                    path = rng.choice(("/wp-login.php?action=register", "/contact/", "/guestbook/", "/forum/ucp.php"))
                    attacks.fire(
                        stage,
                        client,
                        at + 3,
                        Shot(*path.partition("?")[::2]),
                        "scanner_probe" if probes.gives_away(path) else "",
                    )
                if rng.random() < 0.03:
                    attacks.fire(stage, client, at + 4, php.plugins(rng, aim), "php_and_webshell")

    def login_guessers(self, stage: Stage) -> None:
        """Passwords at wp-login.php (answers 200 with an error) or by xmlrpc.php, from many homes and servers, at all paces."""
        rng = stage.rng
        for _ in range(stage.actors(16)):
            client, at = (
                stage.suspect(rng.choice((agents.old_browser(rng), agents.desktop(rng), attacks.any_agent(rng)))),
                stage.burst_start(2400),
            )
            pace, path = (
                rng.choice((attacks.brisk, attacks.measured, attacks.dripping)),
                rng.choice(("/wp-login.php", "/wp-login.php", "/xmlrpc.php")),
            )
            for _ in range(stage.volume(rng.randrange(20, 150))):
                at += pace(rng)
                if path == "/wp-login.php" and rng.random() < 0.4:
                    stage.send(client, at - 0.5, path)
                stage.post(client, at, path, status=rng.choice((0, 0, 0, 0, 403)), body=rng.randrange(90, 500))


SITE = CmsEditors

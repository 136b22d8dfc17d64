"""A university: thousands of people behind a handful of addresses, exams that begin for all of them at the same minute."""

from __future__ import annotations

from simulator.actors import attacks
from simulator.payloads import probes, sqli
from simulator.payloads.aim import Aim, Shot
from simulator.web import agents
from simulator.web.addresses import HOMES
from simulator.web.browsing import browse, visitors
from simulator.web.collection import Collection
from simulator.web.families import Family, borrowed
from simulator.web.site import HTML, JSON, Page, Style
from simulator.web.stage import Client, Stage
from simulator.web.visits import session_cookie

_LECTURES = (2, 1, 1, 1, 1, 2, 8, 45, 90, 100, 98, 92, 88, 96, 92, 85, 70, 55, 42, 38, 34, 26, 14, 6)
_CAMPUS = "141.76.32.0/20"


class University(Collection):
    """Course pages and a learning platform; the campus comes through a few NAT addresses, the rest from home and abroad.

    Normal: hundreds of user agents and sign-ins an hour from one address, wrong passwords among them by the dozen; laboratory
    machines that are all alike; an examination for which three hundred people sign in within two minutes; lecture recordings
    in byte ranges; library proxies; link checkers and crawlers of students' own. One student scans from inside: the truth
    marks the requests, and the address is still not to be blocked. Attackers: stuffing from outside, takers of course
    material, scanners and probers.
    """

    name = "university"
    held_out = True
    first_label = "learn"
    second_label = "media"
    adjectives = (
        "introduction-to",
        "advanced",
        "applied",
        "foundations-of",
        "history-of",
        "seminar-on",
        "topics-in",
        "principles-of",
    )
    things = (
        "algebra",
        "biology",
        "linguistics",
        "databases",
        "law",
        "statistics",
        "select-readings",
        "mechanics",
        "ethics",
        "union-law",
        "genetics",
    )
    sections = ("courses", "library", "news", "research", "admissions", "staff", "events")
    schemes = (
        Style("/course/index.php/{category}", "/course/view/{slug}/{number}", ("/search/index.php", "q"), "&context=course", "/my/courses.php", "/enrol/index.php", "/login/index.php", "/my/",
              ("/pluginfile.php/{number}/course/overviewfiles/{n}.jpg", ""), "/theme/js/{name}.js", "v={n}", ("POST", "/lib/ajax/service.php", "sesskey=a1")),
        Style("/{category}/", "/courses/{number}-{slug}", ("/search", "query"), "", "/dashboard", "/enrollments", "/sso/login", "/profile",
              ("/course_images/{number}/{n}", ""), "/dist/js/{name}-{build}.js", "", ("GET", "/api/v1/planner/items", "")),
    )  # fmt: skip
    item_count = 380

    def families(self) -> tuple[Family, ...]:
        return (
            Family("visitor", "university_outside", self.outside, "HTTP Archive: pages of public institutions", base=True),
            Family("campus", "university_campus", self.campus, "university abuse desks on NAT; eduroam documentation", base=True, never_block=True),
            Family("campus", "university_laboratories", self.laboratories, "managed desktops: one image, one user agent", never_block=True),
            Family("campus", "university_exam", self.exam, "Moodle documentation: quizzes, simultaneous starts", never_block=True),
            Family("campus", "university_inside_scanner", self.inside_scanner, "university abuse desks: security courses and infected laptops", never_block=True),
            Family("campus", "university_projects", self.projects, "students' crawlers and research tools behind NAT", never_block=True),
            Family("player", "university_recordings", self.recordings, "Opencast and Panopto: lecture recordings by byte ranges"),
            Family("partner", "university_library_proxy", self.library_proxy, "EZproxy documentation: one address for all members", never_block=True),
            Family("scraper", "university_material_takers", self.material_takers, "OWASP OAT-011: course material for resale", abuse_kind="scraper"),
            Family("credential_stuffing", "university_account_guessers", self.account_guessers, "reports on stuffing of library and mail accounts", abuse_kind="credential_stuffing"),
            *borrowed("monitor_uptime", "crawler_googlebot", "survey_university", "scanner_secrets", "scanner_fuzzer", "scanner_documents", "stuffing_spray",
                      "prober_sqli_by_hand", "prober_xss_handlers", "prober_php_evaluated", "rotation_probing_v6", "slow_mixed"),
        )  # fmt: skip

    def page(self, on_api: bool, path: str) -> Page | None:
        if on_api and path.startswith("/recordings/"):
            return Page(200, "video/mp4", 620000000, 0.8)
        if path.startswith(("/mod/quiz/", "/mod/assign/", "/mod/forum/")):
            return Page(200, HTML, 31000, takes_body=True)
        if path.startswith(("/lib/ajax/", "/api/v1/")):
            return Page(200, JSON, 900)
        if path.startswith("/files/"):
            return Page(200, "application/pdf", 1900000, 0.6)
        return super().page(on_api, path)

    def _gates(self, stage: Stage, count: int) -> list[tuple[str, str]]:
        within = stage.addresses.within
        return [(within(stage.lasting, _CAMPUS), "FRA") for _ in range(count)]

    def _study(self, stage: Stage, client: Client, at: float, failures: float = 0.15) -> None:
        """Sign in, open courses, take files, write in a forum, hand something in."""
        rng, login = stage.rng, self.style.login
        client.cookie = session_cookie(stage)
        stage.send(client, at, login)
        while rng.random() < failures:
            at += rng.uniform(4, 15)
            stage.post(client, at, login, status=rng.choice((401, 401, 200, 303)), referer=self.link(login), body=95)
        stage.post(client, at + 5, login, status=303, referer=self.link(login), body=95)
        stage.send(client, at + 6, self.style.cart, referer=self.link(login))
        for _ in range(int(rng.expovariate(1 / 7)) + 1):
            at += rng.lognormvariate(2.7, 0.9)
            item, draw = self.any_item(rng), rng.random()
            page = self.link(item.path)
            stage.send(client, at, item.path, referer=self.link(self.style.cart))
            if draw < 0.3:
                stage.load(client, at + 0.4, [*self.scripts[:3], *item.images], page)
            if draw < 0.55:
                stage.send(
                    client,
                    at + 5,
                    f"/files/{item.number}/{rng.choice(('slides', 'sheet', 'script', 'solution'))}-{rng.randrange(1, 14):02d}.pdf",
                    referer=page,
                )
            elif draw < 0.65:
                stage.send(
                    client, at + 40, "/mod/forum/post.php", f"id={item.number}", method="POST", referer=page, body=1500
                )
            elif draw < 0.72:
                stage.send(
                    client,
                    at + 60,
                    "/mod/assign/view.php",
                    f"id={item.number}&action=savesubmission",
                    method="POST",
                    referer=page,
                    body=rng.randrange(200000, 9000000),
                )
            for _ in range(rng.randrange(0, 4)):
                stage.post(
                    client,
                    at + rng.uniform(1, 30),
                    "/lib/ajax/service.php",
                    "sesskey=Qz81mGh2aa&info=core_fetch_notifications",
                    referer=page,
                    body=160,
                )

    def outside(self, stage: Stage) -> None:
        """Applicants, parents, alumni, and students at home."""
        visitors(stage, 420, 3.0)
        for at in stage.moments(stage.crowd(380)):
            self._study(stage, stage.shopper(0.4), at)

    def campus(self, stage: Stage) -> None:
        """The campus: four addresses, a thousand and more people with devices of their own."""
        rng, gates = stage.rng, self._gates(stage, 4)
        for at in stage.moments(stage.crowd(1150, _LECTURES), _LECTURES):
            client = stage.client(*rng.choice(gates), agents.browser(rng, 0.45))
            if rng.random() < 0.7:
                self._study(stage, client, at)
            else:
                browse(stage, client, at, 3.0)

    def laboratories(self, stage: Stage) -> None:
        """Rooms of equal machines: one user agent, one address, the start page on every start, a class at every full hour."""
        rng, (gate,) = stage.rng, self._gates(stage, 1)
        agent = agents.desktop(rng)
        for hour in range(stage.hours):
            if not 7 <= (stage.start_hour + hour) % 24 < 18:
                continue
            for _ in range(max(3, round(25 * stage.scale))):
                at = hour * 3600 + 300 + rng.expovariate(1 / 120)
                client = stage.client(*gate, agent)
                stage.send(client, at, "/")
                self._study(stage, client, at + 20, failures=0.2)

    def exam(self, stage: Stage) -> None:
        """Everybody signs in within two minutes, saves each answer, and submits at the end; many from one hall."""
        rng, (hall,) = stage.rng, self._gates(stage, 1)
        begin, quiz = stage.burst_start(4500), self.any_item(rng).number
        for _ in range(max(12, round(280 * stage.scale))):
            client = stage.client(*hall, agents.desktop(rng)) if rng.random() < 0.8 else stage.shopper(0.1)
            at, login = begin + rng.gammavariate(2.0, 30), self.style.login
            client.cookie = session_cookie(stage)
            stage.send(client, at, login)
            for _ in range(rng.choice((0, 0, 0, 1, 1, 3))):
                at += rng.uniform(4, 12)
                stage.post(client, at, login, status=401, referer=self.link(login), body=95)
            stage.post(client, at + 4, login, status=303, referer=self.link(login), body=95)
            page = f"/mod/quiz/attempt.php?attempt={rng.randrange(10**6)}&cmid={quiz}"
            for number in range(rng.randrange(8, 22)):
                at += rng.uniform(20, 160)
                stage.send(
                    client,
                    at,
                    "/mod/quiz/processattempt.php",
                    f"cmid={quiz}&page={number}",
                    method="POST",
                    referer=self.link(page),
                    body=2400,
                    status=303,
                )
                stage.post(
                    client,
                    at + 1,
                    "/mod/quiz/autosave.ajax.php",
                    referer=self.link(page),
                    body=1300,
                    status=503 if rng.random() < 0.02 else 0,
                )

    def inside_scanner(self, stage: Stage) -> None:
        """A student of a security course tries tools on the platform, between people who study, behind the same address."""
        rng, aim, (gate,) = stage.rng, Aim(self, 0.3), self._gates(stage, 1)
        for at in stage.moments(stage.crowd(260, _LECTURES), _LECTURES):
            self._study(stage, stage.client(*gate, agents.browser(rng, 0.45)), at)
        scanner, at = stage.client(*gate, attacks.any_agent(rng), "tool"), stage.burst_start(900)
        for _ in range(stage.volume(150)):
            at += attacks.brisk(rng)
            if rng.random() < 0.7:
                attacks.fire(stage, scanner, at, Shot(probes.secret(rng)), "scanner_probe")
            else:
                attacks.fire(stage, scanner, at, sqli.by_hand(rng, aim), "sqli")

    def projects(self, stage: Stage) -> None:
        """Homework: a crawler of the course list, a link checker, a script that counts forum posts, from the campus."""
        rng, (gate,) = stage.rng, self._gates(stage, 1)
        for _ in range(stage.actors(4)):
            client, at = stage.client(*gate, agents.library(rng), "tool"), stage.burst_start(900)
            for item in rng.sample(self.products, min(len(self.products), stage.volume(rng.randrange(60, 300)))):
                at += rng.uniform(0.5, 2.0)
                stage.send(client, at, item.path)
        for at in stage.moments(stage.crowd(180, _LECTURES), _LECTURES):
            self._study(stage, stage.client(*gate, agents.browser(rng, 0.5)), at)

    def recordings(self, stage: Stage) -> None:
        """Recordings of lectures: one file in byte ranges, with jumps, at home and on the train."""
        rng = stage.rng
        for at in stage.moments(stage.crowd(210)):
            client, item = stage.shopper(0.3), self.any_item(rng)
            path, position = f"/recordings/{item.number}/{rng.randrange(1, 14):02d}.mp4", 0
            for _ in range(rng.randrange(4, 70)):
                step = rng.choice((1048576, 2097152, 5242880))
                stage.call(client, at, path, byte_range=(position, position + step - 1), referer=self.link(item.path))
                position += step if rng.random() < 0.85 else 40 * step
                at += rng.uniform(3, 30)

    def library_proxy(self, stage: Stage) -> None:
        """The library's proxy: members read through one address, with x-forwarded-for in it."""
        rng, (gate,) = stage.rng, self._gates(stage, 1)
        for at in stage.moments(stage.crowd(120)):
            client = stage.client(*gate, agents.desktop(rng), "modern_tool")
            client.forwarded = stage.addresses.home(rng, 0.2, HOMES)[0]
            browse(stage, client, at, 4.0)

    def material_takers(self, stage: Stage) -> None:
        """With a bought account: every course's every file, slides and solutions, number after number."""
        rng = stage.rng
        for _ in range(stage.actors(7)):
            client, at = (
                stage.suspect(rng.choice((agents.desktop(rng), agents.library(rng))), "modern_tool"),
                stage.burst_start(1500),
            )
            stage.post(client, at, self.style.login, status=303, body=95)
            first, pace = rng.randrange(300), rng.choice((attacks.brisk, attacks.measured))
            for step in range(stage.volume(rng.randrange(150, 600))):
                at += pace(rng)
                item = self.products[(first + step // 4) % len(self.products)]
                stage.send(
                    client, at, item.path if step % 4 == 0 else f"/files/{item.number}/slides-{step % 4:02d}.pdf"
                )

    def account_guessers(self, stage: Stage) -> None:
        """Names of students are known and countable: passwords of breaches for each, from homes abroad and servers."""
        rng = stage.rng
        for _ in range(stage.actors(10)):
            client, at = stage.suspect(agents.browser(rng, 0.2), "modern_tool"), stage.burst_start(2400)
            pace = rng.choice((attacks.brisk, attacks.measured, attacks.dripping))
            for _ in range(stage.volume(rng.randrange(30, 200))):
                at += pace(rng)
                stage.send(client, at - 0.4, self.style.login)
                stage.post(
                    client,
                    at,
                    self.style.login,
                    status=303 if rng.random() < 0.01 else rng.choice((401, 401, 401, 403)),
                    referer=self.link(self.style.login),
                    body=95,
                )


SITE = University

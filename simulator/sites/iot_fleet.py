"""A fleet of devices: the same few paths by timer for years, many devices behind one address, firmware by byte ranges."""

from __future__ import annotations

from simulator.actors import attacks
from simulator.web import agents
from simulator.web.addresses import CARRIERS, HOMES
from simulator.web.browsing import visitors
from simulator.web.collection import Collection
from simulator.web.families import Family, borrowed
from simulator.web.site import JSON, TEXT, Page, Style
from simulator.web.stage import Client, Stage
from simulator.web.words import identifier

_FIRMWARE = Page(200, "application/octet-stream", 8400000, 0.95)
_DEVICES = (
    "thermo-fw/2.4.1",
    "thermo-fw/2.3.9",
    "ESP32 HTTP Client/1.0",
    "cam-fw/1.18 libcurl/7.64.0",
    "lwIP/2.1.2 (http://savannah.nongnu.org/projects/lwip)",
    "",
)


class IotFleet(Collection):
    """Thermostats, cameras and machines: configuration by poll, measurements by POST, firmware in ranges, a portal for owners.

    Normal: hundreds of devices of a factory or a carrier behind one address, each asking for the same path every minute, with
    a firmware's name or no user agent, old TLS, no referer and no cookie; 304 mostly; devices whose certificate or account is
    over get 401 or 403 by timer for weeks; after an outage all come at once. Attackers: counting of serial numbers, takers of
    firmware, botnets that take it for a router, stuffing of the portal.
    """

    name = "iot_fleet"
    first_label = "portal"
    second_label = "device"
    adjectives = ("smart", "outdoor", "mini", "pro", "wall", "multi", "slim", "eco")
    things = ("thermostat", "camera", "sensor", "valve", "gateway", "meter", "plug", "doorbell")
    sections = ("products", "support", "downloads", "community", "status")
    schemes = (
        Style("/{category}", "/support/{slug}/{number}", ("/support/search", "q"), "", "/devices", "/devices/add", "/login", "/home",
              ("/img/{slug}-{number}-{n}.png", ""), "/static/js/{name}.{build}.js", "", ("GET", "/api/me", "")),
        Style("/{category}/", "/kb/{number}-{slug}.html", ("/kb/", "s"), "", "/cloud/devices.aspx", "/cloud/pair.aspx", "/cloud/signin.aspx", "/cloud/",
              ("/images/{number}_{n}.jpg", ""), "/scripts/js/{name}.min.js", "v={n}", ("POST", "/cloud/ping.ashx", "")),
    )  # fmt: skip
    item_count = 220

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._serials = 4_000_000 + seed % 1000 * 1000

    def families(self) -> tuple[Family, ...]:
        return (
            Family("visitor", "iot_owners", self.owners, "HTTP Archive: pages of support sites", base=True),
            Family("device", "iot_homes", self.homes, "AWS IoT and ESP-IDF documentation: HTTPS polling, OTA updates", base=True),
            Family("device", "iot_factory", self.factory, "gateways of plants behind NAT", never_block=True),
            Family("device", "iot_carrier", self.carrier, "RFC 6888: devices with SIM cards behind carrier NAT", never_block=True),
            Family("device", "iot_expired", self.expired, "vendors' postmortems on expired device certificates"),
            Family("device", "iot_herd", self.herd, "AWS Architecture Blog: exponential backoff and jitter, and fleets without it"),
            Family("app", "iot_phones", self.phones, "companion apps: OkHttp and CFNetwork documentation"),
            Family("scraper", "iot_serial_counters", self.serial_counters, "OWASP API1; reports on countable serial numbers", abuse_kind="scraper"),
            Family("scraper", "iot_firmware_takers", self.firmware_takers, "firmware collections of researchers and counterfeiters", abuse_kind="scraper"),
            Family("credential_stuffing", "iot_device_guessers", self.device_guessers, "Mirai source: default passwords; OWASP OAT-007", abuse_kind="credential_stuffing"),
            *borrowed("monitor_uptime", "crawler_bingbot", "survey_shadow", "prober_command_droppers", "scanner_appliances", "scanner_consoles",
                      "stuffing_openbullet", "stuffing_spray", "prober_php_components", "prober_protocol_proxying"),
        )  # fmt: skip

    def page(self, on_api: bool, path: str) -> Page | None:
        if not on_api:
            return super().page(on_api, path)
        if path.startswith("/firmware/"):
            version = path.rsplit("-", 1)[-1]
            return _FIRMWARE if version in ("2.4.1.bin", "2.4.0.bin", "1.18.bin") else None
        parts = path.split("/")
        if parts[1] == "d" and len(parts) == 4 and parts[2].isdigit() and 0 <= int(parts[2]) - self._serials < 6000:
            return Page(
                200,
                TEXT if parts[3] == "time" else JSON,
                {"config": 900, "telemetry": 2, "commands": 40, "time": 24}.get(parts[3], 60),
            )
        return Page(200, JSON, 300) if path in ("/register", "/v1/devices", "/v1/token") else super().page(on_api, path)

    def _device(self, stage: Stage, address: tuple[str, str]) -> tuple[Client, str]:
        rng = stage.rng
        client = stage.client(*address, rng.choice(_DEVICES), "old" if rng.random() < 0.25 else "tool")
        client.hides_referer = True
        return client, f"/d/{self._serials + rng.randrange(6000)}"

    def _poll(
        self, stage: Stage, client: Client, device: str, every: float, sends: float = 0.3, status: int = 0
    ) -> None:
        rng = stage.rng
        for at in stage.ticks(every, every / 60):
            stage.call(
                client,
                at,
                f"{device}/{rng.choice(('config', 'config', 'commands', 'commands', 'time'))}",
                status=status or (304 if rng.random() < 0.7 else 0),
            )
            if rng.random() < sends:
                stage.call(
                    client, at + 0.4, f"{device}/telemetry", method="POST", body=rng.randrange(60, 900), status=status
                )

    def _update(self, stage: Stage, client: Client, at: float) -> None:
        """Firmware in blocks; some devices take very small ones."""
        step, path = stage.rng.choice((65536, 262144, 1048576)), "/firmware/thermo-2.4.1.bin"
        stage.call(client, at, path, method="HEAD")
        for number in range(min(stage.volume(100), _FIRMWARE.size // step)):
            at += stage.rng.lognormvariate(-0.3, 0.5)
            stage.call(client, at, path, byte_range=(number * step, (number + 1) * step - 1))

    def owners(self, stage: Stage) -> None:
        """Owners who read help pages and look at their devices in the portal."""
        visitors(stage, 330, 3.5, signs_in=0.3)

    def homes(self, stage: Stage) -> None:
        """One to four devices at home, every few minutes all day; one in thirty updates itself."""
        rng = stage.rng
        for _ in range(max(6, round(110 * stage.scale))):
            address = stage.addresses.home(rng, 0.25)
            for _ in range(rng.randrange(1, 4)):
                client, device = self._device(stage, address)
                self._poll(stage, client, device, rng.choice((300, 600, 900, 1800)))
                if rng.random() < 0.03:
                    self._update(stage, client, stage.burst_start(900))

    def factory(self, stage: Stage) -> None:
        """Plants: a few hundred machines behind one address, each every minute or five, day and night."""
        rng = stage.rng
        for _ in range(2):
            address = stage.addresses.home(stage.lasting, 0.0, HOMES[:6])
            for _ in range(max(10, round(36 * stage.scale))):
                client, device = self._device(stage, address)
                self._poll(stage, client, device, rng.choice((120, 300, 300)), sends=0.6)

    def carrier(self, stage: Stage) -> None:
        """Meters and trackers with SIM cards: hundreds share each of a few addresses of a carrier."""
        rng = stage.rng
        gates = [stage.addresses.home(stage.lasting, 0.0, CARRIERS) for _ in range(3)]
        for _ in range(max(20, round(230 * stage.scale))):
            client, device = self._device(stage, rng.choice(gates))
            self._poll(stage, client, device, rng.choice((900, 1800, 3600)), sends=0.9)

    def expired(self, stage: Stage) -> None:
        """Devices whose account is over or whose certificate expired: refused by timer, for weeks, nobody looks."""
        rng = stage.rng
        for _ in range(max(3, round(16 * stage.scale))):
            client, device = self._device(stage, stage.addresses.home(rng, 0.1))
            self._poll(stage, client, device, rng.choice((60, 120, 300)), sends=0.1, status=rng.choice((401, 403)))

    def herd(self, stage: Stage) -> None:
        """After an outage of theirs, a few hundred devices register within a minute and retry every two seconds on 503."""
        rng, begin = stage.rng, stage.burst_start(600)
        for _ in range(max(8, round(170 * stage.scale))):
            client, device = self._device(stage, stage.addresses.home(rng, 0.2))
            at = begin + rng.expovariate(1 / 15)
            for _ in range(rng.randrange(1, 12)):
                stage.call(client, at, "/register", method="POST", status=503, body=300)
                at += 2
            stage.call(client, at, "/register", method="POST", body=300)
            stage.call(client, at + 1, f"{device}/config")

    def phones(self, stage: Stage) -> None:
        """The app of owners: a token, the list of devices, the state of each, a live view polled every two seconds."""
        rng = stage.rng
        for at in stage.moments(stage.crowd(220)):
            agent = rng.choice(
                (
                    "HomeApp/9.1 (iPhone; iOS 26.1)",
                    "HomeApp/9.1 okhttp/4.12.0",
                    "HomeApp/910 CFNetwork/3826.500.131 Darwin/25.1.0",
                )
            )
            client = stage.client(*stage.addresses.home(rng, 0.35, CARRIERS + HOMES), agent)
            stage.call(client, at, "/v1/token", method="POST", status=401 if rng.random() < 0.05 else 0, body=200)
            stage.call(client, at + 0.4, "/v1/devices")
            device = f"/d/{self._serials + rng.randrange(6000)}"
            for step in range(rng.randrange(3, 60)):
                stage.call(client, at + 2 + 2 * step, f"{device}/config")

    def serial_counters(self, stage: Stage) -> None:
        """Count serial numbers up and read each one's configuration; many exist, some are refused."""
        rng = stage.rng
        for _ in range(stage.actors(6)):
            client, at = stage.suspect(attacks.any_agent(rng)), stage.burst_start(900)
            serial, pace = self._serials + rng.randrange(-2000, 5500), rng.choice((attacks.brisk, attacks.measured))
            for step in range(stage.volume(rng.randrange(200, 700))):
                at += pace(rng)
                stage.call(client, at, f"/d/{serial + step}/config", status=403 if rng.random() < 0.4 else 0)

    def firmware_takers(self, stage: Stage) -> None:
        """Every product's every version of firmware, most of which never existed; whole files."""
        rng = stage.rng
        for _ in range(stage.actors(4)):
            client, at = stage.suspect(rng.choice((agents.library(rng), agents.desktop(rng)))), stage.burst_start(700)
            for _ in range(stage.volume(rng.randrange(100, 400))):
                at += attacks.brisk(rng)
                name = f"{rng.choice(('thermo', 'cam', 'meter', 'plug'))}-{rng.randrange(1, 4)}.{rng.randrange(0, 20)}.{rng.randrange(0, 9)}.bin"
                stage.call(client, at, f"/firmware/{name}" if rng.random() < 0.9 else "/firmware/thermo-2.4.1.bin")

    def device_guessers(self, stage: Stage) -> None:
        """Try to register as a device with keys that are the same in all of them, or simple."""
        rng = stage.rng
        for _ in range(stage.actors(6)):
            client, at = stage.compromised_home(rng.choice(("", attacks.any_agent(rng)))), stage.burst_start(1500)
            for _ in range(stage.volume(rng.randrange(60, 240))):
                at += attacks.measured(rng)
                stage.call(
                    client,
                    at,
                    "/register",
                    f"sn={identifier(rng, 8, '0123456789')}",
                    method="POST",
                    status=rng.choice((401, 403, 403)),
                    body=260,
                )


SITE = IotFleet

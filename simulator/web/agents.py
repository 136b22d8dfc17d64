"""User agents of browsers, in-app browsers, apps and tools, as of late 2026.

Attackers draw their browser names from the same functions as shoppers, so that a name identifies nobody. User
agents of declared crawlers, monitors and the like are in their actor's module.
"""

# fmt: off
# Declarations read better a line each than an element each.
from __future__ import annotations

from random import Random

_CHROME = (154, 154, 154, 153, 153, 152, 151, 150, 148, 145, 142, 138, 131, 126, 120)
_FIREFOX = (157, 157, 156, 155, 153, 150, 145, 140, 128, 115)
_SAFARI = (("26.4", "26_4"), ("26.3", "26_3"), ("26.1", "26_1"), ("18.6", "18_6"), ("18.5", "18_5"), ("17.6", "17_6_1"), ("16.6", "16_6"))
_WINDOWS = "Windows NT 10.0; Win64; x64"
_MAC = "Macintosh; Intel Mac OS X 10_15_7"
_LINUX = ("X11; Linux x86_64", "X11; Ubuntu; Linux x86_64", "X11; Fedora; Linux x86_64")
_PHONES = (
    "SM-S928B", "SM-S918B", "SM-A556B", "SM-A546B", "SM-A536B", "SM-G991B", "Pixel 9 Pro", "Pixel 8", "Pixel 7a",
    "2312DRA50G", "23021RAA2Y", "CPH2609", "M2101K6G", "moto g84 5G", "V2250", "XQ-DQ54", "FP5",
)


def desktop(rng: Random) -> str:
    """A desktop browser: Chrome, Edge, Firefox, Safari or Opera, mostly of this month."""
    pick = rng.random()
    if pick < 0.5:
        system = _WINDOWS if rng.random() < 0.68 else (_MAC if rng.random() < 0.75 else _LINUX[0])
        return f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{rng.choice(_CHROME)}.0.0.0 Safari/537.36"
    if pick < 0.64:
        version = rng.choice(_CHROME[:9])
        return f"Mozilla/5.0 ({_WINDOWS}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36 Edg/{version}.0.0.0"
    if pick < 0.82:
        version = rng.choice(_FIREFOX)
        system = _WINDOWS if rng.random() < 0.6 else ("Macintosh; Intel Mac OS X 10.15" if rng.random() < 0.4 else rng.choice(_LINUX))
        return f"Mozilla/5.0 ({system}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
    if pick < 0.97:
        return f"Mozilla/5.0 ({_MAC}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{rng.choice(_SAFARI)[0]} Safari/605.1.15"
    version = rng.choice(_CHROME[:6])
    return f"Mozilla/5.0 ({_WINDOWS}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36 OPR/{version - 16}.0.0.0"


def phone(rng: Random) -> str:
    """A phone's browser, or the browser inside an app that opened a link (long names full of brackets)."""
    pick = rng.random()
    version, system = rng.choice(_SAFARI)
    apple = f"Mozilla/5.0 (iPhone; CPU iPhone OS {system} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    chrome = rng.choice(_CHROME)
    model = rng.choice(_PHONES)
    if pick < 0.42:
        return f"{apple} Version/{version} Mobile/15E148 Safari/604.1"
    if pick < 0.74:
        return f"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{chrome}.0.0.0 Mobile Safari/537.36"
    if pick < 0.80:
        return f"{apple} GSA/{rng.randrange(360, 392)}.0.{rng.randrange(700000000, 799999999)} Mobile/15E148 Safari/604.1"
    if pick < 0.87:
        build = rng.randrange(400, 560)
        return (
            f"{apple} Mobile/22G100 [FBAN/FBIOS;FBAV/{build}.0.0.{rng.randrange(20, 60)}.{rng.randrange(60, 120)};FBBV/{rng.randrange(600000000, 799999999)};"
            f"FBDV/iPhone{rng.randrange(13, 18)},{rng.randrange(1, 5)};FBMD/iPhone;FBSN/iOS;FBSV/{version};FBSS/3;FBLC/{rng.choice(('de_DE', 'en_GB', 'fr_FR', 'en_US'))};FBOP/80]"
        )
    if pick < 0.93:
        return (
            f"Mozilla/5.0 (Linux; Android {rng.randrange(12, 17)}; {model} Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
            f"Version/4.0 Chrome/{chrome}.0.{rng.randrange(6000, 7999)}.{rng.randrange(40, 200)} Mobile Safari/537.36 Instagram {rng.randrange(340, 420)}.0.0.{rng.randrange(20, 60)}.{rng.randrange(60, 120)} Android"
        )
    return f"Mozilla/5.0 (Linux; Android {rng.randrange(11, 17)}; SAMSUNG {model}) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/{rng.randrange(24, 31)}.0 Chrome/{rng.randrange(117, 140)}.0.0.0 Mobile Safari/537.36"


def browser(rng: Random, phone_share: float = 0.55) -> str:
    return phone(rng) if rng.random() < phone_share else desktop(rng)


def old_browser(rng: Random) -> str:
    """An outdated browser: of library computers, kiosks, old televisions, and copied scripts."""
    pick = rng.randrange(8)
    if pick == 0:
        return "Mozilla/5.0 (Windows NT 6.1; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/109.0.0.0 Safari/537.36"
    if pick == 1:
        return f"Mozilla/5.0 (Windows NT 10.0; WOW64; rv:{rng.choice((45, 52, 60, 78))}.0) Gecko/20100101 Firefox/{rng.choice((45, 52, 60, 78))}.0"
    if pick == 2:
        return "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko"
    if pick == 3:
        return f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_{rng.randrange(11, 15)}_{rng.randrange(1, 7)}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{rng.randrange(11, 14)}.1 Safari/605.1.15"
    if pick == 4:
        return f"Mozilla/5.0 (Linux; Android {rng.randrange(6, 10)}; SM-J530F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{rng.randrange(70, 100)}.0.{rng.randrange(3500, 4800)}.{rng.randrange(40, 200)} Mobile Safari/537.36"
    if pick == 5:
        return "Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) AppleWebKit/538.1 (KHTML, like Gecko) Version/5.0 NativeTVAds Safari/538.1"
    version = rng.choice((58, 74, 81, 86, 90, 91, 95, 99, 103))
    system = rng.choice(("Windows NT 10.0; Win64; x64", "Windows NT 6.1; WOW64", "X11; Linux x86_64"))
    return f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.{rng.randrange(2900, 5100)}.{rng.randrange(40, 200)} Safari/537.36"


def python_requests(rng: Random) -> str:
    return f"python-requests/2.{rng.choice((25, 28, 31, 32))}.{rng.randrange(0, 5)}"


def library(rng: Random) -> str:
    """A library or command-line tool by its own name, harmless or not."""
    return rng.choice((
        python_requests(rng),
        f"Python/3.{rng.randrange(9, 14)} aiohttp/3.{rng.randrange(8, 13)}.{rng.randrange(0, 6)}",
        f"python-httpx/0.{rng.randrange(24, 29)}.{rng.randrange(0, 3)}",
        f"curl/{rng.choice(('7.68.0', '7.81.0', '7.88.1', '8.5.0', '8.14.1'))}",
        "Go-http-client/1.1",
        "Go-http-client/2.0",
        f"axios/1.{rng.randrange(4, 12)}.{rng.randrange(0, 6)}",
        f"okhttp/4.{rng.randrange(9, 13)}.{rng.randrange(0, 4)}",
        f"Apache-HttpClient/4.5.{rng.randrange(5, 15)} (Java/{rng.choice(('1.8.0_392', '11.0.22', '17.0.10'))})",
        f"Wget/1.{rng.choice(('20.3', '21.2', '21.4'))}",
        f"GuzzleHttp/{rng.choice((6, 7))}",
        "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
        f"Java/{rng.choice(('1.8.0_292', '11.0.16', '17.0.2'))}",
        "libwww-perl/6.72",
    ))

"""Shoppers on browsers: the base crowd and variants that are hard to tell from attackers by their text.

How a visit goes is in `visits.py`.
"""

from __future__ import annotations

from simulator.web import agents, words
from simulator.web.addresses import sibling_range
from simulator.web.families import Family
from simulator.web.stage import Client, Stage
from simulator.web.visits import USUAL, Taste, visit

_PROSE = Taste(searches=words.PROSE_SEARCHES + words.NAMED_SEARCHES, search_share=0.3)
_TRACKED = Taste(opaque_share=0.8, pages=4.0)
_WORLD = Taste(searches=words.WORLD_SEARCHES, search_share=0.3)
_FILTERS = Taste(filters=True)
_CODE = Taste(searches=words.CODE_SEARCHES + words.NAMED_SEARCHES, search_share=0.34)


def _crowd(
    stage: Stage, visitors: int, visits_each: float, taste: Taste, phone_share: float = 0.55, old: bool = False
) -> None:
    """So many visitors a day; some come again, some households and phones show several addresses of one /64."""
    rng = stage.rng
    people: list[Client] = []
    for at in stage.moments(stage.crowd(round(visitors * visits_each))):
        if people and rng.random() > 1 / visits_each:
            client = rng.choice(people)
            if ":" in client.address and rng.random() < 0.5:
                family_member = stage.client(
                    stage.addresses.within(rng, sibling_range(client.address)),
                    "FRA",
                    client.agent if rng.random() < 0.6 else agents.browser(rng),
                )
                family_member.edge = client.edge
                client = family_member
        else:
            client = stage.shopper(phone_share)
            if old:
                client = stage.client(
                    client.address, "FRA", agents.old_browser(rng), "old" if rng.random() < 0.3 else "browser"
                )
            people.append(client)
        visit(stage, client, at, taste)


def web(stage: Stage) -> None:
    """Most visitors: a few pages with their assets, a third from search engines, some come again. (HTTP Archive; Baymard)"""
    _crowd(stage, 1150, 1.25, USUAL)


def prose(stage: Stage) -> None:
    """Search in sentences with apostrophes, `select`, `union` and `drop` as words of a language. (libinjection, CRS false positives)"""
    _crowd(stage, 130, 1.2, _PROSE)


def tracked(stage: Stage) -> None:
    """Arrive with click ids, base64, signed state and macros that nobody expanded. (Google Ads, Meta)"""
    _crowd(stage, 130, 1.2, _TRACKED, phone_share=0.75)


def world(stage: Stage) -> None:
    """Search in scripts other than Latin, percent-encoded. (WHATWG URL)"""
    _crowd(stage, 90, 1.2, _WORLD)


def filters(stage: Stage) -> None:
    """Single-page filters: JSON and GraphQL in the query. (JSON:API, GraphQL over HTTP)"""
    _crowd(stage, 90, 1.2, _FILTERS, phone_share=0.3)


def code(stage: Stage) -> None:
    """Buy books and tools for programmers and type code, tags and paths into the search. (CRS false positives)"""
    _crowd(stage, 90, 1.2, _CODE, phone_share=0.3)


def old_machines(stage: Stage) -> None:
    """Browsers of years ago on TVs, kiosks and machines nobody updates. (StatCounter)"""
    _crowd(stage, 60, 1.3, USUAL, phone_share=0.0, old=True)


FAMILIES = (
    Family("shopper", "shopper_web", web, "HTTP Archive Web Almanac: pages, requests a page, image share; Baymard: sessions of a shop", base=True),
    Family("shopper", "shopper_prose", prose, "libinjection issue tracker and OWASP CRS false-positive reports: SQL words and apostrophes in prose"),
    Family("shopper", "shopper_tracked", tracked, "Google Ads ValueTrack and Meta URL-parameter documentation: click ids, macros left unexpanded"),
    Family("shopper", "shopper_world", world, "WHATWG URL standard: percent-encoded UTF-8 of other scripts"),
    Family("shopper", "shopper_old_machines", old_machines, "StatCounter: the long tail of old browser versions, TVs and kiosks"),
    Family("shopper", "shopper_filters", filters, "JSON:API and GraphQL-over-HTTP (GET): braces, quotes and comparison words in queries", held_out=True),
    Family("shopper", "shopper_code", code, "OWASP CRS false positives at bookshops and forums: code, tags and paths typed into search", held_out=True),
)  # fmt: skip

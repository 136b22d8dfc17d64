"""The held-out requests of a split, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from benchmarks.requests.heldout.aside import addresses as aside_addresses
from benchmarks.requests.heldout.aside import files as aside_files
from benchmarks.requests.heldout.aside import php as aside_php
from benchmarks.requests.heldout.aside import queries as aside_queries
from benchmarks.requests.heldout.aside import scripts as aside_scripts
from benchmarks.requests.heldout.aside import shells as aside_shells
from benchmarks.requests.heldout.aside import sql as aside_sql
from benchmarks.requests.heldout.aside import templates as aside_templates
from benchmarks.requests.heldout.aside import traversal as aside_traversal
from benchmarks.requests.heldout.dev import addresses, files, php, queries, scripts, shells, sql, templates, traversal
from benchmarks.requests.heldout.grammar import Group, Production
from benchmarks.requests.heldout.placing import PLACERS
from benchmarks.requests.render import Wire

ATTACKS = 40
"""Distinct texts of each production of attacks."""
SEED = 20261130
MOST_TRIES = 200
"""Texts that are drawn for each one that is wanted, before a production counts as too small."""
GROUPS: dict[str, tuple[Group, ...]] = {
    "dev": (
        traversal.group, shells.windows, shells.posix, php.group, templates.group, scripts.server, scripts.page,
        addresses.forged, addresses.hints, sql.group, queries.nosql, queries.ldap, queries.xpath, queries.graphql, files.group,
    ),
    "aside": (
        aside_traversal.group, aside_shells.windows, aside_shells.posix, aside_php.group, aside_templates.group,
        aside_scripts.server, aside_scripts.page, aside_addresses.forged, aside_addresses.hints, aside_sql.group,
        aside_queries.nosql, aside_queries.ldap, aside_queries.xpath, aside_queries.graphql, aside_files.group,
    ),
}  # fmt: skip
SPLITS = tuple(GROUPS)
FAMILIES = tuple(group.family for group in GROUPS["dev"])


@dataclass(frozen=True)
class Item:
    """One request with where it comes from."""

    family: str
    production: str
    is_attack: bool
    text: str
    wire: Wire


def generate(split: str, family: str | None = None, seed: int = SEED) -> Iterator[Item]:
    """All requests of a split, or those of one family; as many twins as attacks in each, and no text of `dev` in another."""
    for group in GROUPS[split]:
        if family not in (None, group.family):
            continue
        attacks = [one for one in group.productions if one.is_attack]
        twins = [one for one in group.productions if not one.is_attack]
        wanted = ATTACKS * len(attacks)
        seen = set() if split == "dev" else {item.text for item in generate("dev", group.family, seed)}
        for one, count in [(one, ATTACKS) for one in attacks] + list(
            zip(twins, shares(wanted, len(twins)), strict=True)
        ):
            yield from _items(one, count, seen, random.Random(f"{seed}/{split}/{one.family}/{one.name}"))


def shares(total: int, parts: int) -> Iterable[int]:
    """The total in whole parts that differ by one at most."""
    return [total // parts + (n < total % parts) for n in range(parts)]


def _items(one: Production, count: int, seen: set[str], rng: random.Random) -> Iterator[Item]:
    made = 0
    for _ in range(MOST_TRIES * count):
        if made == count:
            return
        text = one.write(rng)
        if text in seen:
            continue
        seen.add(text)
        made += 1
        wire = PLACERS[rng.choice(one.places)](rng, text, one.is_wire)
        yield Item(one.family, one.name, one.is_attack, text, wire)
    if made < count:
        raise ValueError(f"the production {one.family}/{one.name} writes {made} distinct texts only, not {count}")

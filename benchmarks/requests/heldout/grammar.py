"""A small grammar engine, and what a production of a held-out family is.

Marks in a template, expanded from the inside out and from left to right:

    ‹a¦b¦c›      one of the texts, which may be empty
    ‹@name›      the rule of that name: a template, or a tuple of templates to choose from
    ‹text*2-5›   the text two to five times
    ‹v:=text›    the text, remembered as v
    ‹§v›         what was remembered as v
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Rules = Mapping[str, str | tuple[str, ...]]
Rewrite = Callable[[random.Random, str], str]
"""A second step that writes an expanded template in another form."""

SLOT = re.compile("‹([^‹›]*)›")
REPEATED = re.compile(r"(.*)\*(\d+)-(\d+)", re.DOTALL)
BOUND = re.compile(r"(\w+):=(.*)", re.DOTALL)
REFERENCE = re.compile(r"@\w+")


def expand(rng: random.Random, template: str, rules: Rules) -> str:
    """A sentence of the grammar; KeyError for a rule or a variable that is not there."""
    bound: dict[str, str] = {}
    while slot := SLOT.search(template):
        template = template[: slot.start()] + _value(rng, slot[1], rules, bound) + template[slot.end() :]
    return template


def _value(rng: random.Random, body: str, rules: Rules, bound: dict[str, str]) -> str:
    chosen = rng.choice(body.split("¦"))
    if REFERENCE.fullmatch(chosen):
        rule = rules[chosen[1:]]
        return rule if isinstance(rule, str) else rng.choice(rule)
    if chosen.startswith("§"):
        return bound[chosen[1:]]
    if match := REPEATED.fullmatch(chosen):
        return match[1] * rng.randint(int(match[2]), int(match[3]))
    if match := BOUND.fullmatch(chosen):
        bound[match[1]] = match[2]
        return match[2]
    return chosen


@dataclass(frozen=True)
class Production:
    """One way to write an attack, or one kind of honest request that looks like it."""

    family: str
    name: str
    is_attack: bool
    template: str
    places: str
    """Letters of `placing.PLACERS`, one of which is drawn for each text."""
    rules: Rules = field(repr=False)
    is_wire: bool = False
    """The text is percent-encoded already, as the client sends it."""
    rewrite: Rewrite | None = None

    def write(self, rng: random.Random) -> str:
        """One text of the production."""
        text = expand(rng, self.template, self.rules)
        return self.rewrite(rng, text) if self.rewrite else text


class Group:
    """The productions of one family in one split, with the rules that they share."""

    def __init__(self, family: str, rules: Rules) -> None:
        self.family, self.rules = family, rules
        self.productions: list[Production] = []

    def attack(self, name: str, template: str, places: str = "v", *, wire: bool = False, rewrite: Rewrite | None = None) -> None:  # fmt: skip
        """Add a way to attack."""
        self.productions.append(Production(self.family, name, True, template, places, self.rules, wire, rewrite))

    def benign(self, name: str, template: str, places: str = "v", *, wire: bool = False, rewrite: Rewrite | None = None) -> None:  # fmt: skip
        """Add a kind of honest request."""
        self.productions.append(Production(self.family, name, False, template, places, self.rules, wire, rewrite))

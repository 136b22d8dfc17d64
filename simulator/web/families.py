"""The families of actors: those of the shop, one module of `actors/` a kind; other sites name theirs in `sites/`.

A family's behavior is in its module, times and addresses of requests are in `stage.py`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.web.site import Site
    from simulator.web.stage import Stage

ABUSE_KINDS = ("scanner", "prober", "credential_stuffing", "scraper", "slow_and_low", "rotation")

ATTACK_CLASSES = """\
sqli xss path_traversal command_injection template_injection jndi_and_deserialisation xxe_and_ssrf php_and_webshell scanner_probe protocol_abuse""".split()

FAMILIES_CHOICES = ("all", "fit", "held_out")


@dataclass(frozen=True)
class Family:
    """Clients that behave alike: `play` sends their requests. `source` names the documentation of the behavior."""

    kind: str
    name: str
    play: Callable[[Stage], None]
    source: str
    held_out: bool = False
    base: bool = False
    """The ordinary crowd is in every selection."""
    abuse_kind: str | None = None
    never_block: bool = False

    def __post_init__(self) -> None:
        if self.abuse_kind is not None and self.abuse_kind not in ABUSE_KINDS:
            raise ValueError(
                f"Family {self.name} has abuse kind {self.abuse_kind!r}; use one of {', '.join(ABUSE_KINDS)}."
            )


def all_families() -> tuple[Family, ...]:
    """Every family of every module of `actors/`, in a fixed order: the clients of the shop."""
    from simulator import actors

    families: list[Family] = []
    for module in sorted(info.name for info in pkgutil.iter_modules(actors.__path__)):
        families.extend(getattr(importlib.import_module(f"simulator.actors.{module}"), "FAMILIES", ()))
    names = [family.name for family in families]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"Family names must be unique; repeated: {', '.join(sorted(repeated))}.")
    return tuple(families)


def borrowed(*names: str) -> tuple[Family, ...]:
    """Families of the shop that visit another site as well, by their names."""
    families = {family.name: family for family in all_families()}
    return tuple(families[name] for name in names)


def chosen_families(choice: str, site: Site) -> tuple[Family, ...]:
    """The site's families: `fit` leaves out the held-out ones, `held_out` has only them; both have the base crowd.

    ValueError for `fit` on a site that is held out as a whole.
    """
    if choice not in FAMILIES_CHOICES:
        raise ValueError(f"Families {choice!r} is unknown; use one of {', '.join(FAMILIES_CHOICES)}.")
    if choice == "fit" and site.held_out:
        raise ValueError(f"Site {site.name} is held out: nothing is fitted on it. Use another site, or all families.")
    return tuple(
        family
        for family in site.families()
        if choice == "all" or family.base or (site.held_out or family.held_out) == (choice == "held_out")
    )

"""The sites that are simulated, a module each: hosts, pages, and the clients of that site, innocent and hostile.

A further site is one more module with a subclass of `Site` named `SITE`.
"""

from __future__ import annotations

import importlib
import pkgutil

from simulator.web.site import Site


def all_sites() -> dict[str, type[Site]]:
    """Every site by its name, the shop first."""
    modules = sorted(info.name for info in pkgutil.iter_modules(__path__))
    sites = [importlib.import_module(f"{__name__}.{module}").SITE for module in modules]
    return {site.name: site for site in sorted(sites, key=lambda site: site.name != "shop")}

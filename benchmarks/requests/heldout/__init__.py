"""Attacks and honest near twins from grammars that nobody read who worked on the request model.

    python -m benchmarks.requests.heldout [--family NAME] [--split dev|aside|both] [--model DIR] [--out FILE]

Each family is a set of productions. Two thirds of them are `dev`, whose errors may be looked at; one third is `aside`,
of which shares alone are ever shown. No text is in both.
"""

from __future__ import annotations

from benchmarks.requests.heldout.generate import FAMILIES, SPLITS, Item, generate

__all__ = ["FAMILIES", "SPLITS", "Item", "generate"]

"""Numbers with their nouns, in the one way that all sentences of Weir count. The standard library only."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """`1 object`, `2,028 objects`. `one`: the singular, with its verb where one follows (`node changes`); `many`: the plural, where it is not the singular and an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"

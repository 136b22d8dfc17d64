"""How much of a public set occurs in the texts that the model is fitted on: was anything copied?

A payload counts where its whole text, decoded and folded, occurs in a request of the generated corpus, in a text of the
grammars that write it, or in a pattern of the signals. Payloads shorter than LEAST_CHARACTERS are left out: `' or 1=1--`
is written by everybody.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from weir_models import request_attack
from weir_models.request_attack.text.decoding import decode, fold

LEAST_CHARACTERS = 12
END = "\ue002"
"""Separates two texts, so that no payload is found across them; a private-use character, so in none of them."""


class FitTexts:
    """All texts of the corpus and of the code that generates it."""

    def __init__(self, examples: pd.DataFrame) -> None:
        """`examples`: the corpus that the model is fitted on."""
        fields = pd.concat([examples[name] for name in ("uri_path", "uri_query", "referer", "user_agent")])
        texts = {plain(text) for text in fields.dropna().unique()}
        self.text = END.join(sorted(texts | {fold(text) for text in _texts_of_the_code()}))
        self._grams = np.unique(grams(self.text))

    def contain(self, payloads: Iterable[str]) -> NDArray[np.bool_]:
        """Which payloads, decoded and folded, occur as a whole; too short ones never do."""
        return np.array([len(text) >= LEAST_CHARACTERS and self._contain(text) for text in payloads], dtype=bool)

    def _contain(self, payload: str) -> bool:
        """The pieces first: a search in all of the text takes milliseconds."""
        pieces = grams(payload)
        places = np.searchsorted(self._grams, pieces).clip(max=len(self._grams) - 1)
        return bool((self._grams[places] == pieces).all()) and payload in self.text


def plain(text: str) -> str:
    """The text as the model reads it: decoded, in lower case."""
    return fold(decode(text)).strip()


def distinct(payloads: Iterable[str]) -> list[str]:
    """The distinct texts that are long enough."""
    return sorted({text for payload in payloads if len(text := plain(payload)) >= LEAST_CHARACTERS})


def grams(text: str) -> NDArray[np.uint64]:
    """A hash of each run of LEAST_CHARACTERS characters."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    count = max(0, len(codes) - LEAST_CHARACTERS + 1)
    hashes = np.zeros(count, dtype=np.uint64)
    for place in range(LEAST_CHARACTERS):
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + codes[place : place + count] + np.uint64(1)
    return hashes


@lru_cache(maxsize=1)
def _texts_of_the_code() -> tuple[str, ...]:
    """Strings of the grammars, and those of the signals without the backslashes of their patterns."""
    folder = Path(request_attack.__path__[0])
    texts = [text for path in sorted(folder.glob("corpus/grammars/*.py")) for text in _strings(path)]
    texts += [text.replace("\\", "") for path in sorted(folder.glob("signals/*.py")) for text in _strings(path)]
    return tuple(texts)


def _strings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value

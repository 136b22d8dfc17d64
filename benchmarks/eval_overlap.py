"""How much of a public set stands in what the model is fitted on: was anything copied?

A payload counts as standing there where its whole text, decoded and folded, occurs in a request of the generated
corpus, in a text of the grammars that write it, or in a pattern of the signals. Payloads shorter than
LEAST_CHARACTERS are left out: `' or 1=1--` is written by everybody.
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
"""Between two texts, so that no payload is found across them; private use, so in none of them."""


class Written:
    """All texts that the fit sees or that its writers hold."""

    def __init__(self, examples: pd.DataFrame) -> None:
        """`examples` is the corpus that the model is fitted on."""
        fields = pd.concat([examples[name] for name in ("uri_path", "uri_query", "referer", "user_agent")])
        texts = {plain(text) for text in fields.dropna().unique()}
        self.text = END.join(sorted(texts | {fold(text) for text in _texts_of_the_code()}))
        self._grams = np.unique(grams(self.text))

    def holds(self, payloads: Iterable[str]) -> NDArray[np.bool_]:
        """Which payloads, decoded and folded, stand in it as a whole; those too short to tell never do."""
        return np.array([len(one) >= LEAST_CHARACTERS and self._holds(one) for one in payloads], dtype=bool)

    def _holds(self, payload: str) -> bool:
        """Its pieces first, for a search in all of the text takes milliseconds."""
        wanted = grams(payload)
        places = np.searchsorted(self._grams, wanted)
        known = places < len(self._grams)
        return bool(known.all() and (self._grams[places] == wanted).all()) and payload in self.text


def plain(text: str) -> str:
    """As the model reads it: every encoding off, in lower case."""
    return fold(decode(text)).strip()


def distinct(payloads: Iterable[str]) -> list[str]:
    """The different texts that are long enough to tell."""
    return sorted({text for one in payloads if len(text := plain(one)) >= LEAST_CHARACTERS})


def grams(text: str) -> NDArray[np.uint64]:
    """A number for each run of LEAST_CHARACTERS characters."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    count = max(0, len(codes) - LEAST_CHARACTERS + 1)
    found = np.zeros(count, dtype=np.uint64)
    for place in range(LEAST_CHARACTERS):
        found = found * np.uint64(0x9E3779B97F4A7C15) + codes[place : place + count] + np.uint64(1)
    return found


@lru_cache(maxsize=1)
def _texts_of_the_code() -> tuple[str, ...]:
    """Strings of the grammars as they are, and those of the signals without the backslashes of their patterns."""
    folder = Path(request_attack.__path__[0])
    found = [text for path in sorted(folder.glob("corpus/grammars/*.py")) for text in _strings(path)]
    found += [text.replace("\\", "") for path in sorted(folder.glob("signals/*.py")) for text in _strings(path)]
    return tuple(found)


def _strings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value

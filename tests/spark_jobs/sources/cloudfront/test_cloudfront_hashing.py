"""Hashes of texts: equal for equal texts in any array, different for different ones in practice."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa

from spark_jobs.sources.cloudfront.hashing import text_hashes


def random_texts(count: int) -> list[str]:
    draw = random.Random(1)
    return ["".join(draw.choices("abcdé=_-0", k=draw.choice((0, 1, 7, 8, 9, 56)))) for _ in range(count)]


def test_a_hash_depends_on_the_text_alone() -> None:
    texts = random_texts(2_000)
    alone = [text_hashes(pa.array([text], pa.string()))[0] for text in texts]
    assert text_hashes(pa.array(texts, pa.string())).tolist() == alone
    assert text_hashes(pa.array(texts, pa.string()).slice(3, 100)).tolist() == alone[3:103]
    assert text_hashes(pa.array(texts, pa.large_string())).tolist() == alone


def test_different_texts_have_different_hashes_spread_evenly() -> None:
    texts = sorted({*random_texts(50_000), *(f"request-{number:056d}" for number in range(50_000))})
    hashes = text_hashes(pa.array(texts, pa.string()))
    assert len(set(hashes.tolist())) == len(texts)
    shares = np.bincount((hashes >> np.uint64(59)).astype(int), minlength=32)
    assert shares.min() > 0.8 * shares.mean()


def test_no_text_has_no_hash() -> None:
    assert len(text_hashes(pa.array([], pa.string()))) == 0

"""A second, weak learner: how much a text resembles attacks, by runs of three characters. It orders requests below the threshold.

Each trigram of a text, in folded classes of characters, has a weight: the log ratio of how often attacks and benign requests
hold it. The evidence of a text is the heaviest window of WINDOW trigrams, so that nothing that is added lowers it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

BINS = 4_096
WINDOW = 12
SCALE = 16
"""Weights are sixteenths, whose sums are exact: no batch changes an order."""
LIGHTEST, HEAVIEST = -16, 40
CHUNK_BYTES = 1 << 20
"""Of the texts whose trigrams are weighed at once."""


def _classes() -> NDArray[np.uint32]:
    """Class of each byte: letters whatever their case, digits as one, signs each for itself, the rest as one."""
    classes = np.full(256, 63, dtype=np.uint32)
    signs = " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    for number, sign in enumerate("abcdefghijklmnopqrstuvwxyz0" + signs):
        classes[ord(sign)] = min(number, 62)
        classes[ord(sign.upper())] = min(number, 62)
    classes[ord("0") : ord("9") + 1] = classes[ord("0")]
    return classes


CLASSES = _classes()


def _bins(data: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Bin of the trigram that begins at each byte but the last two."""
    classes = CLASSES[data]
    trigrams = classes[:-2] << np.uint32(12) | classes[1:-1] << np.uint32(6) | classes[2:]
    return trigrams * np.uint32(2_654_435_761) >> np.uint32(20)


def _bytes_of(texts: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes of all texts one after the other, and where each begins; a null is empty."""
    texts = pa.array(texts.fill_null(""), type=pa.string())
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    if data is None:
        return np.empty(0, dtype=np.uint8), ends
    return np.frombuffer(data, dtype=np.uint8)[ends[0] : ends[-1]], ends - ends[0]


def evidence(texts: pa.Array, weights: NDArray[np.int8]) -> NDArray[np.float64]:
    """For each text the heaviest window, 0 (none, or as benign ones) to 1."""
    data, offsets = _bytes_of(texts)
    heaviest = np.zeros(len(texts))
    first = 0
    while first < len(texts):
        last = max(first + 1, int(np.searchsorted(offsets, offsets[first] + CHUNK_BYTES, side="right")) - 1)
        heaviest[first:last] = _heaviest(
            data[offsets[first] : offsets[last]], np.diff(offsets[first : last + 1]), weights
        )
        first = last
    return heaviest / (WINDOW * HEAVIEST)


def _heaviest(data: NDArray[np.uint8], lengths: NDArray[np.int64], weights: NDArray[np.int8]) -> NDArray[np.float64]:
    top = np.zeros(len(lengths))
    if len(data) < 3:
        return top
    ends = np.cumsum(lengths)
    sums = np.zeros(len(data) + 1, dtype=np.int32)
    np.cumsum(weights[_bins(data)], dtype=np.int32, out=sums[1 : len(data) - 1])
    sums[len(data) - 1 :] = sums[len(data) - 2]
    long = lengths >= 3
    if not long.any():
        return top
    stops = np.repeat((ends - 2)[long], (lengths - 2)[long])
    starts = np.arange(len(stops)) + np.repeat(
        (ends - lengths)[long] - np.r_[0, np.cumsum(lengths[long] - 2)[:-1]], (lengths - 2)[long]
    )
    windows = sums[np.minimum(starts + WINDOW, stops)] - sums[starts]
    top[long] = np.maximum.reduceat(windows, np.r_[0, np.cumsum(lengths[long] - 2)[:-1]])
    return np.maximum(top, 0)


def weigh(attacks: pa.Array, benign: pa.Array) -> NDArray[np.int8]:
    """Weights of all bins from the texts of attacks and of benign requests."""
    shares = [(_holding(texts) + 0.5) / (len(texts) + 1.0) for texts in (attacks, benign)]
    return np.clip(np.round(np.log(shares[0] / shares[1]) * SCALE), LIGHTEST, HEAVIEST).astype(np.int8)


def _holding(texts: pa.Array) -> NDArray[np.float64]:
    """How many of the texts hold each bin."""
    data, offsets = _bytes_of(texts)
    bins = _bins(data).astype(np.int64)
    number = np.repeat(np.arange(len(texts)), np.diff(offsets))[: len(bins)]
    inside = np.repeat(offsets[1:], np.diff(offsets))[: len(bins)] - np.arange(len(bins)) >= 3
    held = np.unique(number[inside] * BINS + bins[inside])
    return np.bincount(held % BINS, minlength=BINS).astype(np.float64)

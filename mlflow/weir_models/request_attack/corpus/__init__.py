"""Labeled requests that the project writes itself: `generate` and what it is made of."""

from weir_models.request_attack.corpus.examples import SPLITS, generate

__all__ = ["SPLITS", "generate"]

"""Trees of scikit-learn in a foreign model: compiled code follows their indexes without looking, so they are checked before.

A file of skops can hold any index; loading it is harmless, predicting with it reads beyond the tree or never ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

LEAF = -1
PACKAGES = ("sklearn.ensemble", "sklearn.tree")


def problem_of(root: Any) -> str:
    """What is wrong with the trees of an estimator, as a clause; empty where nothing is, or where it has none."""
    from sklearn.base import BaseEstimator

    known: set[int] = set()
    for owner in _parts(root):
        if not isinstance(owner, BaseEstimator) or not type(owner).__module__.startswith(PACKAGES):
            continue
        below = list(_parts(owner))
        trees = [part for part in below if _is_tree(part)]
        widths = [int(part.n_features_in_) for part in below if hasattr(part, "n_features_in_")]
        for tree in trees:
            if id(tree) not in known and (problem := _problem(tree, min(widths, default=0))):
                return problem
            known.add(id(tree))
    return "" if all(id(part) in known for part in _parts(root) if _is_tree(part)) else "a tree belongs to no ensemble"


def _is_tree(part: Any) -> bool:
    return type(part).__module__.startswith(PACKAGES) and type(part).__name__ in ("Tree", "TreePredictor")


def _problem(tree: Any, width: int) -> str:
    """Children come after their parents and are there, and features are among those that the ensemble is given."""
    if type(tree).__name__ == "Tree":
        left, right, feature = tree.children_left, tree.children_right, tree.feature
        is_leaf = left == LEAF
    else:
        nodes = tree.nodes
        if nodes["is_categorical"].any():
            return "a tree has categories, which cannot be checked"
        left, right, feature = (nodes[name].astype(np.int64) for name in ("left", "right", "feature_idx"))
        is_leaf = nodes["is_leaf"].astype(bool)
    size, inner = len(left), np.flatnonzero(~is_leaf)
    if size == 0:
        return "a tree is empty"
    for children in (left[inner], right[inner]):
        if not ((children > inner) & (children < size)).all():
            return "a tree leads out of itself or back"
    if not ((feature[inner] >= 0) & (feature[inner] < width)).all():
        return "a tree reads a column that it is not given"
    return ""


def _parts(root: Any) -> Iterator[Any]:
    """All objects that a model is built of, itself first."""
    pending, seen = [root], set[int]()
    while pending:
        part = pending.pop()
        if id(part) in seen or isinstance(part, (str, bytes, int, float, bool, type(None), type)):
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, dict):
            pending += [*part.keys(), *part.values()]
        elif isinstance(part, (list, tuple, set, frozenset)):
            pending += list(part)
        elif isinstance(part, np.ndarray):
            pending += part.ravel().tolist() if part.dtype == object else []
        elif hasattr(part, "__dict__"):
            pending += list(vars(part).values())

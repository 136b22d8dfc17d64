"""The picture of the asset graph in the README: `python -m platform_assets.cli.graph_picture docs/asset-graph.png`.

A column is a level of the graph (an asset is to the right of its upstream assets), a color is a layer.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

WIDTH, HEIGHT, COLUMN, ROW = 1.62, 0.46, 2.15, 0.72
ROUNDS = 12
"""Passes in which each asset moves to the mean height of its neighbors."""


def positions(graph: Any) -> dict[Any, tuple[int, float]]:
    """Asset -> its column and height; assets of a column keep a distance of 1."""
    columns = [sorted(level) for level in graph.toposorted_asset_keys_by_level]
    column = {key: number for number, keys in enumerate(columns) for key in keys}
    height = {key: row - len(keys) / 2 for keys in columns for row, key in enumerate(keys)}
    for _ in range(ROUNDS):
        for keys in columns:
            desired = {}
            for key in keys:
                node = graph.get(key)
                heights = [height[neighbor] for neighbor in (*node.parent_keys, *node.child_keys) if neighbor in height]
                desired[key] = sum(heights) / len(heights) if heights else height[key]
            ordered = sorted(keys, key=lambda key: (desired[key], key))
            middle = sum(desired.values()) / len(desired)
            for row, key in enumerate(ordered):
                height[key] = middle + row - (len(ordered) - 1) / 2
    return {key: (column[key], height[key]) for key in column}


def draw(graph: Any, path: Path) -> None:
    """Write the picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    centers = {key: (x * COLUMN, -y * ROW) for key, (x, y) in positions(graph).items()}
    layers = sorted({key.path[0] for key in centers})
    colors = {
        layer: pyplot.get_cmap("Pastel1" if number < 9 else "Pastel2")(number % 9)
        for number, layer in enumerate(layers)
    }
    xs, ys = zip(*centers.values(), strict=True)
    figure, axes = pyplot.subplots(figsize=(max(xs) + 2.4, max(ys) - min(ys) + 1.6))
    for key, (x, y) in centers.items():
        for parent in graph.get(key).parent_keys:
            start = centers[parent]
            axes.add_patch(
                FancyArrowPatch(
                    (start[0] + WIDTH / 2, start[1]),
                    (x - WIDTH / 2, y),
                    arrowstyle="-|>",
                    mutation_scale=7,
                    linewidth=0.5,
                    color="#8a8a8a",
                    connectionstyle="arc3,rad=0.06",
                )
            )
        box = FancyBboxPatch(
            (x - WIDTH / 2, y - HEIGHT / 2),
            WIDTH,
            HEIGHT,
            boxstyle="round,pad=0.02,rounding_size=0.06",
            facecolor=colors[key.path[0]],
            edgecolor="#555555",
            linewidth=0.6,
            zorder=2,
        )
        axes.add_patch(box)
        axes.text(x, y + 0.07, key.path[-1], ha="center", va="center", fontsize=6.5, zorder=3)
        axes.text(x, y - 0.11, "/".join(key.path[:-1]), ha="center", va="center", fontsize=5, color="#555555", zorder=3)
    axes.set_xlim(min(xs) - 1, max(xs) + 1)
    axes.set_ylim(min(ys) - 0.6, max(ys) + 0.6)
    axes.axis("off")
    figure.savefig(path, dpi=120, bbox_inches="tight", metadata={"Software": None})
    pyplot.close(figure)


def main() -> None:
    """The graph of a home without settings."""
    from platform_assets.definitions import build_defs
    from platform_assets.settings import load_settings

    draw(build_defs(load_settings("nowhere")).resolve_asset_graph(), Path(sys.argv[1]))


if __name__ == "__main__":
    main()

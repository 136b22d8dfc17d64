"""The plot of a backtest: the errors of each cluster beside those of the naive rule, and how often its intervals held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

NOMINAL = 0.9


def errors(per_series: pd.DataFrame) -> Any:
    """A figure of a table with a row a series and the columns mae, mae_persistence (percent of CPU) and coverage (0..1)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    most = 1.05 * max(per_series["mae"].max(), per_series["mae_persistence"].max(), 1e-9)
    left.plot([0, most], [0, most], color="grey", linestyle=":", label="no better than the naive rule")
    left.plot(per_series["mae_persistence"], per_series["mae"], "o", label="a cluster")
    left.set(
        xlabel="mean absolute error of persistence, % CPU",
        ylabel="of the model, % CPU",
        title="Errors 30 minutes ahead",
    )
    right.hist(per_series["coverage"], bins=20, range=(0.0, 1.0), label="clusters")
    right.axvline(NOMINAL, color="tab:red", linestyle="--", label=f"intended, {NOMINAL:g}")
    right.set(xlabel="share of loads within the 90 % interval", ylabel="clusters", title="Intervals that held")
    for axes in (left, right):
        axes.legend(fontsize="small", loc="upper left")
    return figure

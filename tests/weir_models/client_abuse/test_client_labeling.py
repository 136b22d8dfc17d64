"""How the truth about simulated clients becomes labels on their rows."""

from __future__ import annotations

import pandas as pd
import pytest

from spark_jobs.sources.cloudfront.tables import CLIENT_EXAMPLES
from weir_models.client_abuse.labeling import label

HOURS = pd.to_datetime(["2026-11-20T00", "2026-11-20T01"], utc=True)
LABELS = ["is_abuse", "abuse_kind", "family", "split"]


def frame(*clients: str) -> pd.DataFrame:
    """Two hours of each client, with the columns that features.client_frame gives."""
    columns = [name for name in CLIENT_EXAMPLES.column_names if name not in LABELS]
    rows = [{"client": client, "hour_at": hour} for client in clients for hour in HOURS]
    made = pd.DataFrame(rows).reindex(columns=columns)
    made = made.fillna({name: 0 for name in columns if name.startswith(("hour_", "day_")) and name != "hour_at"})
    made["client_kind"] = ["network" if client.endswith(("/24", "/64")) else "address" for client in made["client"]]
    return made.assign(attack_request_ids=[[]] * len(made), event_hour="2026-11-20-00")


TRUTH = pd.DataFrame(
    [
        ("192.0.2.1/32", False, None, "shopper"),
        ("198.51.100.7/32", True, "scanner", "scanner_a"),
        ("203.0.113.0/24", True, "rotation", "rotation_a"),
    ],
    columns=["client", "is_abuse", "abuse_kind", "family"],
)


def test_labeled_rows_have_the_columns_of_client_examples() -> None:
    assert list(label(frame("192.0.2.1/32"), TRUTH, "fit").columns) == list(CLIENT_EXAMPLES.column_names)


def test_every_hour_of_an_abuser_is_abuse() -> None:
    rows = label(frame("198.51.100.7/32"), TRUTH, "fit")
    assert rows["is_abuse"].tolist() == [True, True]
    assert rows["abuse_kind"].tolist() == ["scanner", "scanner"]


def test_a_benign_client_has_no_kind() -> None:
    rows = label(frame("192.0.2.1/32"), TRUTH, "fit")
    assert rows["is_abuse"].tolist() == [False, False]
    assert rows["abuse_kind"].tolist() == [None, None]


def test_strangers_are_dropped_and_counted() -> None:
    rows = label(frame("192.0.2.1/32", "192.0.2.99/32"), TRUTH, "fit")
    assert set(rows["client"]) == {"192.0.2.1/32"}
    assert rows.attrs["dropped"] == 2


def test_unlisted_networks_have_no_label() -> None:
    rows = label(frame("203.0.113.0/24", "198.51.100.0/24"), TRUTH, "fit")
    assert set(rows["client"]) == {"203.0.113.0/24"}
    assert rows["is_abuse"].all()
    assert rows.attrs["dropped"] == 2


def test_splits_go_by_family() -> None:
    rows = label(frame("192.0.2.1/32", "198.51.100.7/32"), TRUTH, {"scanner_a": "evaluate", "*": "fit"})
    assert rows.groupby("family")["split"].first().to_dict() == {"scanner_a": "evaluate", "shopper": "fit"}


@pytest.mark.parametrize("split", ["test", {"scanner_a": "evaluate"}])
def test_an_unknown_or_missing_split_is_refused(split: str | dict[str, str]) -> None:
    with pytest.raises(ValueError, match="a split is one of fit, calibrate, evaluate"):
        label(frame("192.0.2.1/32", "198.51.100.7/32"), TRUTH, split)


def test_two_truths_about_one_client_are_refused() -> None:
    with pytest.raises(ValueError, match=r"192\.0\.2\.1/32"):
        label(frame("192.0.2.1/32"), pd.concat([TRUTH, TRUTH.head(1)]), "fit")


def test_an_empty_frame_gives_no_examples() -> None:
    rows = label(frame("192.0.2.1/32").head(0), TRUTH, "fit")
    assert len(rows) == 0 and list(rows.columns) == list(CLIENT_EXAMPLES.column_names)

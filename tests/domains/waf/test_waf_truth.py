"""What the demo says of its decisions against the simulated truth."""

from __future__ import annotations

from io import StringIO

import pandas as pd
import pyarrow as pa
from rich.console import Console

from platform_assets.clients.engine import lake_of
from platform_assets.domains.waf.report import show_truth
from platform_assets.domains.waf.tables import WAF_DECISIONS
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.storage.schema import arrow_schema
from tests.domains.waf.waf_world import decision


def test_precision_recall_and_protected_blocks_are_shown(home: Settings) -> None:
    decisions = [decision("45.83.1.2/32"), decision("45.83.1.3/32"), decision("45.83.2.0/24", "challenge")]
    rows = [{**made.row(), HOUR_COLUMN: format_hour(made.decided_at)} for made in decisions]
    schema = arrow_schema(WAF_DECISIONS, with_hour=True)
    lake_of(home).overwrite_arrow(pa.Table.from_pylist(rows, schema=schema), WAF_DECISIONS)
    truth = pd.DataFrame(
        [
            ("45.83.1.2/32", True, False),
            ("45.83.1.3/32", False, True),
            ("45.83.2.9/32", True, False),
            ("45.83.3.9/32", True, False),
        ],
        columns=["client", "is_abuse", "never_block"],
    ).assign(client_kind="address")
    truth.to_parquet(home.home / "clients.parquet")
    output = StringIO()
    show_truth(Console(file=output, width=200), home, home.home)
    text = output.getvalue()
    assert "50.0% (1 of 2)" in text and "33.3% (1 of 3)" in text
    assert "66.7% (2 of 3)" in text
    assert text.rstrip().endswith("shared addresses …): 1")

"""Reads and writes `waf/audit` and `waf/rollback_decisions`; the current actor, and the model versions behind decisions.

in_force.py interprets the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from platform_assets.actions.audit_table import AuditTable
from platform_assets.clients.caller import caller
from platform_assets.domains.waf.decisions import Row
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.manual.in_force import ManualAction
from platform_assets.domains.waf.tables import WAF_AUDIT, WAF_ROLLBACK_DECISIONS
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.registry import tables
from spark_jobs.storage.lake import Lake

CLIENT_SCORES = tables()["predictions/client_scores"]
REQUEST_MODEL = "request_attack"

AUDIT = AuditTable(WAF_AUDIT, ManualAction)


def append_rollback(lake: Lake, rollback: ManualAction, decisions: Sequence[dict[str, Any]]) -> None:
    """Add a rollback with the decisions that it restores, decisions first: if the process dies in between, there is no rollback."""
    key_columns = {
        "audit_id": rollback.audit_id,
        "acted_at": rollback.acted_at,
        HOUR_COLUMN: format_hour(rollback.acted_at),
    }
    lake.append_rows(WAF_ROLLBACK_DECISIONS, ({**row, **key_columns} for row in decisions))
    AUDIT.append(lake, [rollback])


def rollback_rows(lake: Lake, rollback: ManualAction, now: datetime) -> list[dict[str, Any]]:
    """The unexpired decisions that a rollback restores, as they were then. WafError if some are missing."""
    import pyarrow.dataset as ds

    hours, is_own = [format_hour(rollback.acted_at)], ds.field("audit_id") == rollback.audit_id
    rows: list[dict[str, Any]] = lake.read_arrow(WAF_ROLLBACK_DECISIONS, hours, filter=is_own).to_pylist()
    if len(rows) != rollback.decision_count:
        expected = "an unknown number" if rollback.decision_count is None else str(rollback.decision_count)
        raise WafError(
            f"The rollback to {rollback.subject} goes back to {expected} of decisions, of which {WAF_ROLLBACK_DECISIONS.key} "
            f"keeps {len(rows)}, so WAF stays as it is; end it with `weir waf resume` and roll back again."
        )
    return [row for row in rows if row["expires_at"] > now]


def versions_behind(lake: Lake, decisions: Sequence[Row]) -> dict[str, frozenset[str]]:
    """Decision id -> `name version` of each model behind it: the client model, and the request models of its score."""
    import pyarrow as pa
    import pyarrow.dataset as ds

    hours = sorted({format_hour(row["decided_at"] - timedelta(hours=1)) for row in decisions})
    clients = ds.field("client").isin(pa.array(sorted({row["address"] for row in decisions}), pa.string()))
    columns = ["client", "hour_at", "request_model_version"]
    scores = lake.read_arrow(CLIENT_SCORES, hours, columns=columns, filter=clients).to_pylist() if hours else []
    requests = {(row["client"], row["hour_at"]): row["request_model_version"] for row in scores}
    return {
        row["decision_id"]: versions_of(row, requests.get((row["address"], row["decided_at"] - timedelta(hours=1))))
        for row in decisions
    }


def versions_of(row: Row, request_model_version: str | None) -> frozenset[str]:
    """`name version` of each model behind a score or decision; `request_model_version` may name several, comma-separated."""
    requests = (request_model_version or "").split(",")
    names = {f"{REQUEST_MODEL} {version}" for version in requests if version}
    return frozenset({f"{row['model_name']} {row['model_version']}", *names})


def who(settings: Settings) -> str:
    """The operating system's user and, with AWS as target, the caller's ARN."""
    return caller(settings.aws_region, asks_aws=settings.waf.target == "aws")

"""The tables `waf/audit` and `waf/rollback_decisions`: the one way to add to them and to read them, and who it is that acts.

Also what a withdrawal is about: the model versions behind decisions.

What rows mean is audit.py's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from platform_assets.clients.caller import caller
from platform_assets.domains.waf.decisions import Row
from platform_assets.domains.waf.errors import WafError
from platform_assets.domains.waf.manual.in_force import Act
from platform_assets.domains.waf.tables import WAF_AUDIT, WAF_ROLLBACK_DECISIONS
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, Table, format_hour
from spark_jobs.registry import tables
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema

CLIENT_SCORES = tables()["predictions/client_scores"]
REQUEST_MODEL = "request_attack"


def append(lake: Lake, *acts: Act) -> None:
    """Add rows. Nothing is ever taken away but by retention, and whoever adds at the same time loses nothing."""
    _append(lake, WAF_AUDIT, [{**act.row(), HOUR_COLUMN: format_hour(act.acted_at)} for act in acts])


def append_rollback(lake: Lake, act: Act, decisions: Sequence[dict[str, Any]]) -> None:
    """Add a rollback with the decisions that it goes back to. They come first: cut short in between, there is none."""
    own = {"audit_id": act.audit_id, "acted_at": act.acted_at, HOUR_COLUMN: format_hour(act.acted_at)}
    _append(lake, WAF_ROLLBACK_DECISIONS, [{**row, **own} for row in decisions])
    append(lake, act)


def _append(lake: Lake, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    import pyarrow as pa

    lake.append_arrow(pa.Table.from_pylist(list(rows), schema=arrow_schema(table, with_hour=True)), table)


def read(lake: Lake) -> list[Act]:
    """All rows, in the order in which people acted."""
    acts = [Act.from_row(row) for row in lake.read_arrow(WAF_AUDIT).to_pylist()]
    return sorted(acts, key=lambda act: (act.acted_at, act.audit_id))


def gone_back_to(lake: Lake, rollback: Act, now: datetime) -> list[dict[str, Any]]:
    """The decisions that a rollback goes back to, as they were then, less those that have expired."""
    import pyarrow.dataset as ds

    hours, own = [format_hour(rollback.acted_at)], ds.field("audit_id") == rollback.audit_id
    rows: list[dict[str, Any]] = lake.read_arrow(WAF_ROLLBACK_DECISIONS, hours, filter=own).to_pylist()
    if len(rows) != rollback.decision_count:
        said = "an unknown number" if rollback.decision_count is None else str(rollback.decision_count)
        raise WafError(
            f"The rollback to {rollback.subject} goes back to {said} of decisions, of which {WAF_ROLLBACK_DECISIONS.key} "
            f"keeps {len(rows)}, so WAF stays as it is; end it with `weir waf resume` and roll back again."
        )
    return [row for row in rows if row["expires_at"] > now]


def overrides_of(lake: Lake, audit_ids: Collection[str]) -> dict[str, str]:
    """Check -> why it does not count in the run that names these rows."""
    if not audit_ids:
        return {}
    return {act.subject: act.by_whom for act in read(lake) if act.audit_id in audit_ids}


def versions_behind(lake: Lake, decisions: Sequence[Row]) -> dict[str, frozenset[str]]:
    """Decision -> `name version` of each model that it rests on: its own, and those of the request scores behind it."""
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
    """`name version` of each model behind a client's score or decision; versions of the request model are joined by commas."""
    requests = (request_model_version or "").split(",")
    names = {f"{REQUEST_MODEL} {version}" for version in requests if version}
    return frozenset({f"{row['model_name']} {row['model_version']}", *names})


def who(settings: Settings) -> str:
    """The system's user, and with AWS as target the caller that AWS knows."""
    return caller(settings.aws_region, asks_aws=settings.waf.target == "aws")

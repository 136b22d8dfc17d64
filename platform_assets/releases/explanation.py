"""Why one version of a model and not another scored an entity in an hour, in one sentence."""

from __future__ import annotations

from platform_assets.releases.tables import CANARY_HOURS
from spark_jobs.contract import HOUR_COLUMN
from spark_jobs.storage.lake import Lake


def why_version(lake: Lake, model: str, version: str, hour: str, entity: str) -> str:
    """Why `version` scored the entity; empty where one version alone served the hour."""
    rows = lake.read_arrow(CANARY_HOURS, [hour]).sort_by("recorded_at").to_pylist()
    for row in reversed(rows):
        if (row["model"], row[HOUR_COLUMN]) != (model, hour):
            continue
        if version == row["canary"]:
            return f"{model} {version} scored it as a canary beside {row['champion']}: {entity} is in its share of {row['share']:.0%}."
        if version == row["champion"]:
            return f"{model} {version} scored it as the champion: {entity} is not in the share of {row['share']:.0%} that {row['canary']} served as a canary."
        return f"{model} {version} scored it; {row['canary']}, which was a canary in this hour, was taken out."
    return ""

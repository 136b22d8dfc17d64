"""What is made next, and in which order: derived from the asset graph, for the command line and for the daemon alike.

A pipeline is its goals and everything upstream of them. Its assets fall into stages; one run makes a stage. Hours are
requested where they are stale by the ledger or by lineage, models where no version serves yet, assets without
partitions where their upstream is newer. Who executes a stage is cli/run.py (in this process) or a sensor (the daemon).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from platform_assets.core.asset_specs import key_of
from platform_assets.core.domain import Pipeline, tables
from platform_assets.core.staleness import stale_by_asset, stale_parsed_hours
from spark_jobs import registry
from spark_jobs.contract import PARSED_LAYER

if TYPE_CHECKING:
    import dagster as dg

    from platform_assets.settings import Settings
    from spark_jobs.storage.lake import Lake

Kind = Literal["ledger", "hours", "models", "end"]
ORDER: tuple[Kind, ...] = ("ledger", "hours", "models", "end")
LEDGER_GROUP, MODEL_GROUPS = "raw", frozenset({"models", "training"})
AFTER_EVERY_PIPELINE = ("exports/catalogue",)


@dataclass(frozen=True)
class Stage:
    """Assets that one run makes: none of them looks back on hours of another one."""

    kind: Kind
    keys: tuple[str, ...]
    """In topological order."""


def stages(graph: Any, goals: Iterable[str], skipped: Collection[str] = ()) -> list[Stage]:
    """The stages of all that is upstream of `goals`, in the order in which they are made.

    `graph`: Dagster's asset graph. External assets are left out, and those of `skipped`.
    """
    keys = _closure(graph, goals, skipped)
    kinds = {key: _kind(graph.get(key)) for key in keys}
    levels = dict.fromkeys(keys, 0)
    is_settled = False
    while not is_settled:
        before = dict(levels)
        for key in keys:
            for parent in graph.get(key).parent_keys & levels.keys():
                is_later = kinds[parent] != kinds[key] or _looks_back(key, parent)
                levels[key] = max(levels[key], levels[parent] + is_later)
        for key in keys:  # one operation makes all of its assets together
            levels[key] = max(levels[other] for other in graph.get(key).execution_set_asset_keys & levels.keys())
        is_settled = levels == before

    def place(key: Any) -> tuple[int, int]:
        return levels[key], ORDER.index(kinds[key])

    return [
        Stage(ORDER[kind], tuple(map(_text, of_stage)))
        for (_, kind), of_stage in groupby(sorted(keys, key=place), key=place)
    ]


def stages_of(graph: Any, pipeline: Pipeline, settings: Settings) -> list[Stage]:
    """The stages of a pipeline; what follows every pipeline is made with its last one."""
    found = stages(graph, pipeline.goals, not_polled(settings))
    extra = tuple(key for key in AFTER_EVERY_PIPELINE if graph.has(key_of(key)))
    if found[-1].kind != "end":
        return [*found, Stage("end", extra)]
    return [*found[:-1], Stage("end", tuple(dict.fromkeys((*found[-1].keys, *extra))))]


def not_polled(settings: Settings) -> set[str]:
    """Keys of the assets that fetch raw files and that the settings leave switched off."""
    from platform_assets.settings import value_of

    raws = [source.raw for source in registry.sources().values() if source.raw is not None and source.raw.poller]
    return {raw.poller for raw in raws if not value_of(settings, raw.poll_setting)}


@dataclass(frozen=True)
class StaleHours:
    """What a stage has to make."""

    keys: tuple[str, ...]
    """Assets with stale hours, and those of the stage that are made from them."""
    hours: list[str]
    parsed: list[str]
    """Of the hours, those whose raw objects changed."""


def stale_hours(graph: Any, lake: Lake, stage: Stage) -> StaleHours:
    """Hours that assets of the stage have to make, as far as what is upstream of them is made."""
    parsed: set[str] = set()
    due: set[str] = set()
    for name, source in registry.sources().items():
        tables_made = {table.key for table in source.parsed} & {*stage.keys}
        if tables_made and (stale := stale_parsed_hours(lake, name)):
            parsed |= {*stale}
            due |= tables_made
    derived = [key for key in stage.keys if key.split("/")[0] != PARSED_LAYER]
    by_asset = {key: hours for key, hours in stale_by_asset(lake, derived).items() if hours}
    due |= by_asset.keys()
    for key in stage.keys:
        node = graph.get(key_of(key))
        if {_text(other) for other in node.parent_keys | node.execution_set_asset_keys} & due:
            due.add(key)
    keys = tuple(key for key in stage.keys if key in due)
    return StaleHours(keys, sorted(parsed.union(*by_asset.values())), sorted(parsed))


def models_of(stage: Stage) -> list[str]:
    """The models of the stage, in the order in which they are fitted."""
    from platform_assets.training.sets import training_sets

    return [name for name in training_sets() if f"models/{name}" in stage.keys]


def is_missing(settings: Settings, model: str) -> bool:
    """Whether no version of the model serves. Asks MLflow, so it comes after what is cheaper to know."""
    from platform_assets.clients.model_registry import ModelRegistry

    return ModelRegistry.of(settings).champion(model) is None


def has_enough(lake: Lake, instance: dg.DagsterInstance, name: str) -> bool:
    """Whether a first version of the model is to be fitted now: at any time where its rows are made for it; where they
    come from the lake, once, as soon as there are enough hours."""
    from platform_assets.training.sets import training_sets

    training = training_sets()[name]
    if training.first_fit_hours is None:
        return True
    was_tried = instance.get_latest_materialization_event(key_of(f"models/{name}")) is not None
    return not was_tried and len(lake.hours(training.table)) >= training.first_fit_hours


def is_behind(graph: Any, instance: dg.DagsterInstance, stage: Stage) -> bool:
    """Whether an asset of the stage is older than what it is made from; a model that changes is no reason.

    Behind an asset whose blocking check has failed nothing is due: it is that asset that has to be made again.
    """
    for text in (key for key in stage.keys if key not in AFTER_EVERY_PIPELINE):
        key = key_of(text)
        made_at = _made_at(instance, key)
        for parent in graph.get(key).parent_keys:
            if graph.get(parent).group_name in MODEL_GROUPS | {LEDGER_GROUP}:
                continue
            parent_at = _made_at(instance, parent)
            if parent_at is not None and (made_at is None or made_at < parent_at) and _passed(graph, instance, parent):
                return True
    return False


def _made_at(instance: dg.DagsterInstance, key: Any) -> float | None:
    event = instance.get_latest_materialization_event(key)
    return event.timestamp if event is not None else None


def _passed(graph: Any, instance: dg.DagsterInstance, key: Any) -> bool:
    blocking = [check for check in graph.get(key).check_keys if graph.get(check).blocking]
    if not blocking:
        return True
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(blocking)
    return all(record.status.name != "FAILED" for record in records.values())


def _closure(graph: Any, goals: Iterable[str], skipped: Collection[str]) -> list[Any]:
    """Keys of the goals and all that is upstream of them, in topological order."""
    found: set[Any] = set()
    waiting = [key_of(goal) for goal in goals]
    while waiting:
        key = waiting.pop()
        if key in found or not graph.has(key) or not graph.get(key).is_materializable or _text(key) in skipped:
            continue
        found.add(key)
        waiting += [*graph.get(key).parent_keys, *graph.get(key).execution_set_asset_keys]
    return [key for level in graph.toposorted_asset_keys_by_level for key in sorted(level) if key in found]


def _kind(node: Any) -> Kind:
    if node.group_name in MODEL_GROUPS:
        return "models"
    if node.is_partitioned:
        return "hours"
    return "ledger" if node.group_name == LEDGER_GROUP else "end"


def _looks_back(key: Any, parent: Any) -> bool:
    table = tables().get(_text(key))
    return table is not None and table.trailing_hours > 0 and _text(parent) in table.upstream


def _text(key: Any) -> str:
    return "/".join(key.path)

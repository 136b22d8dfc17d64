"""What is made next, and in which order, derived from the asset graph for the command line and the daemon.

A pipeline is its goals and everything upstream, split into stages; one run makes a stage. Hours are made if they are
stale, models if no version serves yet, unpartitioned assets if their upstream is newer. cli/run.py (in this process) or
a sensor (the daemon) executes a stage.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from platform_assets.core.asset_specs import key_of
from platform_assets.core.domain import Pipeline, tables
from platform_assets.core.partitions import format_of
from platform_assets.core.staleness import stale_by_asset, stale_parsed_hours
from spark_jobs import registry
from spark_jobs.contract import PARSED_LAYER

if TYPE_CHECKING:
    import dagster as dg

    from platform_assets.settings import Settings
    from spark_jobs.storage.lake import Lake

Kind = Literal["ledger", "hours", "models", "end"]
ORDER: tuple[Kind, ...] = ("ledger", "hours", "models", "end")
LEDGER_LAYER, MODEL_LAYERS = "raw", frozenset({"models", "training"})
AFTER_EVERY_PIPELINE = ("exports/catalogue",)


@dataclass(frozen=True)
class Stage:
    """Assets that one run makes, with partitions of the same kind; none looks back on hours of another."""

    kind: Kind
    keys: tuple[str, ...]
    """In topological order."""


def stages(graph: Any, goals: Iterable[str], skipped: Collection[str] = ()) -> list[Stage]:
    """The stages of `goals` and everything upstream, in order, without external and `skipped` assets.

    `graph`: Dagster's asset graph.
    """
    keys = _closure(graph, goals, skipped)
    kinds = {key: _kind(graph.get(key)) for key in keys}
    formats = {key: format_of(graph, _key_text(key)) for key in keys}
    levels = dict.fromkeys(keys, 0)
    is_settled = False
    while not is_settled:
        before = dict(levels)
        for key in keys:
            for parent in graph.get(key).parent_keys & levels.keys():
                is_later = (kinds[parent], formats[parent]) != (kinds[key], formats[key]) or _looks_back(key, parent)
                levels[key] = max(levels[key], levels[parent] + is_later)
        for key in keys:  # one operation makes all of its assets together
            levels[key] = max(levels[member] for member in graph.get(key).execution_set_asset_keys & levels.keys())
        is_settled = levels == before

    def sort_key(key: Any) -> tuple[int, int, str]:
        return levels[key], ORDER.index(kinds[key]), formats[key]

    return [
        Stage(ORDER[kind], tuple(map(_key_text, stage_keys)))
        for (_, kind, _), stage_keys in groupby(sorted(keys, key=sort_key), key=sort_key)
    ]


def stages_of(graph: Any, pipeline: Pipeline, settings: Settings) -> list[Stage]:
    """The stages of a pipeline; the last one includes the assets that follow every pipeline."""
    all_stages = stages(graph, pipeline.goals, not_polled(settings))
    extra = tuple(key for key in AFTER_EVERY_PIPELINE if graph.has(key_of(key)))
    if all_stages[-1].kind != "end":
        return [*all_stages, Stage("end", extra)]
    return [*all_stages[:-1], Stage("end", tuple(dict.fromkeys((*all_stages[-1].keys, *extra))))]


def not_polled(settings: Settings) -> set[str]:
    """Keys of the pollers that the settings leave off."""
    from platform_assets.settings import value_of

    raws = [source.raw for source in registry.sources().values() if source.raw is not None and source.raw.poller]
    return {raw.poller for raw in raws if not value_of(settings, raw.poll_setting)}


@dataclass(frozen=True)
class StaleHours:
    """Stale hours of a stage."""

    keys: tuple[str, ...]
    """Assets with stale hours, and those downstream in the stage."""
    hours: list[str]
    parsed: list[str]
    """Those of the hours whose raw objects changed."""


def stale_hours(graph: Any, lake: Lake, stage: Stage, settings: Settings | None = None) -> StaleHours:
    """Stale hours of the stage's assets, given what exists upstream now and the settings."""
    parsed: set[str] = set()
    stale_keys: set[str] = set()
    for name, source in registry.sources().items():
        tables_made = {table.key for table in source.parsed} & {*stage.keys}
        if tables_made and (stale := stale_parsed_hours(lake, name)):
            parsed |= {*stale}
            stale_keys |= tables_made
    derived = [key for key in stage.keys if key.split("/")[0] != PARSED_LAYER]
    by_asset = {key: hours for key, hours in stale_by_asset(lake, derived, settings).items() if hours}
    stale_keys |= by_asset.keys()
    for key in stage.keys:
        node = graph.get(key_of(key))
        if {_key_text(neighbor) for neighbor in node.parent_keys | node.execution_set_asset_keys} & stale_keys:
            stale_keys.add(key)
    keys = tuple(key for key in stage.keys if key in stale_keys)
    return StaleHours(keys, sorted(parsed.union(*by_asset.values())), sorted(parsed))


def models_of(stage: Stage) -> list[str]:
    """The models of the stage, in the order in which they are fitted."""
    from platform_assets.training.sets import training_sets

    return [name for name in training_sets() if f"models/{name}" in stage.keys]


def is_missing(settings: Settings, model: str) -> bool:
    """Whether no version of the model serves. Asks MLflow, so check cheaper conditions first."""
    from platform_assets.clients.model_registry import ModelRegistry

    return ModelRegistry.of(settings).champion(model) is None


def has_enough(lake: Lake, instance: dg.DagsterInstance, name: str) -> bool:
    """Whether there is enough data for a first version of the model. A model fitted on a table of the lake is tried only
    once, as soon as there are enough hours."""
    from platform_assets.training.sets import training_sets

    training = training_sets()[name]
    if training.first_fit_hours is None:
        return True
    was_tried = instance.get_latest_materialization_event(key_of(f"models/{name}")) is not None
    return not was_tried and len(lake.hours(training.table)) >= training.first_fit_hours


def is_behind(graph: Any, instance: dg.DagsterInstance, stage: Stage) -> bool:
    """Whether an asset of the stage is older than its upstream, other than models and the ledger.

    An upstream asset with a failed blocking check does not count.
    """
    for text in (key for key in stage.keys if key not in AFTER_EVERY_PIPELINE):
        key = key_of(text)
        made_at = _made_at(instance, key)
        for parent in graph.get(key).parent_keys:
            if parent.path[0] in MODEL_LAYERS | {LEDGER_LAYER}:
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
    closure: set[Any] = set()
    pending = [key_of(goal) for goal in goals]
    while pending:
        key = pending.pop()
        if key in closure or not graph.has(key) or not graph.get(key).is_materializable or _key_text(key) in skipped:
            continue
        closure.add(key)
        pending += [*graph.get(key).parent_keys, *graph.get(key).execution_set_asset_keys]
    return [key for level in graph.toposorted_asset_keys_by_level for key in sorted(level) if key in closure]


def _kind(node: Any) -> Kind:
    if node.key.path[0] in MODEL_LAYERS:
        return "models"
    if node.is_partitioned:
        return "hours"
    return "ledger" if node.key.path[0] == LEDGER_LAYER else "end"


def _looks_back(key: Any, parent: Any) -> bool:
    table = tables().get(_key_text(key))
    return table is not None and table.trailing_hours > 0 and _key_text(parent) in table.upstream


def _key_text(key: Any) -> str:
    return "/".join(key.path)

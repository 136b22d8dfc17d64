"""The assets of the loop: of each model what its windows say, whether it was to be fitted again, and how a challenger does."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import dagster as dg

from platform_assets.core.asset_specs import key_of, spec_of
from platform_assets.core.escape import for_markdown
from platform_assets.core.plots import picture
from platform_assets.domains.learning.tables import (
    MODEL_FIGURES,
    columns_table,
    comparisons_table,
    learners,
    performance_table,
    replay_table,
    replayers,
    trigger_table,
    windows_table,
)
from platform_assets.ingest.listings import location_of
from platform_assets.settings import Settings
from platform_assets.training.models import source_of
from platform_assets.training.sets import training_sets
from spark_jobs.contract import Table

OWNER = "team:platform"
LEARNING = "learning"
SHOWN_ENTRIES = 50


def keys_of(model: str) -> list[str]:
    """Keys of the assets of a model."""
    return [table(model).key for table, _ in _tables_of(model)]


def _tables_of(model: str) -> list[tuple[Callable[[str], Table], str]]:
    """The tables of a model that are assets, each with what makes it."""
    tables: list[tuple[Callable[[str], Table], str]] = [
        (columns_table, "spark"),
        (windows_table, "python"),
        (performance_table, "python"),
        (trigger_table, "python"),
        (comparisons_table, "python"),
    ]
    return [*tables, (replay_table, "spark")] if model in replayers() else tables


def learning_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """`monitoring/<model>/columns`, `windows` and `performance`, `learning/<model>/trigger` and `comparisons`, made together; then
    `learning/model_figures`."""
    return [*(_of_model(settings, model) for model in learners()), _figures(settings)]


def _figures(settings: Settings) -> dg.AssetsDefinition:
    @dg.multi_asset(name="model_figures", specs=[spec_of(MODEL_FIGURES, OWNER, {"python", "deltalake"})])
    def model_figures(context: dg.AssetExecutionContext) -> Any:
        from platform_assets.clients.engine import lake_of
        from platform_assets.domains.learning.cards import write_cards
        from platform_assets.domains.learning.model_figures import HEAD, cells, write_figures

        rows = write_figures(settings, lake_of(settings))
        written = write_cards(settings, lake_of(settings), rows)
        lines = [f"| {' | '.join(map(for_markdown, cells(row)))} |" for row in rows]
        head = f"| {' | '.join(HEAD)} |\n{'| --- ' * len(HEAD)}|\n"
        yield dg.MaterializeResult(
            asset_key=key_of(MODEL_FIGURES.key),
            metadata={
                "dagster/row_count": len(rows),
                "figures": dg.MetadataValue.md(head + "\n".join(lines)),
                "cards": dg.MetadataValue.md("\n".join(f"- {for_markdown(one)}" for one in written) or "as before"),
            },
        )

    return model_figures


def _of_model(settings: Settings, model: str) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=f"evaluate_{model}",
        specs=[
            spec_of(table(model), OWNER, {engine, "deltalake"}).replace_attributes(group_name=f"learning_{model}")
            for table, engine in _tables_of(model)
        ],
    )
    def evaluated(context: dg.AssetExecutionContext) -> Any:
        from platform_assets.domains.learning.loop import evaluate

        found = evaluate(settings, model, context.run_id)
        newest = found.windows[-1] if found.windows else {}
        plots = _plots(settings, model) if found.windows or found.comparisons else {}
        yield dg.MaterializeResult(
            asset_key=key_of(columns_table(model).key),
            metadata={"windows": len(found.windows), **_shown(plots, "drift")},
        )
        yield dg.MaterializeResult(
            asset_key=key_of(windows_table(model).key),
            metadata={
                "windows": len(found.windows),
                "newest verdict": newest.get("verdict", "no new window"),
                "newest": dg.MetadataValue.md(for_markdown(newest.get("sentence", ""))),
                **_shown(plots, "reliability"),
            },
        )
        yield dg.MaterializeResult(
            asset_key=key_of(performance_table(model).key),
            metadata={
                "figures": len(found.performance),
                "worse": dg.MetadataValue.md(
                    "\n".join(
                        f"- {row['figure']}: {for_markdown(row['sentence'])}"
                        for row in found.performance
                        if row.get("is_worse")
                    )
                    or "none is proved"
                ),
            },
        )
        yield dg.MaterializeResult(
            asset_key=key_of(trigger_table(model).key),
            metadata={
                "due": found.trigger["is_due"],
                "candidate": found.trigger["candidate"] or "none",
                "outcome": dg.MetadataValue.md(for_markdown(found.trigger["outcome"])),
            },
        )
        yield dg.MaterializeResult(
            asset_key=key_of(comparisons_table(model).key),
            metadata={
                "comparisons": len(found.comparisons),
                "log": dg.MetadataValue.md("\n".join(f"- {for_markdown(sentence)}" for sentence in found.sentences)),
                **_shown(plots, "comparison", "release"),
            },
        )
        if model in replayers():
            yield dg.MaterializeResult(
                asset_key=key_of(replay_table(model).key), metadata=_replay_shown(settings, model)
            )

    return evaluated


def _plots(settings: Settings, model: str) -> dict[str, Any]:
    """The plots of a model; only where something is new, since drawing costs as much as looking."""
    from platform_assets.clients.engine import lake_of
    from platform_assets.domains.learning.cards import plots_of

    return plots_of(lake_of(settings), model)


def _shown(plots: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {f"plot: {name}": picture(plots[name], name) for name in names if name in plots}


def _replay_shown(settings: Settings, model: str) -> dict[str, Any]:
    """The newest replay: its sentence, and whose treatment would change, innocents first."""
    from platform_assets.clients.engine import lake_of
    from platform_assets.domains.learning.replaying import newest

    rows = newest(lake_of(settings), model)
    if not rows:
        return {"newest": "no challenger was replayed"}
    total, entries = rows[0], rows[1:]
    head = "| entry | change | champion | challenger | requests | of benign look | innocent |\n" + "| --- " * 7 + "|\n"
    lines = [
        f"| {for_markdown(row['entry'])} | {row['change']} | {row['champion_action']} | {row['challenger_action']} "
        f"| {row['request_count']} | {row['benign_request_count']} | {row['innocent']} |"
        for row in entries[:SHOWN_ENTRIES]
    ]
    return {
        "newest": dg.MetadataValue.md(for_markdown(total["sentence"])),
        "versions": f"{total['challenger']} beside {total['champion']}",
        "verdict": total["verdict"],
        "changes": len(entries),
        "entries": dg.MetadataValue.md(head + "\n".join(lines)),
    }


def learning_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Models whose source has a location are evaluated by the clock; most of the time nothing is due."""

    @dg.schedule(
        name="evaluate_models",
        target=dg.AssetSelection.assets(*_keys(learners())),
        cron_schedule=settings.learning.cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Looks at new windows of each model, fits those that are due, judges challengers.",
    )
    def evaluate_models(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        sets = training_sets()
        models = [name for name in learners() if location_of(settings, source_of(sets[name]).name)]
        if not models:
            return dg.SkipReason("No source has a location.")
        return dg.RunRequest(asset_selection=_keys(models))

    return [evaluate_models]


def _keys(models: Iterable[str]) -> list[dg.AssetKey]:
    return [*(key_of(key) for model in models for key in keys_of(model)), key_of(MODEL_FIGURES.key)]

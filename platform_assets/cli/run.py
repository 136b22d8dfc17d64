"""Pipelines in this process: `weir run NAME`, `weir train`, and a plan on its own.

The same assets, checks, instance and order (core/scheduler.py) as under the daemon. Each domain reports the results.
"""

from __future__ import annotations

import gc
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import groupby
from typing import TYPE_CHECKING, Any

from platform_assets.cli.outcome import Outcome, RunFailed, failure_of
from platform_assets.settings import Settings
from spark_jobs.errors import ExitCode

if TYPE_CHECKING:
    import dagster as dg

    from platform_assets.core.domain import Pipeline
    from platform_assets.core.scheduler import Stage

MAX_ROUNDS = 5
CAUSED_BY_HOURS = (ExitCode.FAILED, ExitCode.INPUT)
"""Failures that other hours may not have; a setting or service is wrong for all, and a check stops for a person to look."""
MAX_SET_ASIDE = 12
"""Hours from which on something else than single hours is wrong."""


Progress = Callable[[str], AbstractContextManager[Any]]
"""Shows a stage, by its title, while it runs."""


def run_pipeline(
    settings: Settings, name: str, progress: Progress = lambda _: nullcontext(None), overrides: Sequence[str] = ()
) -> Outcome:
    """Make a pipeline's goals and everything upstream; RunFailed, with one sentence, if it cannot continue.

    `overrides`: audit_ids of the overridden checks of its plan.
    """
    from platform_assets.core.domain import pipelines

    return Runner(settings, progress, overrides).run_pipeline(pipelines()[name])


def run_assets(
    settings: Settings,
    title: str,
    keys: Sequence[str],
    progress: Progress = lambda _: nullcontext(None),
    overrides: Sequence[str] = (),
) -> Outcome:
    """Make only these unpartitioned assets from what exists; a check may stop what follows it."""
    runner = Runner(settings, progress, overrides)
    runner.materialize(title, keys, may_stop=True)
    return runner.outcome


def train(settings: Settings, progress: Progress = lambda _: nullcontext(None), names: Sequence[str] = ()) -> Outcome:
    """Fit, evaluate, register and gate models; without names the default ones."""
    runner = Runner(settings, progress)
    runner.train(names or default_models())
    return runner.outcome


def register_shipped(
    settings: Settings, names: Sequence[str], progress: Progress = lambda _: nullcontext(None)
) -> None:
    """Register the shipped versions of models that have no serving one."""
    from platform_assets.core.scheduler import is_missing
    from platform_assets.training.models import starts_shipped

    missing = [name for name in names if is_missing(settings, name) and starts_shipped(settings, name)]
    if missing:
        runner = Runner(settings, progress)
        for name in missing:
            runner.register_shipped(name)


def default_models() -> list[str]:
    """The models that `weir train` fits if none is named."""
    from platform_assets.training.sets import training_sets

    return [name for name, training in training_sets().items() if training.is_default]


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """What is imported and built stays: looking through it again and again costs half a CPU-second a run."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


class Runner:
    """Runs assets of one home in process, one Dagster run per call."""

    @_collector_at_rest()
    def __init__(
        self,
        settings: Settings,
        progress: Progress = lambda _: nullcontext(None),
        overrides: Sequence[str] = (),
        definitions: dg.Definitions | None = None,
    ) -> None:
        from platform_assets.actions.checks import OVERRIDES_TAG
        from platform_assets.core.instance import close_abandoned_runs, instance_of
        from platform_assets.definitions import build_defs

        warnings.filterwarnings("ignore", module="dagster")
        logging.getLogger("alembic").setLevel(logging.WARNING)
        self.settings, self.progress, self.outcome = settings, progress, Outcome()
        self.has_searched = False
        self.tags = {"weir/cause": "command line"} | ({OVERRIDES_TAG: " ".join(overrides)} if overrides else {})
        self.instance = instance_of(settings)
        close_abandoned_runs(self.instance)
        self.use(definitions or build_defs(settings))

    def use(self, definitions: dg.Definitions) -> None:
        self.job = definitions.resolve_implicit_global_asset_job_def()
        self.graph = self.job.asset_layer.asset_graph

    def run_pipeline(self, pipeline: Pipeline) -> Outcome:
        """All stages of a pipeline, its hours until none is stale."""
        from platform_assets.cli.input import require_objects, unread
        from platform_assets.clients.engine import lake_of
        from platform_assets.core.scheduler import stages_of

        found = stages_of(self.graph, pipeline, self.settings)
        ledgers = [key for stage in found if stage.kind == "ledger" for key in stage.keys]
        for kind, group in groupby(found, key=lambda stage: stage.kind):
            stages = list(group)
            if kind == "hours":
                self.make_stale_hours(stages, pipeline)
                self.outcome.unread = unread(lake_of(self.settings), ledgers, self.outcome.hours)
            elif kind == "models":
                self.fit_missing(stages)
            else:
                for stage in stages:
                    self.materialize(self.title(stage, pipeline), stage.keys, may_stop=kind == "end")
                    require_objects(self.settings, stage.keys, self.outcome.metadata)
        return self.outcome

    def title(self, stage: Stage, pipeline: Pipeline) -> str:
        """What the progress line says while a stage runs."""
        from spark_jobs.registry import sources

        listings = {source.objects.key: source.raw.noun for source in sources().values() if source.raw}
        titles = {key: f"Listing {noun}" for key, noun in listings.items()} | dict(pipeline.titles)
        title = next((titles[key] for key in stage.keys if key in titles), "")
        return title or f"Making {stage.keys[0].split('/')[-1]}"

    def materialize(
        self, title: str, keys: Sequence[str], may_stop: bool = False, config: Mapping[str, Any] | None = None
    ) -> None:
        """One run over unpartitioned assets, shown as one stage. `config`: Dagster's, of the assets."""
        start = time.perf_counter()
        with self.progress(title):
            self.run(keys, may_stop=may_stop, config=config)
        self.outcome.seconds[title] = time.perf_counter() - start

    def run(
        self,
        keys: Sequence[str],
        hours: tuple[str, str] | None = None,
        may_stop: bool = False,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        """One Dagster run over `keys`; `hours`: first and last hour."""
        from platform_assets.core.asset_specs import key_of
        from platform_assets.core.instance import name_location
        from platform_assets.core.partitions import tags_of_hours

        tags = tags_of_hours(self.graph, keys, *hours) if hours else {}
        start, storing_before = time.perf_counter(), _storing_seconds(self.instance)
        result = self.job.execute_in_process(
            asset_selection=[key_of(key) for key in keys],
            instance=self.instance,
            tags={**self.tags, **tags},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}, **(config or {})},
            raise_on_error=False,
        )
        name_location(self.instance, result.run_id)
        total, in_steps = time.perf_counter() - start, 0.0
        for event in result.all_events:
            if event.is_step_success:
                in_steps += event.step_success_data.duration_ms / 1000
            if event.is_step_materialization:
                materialization = event.step_materialization_data.materialization
                values = {name: value.value for name, value in materialization.metadata.items()}
                self.outcome.metadata["/".join(materialization.asset_key.path)] = values
        if result.success:
            self.outcome.run_seconds += total
            self.outcome.dagster_seconds += total - in_steps + _storing_seconds(self.instance) - storing_before
        failed_checks = [check for check in result.get_asset_check_evaluations() if not check.passed and check.blocking]
        self.outcome.failed_checks += [f"{check.check_name}: {check.description}" for check in failed_checks]
        if result.success or (may_stop and failed_checks):
            return
        if failed_checks:
            sentence = f"The check {failed_checks[0].check_name} stopped the run: {failed_checks[0].description}"
            raise RunFailed(sentence, ExitCode.STOPPED)
        sentence, code = failure_of(result)
        if code == ExitCode.FAILED:
            self.stop_where_damaged()
        raise RunFailed(sentence, code)

    def stop_where_damaged(self) -> None:
        """RunFailed if the lake is damaged, which says more than the error that it caused."""
        from platform_assets.clients.engine import lake_of
        from platform_assets.maintenance.repair import damages, describe

        lake, is_first = lake_of(self.settings), not self.has_searched
        self.has_searched = True
        if found := damages(lake) or damages(lake, thorough=is_first):  # reading all takes long: once in a run
            sentence = f"The lake is damaged ({describe(found[0])}); run `weir repair`, then this again."
            raise RunFailed(sentence, ExitCode.SERVICE)

    def materialize_hours(self, title: str, keys: Sequence[str], hours: Sequence[str]) -> None:
        """One run for each range of hours, shown as one stage."""
        from platform_assets.ingest.sensors import hour_ranges

        if not hours:
            return
        with self.progress(title):
            start = time.perf_counter()
            for first, last in hour_ranges(list(hours)):
                self.make_hours(keys, [hour for hour in hours if first <= hour <= last])
            self.outcome.seconds[title] = self.outcome.seconds.get(title, 0.0) + time.perf_counter() - start

    def make_hours(self, keys: Sequence[str], hours: Sequence[str]) -> None:
        """Make sorted hours in one run; where it fails, in halves, until single hours that fail are set aside.

        RunFailed where the cause is not the hours', or where MAX_SET_ASIDE of them fail.
        """
        failed_checks = list(self.outcome.failed_checks)
        try:
            self.run(keys, (hours[0], hours[-1]))
        except RunFailed as error:
            self.outcome.failed_checks = failed_checks  # the sentence of the hour that is set aside names them
            if error.exit_code not in CAUSED_BY_HOURS:
                raise
            if len(hours) == 1:
                self.outcome.set_aside[hours[0]] = str(error)
                if len(self.outcome.set_aside) >= MAX_SET_ASIDE:
                    raise
                return
            middle = len(hours) // 2
            for half in (hours[:middle], hours[middle:]):
                self.make_hours(keys, half)

    def make_stale_hours(self, stages: Sequence[Stage], pipeline: Pipeline) -> None:
        """Make the stale hours of each stage in turn, until no hour of any is stale."""
        from platform_assets.clients.engine import lake_of
        from platform_assets.core.partitions import hours_before
        from platform_assets.core.scheduler import stale_hours
        from platform_assets.definitions import build_defs

        lake = lake_of(self.settings)
        for _ in range(MAX_ROUNDS):
            made_hours: set[str] = set()
            is_settled = True
            for stage in stages:
                stale = stale_hours(self.graph, lake, stage, self.settings)
                if hours_before(self.graph, stale.keys, stale.hours):  # the listing found earlier ones
                    self.use(build_defs(self.settings))
                hours = [hour for hour in stale.hours if hour not in self.outcome.set_aside]
                self.materialize_hours(self.title(stage, pipeline), stale.keys, hours)
                made_now = {*hours} - self.outcome.set_aside.keys()
                self.outcome.hours += [hour for hour in stale.parsed if hour in made_now]
                self.outcome.looked_back |= made_now - made_hours if stage is not stages[0] else set()
                made_hours |= made_now
                is_settled = is_settled and not hours
            if is_settled:
                return
        raise RunFailed(
            "The input keeps changing while it is read; run the command again once delivery has settled.",
            ExitCode.INPUT,
        )

    def fit_missing(self, stages: Sequence[Stage]) -> None:
        """Give models without a serving version a first one: the shipped one, else one fitted if there is enough data."""
        from platform_assets.clients.engine import lake_of
        from platform_assets.core.scheduler import has_enough, is_missing, models_of
        from platform_assets.training.models import starts_shipped
        from platform_assets.training.sets import training_sets

        lake = lake_of(self.settings)
        missing = [name for stage in stages for name in models_of(stage) if is_missing(self.settings, name)]
        for name in missing:
            if starts_shipped(self.settings, name):
                self.register_shipped(name)
                continue
            if not has_enough(lake, self.instance, name):
                continue
            before = list(self.outcome.failed_checks)
            is_optional = training_sets()[name].first_fit_hours is not None
            self.train([name], may_stop=is_optional)
            if is_optional:  # missing the gate keeps the version from serving, and stops nothing else
                self.outcome.failed_checks = before

    def register_shipped(self, name: str) -> None:
        """Register the version of a model that Weir ships, and let it serve."""
        from platform_assets.training.models import shipped_config

        self.materialize(f"Registering the {name} that Weir ships", [f"models/{name}"], config=shipped_config([name]))

    def train(self, names: Sequence[str], may_stop: bool = False) -> None:
        """Make the training tables of the models, and fit them."""
        from platform_assets.training.sets import TrainingError, training_sets

        sets = training_sets()
        if unknown := sorted(set(names) - set(sets)):
            raise TrainingError(f"There is no model {unknown[0]}; choose from {', '.join(sets)}.")
        for name, training in sets.items():
            if name not in names:
                continue
            if training.rows is not None:
                self.materialize(training.title, [training.table.key])
            self.materialize(f"Fitting {name}", [f"models/{name}"], may_stop)


def _storing_seconds(instance: dg.DagsterInstance) -> float:
    """Seconds that the event log has spent so far on storing events of steps."""
    return float(getattr(instance.event_log_storage, "seconds_in_steps", 0.0))

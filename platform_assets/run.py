"""The main job in this process: ledger -> models where none serves yet -> stale hours -> decisions -> plan -> WAF.

The same assets, checks and instance as under the daemon; only who asks for the hours differs. What is computed is in
the assets; what is shown of it is in report.py.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from platform_assets.settings import Settings
from spark_jobs.errors import ExitCode, WeirError

if TYPE_CHECKING:
    import dagster as dg

MAX_ROUNDS = 5
BY_HOUR = (
    "parsed/cloudfront/requests",
    "parsed/cloudfront/rejected_lines",
    "parsed/cloudfront/object_counts",
    "features/cloudfront/client_hourly",
    "predictions/request_scores",
)
BY_TRAILING_DAY = (
    "features/cloudfront/client_daily",
    "features/cloudfront/client_attacks",
    "predictions/client_scores",
    "decisions/waf_decisions",
    "exports/database",
    "exports/metrics",
)
METRICS_BY_HOUR = (
    "parsed/metrics/samples",
    "parsed/metrics/rejected_samples",
    "parsed/metrics/object_counts",
)
METRICS_BY_TRAILING_DAY = (
    "features/metrics/cluster_5min",
    "features/metrics/cluster_features",
    "feature_store/infrastructure_metrics",
)
SCALING_MODEL = "models/predictive_scaling"
SCALING_CHANGE = ("scaling/plan", "scaling/recommendations")
SCALING = ("predictions/scaling_forecasts", *SCALING_CHANGE)
FIRST_FIT_HOURS = 72
"""Hours of metrics from which on a first scaling model is fitted: its experts look back three days."""
ANOMALIES_BY_HOUR = ("predictions/anomaly_scores",)
ANOMALIES_AT_THE_END = ("anomaly/alerts",)
WAF_CHANGE = ("waf/plan", "waf/ip_sets")
AT_THE_END = (*WAF_CHANGE, "exports/alerts", "exports/freshness", "exports/catalogue")


class RunFailed(WeirError):
    """A run did not succeed; the message is one sentence for the user."""

    def __init__(self, message: str, exit_code: int = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Chain:
    """The hourly assets of one source in two stages: what an hour is made of, and what looks back on hours."""

    source: str
    noun: str
    by_hour: tuple[str, ...]
    by_trailing_day: tuple[str, ...]
    titles: tuple[str, str]


EDGE = Chain(
    "cloudfront",
    "Log objects",
    BY_HOUR,
    BY_TRAILING_DAY,
    ("Parsing and scoring requests", "Scoring clients and deciding"),
)
METRICS = Chain(
    "metrics",
    "Metric files",
    METRICS_BY_HOUR,
    METRICS_BY_TRAILING_DAY,
    ("Parsing metric files", "Making features of clusters"),
)


@dataclass
class Outcome:
    """What a run did, for the report."""

    hours: list[str] = field(default_factory=list)
    later_hours: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Asset key -> metadata of its last materialisation in this run."""
    failed_checks: list[str] = field(default_factory=list)
    run_seconds: float = 0.0
    """All Dagster runs together."""
    dagster_seconds: float = 0.0
    """What of it Dagster took for itself: everything outside of the steps, and their events."""


Stage = Callable[[str], AbstractContextManager[Any]]


def run_edge(settings: Settings, stage: Stage = lambda _: nullcontext(None), overrides: Sequence[str] = ()) -> Outcome:
    """Everything that the raw location asks for; raises RunFailed with one sentence where it cannot go on.

    `overrides`: audit_ids of the checks of the plan that do not count this time.
    """
    from platform_assets.models import models_of

    warnings.filterwarnings("ignore", module="dagster")
    runner = Runner(settings, stage, overrides)
    runner.materialise("Listing log objects", ["raw/cloudfront/objects"])
    runner.train_missing_models(models_of(EDGE.source))
    runner.make_stale_hours()
    runner.materialise("Planning the WAF change", AT_THE_END, may_stop=True)
    return runner.outcome


def run_metrics(settings: Settings, stage: Stage = lambda _: nullcontext(None)) -> Outcome:
    """Everything that the location of metric files asks for, up to the features; CloudWatch is polled where that is on."""
    warnings.filterwarnings("ignore", module="dagster")
    runner = Runner(settings, stage)
    runner.make_metrics()
    return runner.outcome


def run_scaling(
    settings: Settings, stage: Stage = lambda _: nullcontext(None), overrides: Sequence[str] = ()
) -> Outcome:
    """Metrics, a first model where there is enough to fit one, forecasts, the plan and the sizes of clusters."""
    warnings.filterwarnings("ignore", module="dagster")
    runner = Runner(settings, stage, overrides)
    runner.make_metrics()
    runner.fit_first_scaling_model()
    runner.materialise("Forecasting clusters", SCALING[:1])
    runner.materialise("Planning the scaling", SCALING_CHANGE, may_stop=True)
    return runner.outcome


def run_scaling_change(
    settings: Settings, stage: Stage = lambda _: nullcontext(None), overrides: Sequence[str] = ()
) -> Outcome:
    """The plan, its checks and the sizes alone, from the forecasts that there are."""
    warnings.filterwarnings("ignore", module="dagster")
    runner = Runner(settings, stage, overrides)
    runner.materialise("Planning the scaling", SCALING_CHANGE, may_stop=True)
    return runner.outcome


def run_anomaly(settings: Settings, stage: Stage = lambda _: nullcontext(None)) -> Outcome:
    """Everything that the location of metric files asks for, up to the alerts; people are told of what is new in them."""
    warnings.filterwarnings("ignore", module="dagster")
    runner = Runner(settings, stage)
    runner.make_metrics()
    runner.train_missing_models(["anomaly_detection"])
    runner.make_stale("Scoring clusters", ANOMALIES_BY_HOUR)
    runner.materialise("Grouping alarms", ANOMALIES_AT_THE_END)
    return runner.outcome


def run_waf(settings: Settings, stage: Stage = lambda _: nullcontext(None), overrides: Sequence[str] = ()) -> Outcome:
    """The plan, its checks and the IP sets alone, from the decisions that there are."""
    warnings.filterwarnings("ignore", module="dagster")
    runner = Runner(settings, stage, overrides)
    runner.materialise("Planning the WAF change", WAF_CHANGE, may_stop=True)
    return runner.outcome


def train(settings: Settings, stage: Stage = lambda _: nullcontext(None), names: Sequence[str] = ()) -> Outcome:
    """Fit, evaluate, register and gate the models (those of the edge where none is named), whether or not some serve."""
    from platform_assets.models import models_of

    warnings.filterwarnings("ignore", module="dagster")
    runner = Runner(settings, stage)
    runner.train(names or models_of(EDGE.source))
    return runner.outcome


class Runner:
    """Runs assets of one home in process, one Dagster run a call."""

    def __init__(self, settings: Settings, stage: Stage, overrides: Sequence[str] = ()) -> None:
        from platform_assets.definitions import build_defs
        from platform_assets.instance import close_abandoned_runs, instance_of

        logging.getLogger("alembic").setLevel(logging.WARNING)
        from platform_assets.actions.checks import OVERRIDES_TAG

        self.settings, self.stage, self.outcome = settings, stage, Outcome()
        self.tags = {"weir/cause": "command line"} | ({OVERRIDES_TAG: " ".join(overrides)} if overrides else {})
        self.instance = instance_of(settings)
        close_abandoned_runs(self.instance)
        self.job = build_defs(settings).resolve_implicit_global_asset_job_def()

    def materialise(self, title: str, keys: Sequence[str], may_stop: bool = False) -> None:
        """One run over assets that have no partitions, shown as one stage."""
        began = time.perf_counter()
        with self.stage(title):
            self.run(keys, may_stop=may_stop)
        self.outcome.seconds[title] = time.perf_counter() - began

    def run(self, keys: Sequence[str], hours: tuple[str, str] | None = None, may_stop: bool = False) -> None:
        """One Dagster run over `keys`; with `hours`, over the partitions from the first to the last of them."""
        from platform_assets.automation import key_of
        from platform_assets.sensors import PARTITION_RANGE_END, PARTITION_RANGE_START

        tags = {PARTITION_RANGE_START: hours[0], PARTITION_RANGE_END: hours[1]} if hours else {}
        began, storing = time.perf_counter(), _seconds_storing(self.instance)
        result = self.job.execute_in_process(
            asset_selection=[key_of(key) for key in keys],
            instance=self.instance,
            tags={**self.tags, **tags},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )
        whole, in_steps = time.perf_counter() - began, 0.0
        for event in result.all_events:
            if event.is_step_success:
                in_steps += event.step_success_data.duration_ms / 1000
            if event.is_step_materialization:
                done = event.step_materialization_data.materialization
                values = {name: value.value for name, value in done.metadata.items()}
                self.outcome.metadata["/".join(done.asset_key.path)] = values
        if result.success:
            self.outcome.run_seconds += whole
            self.outcome.dagster_seconds += whole - in_steps + _seconds_storing(self.instance) - storing
        stopped = [one for one in result.get_asset_check_evaluations() if not one.passed and one.blocking]
        self.outcome.failed_checks += [f"{one.check_name}: {one.description}" for one in stopped]
        if result.success or (may_stop and stopped):
            return
        if stopped:
            raise RunFailed(
                f"The check {stopped[0].check_name} stopped the run: {stopped[0].description}", ExitCode.STOPPED
            )
        raise RunFailed(*_sentence(result))

    def over_ranges(self, title: str, keys: Sequence[str], hours: list[str]) -> None:
        """One run for each stretch of hours, shown as one stage."""
        from platform_assets.sensors import hour_ranges

        if not hours:
            return
        with self.stage(title):
            began = time.perf_counter()
            for stretch in hour_ranges(hours):
                self.run(keys, stretch)
            self.outcome.seconds[title] = self.outcome.seconds.get(title, 0.0) + time.perf_counter() - began

    def train_missing_models(self, names: Sequence[str]) -> None:
        """Of the models those without a version that serves."""
        from platform_assets.resources.registry import ModelRegistry

        registry = ModelRegistry.of(self.settings)
        missing = [name for name in names if registry.champion(name) is None]
        if missing:
            self.train(missing)

    def fit_first_scaling_model(self) -> None:
        """Once there are days of metrics and no version was ever fitted here; later ones are the schedule's and `weir train`'s."""
        from platform_assets.automation import key_of
        from platform_assets.resources.engine import lake_of
        from platform_assets.resources.registry import ModelRegistry
        from platform_assets.tables import all_tables

        key = key_of(SCALING_MODEL)
        hours = lake_of(self.settings).hours(all_tables()[METRICS_BY_TRAILING_DAY[0]])
        tried = self.instance.get_latest_materialization_event(key) is not None
        if tried or len(hours) < FIRST_FIT_HOURS or ModelRegistry.of(self.settings).champion(key.path[-1]) is not None:
            return
        before = list(self.outcome.failed_checks)
        self.materialise("Fitting predictive_scaling", [SCALING_MODEL], may_stop=True)
        self.outcome.failed_checks = before  # a version that misses its gate does not serve, and stops nothing

    def train(self, names: Sequence[str]) -> None:
        """Make what the models are fitted on, as far as it is made for that, and fit them."""
        from platform_assets.training import TRAINING, TrainingError

        if unknown := sorted(set(names) - set(TRAINING)):
            raise TrainingError(f"There is no model {unknown[0]}; choose from {', '.join(TRAINING)}.")
        for name, training in TRAINING.items():
            if name not in names:
                continue
            if training.rows is not None:
                self.materialise(training.title, [training.table.key])
            self.materialise(f"Fitting {name}", [f"models/{name}"])

    def make_metrics(self) -> None:
        """Metric files, polled too where that is on, up to the features."""
        if self.settings.cloudwatch_poll:
            self.materialise("Polling CloudWatch", ["raw/metrics/cloudwatch"])
        self.materialise("Listing metric files", ["raw/metrics/objects"])
        self.make_stale_hours(METRICS)

    def make_stale(self, title: str, keys: Sequence[str]) -> None:
        """Make the stale hours of assets that nothing before them looks back on."""
        from platform_assets.resources.engine import lake_of
        from platform_assets.staleness import stale_by_lineage

        self.over_ranges(title, keys, stale_by_lineage(lake_of(self.settings), keys))

    def make_stale_hours(self, chain: Chain = EDGE) -> None:
        """Make stale hours, then everything that looks back on them, until no hour is stale."""
        from platform_assets.resources.engine import lake_of
        from platform_assets.staleness import stale_by_lineage, stale_parsed_hours, steps

        lake = lake_of(self.settings)
        for _ in range(MAX_ROUNDS):
            parsed = stale_parsed_hours(lake, chain.source)
            stale = sorted({*parsed, *stale_by_lineage(lake, [key for key in chain.by_hour if key in steps()])})
            self.over_ranges(chain.titles[0], chain.by_hour, stale)
            later = stale_by_lineage(lake, chain.by_trailing_day)
            self.over_ranges(chain.titles[1], chain.by_trailing_day, later)
            self.outcome.hours += parsed
            self.outcome.later_hours += len(set(later) - set(stale))
            if not stale and not later:
                return
        raise RunFailed(
            f"{chain.noun} keep changing while they are read; run the command again once delivery has settled.", 3
        )


def _seconds_storing(instance: dg.DagsterInstance) -> float:
    """Seconds that the event log has spent on events of steps so far."""
    return float(getattr(instance.event_log_storage, "seconds_in_steps", 0.0))


def _sentence(result: dg.ExecuteInProcessResult) -> tuple[str, int]:
    """What went wrong in a failed run, for a person, and the exit code."""
    for event in result.all_events:
        if not event.is_step_failure:
            continue
        error: Any = event.step_failure_data.error
        innermost = error
        while error is not None:
            innermost = error
            if (code := _exit_code(error)) is not None:
                return _text(error), code
            error = error.cause
        if innermost is not None:
            return (
                f"{_text(innermost)} The step {event.step_key} failed; `weir ui` shows run {result.run_id} with its log.",
                1,
            )
    return f"The run {result.run_id} failed before its first step; `weir ui` shows its log.", 1


def _exit_code(error: Any) -> int | None:
    """Exit code of an error as Dagster keeps it, which is its text alone: `package.module.Class: message`."""
    module, _, name = str(error.message).partition(":")[0].strip().rpartition(".")
    kind = getattr(sys.modules.get(module), name, None)
    code = getattr(kind, "exit_code", None)
    return int(code) if isinstance(code, int) else None


def _text(error: Any) -> str:
    message = str(error.message).strip()
    name, separator, rest = message.partition(": ")
    return rest.strip() if separator and name.rsplit(".", 1)[-1] == error.cls_name else message

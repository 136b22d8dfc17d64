"""Scores and alerts of clusters in the lake: hours alone as hours together, ten thousand alarms, and who is told when."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.clients.model_registry import NoChampionError
from platform_assets.clients.notifier import NotifierError
from platform_assets.core.asset_specs import key_of
from platform_assets.core.scheduler import Stage, is_behind
from platform_assets.core.staleness import record_made, stale_by_asset
from platform_assets.definitions import build_defs
from platform_assets.domains.anomaly import alerting, plots, scoring
from platform_assets.domains.anomaly.assets import score
from platform_assets.domains.anomaly.tables import ANOMALY_ALERTS, ANOMALY_SCORES
from platform_assets.settings import Settings
from spark_jobs.contract import HOUR_COLUMN, format_hour
from spark_jobs.incremental import lineage
from spark_jobs.runtime.canary import Served
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema
from weir_models.anomaly_detection.model import AnomalyDetection

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def frame_of(table: Any, rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows of an hourly table, by the hour of their event."""
    schema = arrow_schema(table, with_hour=True)
    empty: dict[str, Any] = {field.name: [] if pa.types.is_list(field.type) else None for field in schema}
    flags = {field.name: False for field in schema if pa.types.is_boolean(field.type)}
    counts = {field.name: 0 for field in schema if pa.types.is_int64(field.type)}
    made = [{**empty, **flags, **counts, **row, HOUR_COLUMN: format_hour(row["event_at"])} for row in rows]
    return pa.Table.from_pylist(made, schema=schema)


def alarm(
    cluster: str, at: datetime, score: float = 0.6, severity: str = "info", metric: str = "cpu_utilization"
) -> Any:
    return {
        "cluster_id": cluster,
        "event_at": at,
        "score": score,
        "is_anomaly": True,
        "severity": severity,
        "metric": metric,
        "reason": f"{metric} of {cluster} departs",
        "model_name": "anomaly_detection",
        "model_version": "1",
    }


def judged(lake: Lake, *rows: dict[str, Any], now: datetime = NOON) -> None:
    """Scores with these alarms and a quiet step that ends `now`."""
    quiet = alarm("quiet", now - timedelta(minutes=5), 0.1)
    quiet |= {"is_anomaly": False, "severity": None, "metric": None, "reason": None}
    lake.overwrite_arrow(frame_of(ANOMALY_SCORES, [*rows, quiet]), ANOMALY_SCORES)


def run_alerts(settings: Settings) -> tuple[list[dict[str, Any]], int]:
    """As the asset does it: the rows of the table afterwards, and of how many people were told."""
    lake = lake_of(settings)
    rows, now = alerting.make_alerts(lake)
    alerting.write_alerts(lake, rows)
    assert alerting.every_alarm_is_in_one_alert(lake)[0]
    told = alerting.notify_people(settings, lake, rows, now) if now else 0
    return lake.read_arrow(ANOMALY_ALERTS).to_pylist(), told


def lines(settings: Settings) -> list[dict[str, Any]]:
    path = settings.home / "alerts.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


# Scores


def steps(lake: Lake, start: datetime, count: int) -> None:
    """Two clusters; one of them has a spike at the end of the second day."""
    rng = np.random.default_rng(1)
    rows = []
    for cluster in ("one", "two"):
        cpu = 40 + 10 * np.sin(np.arange(count) / 288 * 2 * np.pi) + rng.normal(0, 1, count)
        if cluster == "one":
            cpu[540:546] = 99
        rows += [
            {"cluster_id": cluster, "event_at": start + timedelta(minutes=5 * step), "cpu_utilization": float(value)}
            for step, value in enumerate(cpu)
        ]
    lake.overwrite_arrow(frame_of(scoring.STEPS, rows), scoring.STEPS)


def model() -> AnomalyDetection:
    found = AnomalyDetection().fit(pd.DataFrame())
    found.start_ = 0.25  # two days are a short past: what is seen once in them is not rare
    return found


def scores(lake: Lake) -> pd.DataFrame:
    rows = lake.read_arrow(ANOMALY_SCORES).to_pandas()
    return rows.sort_values(["cluster_id", "event_at"], ignore_index=True)


def score_by(lake: Lake, hours: Sequence[str], fitted: AnomalyDetection) -> None:
    """Score the hours by one model, version 1."""
    served = Served(scoring.MODEL, "1")
    for _, span in scoring.spans(hours, dict.fromkeys(hours, served)):
        scoring.score_span(lake, span, served, {"1": fitted})


def test_series_begin_on_a_monday_between_two_and_three_weeks_before() -> None:
    for days in range(14):
        hour = format_hour(MONDAY + timedelta(days=days, hours=days))
        began = scoring.series_start(hour)
        assert began.weekday() == 0 and began.hour == 0
        age = MONDAY + timedelta(days=days, hours=days) - began
        assert timedelta(days=14) <= age < timedelta(days=21)
        assert age <= timedelta(hours=ANOMALY_SCORES.trailing_hours)


def test_an_hour_alone_has_the_scores_of_hours_together_and_no_later_step_changes_them(home: Settings) -> None:
    lake, fitted = lake_of(home), model()
    steps(lake, MONDAY, 570)
    hours = lake.hours(scoring.STEPS)
    score_by(lake, hours, fitted)
    together = scores(lake)
    raised = together[together["is_anomaly"]]
    assert list(raised["cluster_id"]) == ["one"] and raised["event_at"].iloc[0] == MONDAY + timedelta(minutes=5 * 540)
    assert raised["reason"].str.startswith("cpu_utilization at 99").all()
    assert set(together["model_version"]) == {"1"} and len(together) == 2 * 570

    for hour in (hours[20], hours[45], hours[46]):
        score_by(lake, [hour], fitted)
    pd.testing.assert_frame_equal(scores(lake), together)

    cut = hours[44]
    steps(lake, MONDAY, 570)
    later = lake.read_arrow(scoring.STEPS).to_pandas()
    later.loc[later[HOUR_COLUMN] > cut, "cpu_utilization"] = 1.0
    data = pa.Table.from_pandas(later, schema=arrow_schema(scoring.STEPS, with_hour=True), preserve_index=False)
    lake.overwrite_arrow(data, scoring.STEPS)
    score_by(lake, hours, fitted)
    changed = scores(lake)
    past = together[HOUR_COLUMN] <= cut
    pd.testing.assert_frame_equal(changed[past], together[past])
    assert not changed[~past].equals(together[~past])


def test_hours_keep_the_version_they_were_scored_with_and_hours_without_metrics_hold_nothing(home: Settings) -> None:
    lake = lake_of(home)
    steps(lake, MONDAY, 24)
    hours = [*lake.hours(scoring.STEPS), "2026-11-17-00"]
    served = dict(zip(hours, [Served(scoring.MODEL, version) for version in ("1", "2", "2")], strict=True))
    spans = list(scoring.spans(hours, served))
    assert [(used.model_version, span) for used, span in spans] == [("1", hours[:1]), ("2", hours[1:])]
    assert sum(scoring.score_span(lake, span, used, {used.model_version: model()})[0] for used, span in spans) == 48
    found = scores(lake).groupby(HOUR_COLUMN)["model_version"].unique().map(list).to_dict()
    assert found == {hours[0]: ["1"], hours[1]: ["2"]}


def test_a_canary_scores_its_clusters_and_no_others(home: Settings) -> None:
    lake = lake_of(home)
    steps(lake, MONDAY, 24)
    hours, models = lake.hours(scoring.STEPS), {"1": model(), "2": model()}
    of_each = Served(scoring.MODEL, "1", canary_version="2", canary_share=0.5)
    names = sorted(set(lake.read_arrow(scoring.STEPS)["cluster_id"].to_pylist()))
    expected = {name: of_each.version_of(name) for name in names}
    for served, span in scoring.spans(hours, dict.fromkeys(hours, of_each)):
        scoring.score_span(lake, span, served, models)
    found = scores(lake)
    assert dict(zip(found["cluster_id"], found["model_version"], strict=True)) == expected
    score_by(lake, hours, models["1"])
    columns = [name for name in found.columns if name != "model_version"]
    pd.testing.assert_frame_equal(scores(lake)[columns], found[columns])


def test_hours_without_metrics_need_no_model_and_change_nothing(home: Settings) -> None:
    lake = lake_of(home)
    judged(lake, alarm("a", NOON))
    before = scores(lake)
    assert score(home, ("2026-11-01-00", "2026-11-01-01"))[0] == 0
    pd.testing.assert_frame_equal(scores(lake), before)
    steps(lake, MONDAY, 12)
    with pytest.raises(NoChampionError, match="anomaly_detection has no champion; run `weir train"):
        score(home, (format_hour(MONDAY),))


def test_new_steps_make_scores_stale_and_scores_alerts_due(home: Settings) -> None:
    lake, hour, stage = lake_of(home), "2026-11-20-13", Stage("end", (ANOMALY_ALERTS.key,))
    lineage.record(lake, {scoring.STEPS.key: {hour: "made"}})
    assert stale_by_asset(lake, [ANOMALY_SCORES.key])[ANOMALY_SCORES.key] == [hour]
    record_made(lake, [ANOMALY_SCORES.key], [hour])
    assert stale_by_asset(lake, [ANOMALY_SCORES.key])[ANOMALY_SCORES.key] == []
    for budget, is_stale in ((0.5, True), (0.0, False)):
        changed = home.model_copy(update={"anomaly_alarms_per_week": budget})
        assert stale_by_asset(lake, [ANOMALY_SCORES.key], changed)[ANOMALY_SCORES.key] == [hour] * is_stale
    changed = home.model_copy(update={"anomaly_alarms_per_week": 0.5})
    record_made(lake, [ANOMALY_SCORES.key], [hour], changed)
    assert stale_by_asset(lake, [ANOMALY_SCORES.key], changed)[ANOMALY_SCORES.key] == []
    graph = build_defs(home).resolve_asset_graph()
    with dg.DagsterInstance.ephemeral() as instance:
        assert not is_behind(graph, instance, stage)
        instance.report_runless_asset_event(dg.AssetMaterialization(key_of(ANOMALY_SCORES.key), partition=hour))
        assert is_behind(graph, instance, stage)


# Alerts


def test_ten_thousand_alarms_are_at_most_twenty_alerts_with_every_critical_one(home: Settings) -> None:
    rng, lake = np.random.default_rng(3), lake_of(home)
    rows: dict[tuple[str, datetime], Any] = {}
    while len(rows) < 10_000:
        cluster, minutes = f"cluster-{rng.integers(300)}", 5 * int(rng.integers(1, 7 * 288))
        score = float(rng.uniform(0.5, 1))
        severity = "critical" if score > 0.998 else "warning" if score > 0.9 else "info"
        at = NOON - timedelta(minutes=minutes)
        rows[cluster, at] = alarm(cluster, at, score, severity, str(rng.choice(["cpu_utilization", "queue_depth"])))
    judged(lake, *rows.values())
    found, told = run_alerts(home)
    assert 2 <= len(found) <= 20 and told <= 20
    assert sum(row["alarm_count"] for row in found) == 10_000
    named = [name for row in found for name in row["critical_alarms"]]
    critical = [row for row in rows.values() if row["severity"] == "critical"]
    assert len(critical) > 10
    assert sorted(named) == sorted(
        f"{row['cluster_id']}/{row['metric']} at {row['event_at'].isoformat()}" for row in critical
    )
    assert all(row["severity"] == "critical" for row in found if row["critical_alarms"])
    assert run_alerts(home)[1] == 0


def test_the_check_fails_where_an_alarm_is_lost_or_critical_ones_are_not_named(home: Settings) -> None:
    lake = lake_of(home)
    judged(lake, alarm("a", NOON - timedelta(hours=2), 0.9999, "critical"), alarm("b", NOON - timedelta(hours=9)))
    rows, _ = alerting.make_alerts(lake)
    alerting.write_alerts(lake, rows)
    assert alerting.every_alarm_is_in_one_alert(lake) == (
        True,
        "2 alarms are in 2 alerts, 1 critical one by name.",
        {"alarms": 2, "critical alarms": 1, "alerts": 2},
    )
    for wrong, said in (
        (rows[:1], "Alarms are missing"),
        ([{**rows[0], "critical_alarms": []}, rows[1]], "Critical alarms are not named"),
        (
            [*rows, *({**rows[1], "alert_id": str(n), "alarms": [], "alarm_count": 0} for n in range(19))],
            "There are more",
        ),
    ):
        alerting.write_alerts(lake, wrong)
        passed, sentence, _ = alerting.every_alarm_is_in_one_alert(lake)
        assert not passed and sentence.startswith(said)


def test_people_are_told_once_and_again_only_where_it_got_worse(home: Settings) -> None:
    lake, first = lake_of(home), alarm("shop", NOON - timedelta(minutes=50), 0.7)
    judged(lake, first)
    rows, told = run_alerts(home)
    assert (told, rows[0]["state"], rows[0]["severity"]) == (1, "open", "info")
    assert rows[0]["told_at"] is not None and "cpu_utilization of shop departs" in lines(home)[0]["summary"]
    assert run_alerts(home)[1] == 0

    joined = alarm("shop", NOON - timedelta(minutes=30), 0.65)
    judged(lake, first, joined)
    rows, told = run_alerts(home)
    assert told == 0 and rows[0]["alarm_count"] == 2, "one more of the same is no news"

    worse = alarm("shop", NOON - timedelta(minutes=20), 0.9999, "critical")
    judged(lake, first, joined, worse)
    rows, told = run_alerts(home)
    assert told == 1 and rows[0]["severity"] == "critical"
    another = alarm("shop", NOON - timedelta(minutes=10), 0.9999, "critical")
    judged(lake, first, joined, worse, another)
    assert run_alerts(home)[1] == 1, "another critical alarm is never lost in a known alert"
    judged(lake, first, joined, worse, another, now=NOON + timedelta(hours=2))
    rows, told = run_alerts(home)
    assert (told, rows[0]["state"]) == (0, "resolved")
    assert [line["severity"] for line in lines(home)] == ["info", "critical", "critical"]


def test_what_follows_an_alarm_is_part_of_it(home: Settings) -> None:
    lake, first = lake_of(home), alarm("shop", NOON - timedelta(minutes=50), 0.7)
    judged(lake, first)
    run_alerts(home)
    worse = alarm("shop", NOON - timedelta(minutes=30), 0.9, "critical") | {"is_anomaly": False}
    back = alarm("shop", NOON - timedelta(minutes=20), 0.1)
    back |= {"is_anomaly": False, "severity": None, "reason": "recovery: cpu_utilization is back at 40"}
    judged(lake, first, worse, back)
    rows, told = run_alerts(home)
    assert told == 1 and [(row["severity"], row["alarm_count"]) for row in rows] == [("critical", 1)]
    assert rows[0]["sentence"].endswith(
        "cpu_utilization of shop departs; critical since 2026-11-20 11:30; recovery: cpu_utilization is back at 40"
    )


def test_an_alert_is_open_until_its_departure_ends(home: Settings) -> None:
    lake, first = lake_of(home), alarm("shop", NOON - timedelta(hours=30), 0.7)
    lasted = alarm("shop", NOON - timedelta(hours=29), 0.7) | {"is_anomaly": False}
    judged(lake, first, lasted)
    rows, told = run_alerts(home)
    assert ([row["state"] for row in rows], told) == (["open"], 1), "old, and people are told, for it goes on"
    judged(lake, first, lasted, now=NOON + timedelta(days=1))
    assert [row["state"] for row in run_alerts(home)[0]] == ["resolved"], "two days later it is the new normal"

    back = alarm("shop", NOON - timedelta(hours=2), 0.1)
    back |= {"is_anomaly": False, "severity": None, "metric": "memory_utilization", "reason": "recovery"}
    judged(lake, first, lasted, back)
    assert [row["state"] for row in run_alerts(home)[0]] == ["resolved"]


def test_a_known_incident_that_becomes_a_storm_is_news_once(home: Settings) -> None:
    lake, at = lake_of(home), NOON - timedelta(minutes=50)
    judged(lake, alarm("a", at))
    run_alerts(home)
    judged(lake, *(alarm(name, at) for name in "abcde"))
    rows, told = run_alerts(home)
    assert [row["kind"] for row in rows] == ["storm"] and told == 1
    assert run_alerts(home)[1] == 0


def test_what_was_over_a_day_before_it_was_found_is_in_the_table_and_nobody_is_told(home: Settings) -> None:
    judged(
        lake_of(home), alarm("a", NOON - timedelta(days=3), 0.9999, "critical"), alarm("b", NOON - timedelta(days=8))
    )
    rows, told = run_alerts(home)
    assert [(row["clusters"], row["told_at"]) for row in rows] == [(["a"], None)] and told == 0
    assert lines(home) == []


def test_an_incident_that_reaches_into_the_week_is_there_whole(home: Settings) -> None:
    edge = NOON - timedelta(days=7)
    judged(lake_of(home), *(alarm("a", edge + timedelta(minutes=20 * n)) for n in (-9, -2, -1, 0)))
    rows, _ = run_alerts(home)
    assert [row["alarm_count"] for row in rows] == [3]


def test_what_could_not_be_delivered_is_told_again_and_to_nobody_twice(home: Settings) -> None:
    unreachable = home.model_copy(update={"alerts_sns_topic_arn": "no-topic"})
    judged(lake_of(home), alarm("a", NOON - timedelta(hours=1)))
    for _ in range(2):
        with pytest.raises(NotifierError, match="not the ARN of an SNS topic"):
            run_alerts(unreachable)
    assert lake_of(home).read_arrow(ANOMALY_ALERTS)["told_at"].to_pylist() == [None]
    assert run_alerts(home)[1] == 1
    assert len([line for line in lines(home) if "key" in line]) == 1


def test_without_scores_there_are_no_alerts(home: Settings) -> None:
    assert run_alerts(home) == ([], 0)
    lake = lake_of(home)
    assert alerting.every_alarm_is_in_one_alert(lake)[1] == "0 alarms are in 0 alerts, 0 critical ones by name."


def test_names_of_strangers_are_no_formulas_of_a_plot() -> None:
    at = pd.date_range("2026-11-20", periods=12, freq="5min", tz="UTC")
    rows = {"cluster_id": "$\\frac{$", "event_at": at, "cpu_utilization": 1.0, "score": 0.5, "is_anomaly": False}
    figure = plots.noisiest_cluster(pd.DataFrame({**rows, "metric": "cpu_utilization"}))
    figure.savefig(io.BytesIO(), format="png")
    assert figure.axes[0].get_title().startswith("$\\frac{$: 0 alarms")

"""The tables of the learning loop, those of each model that takes part. Columns, grain and upstream only.

Those of releases are generic code's (platform_assets/releases/tables.py).
"""

from __future__ import annotations

from platform_assets.actions.audit import audit_columns
from platform_assets.releases.tables import TABLES as RELEASE_TABLES
from spark_jobs.contract import Column, Table
from weir_models import registry
from weir_models.contract import Learning, Replay

RETENTION_DAYS = 400
REPLAY_RETENTION_DAYS = 90
WINDOW = (
    Column("model_version", "string", "the version that served most of the window", nullable=False),
    Column("window_start", "timestamp", "start of the window", nullable=False),
    Column("window_end", "timestamp", "its end, exclusive", nullable=False),
)


def learners() -> dict[str, Learning]:
    """Model -> how it learns, of those whose spec says so."""
    return {name: spec.learning for name, spec in registry.specs().items() if spec.learning is not None}


def replayers() -> dict[str, Replay]:
    """Model -> its replay, of those whose challengers are replayed before they leave shadow."""
    return {name: learning.replay for name, learning in learners().items() if learning.replay is not None}


def columns_table(model: str) -> Table:
    """How each column of a model's inputs, and its score, is distributed beside the baseline of its version."""
    return Table(
        key=f"monitoring/{model}/columns",
        meaning=f"Each input of {model}, and its score, beside the baseline: how far it departs, and whether chance alone would do that.",
        grain="one column in one window",
        upstream=(registry.spec(model).learning.predictions,),  # type: ignore[union-attr]
        hourly=False,
        unique=("window_start", "column_name"),
        retention_days=RETENTION_DAYS,
        columns=(
            *WINDOW,
            Column("column_name", "string", "table and column, or the score", nullable=False),
            Column("role", "string", "input or score", nullable=False),
            Column("row_count", "int64", "values in the window", nullable=False),
            Column("baseline_row_count", "int64", "values in the baseline", nullable=False),
            Column("psi", "double", "population stability index; null where too few rows"),
            Column("p_value", "double", "of such a departure without change, for these counts"),
            Column("q_value", "double", "the same among all columns (Benjamini-Hochberg); null: not judged"),
            Column("is_drifted", "boolean", "q at most .005 and PSI at least .1", nullable=False),
            Column("is_lasting", "boolean", "in the window before as well", nullable=False),
        ),
    )


def windows_table(model: str) -> Table:
    """What each window says of a model."""
    return Table(
        key=f"monitoring/{model}/windows",
        meaning=f"What each window says of {model}: drift, flags, and how fast it is.",
        grain="one window",
        upstream=(f"monitoring/{model}/columns",),
        hourly=False,
        unique=("window_start",),
        retention_days=RETENTION_DAYS,
        columns=(
            *WINDOW,
            Column("row_count", "int64", "predictions", nullable=False),
            Column("flagged_count", "int64", "predictions with the flag; null where the model flags nothing"),
            Column("mean_score", "double", "mean of the score; null without predictions"),
            Column("verdict", "string", "none, watch, retrain, block, unknown or baseline", nullable=False),
            Column("sentence", "string", "why", nullable=False),
            Column("drifted_share", "double", "of the importance of the judged columns, what drifted"),
            Column(
                "timed_row_count",
                "int64",
                "rows that the service figures were measured on; null but in the newest window of an evaluation",
            ),
            Column("rows_per_second", "double", "of one process, alone"),
            Column("cpu_seconds_per_1000_rows", "double", "of one process"),
            Column("p50_milliseconds", "double", "median time of a batch of up to 1,000 rows"),
            Column("p95_milliseconds", "double", "95th percentile of the time of a batch of up to 1,000 rows"),
            Column("evaluated_at", "timestamp", "when it was looked at (wall clock)", nullable=False),
        ),
    )


def performance_table(model: str) -> Table:
    """How well versions of a model do, window by window."""
    return Table(
        key=f"monitoring/{model}/performance",
        meaning=f"How well {model} does in each window: realised where outcomes or verdicts are known, else estimated; append-only.",
        grain="one figure of one version in one window, as it was known at one evaluation; the newest counts",
        upstream=(f"monitoring/{model}/windows",),
        hourly=False,
        unique=("model_version", "window_start", "figure", "evidence", "evaluated_at"),
        retention_days=RETENTION_DAYS,
        columns=(
            Column("model_version", "string", "the version that predicted", nullable=False),
            *WINDOW[1:],
            Column("figure", "string", "precision, recall, accuracy, coverage …", nullable=False),
            Column("evidence", "string", "realised by measurement, realised by verdicts, or estimated", nullable=False),
            Column("value", "double", "null: not defined"),
            Column("low_95", "double", "lower bound of the 95 % interval; null: none is known"),
            Column("high_95", "double", "upper bound of the 95 % interval; null: none is known"),
            Column("n", "int64", "predictions behind it", nullable=False),
            Column("is_worse", "boolean", "proved to be worse than the version's first outcomes; null: an estimate"),
            Column("sentence", "string", "what that is decided by; null: an estimate"),
            Column("state", "string", "of the test, as JSON; null: an estimate"),
            Column(
                "known_until", "timestamp", "when the newest outcome became known that it is about; null: an estimate"
            ),
            Column("evaluated_at", "timestamp", "wall clock", nullable=False),
        ),
    )


def baselines_table(model: str) -> Table:
    """What a version is compared with."""
    return Table(
        key=f"monitoring/{model}/baselines",
        meaning=f"Bins and counts of every input and the score of {model}, of each hour of the day in the first window in which a version served it.",
        grain="one column of one version in one window",
        hourly=False,
        unique=("model_version", "window_start", "column_name"),
        retention_days=None,
        columns=(
            *WINDOW,
            Column("column_name", "string", "table and column, or the score", nullable=False),
            Column("role", "string", "input or score", nullable=False),
            Column(
                "bins", "string", "kind, edges and categories, as JSON; no text of personal columns", nullable=False
            ),
            Column(
                "counts",
                "string",
                "values in each bin by hour of the day, nulls last, and hashed n-grams of groups of texts, as JSON",
                nullable=False,
            ),
        ),
    )


def trigger_table(model: str) -> Table:
    """Every evaluation of whether a model is to be fitted again."""
    return Table(
        key=f"learning/{model}/trigger",
        meaning=f"Whether {model} was to be fitted again, evaluation by evaluation, with the reasons and with what stood against it.",
        grain="one evaluation",
        upstream=(f"monitoring/{model}/windows",),
        hourly=False,
        unique=("evaluated_at",),
        retention_days=RETENTION_DAYS,
        columns=(
            Column("evaluated_at", "timestamp", "wall clock", nullable=False),
            Column("champion", "string", "the version that served; null: none"),
            Column("is_due", "boolean", "it was to be fitted again", nullable=False),
            Column("reasons", "list<string>", "what speaks for it", nullable=False),
            Column("against", "list<string>", "what stands against it; empty where it is due", nullable=False),
            Column("candidate", "string", "the version that was fitted; null: none"),
            Column("outcome", "string", "the result, in a sentence", nullable=False),
        ),
    )


def comparisons_table(model: str) -> Table:
    """Challenger beside champion on the rows of each window."""
    return Table(
        key=f"learning/{model}/comparisons",
        meaning=f"Challenger and champion of {model} on the same rows of a window, the bounds of the guards, and what followed.",
        grain="one challenger in one window",
        upstream=(f"learning/{model}/trigger",),
        hourly=False,
        unique=("challenger", "window_start"),
        retention_days=RETENTION_DAYS,
        columns=(
            Column("challenger", "string", "the version that is compared", nullable=False),
            Column("champion", "string", "the version that serves", nullable=False),
            Column("window_start", "timestamp", "start of the window", nullable=False),
            Column("window_end", "timestamp", "its end, exclusive", nullable=False),
            Column("state", "string", "of the challenger: shadow or canary", nullable=False),
            Column("share", "double", "of the entities that it served; null in shadow"),
            Column("row_count", "int64", "rows that both scored", nullable=False),
            Column("entity_count", "int64", "entities among them; each counts once", nullable=False),
            Column("figures", "string", "the guards' figures with their bounds, as JSON", nullable=False),
            Column("evidence", "string", "state of the sequential tests, as JSON", nullable=False),
            Column("verdict", "string", "breached, passed or waiting", nullable=False),
            Column("sentence", "string", "why, and what followed", nullable=False),
            Column("evaluated_at", "timestamp", "wall clock", nullable=False),
        ),
    )


def replay_table(model: str) -> Table:
    """What a challenger would decide otherwise."""
    return Table(
        key=f"learning/{model}/replay",
        meaning=f"Stored hours decided by champion and challenger of {model}: who would be treated otherwise, and who of them is innocent.",
        grain="one entity whose treatment would change in one replay; one row without an entity sums it up",
        upstream=(f"learning/{model}/comparisons",),
        hourly=False,
        unique=("challenger", "champion", "replayed_at", "entry"),
        retention_days=REPLAY_RETENTION_DAYS,
        columns=(
            Column("challenger", "string", "the version that is to leave shadow", nullable=False),
            Column("champion", "string", "the version that serves", nullable=False),
            Column("window_start", "timestamp", "start of the first replayed hour; null: there was none"),
            Column("window_end", "timestamp", "end of the last one, exclusive"),
            Column("entry", "string", "address, network or cluster; empty: the sum", nullable=False, personal=True),
            Column("change", "string", "enters, leaves, stronger or weaker; empty: the sum", nullable=False),
            Column("champion_action", "string", "what the champion decides; empty: nothing", nullable=False),
            Column("challenger_action", "string", "what the challenger decides; empty: nothing", nullable=False),
            Column("request_count", "int64", "its requests in the hours", nullable=False),
            Column("benign_request_count", "int64", "of these, served and no attack: the collateral", nullable=False),
            Column("innocent", "string", "why people say that it is innocent; empty: nobody did", nullable=False),
            Column("reason", "string", "of the decision that is gained or lost", nullable=False, personal=True),
            Column("verdict", "string", "passed or refused, of the whole replay", nullable=False),
            Column("sentence", "string", "why, of the whole replay", nullable=False, personal=True),
            Column("replayed_at", "timestamp", "wall clock, of the whole replay", nullable=False),
        ),
    )


FEEDBACK = Table(
    key="learning/feedback",
    meaning="Verdicts of people on requests, clients and alerts: when it happened, and when the verdict came; append-only.",
    grain="one verdict of a person for one model",
    unique=("acted_at", "audit_id", "model"),
    retention_days=RETENTION_DAYS,
    columns=(
        *audit_columns(
            command="the verdict: attack, benign, incident or noise",
            subject="request id, address and hour, or alert id",
            expires_at="always null",
            is_personal=True,
        ),
        Column("details", "string", "the file that it was imported from; empty where a person gave it"),
        Column("model", "string", "the model that judges the subject", nullable=False),
        Column("event_at", "timestamp", "when it happened", nullable=False),
        Column("entity", "string", "the network or cluster that it concerns", nullable=False, personal=True),
        Column("score", "double", "what the model said then; null where it was not scored"),
        Column("is_flagged", "boolean", "whether the model flagged it then"),
        Column("model_version", "string", "the version that said so"),
        Column("example", "string", "the inputs as JSON, for the next training set", personal=True),
    ),
)

MODEL_FIGURES = Table(
    key="learning/model_figures",
    meaning="How well each serving model does: held out, by verdicts, estimated without labels, and how fast.",
    grain="one figure of one model from one kind of evidence",
    upstream=tuple(f"monitoring/{model}/windows" for model in learners()),
    hourly=False,
    unique=("model", "figure", "evidence"),
    retention_days=None,
    columns=(
        Column("model", "string", "the registered model", nullable=False),
        Column("model_version", "string", "the champion; of verdicts the version that people judged", nullable=False),
        Column("figure", "string", "precision, recall, MAE relative to persistence, milliseconds …", nullable=False),
        Column("evidence", "string", "held-out examples, verdicts, outcomes, estimate or timing", nullable=False),
        Column("value", "double", "null: not defined yet"),
        Column("low_95", "double", "lower bound of the 95 % interval; null: none is known"),
        Column("high_95", "double", "upper bound of the 95 % interval; null: none is known"),
        Column("n", "int64", "examples, verdicts or rows behind it", nullable=False),
        Column("window_start", "timestamp", "of what it was measured on; null for held-out examples"),
        Column("window_end", "timestamp", "of what it was measured on; null for held-out examples"),
        Column("computed_at", "timestamp", "wall clock", nullable=False),
    ),
)

PAUSES = Table(
    key="learning/pauses",
    meaning="Who paused or resumed the learning of a model, when and why; append-only.",
    grain="one act of a person",
    unique=("acted_at", "audit_id"),
    retention_days=800,
    columns=(
        *audit_columns(command="pause or resume", subject="the model", expires_at="always null", is_personal=False),
        Column("details", "string", "always empty"),
    ),
)

OF_EACH = (columns_table, windows_table, performance_table, baselines_table, trigger_table, comparisons_table)
TABLES = (
    *RELEASE_TABLES,
    FEEDBACK,
    PAUSES,
    MODEL_FIGURES,
    *(table(model) for model in learners() for table in OF_EACH),
    *(replay_table(model) for model in replayers()),
)

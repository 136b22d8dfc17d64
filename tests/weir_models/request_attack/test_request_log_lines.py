"""From the log line to the score: what AWS's encoding may not change, and the Spark job against the model alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spark_jobs.contract import Interval, format_hour
from spark_jobs.main import JobRun, run_job
from spark_jobs.runtime.session import spark_session
from spark_jobs.sources.cloudfront.tables import REQUEST_MODEL_INPUTS, REQUEST_SCORES, REQUESTS
from spark_jobs.storage.lake import Lake
from spark_jobs.storage.schema import arrow_schema
from tests.spark_jobs.cloudfront_lines import line, log, parse
from tests.weir_models.request_attack.request_samples import ATTACKS, BENIGN
from weir_models import saved_model
from weir_models.request_attack.model import RequestAttack

PREDICTED = ["attack_probability", "is_attack", "attack_class", "reason"]
LOGGED_AS = {  # what CloudFront makes of a client's own percent sign, by the age of the log
    "%2520": lambda sent: sent.replace("%", "%25"),
    "%20": lambda sent: sent,
}
TEXTS = [*ATTACKS.values(), *BENIGN]


def scored(model: RequestAttack, *lines: str) -> pd.DataFrame:
    found = parse(log(*lines))
    assert not found.rejected
    return model.predict(found.requests.select(REQUEST_MODEL_INPUTS).to_pandas())


def written(sent: str, field: str, form: str) -> str:
    value = LOGGED_AS[form](sent)
    fields = {
        "cs_uri_query": f"q={value}&page=2",
        "cs_uri_stem": f"/search/{value}",
        "cs_referer": f"https://www.example.com/?q={value}",
    }
    return line(**{field: fields[field]}, x_edge_request_id=f"{form}-{field}")


@given(
    st.sampled_from(TEXTS), st.sampled_from(["cs_uri_query", "cs_uri_stem", "cs_referer"]), st.sampled_from(["", "/"])
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_escapes_logged_either_way_score_alike(request_model: RequestAttack, text: str, field: str, safe: str) -> None:
    sent = quote(text, safe=safe)
    encoded, as_sent = scored(request_model, *(written(sent, field, form) for form in LOGGED_AS)).to_dict("records")
    assert encoded == as_sent


@pytest.mark.parametrize("kind", sorted(ATTACKS))
def test_an_attack_is_found_in_either_log(request_model: RequestAttack, kind: str) -> None:
    sent = quote(ATTACKS[kind], safe="")
    found = scored(request_model, *(written(sent, "cs_uri_query", form) for form in LOGGED_AS))
    assert found["attack_class"].tolist() == [kind, kind]


@pytest.mark.slow
def test_the_spark_job_scores_as_the_model(
    request_model: RequestAttack, examples: pd.DataFrame, tmp_path: Path
) -> None:
    start, count = datetime(2026, 11, 20, 14, tzinfo=UTC), 6000
    inputs = list(REQUEST_MODEL_INPUTS)
    frame = examples[inputs].head(count).reset_index(drop=True)
    frame.loc[:20, ["uri_query", "user_agent", "referer", "method"]] = None
    filled = {"bytes_sent": 0, "source_object": "s3://logs/a.gz", "client_ip": "192.0.2.1"}
    rows = [
        {
            **filled,
            **values,
            "request_id": f"id-{number:05d}",
            "line_number": number,
            "event_at": start + timedelta(seconds=number),
            "event_hour": format_hour(start + timedelta(seconds=number)),
        }
        for number, values in enumerate(frame.astype(object).where(frame.notna(), None).to_dict("records"))
    ]
    lake = Lake(str(tmp_path / "lake"))
    lake.overwrite_arrow(pa.Table.from_pylist(rows, schema=arrow_schema(REQUESTS, with_hour=True)), REQUESTS)
    folder = saved_model.save_dir(request_model, tmp_path / "model")
    said = {"model_dir": str(folder), "model_name": "request_attack", "model_version": "9"}
    hours = sorted({row["event_hour"] for row in rows})
    run = JobRun(spark_session("sail"), lake, Interval.spanning(hours[0], hours[-1]), said, tasks=3)
    assert len(hours) == 2
    assert run_job("cloudfront", "request_scores", run)["rows"] == count

    found = lake.read_arrow(REQUEST_SCORES).sort_by("request_id").to_pandas()
    assert found["request_id"].tolist() == [row["request_id"] for row in rows]
    assert set(found["model_version"]) == {"9"}
    alone = request_model.predict(frame)
    assert 1000 < alone["is_attack"].sum() < count - 1000
    pd.testing.assert_frame_equal(
        found[PREDICTED].astype(object).where(found[PREDICTED].notna(), None),
        alone.astype(object).where(alone.notna(), None),
        check_exact=True,
    )

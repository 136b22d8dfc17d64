"""A real web log without labels -> CloudFront lines -> which of its visitors the model flags, and why."""

from __future__ import annotations

import gzip
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from benchmarks.client_days import client_frame
from benchmarks.client_tables import share
from benchmarks.eval_render import FIELDS, aws_encoded
from spark_jobs.storage.lake import Lake
from weir_models.client_abuse import evaluation
from weir_models.client_abuse.model import ClientAbuse

FILE = "edge/elastic-examples-weblogs/Common Data Formats/apache_logs/apache_logs"
_COMBINED = re.compile(
    r'(?P<host>\S+) \S+ \S+ \[(?P<at>[^\]]+)\] "(?P<method>[A-Z]+) (?P<uri>\S+) [^"]*" (?P<status>\d{3}) (?P<size>\S+) '
    r'"(?P<referer>[^"]*)" "(?P<agent>.*)"'
)


def render(text: str, folder: Path) -> None:
    """Combined log lines as one file of a standard log an hour."""
    hours: dict[str, list[str]] = {}
    for number, line in enumerate(text.splitlines()):
        match = _COMBINED.match(line)
        if match is None:
            continue
        at = datetime.strptime(match["at"], "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC)
        path, _, query = match["uri"].partition("?")
        row = (
            f"{at:%Y-%m-%d}", f"{at:%H:%M:%S}", "FRA56-P1", match["size"].replace("-", "0"), match["host"], match["method"],
            "d111111abcdef8.cloudfront.net", aws_encoded(path), match["status"], aws_encoded(match["referer"].strip("-")),
            aws_encoded(match["agent"].strip("-")), aws_encoded(query), "-", "Error" if match["status"] >= "400" else "Miss",
            f"{number:056d}", "www.example.com", "http", "512", "0.010",
        )  # fmt: skip
        hours.setdefault(f"{at:%Y-%m-%d-%H}", []).append("\t".join(row) + "\n")
    folder.mkdir(parents=True)
    for hour, lines in hours.items():
        whole = "#Version: 1.0\n#Fields: " + FIELDS + "\n" + "".join(lines)
        (folder / f"E2EXAMPLE.{hour}.00000000.gz").write_bytes(gzip.compress(whole.encode("utf-8", "surrogateescape")))


def tables(fitted: ClientAbuse, data: Path, model_dir: Path) -> dict[str, pd.DataFrame]:
    """How many addresses each rule flags, and the model's reasons; empty where the log is not there."""
    if not (data / FILE).is_file():
        return {}
    with tempfile.TemporaryDirectory() as scratch:
        render((data / FILE).read_text(encoding="utf-8", errors="surrogateescape"), Path(scratch) / "raw")
        rows = client_frame(Path(scratch) / "raw", Lake(f"{scratch}/lake"), model_dir)
    said = fitted.predict(rows)
    rows = rows.assign(model=said["is_abuse"], probability=said["abuse_probability"], kind=said["abuse_kind"], reason=said["reason"], **evaluation.naive_rules(rows))  # fmt: skip
    addresses = rows[rows["client_kind"] == "address"]
    flags = addresses.groupby("client")[["model", "aws", "any_attack"]].max()
    names = {"model": "client_abuse", "aws": "AWS Security Automations", "any_attack": "any request that request_attack calls an attack"}  # fmt: skip
    summary = pd.DataFrame(
        [
            {"rule": title, "addresses flagged %": share(int(flags[rule].sum()), len(flags))}
            for rule, title in names.items()
        ]
    )
    top = rows[rows["model"]].sort_values("probability", ascending=False).drop_duplicates("client").head(25)
    return {
        "weblog": summary,
        "weblog_clients": pd.DataFrame(
            {
                "client": top["client_kind"],
                "requests": top["day_request_count"],
                "probability": [f"{value:.3f}" for value in top["probability"]],
                "kind": top["kind"],
                "reason": top["reason"],
            }
        ),
    }

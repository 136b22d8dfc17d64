"""A real web log without labels -> CloudFront lines -> the visitors that the model flags, and its reasons."""

from __future__ import annotations

import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from benchmarks.clients.days import client_frame
from benchmarks.clients.page import RULES, share
from benchmarks.requests.render import Delivery, Wire, log_line, write_log
from weir_models.client_abuse import evaluation
from weir_models.client_abuse.model import ClientAbuse

FILE = "edge/elastic-examples-weblogs/Common Data Formats/apache_logs/apache_logs"
_COMBINED = re.compile(
    r'(?P<host>\S+) \S+ \S+ \[(?P<at>[^\]]+)\] "(?P<method>[A-Z]+) (?P<uri>\S+) [^"]*" (?P<status>\d{3}) (?P<size>\S+) '
    r'"(?P<referer>[^"]*)" "(?P<agent>.*)"'
)


def render(text: str, folder: Path) -> None:
    """Write combined log lines as one object of a standard log an hour."""
    hours: dict[str, list[str]] = {}
    for number, line in enumerate(text.splitlines()):
        match = _COMBINED.match(line)
        if match is None:
            continue
        at = datetime.strptime(match["at"], "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC)
        path, _, query = match["uri"].partition("?")
        wire = Wire(match["method"], path, query, match["agent"].strip("-"), match["referer"].strip("-"))
        delivery = Delivery(at, match["host"], match["status"], match["size"].replace("-", "0"), "http")
        hours.setdefault(f"{at:%Y-%m-%d-%H}", []).append(log_line(wire, delivery, number))
    for hour, lines in hours.items():
        write_log(folder, hour, lines)


def tables(fitted: ClientAbuse, data: Path, model_dir: Path) -> dict[str, pd.DataFrame]:
    """How many addresses each rule flags, and the model's reasons; empty where the log is missing."""
    if not (data / FILE).is_file():
        return {}
    with tempfile.TemporaryDirectory() as scratch:
        render((data / FILE).read_text(encoding="utf-8", errors="surrogateescape"), Path(scratch) / "raw")
        rows = client_frame(Path(scratch) / "raw", scratch, model_dir)
    predicted = fitted.predict(rows)
    rows = rows.assign(model=predicted["is_abuse"], **evaluation.naive_rules(rows))
    rows = pd.concat([rows, predicted], axis=1)
    addresses = rows[rows["client_kind"] == "address"]
    flags = addresses.groupby("client")[[*RULES]].max()
    summary = [
        {"rule": title, "addresses flagged %": share(int(flags[rule].sum()), len(flags))}
        for rule, title in RULES.items()
    ]
    top = rows[rows["model"]].sort_values("abuse_probability", ascending=False).drop_duplicates("client").head(25)
    top["probability"] = [f"{value:.3f}" for value in top["abuse_probability"]]
    columns = {"client_kind": "client", "day_request_count": "requests", "abuse_kind": "kind"}
    names = ["client_kind", "day_request_count", "probability", "abuse_kind", "reason"]
    return {"weblog": pd.DataFrame(summary), "weblog_clients": top[names].rename(columns=columns)}

"""Verdicts from a file; one that cannot be taken never stops the others."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from platform_assets.actions.errors import RequestError
from platform_assets.clients.caller import caller
from platform_assets.clients.engine import lake_of
from platform_assets.domains.learning import feedback
from platform_assets.domains.learning.feedback import FeedbackError
from platform_assets.settings import Settings

NEEDED = ("subject", "verdict", "reason")
CSV, JSON_LINES = (".csv",), (".jsonl", ".ndjson", ".json")


def import_file(settings: Settings, path: Path) -> tuple[int, list[str]]:
    """Take the verdicts of a CSV file or of JSON lines; returns how many, and of each that was not taken why not.

    FeedbackError where the file cannot be read at all.
    """
    actor, at = caller(settings.aws_region, asks_aws=False), datetime.now(UTC)
    taken: list[feedback.Verdict] = []
    count, refused = 0, []
    for number, row in _rows(path):
        missing = [name for name in NEEDED if not isinstance(row.get(name), str) or not row[name].strip()]
        if missing:
            refused.append(f"Line {number} has no {', '.join(missing)}.")
            continue
        try:
            given = feedback.verdicts_on(
                settings, row["subject"].strip(), row["verdict"].strip(), row["reason"], actor=actor, at=at
            )
        except RequestError as error:
            refused.append(f"Line {number}: {error}")
            continue
        taken += [verdict for verdict, _ in given]
        count += 1
    feedback.AUDIT.append(lake_of(settings), taken)
    return count, refused


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if path.suffix not in (*CSV, *JSON_LINES):
        raise FeedbackError(f"{path} is neither .csv nor .jsonl; convert it, with the columns {', '.join(NEEDED)}.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FeedbackError(
            f"{path} cannot be read ({type(error).__name__}); name a file of verdicts as UTF-8."
        ) from None
    if path.suffix in CSV:
        reader = csv.DictReader(text.splitlines())
        yield from ((reader.line_num, dict(row)) for row in reader)
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = {}
            yield number, row if isinstance(row, dict) else {}

"""Verdicts from files: one that cannot be taken never stops the others."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from platform_assets.clients.engine import lake_of
from platform_assets.domains.learning import feedback
from platform_assets.domains.learning.feedback import FeedbackError
from platform_assets.domains.learning.feedback_file import import_file
from platform_assets.settings import Settings
from platform_assets.training.sets import Judged

AT = datetime(2026, 11, 20, 13, tzinfo=UTC)


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests whose id begins with r are known to request_attack."""

    def judged(settings: Settings, subject: str) -> list[tuple[str, Judged]]:
        if not subject.startswith("r"):
            raise FeedbackError(f"Nothing is known of {subject!r}; name a request id.")
        about = Judged(AT, "192.0.2.0/24", subject, 0.9, True, "1", {"uri_path": "/"}, {})
        return [("request_attack", about)]

    monkeypatch.setattr(feedback, "judged", judged)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "v.csv",
            "subject,verdict,reason\nr1,benign,ours\nnobody,benign,x\nr2,noise,x\n,benign,x\nr3,attack,\nr4,attack,seen\n",
        ),
        (
            "v.jsonl",
            '{"subject":"r1","verdict":"benign","reason":"ours"}\n{"subject":"nobody","verdict":"benign","reason":"x"}\n'
            '{"subject":"r2","verdict":"noise","reason":"x"}\n[1]\n{broken\n{"subject":"r4","verdict":"attack","reason":"seen"}\n',
        ),
    ],
)
def test_lines_that_cannot_be_taken_leave_the_others(home: Settings, tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    taken, refused = import_file(home, path)
    assert taken == 2 and len(refused) == 4 and all(one.startswith("Line ") for one in refused)
    rows = feedback.AUDIT.read(lake_of(home))
    assert {(row.subject, row.command, row.label) for row in rows} == {("r1", "benign", False), ("r4", "attack", True)}
    counts = feedback.performance(rows, "request_attack", datetime.now(UTC))
    assert (counts["true_positives"], counts["false_positives"]) == (1, 1)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [("v.txt", b"", "neither .csv nor .jsonl"), ("v.csv", b"\xff\xfe\x00", "cannot be read")],
)
def test_a_file_that_cannot_be_read_is_one_sentence(
    home: Settings, tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FeedbackError, match=told):
        import_file(home, tmp_path / name)
    with pytest.raises(FeedbackError, match="cannot be read"):
        import_file(home, tmp_path / "missing.csv")

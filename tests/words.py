"""Words of a private dialect that do not come back: `python -m tests.words` names each place. Run by `make check`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("platform_assets", "spark_jobs", "mlflow", "benchmarks", "tests", "docs")
"""Without the simulator, whose words are data."""
BANNED = {
    r"\bdoubted\b|\bDOUBT\b": "shrunk, PRIOR_REQUESTS",
    r"\bfail static\b": "fail closed",
    r"\bwhat (?:be)?comes? of\b|\bwhat became of\b": "result, outcome",
    r"\bnothing else\.": "say what it does",
    r"\bin_each\b": "for_each_scope",
    r"\bMEANT\b": "PLANNED_INCIDENTS",
    r"\bSpared\b": "Exemptions",
    r"\bthe seed's\b": "the default",
    r"(?i)\bcolours?\b|\bbehaviours?\b(?!\": )|_behaviour\b": "color, behavior",
    r"(?i)\b(?:normal|util|material|serial|recogn|summar|optim)is(?:e|ed|es|ing|ation)\b(?<!cost.optimisation)": "the American -ize",
}
ALLOWED = {"tests/words.py", "CHANGELOG.md"}


def places() -> list[str]:
    """`file:line: word -> better` for each banned word."""
    found = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix not in {".py", ".md"} or name in ALLOWED or "__pycache__" in name:
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                found += [
                    f"{name}:{number}: {match[0]} -> {better}"
                    for word, better in BANNED.items()
                    if (match := re.search(word, line))
                ]
    return found


if __name__ == "__main__":
    hits = places()
    print("\n".join(hits))
    sys.exit(1 if hits else 0)

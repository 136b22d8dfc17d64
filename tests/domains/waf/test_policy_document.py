"""docs/policy.md names exactly the keys of policy.yaml, each with its default."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from platform_assets.domains.waf.policy import DEFAULT_FILE

DOCUMENT = Path(__file__).parents[3] / "docs" / "policy.md"
ROW = re.compile(
    r"^\| `(?P<key>(?:rules|plan|checks)\.[\w.]+)` \| (?P<default>[^|]+) \| (?P<meaning>[^|]+) \|$", re.MULTILINE
)


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict):
        return ", ".join(value) or "none"
    return str(value)


def test_the_document_names_every_key_and_default() -> None:
    stated = {key: shown(value) for key, value in leaves(yaml.safe_load(DEFAULT_FILE.read_text(encoding="utf-8")))}
    rows = [(row["key"], row["default"].strip()) for row in ROW.finditer(DOCUMENT.read_text(encoding="utf-8"))]
    assert len({key for key, _ in rows}) == len(rows), "a key is documented once"
    assert dict(rows) == stated


def test_keys_that_the_document_mentions_elsewhere_exist() -> None:
    stated = dict(leaves(yaml.safe_load(DEFAULT_FILE.read_text(encoding="utf-8"))))
    parts = {".".join(key.split(".")[:depth]) for key in stated for depth in (1, 2, 3)}
    for mention in re.findall(r"`((?:rules|plan|checks)\.[\w.]+)", DOCUMENT.read_text(encoding="utf-8")):
        assert mention in parts, mention

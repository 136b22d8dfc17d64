"""Scopes of WAF: CloudFront, or the regional resources of one region. Each has its own IP sets, rule groups and web ACLs.

Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from platform_assets.domains.waf.limits import GLOBAL_REGION, LimitError

_REGIONAL = re.compile(r"REGIONAL:([a-z]{2}(?:-[a-z]+)+-\d+)\Z")


@dataclass(frozen=True)
class Scope:
    """One scope: AWS's name of its kind, and its region."""

    kind: str
    region: str

    def __str__(self) -> str:
        """As it is written in settings: `CLOUDFRONT`, `REGIONAL:eu-west-1`."""
        return self.kind if self.kind == "CLOUDFRONT" else f"{self.kind}:{self.region}"

    def check_region(self, region: str) -> None:
        """LimitError where a client is of another region than the scope."""
        if region != self.region:
            raise LimitError(f"Scope {self} is served in {self.region} only, not in {region}.")


CLOUDFRONT = Scope("CLOUDFRONT", GLOBAL_REGION)


def parse_scopes(text: str) -> tuple[Scope, ...]:
    """`CLOUDFRONT,REGIONAL:eu-west-1` -> scopes, in that order. ValueError for any other text."""
    scopes = tuple(_scope(name.strip()) for name in text.split(","))
    for scope in scopes:
        if scopes.count(scope) > 1:
            raise ValueError(f"{scope} is named twice, where each scope counts once")
    return scopes


def _scope(text: str) -> Scope:
    if text == "CLOUDFRONT":
        return CLOUDFRONT
    if match := _REGIONAL.match(text):
        return Scope("REGIONAL", match[1])
    raise ValueError(
        f"{text!r} is no scope of WAF, write CLOUDFRONT or REGIONAL:<region> such as REGIONAL:eu-west-1, with commas between several"
    )


def format_by_scope(sentences: Mapping[Scope, str], scopes: Collection[Scope]) -> str:
    """Sentences by scope as one text; a sentence shared by all `scopes` appears once, without their names."""
    scopes_by_sentence: dict[str, list[str]] = {}
    for scope, sentence in sentences.items():
        scopes_by_sentence.setdefault(sentence, []).append(str(scope))
    return " ".join(
        sentence if len(names) == len(scopes) else f"In {', '.join(names)}: {sentence}"
        for sentence, names in scopes_by_sentence.items()
    )

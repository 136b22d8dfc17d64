"""Whether what was given could be read: a run that has read nothing ends with a sentence and exit code 3, never with 0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from platform_assets.ingest.listings import location_of
from platform_assets.ingest.raw import NoInputError
from platform_assets.settings import Settings
from spark_jobs.contract import Source
from spark_jobs.registry import sources
from spark_jobs.storage.lake import Lake

REASONS_SHOWN = 3


def sources_of(keys: Iterable[str]) -> list[Source]:
    """The sources whose ledgers are among the assets."""
    wanted = set(keys)
    return [source for source in sources().values() if source.raw is not None and source.objects.key in wanted]


def require_objects(settings: Settings, keys: Sequence[str], metadata: Mapping[str, Mapping[str, Any]]) -> None:
    """NoInputError where a location was listed and holds no object; `metadata`: that of the ledgers just made."""
    for source in sources_of(keys):
        if source.raw is not None and metadata.get(source.objects.key, {}).get("objects") == 0:
            raise NoInputError(
                f"There are no {source.raw.noun} under {location_of(settings, source.name)}; "
                "correct the location, or wait for the first delivery."
            )


def unread(lake: Lake, keys: Sequence[str], hours: Sequence[str]) -> str:
    """One sentence where nothing of the hours that were just parsed could be read; empty where something was.

    NoInputError where nothing has ever been read: there is nothing to go on with.
    """
    for source in sources_of(keys):
        kept, rejected, *_ = source.parsed
        if not hours or source.raw is None or any(lake.row_counts(kept, hours).values()):
            continue
        reasons = Counter(lake.read_arrow(rejected, sorted({*hours}), columns=["reason"])["reason"].to_pylist())
        if not reasons:
            continue
        named = ", ".join(f"{count:,} × {reason}" for reason, count in reasons.most_common(REASONS_SHOWN))
        sentence = (
            f"None of the new {source.raw.noun} could be read ({named}); "
            f"see why with: weir export {rejected.key.split('/')[-1]} rejected.csv"
        )
        if not lake.hours(kept):
            raise NoInputError(sentence)
        return sentence
    return ""

"""The contract of a domain: everything that one folder of `platform_assets/domains` adds to Weir.

Each folder has a `domain.py` with `DOMAIN`; nothing outside the folder names it. The asset graph, the command line,
`weir run`, `weir doctor`, staleness and the documented tables derive from these declarations. References are strings
`package.module:attribute`, imported when needed, so that reading declarations imports neither Dagster nor an engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from platform_assets.feature_store.groups import UNFILLED, FeatureGroup, FeatureStoreError, table_of
from spark_jobs import registry
from spark_jobs.contract import PARSED_LAYER, Table
from spark_jobs.errors import WeirError

FOLDER = Path(__file__).parents[1] / "domains"
PACKAGE = "platform_assets.domains"


class DomainError(WeirError):
    """A folder of domains/ is incomplete, or two domains claim the same name; a defect of the domain."""


@dataclass(frozen=True)
class HourlyAsset:
    """An hourly asset without a lake table, such as an export: its key and its hourly upstream assets."""

    key: str
    upstream: tuple[str, ...]


@dataclass(frozen=True)
class Pipeline:
    """What `weir run NAME` makes: the goals and everything upstream of them, in the order of the asset graph."""

    name: str
    goals: tuple[str, ...]
    """Keys of unpartitioned assets that every run makes, after all hours are up to date."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Asset key -> title while it runs; a stage takes the title of its first asset that has one."""


@dataclass(frozen=True)
class Domain:
    """One domain. Strings are references `package.module:attribute`; empty if the domain has no such part."""

    name: str
    """Its folder."""
    meaning: str
    """What it does, in one sentence."""
    sources: tuple[str, ...] = ()
    """Names of the sources that it reads."""
    tables: tuple[Table, ...] = ()
    """Its tables besides those of the sources that it reads."""
    assets: tuple[str, ...] = ()
    """Functions (settings) -> Dagster assets of the domain."""
    hourly_assets: tuple[HourlyAsset, ...] = ()
    """Its hourly assets that are no tables."""
    feature_groups: tuple[FeatureGroup, ...] = ()
    pipelines: tuple[Pipeline, ...] = ()
    commands: Mapping[str, str] = field(default_factory=dict)
    """Words after `weir` -> a Typer application or a function that is a command: {"waf": "…:app", "run edge": "…:run"}."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Section of the settings -> its class (core/sections.py)."""
    made_with: str = ""
    """Function (settings) -> key of an hourly table -> settings that its hours are made with; empty as long as nobody
    changed them. Hours that were made with others are stale."""
    schedules: str = ""
    """Function (settings) -> Dagster schedules."""
    doctor: str = ""
    """Mapping of a check's name -> function (settings) -> (state, sentence), as those of cli/doctor."""
    aws_services: str = ""
    """Function (settings) -> names of the AWS services that it uses."""
    training: str = ""
    """Mapping of a model's name -> TrainingSet."""
    leak_probes: str = ""
    """Mapping of a model's name -> LeakProbes (training/leaks.py): what its examples are split by."""
    explain: str = ""
    """Module with an explainer: TAKES, recognizes, explain, render, to_json (see explaining.py)."""
    demo: str = ""
    """What `weir demo` shows of it: a DomainDemo of cli/demo.py."""
    streams: Mapping[str, str] = field(default_factory=dict)
    """Source -> class (settings, lake) that follows its stream: `restore(now)`, `observe(micro_batch, now)`, `act(at_once)`."""
    database_tables: Mapping[str, str] = field(default_factory=dict)
    """Key of a table exported to the SQL database -> the timestamp column that retention counts from."""


def load(reference: str) -> Any:
    """The object that a reference `package.module:attribute` names."""
    module, _, attribute = reference.partition(":")
    return getattr(import_module(module), attribute) if attribute else import_module(module)


@cache
def domains() -> dict[str, Domain]:
    """Domain by name, in alphabetical order; DomainError if a folder is incomplete."""
    declared: dict[str, Domain] = {}
    for folder in sorted(FOLDER.iterdir()):
        if not folder.is_dir() or folder.name.startswith(("_", ".")):
            continue
        if not (folder / "domain.py").exists():
            raise DomainError(f"The domain {folder.name} lacks domain.py; add it or remove the folder.")
        domain = import_module(f"{PACKAGE}.{folder.name}.domain").DOMAIN
        if domain.name != folder.name:
            raise DomainError(f"domains/{folder.name}/domain.py declares the domain {domain.name}; rename one of them.")
        declared[domain.name] = domain
    _require_distinct(declared)
    return declared


def _require_distinct(declared: Mapping[str, Domain]) -> None:
    claimed: dict[tuple[str, str], str] = {}
    for domain in declared.values():
        claims = [
            *(("table", table.key) for table in domain.tables),
            *(("pipeline", pipeline.name) for pipeline in domain.pipelines),
            *(("command", name) for name in domain.commands),
        ]
        for claim in claims:
            if (owner := claimed.setdefault(claim, domain.name)) != domain.name:
                raise DomainError(f"The domains {owner} and {domain.name} both declare the {claim[0]} {claim[1]}.")


def parts(name: str) -> Iterator[tuple[Domain, Any]]:
    """Each domain that has the part `name` (assets, doctor, …), with the loaded part."""
    for domain in domains().values():
        if reference := getattr(domain, name):
            yield domain, load(reference)


def feature_groups() -> dict[str, FeatureGroup]:
    """Feature group by name: those of the domains, then those that no domain fills yet."""
    declared = (group for domain in domains().values() for group in domain.feature_groups)
    return {group.name: group for group in (*declared, *UNFILLED)}


def feature_group(name: str) -> FeatureGroup:
    """The group of this name, hyphens as underscores; FeatureStoreError if there is none."""
    try:
        return feature_groups()[name.replace("-", "_")]
    except KeyError:
        choices = ", ".join(feature_groups())
        raise FeatureStoreError(f"There is no feature group {name!r}; choose one of {choices}.") from None


def tables() -> dict[str, Table]:
    """Table by key: those of the sources, of the domains and of the feature groups."""
    declared = (table for domain in domains().values() for table in domain.tables)
    groups = map(table_of, feature_groups().values())
    return {table.key: table for table in (*registry.tables().values(), *declared, *groups)}


def made_hourly(table: Table) -> bool:
    """Whether hours of the table are made from other tables, unlike parsed and append-only tables."""
    return table.hourly and bool(table.upstream) and table.layer != PARSED_LAYER


def command_that_fills(table: Table) -> str:
    """`weir run NAME` of the first pipeline that makes the table; `weir run` if none does."""
    for domain in domains().values():
        own_keys = {declared.key for declared in domain.tables} | {
            table_of(group).key for group in domain.feature_groups
        }
        source_keys = {declared.key for name in domain.sources for declared in registry.sources()[name].tables}
        if domain.pipelines and table.key in own_keys | source_keys:
            return f"weir run {domain.pipelines[0].name}"
    return "weir run"


def pipelines() -> dict[str, Pipeline]:
    """Pipeline by name."""
    return {pipeline.name: pipeline for domain in domains().values() for pipeline in domain.pipelines}

"""Families: every kind is present, a third is held out, and the simulator imports nothing of the platform."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from random import Random

import pytest

import simulator
from simulator.sites.shop import Shop
from simulator.web import addresses
from simulator.web.addresses import Addresses
from simulator.web.families import ABUSE_KINDS, ATTACK_CLASSES, all_families, chosen_families

SHOP = Shop(0)
SOURCES = sorted(Path(simulator.__file__).parent.rglob("*.py"))

KINDS = {
    "shopper", "app", "crawler", "monitor", "office", "cgnat", "exit", "flash_crowd", "feed", "previewer",
    "prefetcher", "partner", "price_comparison", "survey",
}  # fmt: skip
"""Kinds of benign actors; kinds of abusers are ABUSE_KINDS."""


def test_every_kind_of_actor_has_families() -> None:
    assert {family.kind for family in all_families()} == KINDS | set(ABUSE_KINDS)
    assert {family.abuse_kind for family in all_families()} == {None, *ABUSE_KINDS}
    assert all(family.abuse_kind in (None, family.kind) for family in all_families())


def test_a_third_of_each_kind_is_held_out() -> None:
    total = Counter(family.kind for family in all_families() if not family.base)
    held = Counter(family.kind for family in all_families() if family.held_out)
    assert {kind: held[kind] / total[kind] for kind in total} == pytest.approx(dict.fromkeys(total, 1 / 3), abs=0.04)


def test_held_out_families_are_not_fitted_on() -> None:
    fit, held = ({f.name for f in chosen_families(choice, SHOP) if not f.base} for choice in ("fit", "held_out"))
    assert fit and held and not fit & held
    assert fit | held | {"shopper_web"} == {family.name for family in chosen_families("all", SHOP)}


def test_the_base_crowd_is_in_every_selection() -> None:
    for choice in ("all", "fit", "held_out"):
        assert [family.name for family in chosen_families(choice, SHOP) if family.base] == ["shopper_web"]


def test_a_selection_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="use one of all, fit, held_out"):
        chosen_families("test", SHOP)


def test_no_abuser_is_on_the_never_block_list() -> None:
    assert not [family.name for family in all_families() if family.abuse_kind and family.never_block]


def test_every_family_names_its_source() -> None:
    assert not [family.name for family in all_families() if len(family.source) < 12]


def test_every_network_gives_public_addresses_only() -> None:
    rng, pool = Random(3), Addresses(Random(3))
    networks = addresses.HOMES + addresses.CARRIERS + addresses.HOSTING + addresses.ABROAD
    for network in networks:
        assert network.region in addresses.EDGES
        for cidr in (network.v4, network.v6):
            found = ip_address(pool.within(rng, cidr))
            assert found.is_global and not found.is_multicast, f"{cidr} gave {found}"


def test_an_address_is_handed_out_only_once() -> None:
    rng, pool = Random(3), Addresses(Random(3))
    found = [pool.within(rng, "66.249.66.0/28") for _ in range(13)]
    assert len(set(found)) == 13
    with pytest.raises(ValueError, match="wider range"):
        for _ in range(9):
            pool.within(rng, "66.249.66.0/28")


def test_the_simulator_imports_nothing_of_the_platform() -> None:
    foreign = {"platform_assets", "spark_jobs", "weir_models", "mlflow", "pyspark", "dagster", "pandas"}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & foreign, path


def test_every_attack_class_named_in_the_code_exists() -> None:
    from simulator.actors.probers import PROBES

    assert {probe.attack_class for probe in PROBES} | {"scanner_probe"} == set(ATTACK_CLASSES)


@pytest.mark.parametrize(
    ("path", "only_scanners"),
    [("/images", False), ("/contact.php", False), ("/news/", False), ("/docs", False), ("/images.tar.gz", True), ("/blog/.env", True), ("/admin/", True), ("/news.bak", True)],
)  # fmt: skip
def test_ordinary_paths_are_no_attacks(path: str, only_scanners: bool) -> None:
    from simulator.payloads.probes import gives_away

    assert gives_away(path) is only_scanners


def test_every_family_says_how_it_behaves() -> None:
    for family in all_families():
        play = family.play
        said = play.__doc__
        if isinstance(play, partial):  # one function plays many families: the payload says what differs
            said = getattr(getattr(play.args[0], "shoot", play.func), "__doc__", None)
        assert said and len(said) > 20, family.name


def test_simulator_and_detectors_share_no_pattern() -> None:
    """Both would then make the same mistakes, and every figure would flatter."""
    root = Path(simulator.__file__).parents[1]
    detectors = [*(root / "mlflow" / "weir_models").rglob("*.py"), *(root / "spark_jobs").rglob("*.py")]
    theirs = {text for path in detectors if "grammars" not in path.parts for text in _patterns(path)}
    assert len(theirs) > 40
    for path in SOURCES:
        assert not theirs & _patterns(path), path


def _patterns(path: Path) -> set[str]:
    """String constants that are regular expressions."""
    tree = ast.parse(path.read_text())
    held = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in held if re.search(r"\\[bdswAZz.]|\(\?|\[\^|[])][*+?{]", text) and "\n" not in text}


def test_no_detector_imports_the_simulator() -> None:
    root = Path(simulator.__file__).parents[1]
    for folder in ("mlflow/weir_models", "spark_jobs", "platform_assets"):
        for path in (root / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert "simulator" not in {name.split(".")[0] for name in names}, path

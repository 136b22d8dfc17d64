"""Small days of every site: lines, truth, determinism, and that nothing is fitted on the held-out sites.

The shop, whose lines and families have tests of their own, is in ../web and ../actors.
"""

from __future__ import annotations

import gzip
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from simulator.sites import all_sites
from simulator.web.cloudfront import FIELDS
from simulator.web.day import Settings, write_day
from simulator.web.families import all_families, chosen_families

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
HELD_OUT = ["media_live", "package_mirror", "university"]
SITES = [name for name in all_sites() if name != "shop"]


def _write(out: Path, site: str, **changed: object) -> Path:
    write_day(out, Settings(**{"start": START, "hours": 2, "seed": 3, "scale": 0.02, "site": site, **changed}))  # type: ignore[arg-type]
    return out


@pytest.fixture(scope="module", params=SITES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    return request.param, _write(tmp_path_factory.mktemp(request.param), request.param)


def _lines(out: Path) -> list[dict[str, str]]:
    lines = []
    for path in sorted((out / "raw").iterdir()):
        _, fields, *rows = gzip.decompress(path.read_bytes()).decode("ascii").splitlines()
        assert fields.removeprefix("#Fields: ").split(" ") == FIELDS
        lines += [dict(zip(FIELDS, row.split("\t"), strict=True)) for row in rows]
    return lines


def _digest(out: Path) -> str:
    paths = sorted(path for path in out.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in paths)).hexdigest()


def test_every_line_has_values_as_aws_writes_them(world: tuple[str, Path]) -> None:
    for line in _lines(world[1]):
        assert all(value and value.isascii() and " " not in value for value in line.values()), line
        assert float(line["time-to-first-byte"]) <= float(line["time-taken"])
        assert int(line["sc-bytes"]) >= 0 and line["sc-status"].isdigit()
        assert (line["sc-range-start"] == "-") == (line["sc-range-end"] == "-") == (line["sc-status"] != "206")


def test_truth_joins_every_line(world: tuple[str, Path]) -> None:
    name, out = world
    clients = {row["client"]: row for row in pq.read_table(out / "truth" / "clients.parquet").to_pylist()}
    requests = {row["request_id"]: row for row in pq.read_table(out / "truth" / "requests.parquet").to_pylist()}
    lines = _lines(out)
    assert {line["x-edge-request-id"] for line in lines} == set(requests) and len(lines) == len(requests)
    for line in lines:
        address = line["c-ip"]
        assert requests[line["x-edge-request-id"]]["client_ip"] == address
        assert f"{address}/{128 if ':' in address else 32}" in clients
    families = {family.name: family for family in all_sites()[name](3).families()}
    for row in clients.values():
        assert row["abuse_kind"] == (families[row["family"]].abuse_kind if row["is_abuse"] else None)
        assert not (row["is_abuse"] and row["never_block"])


def test_every_site_has_people_and_attackers(world: tuple[str, Path]) -> None:
    rows = pq.read_table(world[1] / "truth" / "clients.parquet").to_pylist()
    assert sum(row["is_abuse"] for row in rows) >= 5
    assert sum(not row["is_abuse"] for row in rows) >= 5
    assert len({row["abuse_kind"] for row in rows} - {None}) >= 3


def test_the_same_arguments_give_the_same_site(world: tuple[str, Path], tmp_path: Path) -> None:
    assert _digest(_write(tmp_path, world[0])) == _digest(world[1])


def test_another_seed_gives_another_site(world: tuple[str, Path], tmp_path: Path) -> None:
    hosts, others = (
        {line["cs(Host)"] for line in _lines(out)} for out in (world[1], _write(tmp_path, world[0], seed=4))
    )
    assert not hosts & others


def test_every_family_acts(world: tuple[str, Path]) -> None:
    name, out = world
    rows = pq.read_table(out / "truth" / "requests.parquet", columns=["family"]).to_pylist()
    acting = {row["family"] for row in rows}
    abusive = {family.name for family in all_sites()[name](3).families() if family.abuse_kind}
    assert abusive <= acting


@pytest.mark.parametrize("name", SITES)
def test_families_are_documented_and_unique(name: str) -> None:
    site = all_sites()[name](3)
    assert site.name == name and len(type(site).__doc__ or "") > 200
    families = site.families()
    assert len({family.name for family in families}) == len(families)
    own = [family for family in families if family not in all_families()]
    assert len(own) >= 4 and any(family.base for family in own) and any(family.abuse_kind for family in own)
    for family in own:
        assert len(family.play.__doc__ or "") > 20 and len(family.source) > 12, family.name


def test_nothing_is_fitted_on_held_out_sites() -> None:
    held_out = [name for name, site in all_sites().items() if site.held_out]
    assert held_out == HELD_OUT
    for name in held_out:
        with pytest.raises(ValueError, match="held out"):
            chosen_families("fit", all_sites()[name](3))


@pytest.mark.parametrize("name", SITES)
def test_fitting_leaves_out_held_out_families(name: str) -> None:
    site = all_sites()[name](3)
    held_out = {family.name for family in chosen_families("held_out", site) if not family.base}
    if site.held_out:
        assert held_out == {family.name for family in site.families() if not family.base}
    else:
        fit = {family.name for family in chosen_families("fit", site) if not family.base}
        assert not fit & held_out and fit | held_out == {family.name for family in site.families() if not family.base}

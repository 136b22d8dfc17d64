"""Readers of the public sets: visible and evident attacks, and the set's own text."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.requests.render import Wire, placed
from benchmarks.requests.sets import csic

SHOP = "http://localhost:8080/shop/"


def read(folder: Path, *addresses: str) -> list[bool]:
    (folder / "norm_test.txt").write_text(f"GET {SHOP}index.jsp HTTP/1.1\nUser-Agent: x\n\n")
    asked = "".join(f"GET {SHOP}{address} HTTP/1.1\nUser-Agent: x\n\n" for address in addresses)
    (folder / "anomal_test.txt").write_text(asked)
    return [one.is_evident for one in csic(folder) if one.is_attack]


@pytest.mark.parametrize(
    "address",
    ["a.jsp?id=2%27OR%27a%3D%27a", "a.jsp?n=%3Cscript%3E", "a.jsp?n=x%0D%0ASet-Cookie", "a.jsp?n=%27+DELETE+FROM+USERS", "a.jsp?f=../../x", "a.jsp?n=1+AND+1%3D1", "a.jsp.BAK", "pictures/1.gif~", "a.jsp.inc/"],
)  # fmt: skip
def test_an_anomaly_that_its_address_shows_is_evident(tmp_path: Path, address: str) -> None:
    assert read(tmp_path, address) == [True]


@pytest.mark.parametrize(
    "address",
    ["a.jsp?idA=2", "a.jsp?login=c%2F%3Fa%2Cry&pwd=x", "a.jsp?street=Calle+*Pan*ad*eiras", "4861362529278789730.jsp", "a.jsp?b=Confirmar%2F", "a.jsp?pwd=gu%27ad%27al", "a.jsp?b=carrito%7C"],
)  # fmt: skip
def test_an_error_without_malice_is_not_evident(tmp_path: Path, address: str) -> None:
    assert read(tmp_path, address) == [False]


def test_an_anomaly_in_a_body_is_invisible(tmp_path: Path) -> None:
    read(tmp_path)
    (tmp_path / "anomal_test.txt").write_text(f"POST {SHOP}a.jsp HTTP/1.1\nUser-Agent: x\n\nid=%3Cscript%3E\n")
    assert [one.is_visible for one in csic(tmp_path)] == [True, False]


def test_own_text_excludes_surroundings_of_a_payload() -> None:
    assert placed(random.Random(1), "a%20b").own_text == "a%20b"
    assert Wire("GET", "/a", "b=c", None, None).own_text == "/a?b=c"
    assert Wire("GET", "/a", None, None, None).own_text == "/a"

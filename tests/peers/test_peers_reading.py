"""What peers get wrong between log and decision: each scenario fails in their way, for the reason given, and holds in ours.

The ways of the peers are peers.py, ours is our_way.py; docs/peers.md has the table.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from platform_assets.domains.waf.twin.client import WafTwin
from tests.domains.waf.decision_world import ATTACKER, VISITOR
from tests.peers import peers
from tests.peers.our_way import OurReader, fields_of_the_models
from tests.peers.peer_logs import Block, LogFile, Logs
from tests.spark_jobs.cloudfront_lines import line, log

READERS = (
    peers.threshold_by_address,
    peers.threshold_by_file,
    peers.file_dropped_for_bad_lines,
    peers.latest_offender_of_a_path,
    peers.window_of_first_and_last_day,
    peers.hour_transformed_once,
)
Scenario = Callable[[peers.Reader], None]


def compare(scenario: Scenario, tmp_path: Path, peer: peers.Reader, failure: str) -> None:
    """That the scenario holds in our way and fails in the peer's, there for the reason given."""
    scenario(OurReader(tmp_path))
    with pytest.raises(AssertionError, match=failure):
        scenario(peer)


def blocked(blocks: list[Block]) -> set[str]:
    return {one.address for one in blocks}


def test_a_plain_scanner_is_blocked_by_every_peer_and_by_us(tmp_path: Path) -> None:
    """So that what follows fails for nothing but what it is about."""
    logs = Logs()
    logs.attack(0)
    logs.visit(0, 5, client=VISITOR)
    for reader in (*READERS, OurReader(tmp_path)):
        assert reader(logs.files()) == [Block(ATTACKER, 1, 24)], reader


@pytest.mark.slow
def test_a_block_is_not_renewed_by_its_403s(tmp_path: Path) -> None:
    def scenario(reader: peers.Reader) -> None:
        logs = Logs()
        logs.attack(0)
        for hour in range(1, 25):
            logs.attack(hour, 14, status=403)
        for hour in range(25, 30):
            logs.visit(hour, 2)
        assert reader(logs.files()) == [Block(ATTACKER, 1, 24)], "the block was renewed"

    compare(scenario, tmp_path, peers.threshold_by_address, "the block was renewed")


def test_five_bad_lines_in_105_cost_five_lines(tmp_path: Path) -> None:
    def scenario(reader: peers.Reader) -> None:
        logs = Logs()
        logs.attack(0, 100)
        logs.spoil(0, ["odd", "", line() + "\tone more", "a\tb", "2026-11-20", "\x00"])
        assert blocked(reader(logs.files())) == {ATTACKER}, "the file was dropped"

    compare(scenario, tmp_path, peers.file_dropped_for_bad_lines, "the file was dropped")


def test_every_offender_of_a_path_is_blocked(tmp_path: Path) -> None:
    offenders = {f"45.83.{number}.7" for number in range(5)}

    def scenario(reader: peers.Reader) -> None:
        logs = Logs()
        for number, client in enumerate(sorted(offenders)):
            logs.attack(0, client=client, file=f"f{number}")
        found = blocked(reader(logs.files()))
        assert found == offenders, f"{len(found)} of 5 are blocked"

    compare(scenario, tmp_path, peers.latest_offender_of_a_path, "1 of 5 are blocked")


def test_no_day_of_a_window_is_skipped(tmp_path: Path) -> None:
    offenders = [f"45.83.{day}.7" for day in range(4)]

    def scenario(reader: peers.Reader) -> None:
        logs = Logs()
        for day, client in enumerate(offenders):
            logs.attack(24 * day + 5, client=client)
        found = blocked(reader(logs.files()))
        missed = [day for day, client in enumerate(offenders) if client not in found]
        assert not missed, f"offenders of the days {missed} are missed"

    compare(scenario, tmp_path, peers.window_of_first_and_last_day, r"days \[1, 2\] are missed")


def test_a_client_across_files_is_counted_once(tmp_path: Path) -> None:
    def scenario(reader: peers.Reader) -> None:
        logs = Logs()
        for number in range(12):
            logs.attack(number // 6, 4, file=f"f{number}")
        assert blocked(reader(logs.files())) == {ATTACKER}, "nobody is blocked"

    compare(scenario, tmp_path, peers.threshold_by_file, "nobody is blocked")


@pytest.mark.parametrize("hours_late", [3, 24])
def test_a_late_file_counts_as_if_punctual(tmp_path: Path, hours_late: Any) -> None:
    def scenario(reader: peers.Reader) -> None:
        logs = Logs()
        logs.visit(0, 5, client=VISITOR, arrives=1)
        logs.attack(0, file="late", arrives=hours_late)
        for hour in (1, hours_late, 26):
            logs.visit(hour, 2, client=VISITOR, arrives=hour + 1)
        assert reader(logs.files()) == [Block(ATTACKER, 1, 24)], "what came late was not read"

    compare(scenario, tmp_path, peers.hour_transformed_once, "what came late was not read")


def test_rules_look_at_what_the_logs_hold() -> None:
    """Five attackers, the malice of each in one field."""
    signs = {
        "cs_uri_stem": "/.git/config",
        "cs_uri_query": "id=1+or+1=1--",
        "cs_user_agent": "sqlmap/1.7",
        "cs_method": "PROPFIND",
        "cs_referer": "() { :;}; /bin/id",
    }
    raw = {**signs, "cs_uri_query": "id=1+or+1%3D1--", "cs_referer": "()%20{%20:;};%20/bin/id"}
    lines = [line(**{name: value}, x_edge_request_id=name) for name, value in raw.items()]
    file = LogFile("raw/E2EXAMPLE.2026-11-20-13.a.gz", 13, 14, log(*lines))

    def scenario(fields: Callable[[LogFile], set[str]]) -> None:
        unseen = sorted(name for name, sign in signs.items() if not any(sign in text for text in fields(file)))
        assert not unseen, f"{unseen} are looked at by nobody"

    scenario(fields_of_the_models)
    with pytest.raises(AssertionError, match="'cs_method', 'cs_referer', 'cs_uri_query', 'cs_user_agent'"):
        scenario(peers.fields_of_another_server)


def crawler(logs: Logs) -> None:
    """A verified crawler on pages that are gone, which follows links to what looks like attacks too."""
    agent = "Mozilla/5.0 (compatible; Googlebot/2.1)"
    logs.visit(0, 150, client="66.249.66.1", status=404, agent=agent)
    logs.attack(0, 20, client="66.249.66.1", agent=agent)


def monitor(logs: Logs) -> None:
    """A monitor whose page is gone, and which looks every few minutes whether a secret is served."""
    for hour in range(3):
        logs.visit(hour, 60, client="23.22.2.46", path="/health", status=404, agent="Pingdom.com_bot")
        logs.attack(hour, 12, client="23.22.2.46", agent="Pingdom.com_bot")


def office(logs: Logs) -> None:
    """Thirty people behind one address, a page that asks for a missing image, and one who looks for secrets."""
    logs.attack(0, 8, client="45.83.7.7")
    for number in range(30):
        agent, cookie = f"Mozilla/5.0 (Windows NT 10.0) Chrome/{110 + number % 12}", f"session={number}"
        logs.visit(0, 8, client="45.83.7.7", path="/logo.png", status=404, agent=agent, cookie=cookie)
        logs.visit(0, 12, client="45.83.7.7", agent=agent, cookie=cookie)
        logs.visit(0, 8, client="45.83.7.7", path="/app.css", agent=agent, cookie=cookie)


def carrier(logs: Logs) -> None:
    """A hundred shoppers and a scanner behind one address."""
    for number in range(100):
        agent, cookie = f"Mozilla/5.0 (Android {number % 20}) Mobile", f"session={number}"
        logs.visit(0, 4, client="45.83.8.8", agent=agent, cookie=cookie)
        logs.visit(0, 2, client="45.83.8.8", path="/app.css", agent=agent, cookie=cookie)
    logs.attack(0, 60, client="45.83.8.8", agent="curl/8.5")


@pytest.mark.parametrize("who", [crawler, monitor, office, carrier])
def test_crawlers_monitors_offices_and_carriers_are_never_blocked(tmp_path: Path, who: Any) -> None:
    def scenario(reader: peers.Reader) -> None:
        logs = Logs()
        who(logs)
        logs.attack(0)
        found = blocked(reader(logs.files()))
        assert ATTACKER in found, "setting"
        assert found == {ATTACKER}, f"{who.__name__} is blocked"

    compare(scenario, tmp_path, peers.threshold_by_address, f"{who.__name__} is blocked")
    decided = OurReader(tmp_path / "alone").decisions(_files(who))
    assert decided, "something is done about it, so that it is not exempted by accident"


def _files(who: Callable[[Logs], None]) -> list[LogFile]:
    logs = Logs()
    who(logs)
    return logs.files()


def test_a_block_is_explained_down_to_lines(tmp_path: Path) -> None:
    logs = Logs()
    logs.attack(0, 3, file="a")
    logs.attack(0, 4, file="b")
    files = logs.files()

    def scenario(why: dict[str, Any]) -> None:
        assert why["is_blocked"], "setting"
        assert why.get("model") == ("client_abuse", "7"), "no model is named"
        assert why["score"] >= 0.9 and "attacks" in why["reason"] and "client_error_count" in why["features"]
        assert why["lines"] == {
            (file.name, number) for file in files for number in range(3, file.data.count(b"\n") + 1)
        }

    ours = OurReader(tmp_path)
    ours(files)
    scenario(ours.why(ATTACKER))
    theirs = peers.AddressesAlone(WafTwin(tmp_path / "waf", writes_per_second=float("inf")))
    theirs.put([f"{ATTACKER}/32"])
    with pytest.raises(AssertionError, match="no model is named"):
        scenario(theirs.why(f"{ATTACKER}/32"))

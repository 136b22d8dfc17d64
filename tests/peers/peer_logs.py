"""Log files for the scenarios of what peers get wrong: the same bytes for the peers' ways and for ours. No test here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from tests.domains.waf.decision_world import ATTACKER, BROWSER, at
from tests.spark_jobs.cloudfront_lines import line, log

ATTACK_PATH = "/.env"


@dataclass(frozen=True)
class LogFile:
    """One delivered object. Hours count from the world's start; `arrives` is when it can be seen first."""

    name: str
    hour: int
    arrives: int
    data: bytes


@dataclass(frozen=True)
class Block:
    """A block of one address, from the end of an hour on, for so many hours."""

    address: str
    decided: int
    hours: int


class Logs:
    """Lines of clients, file by file; a file holds one hour."""

    def __init__(self) -> None:
        self._lines: dict[tuple[int, str], list[str]] = defaultdict(list)
        self._arrives: dict[tuple[int, str], int] = {}
        self._count = 0

    def visit(
        self,
        hour: int,
        count: int = 1,
        *,
        client: str = ATTACKER,
        path: str = "",
        status: int = 200,
        agent: str = BROWSER,
        cookie: str = "-",
        file: str = "a",
        arrives: int | None = None,
    ) -> None:
        """Requests of one client, spread over an hour; `arrives` (an hour) says when the whole file came."""
        if arrives is not None:
            self._arrives[hour, file] = arrives
        for number in range(count):
            self._count += 1
            event_at = at(hour) + timedelta(seconds=int(3599 * number / count))
            self._lines[hour, file].append(
                line(
                    date=f"{event_at:%Y-%m-%d}",
                    time=f"{event_at:%H:%M:%S}",
                    c_ip=client,
                    cs_uri_stem=path or f"/shop/{number % 7}",
                    cs_uri_query="-",
                    sc_status=str(status),
                    cs_user_agent=agent.replace(" ", "%20"),
                    cs_cookie=cookie,
                    x_edge_request_id=f"id-{self._count:06}==",
                )
            )

    def attack(self, hour: int, count: int = 30, *, status: int = 404, **values: str | int) -> None:
        self.visit(hour, count, path=ATTACK_PATH, status=status, **values)  # type: ignore[arg-type]

    def spoil(self, hour: int, lines: Iterable[str], file: str = "a") -> None:
        """Put bad lines between the others."""
        for number, text in enumerate(lines):
            self._lines[hour, file].insert(7 * number + 3, text)

    def files(self) -> list[LogFile]:
        last = max(hour for hour, _ in self._lines) + 1
        return [
            LogFile(
                f"raw/E2EXAMPLE.{at(hour):%Y-%m-%d-%H}.{file}", hour, self._arrives.get((hour, file), last), log(*lines)
            )
            for (hour, file), lines in sorted(self._lines.items())
        ]

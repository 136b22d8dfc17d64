"""Several actors on one WAF, one call at a time, in an order that a seed decides. No test here.

Each actor is a thread that stops before and after every call until it is its turn, so a run is the same when repeated.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from tests.domains.waf.memory_store import MemoryAppliedStore

READING = ("get_ip_set", "list_ip_sets")


class Turns:
    """Lets one actor go on at a time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._gates: dict[threading.Thread, threading.Semaphore] = {}
        self._ended = threading.Semaphore(0)
        self._faults: list[BaseException] = []

    def actor(self, act: Callable[[], None]) -> None:
        def body() -> None:
            self._gates[threading.current_thread()].acquire()
            try:
                act()
            except BaseException as error:
                self._faults.append(error)
            finally:
                del self._gates[threading.current_thread()]
                self._ended.release()

        thread = threading.Thread(target=body, daemon=True)
        self._gates[thread] = threading.Semaphore(0)
        thread.start()

    def next(self) -> None:
        """Where an actor lets others go first; outside of actors nothing."""
        gate = self._gates.get(threading.current_thread())
        if gate is not None:
            self._ended.release()
            gate.acquire()

    def run(self) -> None:
        """Until every actor is done; raises what any of them raised."""
        for _ in range(100_000):
            if not self._gates:
                break
            self.random.choice(list(self._gates.values())).release()
            assert self._ended.acquire(timeout=60), "an actor waits for something that never comes"
        if self._faults:
            raise self._faults[0]
        assert not self._gates, "the actors do not come to an end"


class Contended:
    """A client whose calls are an actor's, with faults: throttled, a server that fails, an answer that is lost."""

    def __init__(
        self, client: Any, turns: Turns, fault_share: float = 0.0, after: Callable[[str], None] | None = None
    ) -> None:
        self._client, self._turns, self._share, self._after = client, turns, fault_share, after
        self.meta, self.exceptions = client.meta, client.exceptions

    def __getattr__(self, name: str) -> Any:
        def call(**parameters: Any) -> Any:
            self._turns.next()
            fault = self._turns.random.random() / self._share if self._share else 1.0
            if fault < 0.3:
                raise _coded("ThrottlingException", 400)
            if fault < 0.6:
                raise _coded("InternalFailure", 500)
            answer = getattr(self._client, name)(**parameters)
            if self._after and name not in READING:
                self._after(name)
            self._turns.next()
            if fault < 1.0:
                raise ReadTimeoutError(endpoint_url="https://wafv2")
            return answer

        return call


class SharedStore(MemoryAppliedStore):
    """The store of one home that several runs share; who waits for its lock lets others go on."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns, self._is_held = turns, False

    @contextmanager
    def lock(self) -> Iterator[None]:
        while self._is_held:
            self._turns.next()
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False


def _coded(code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "AnyCall")

"""The embedded engine: Sail's Spark Connect server inside this process, which no other process reaches.

Sail asks nobody for credentials: whoever connects to its loopback port runs code as this process. So this process
connects once and then closes the port. Whoever connects in the milliseconds between is not heard: the kernel drops what
they send (Linux), or the engine does not start (elsewhere).
"""

from __future__ import annotations

import atexit
import ctypes
import os
import socket
import stat
import struct
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from spark_jobs.errors import ExitCode, WeirError

if TYPE_CHECKING:
    import grpc
    from pyspark.sql import SparkSession

HOST = "127.0.0.1"
START_SECONDS = 30.0
DESCRIPTORS = Path("/dev/fd")
NEVER_IDLE = ("grpc.client_idle_timeout_ms", 2**31 - 1)
"""gRPC closes a connection after 30 minutes without a call, and nobody could open it again."""
SO_ATTACH_FILTER, SO_DETACH_FILTER, TCP_INFO = 26, 27, 11  # of Linux; Python does not name the first two
NO_DATA = (
    (0x30, 0, 0, 12),  # A = byte 12 of the TCP header, whose upper half is the length of the header in words
    (0x54, 0, 0, 0xF0),
    (0x74, 0, 0, 2),
    (0x07, 0, 0, 0),  # X = A, now the length of the header in bytes
    (0x80, 0, 0, 0),  # A = the length of the segment
    (0x1D, 0, 1, 0),
    (0x06, 0, 0, 0xFFFFFFFF),  # equal: pass
    (0x06, 0, 0, 0),  # else: drop
)
"""A classic BPF program that passes only segments without data: connections are made, but nothing is heard."""


class ExposedEngineError(WeirError):
    """The embedded engine cannot be kept to this process; the message says what to do."""

    exit_code = ExitCode.SERVICE


class TcpSocket(NamedTuple):
    """A TCP socket of this process."""

    descriptor: int
    port: int
    peer_port: int | None
    """None where it is not connected."""
    is_listening: bool


def start() -> tuple[Any, SparkSession]:
    """Start the engine; returns the server and its only session. ImportError where Sail is not installed.

    ExposedEngineError where another process was faster than the defense.
    """
    from pysail.spark import SparkConnectServer

    with _nothing_at_exit():
        server = SparkConnectServer(ip=HOST, port=0)
    server.start(background=True)
    port = server.listening_address[1]
    try:
        return server, _session(port)
    except BaseException:
        _hang_up(port)
        server.stop()
        raise


@contextmanager
def _nothing_at_exit() -> Iterator[None]:
    """Nothing that is registered inside runs when the process ends.

    Sail's function for the exit sends off telemetry that nobody asked for. It waits for threads that may wait for the
    interpreter, which it holds meanwhile: now and then such a process would never end.
    """
    register = atexit.register
    setattr(atexit, "register", lambda function, *_, **__: function)  # noqa: B010 - it is final to mypy
    try:
        yield
    finally:
        setattr(atexit, "register", register)  # noqa: B010


def _session(port: int) -> SparkSession:
    """The session of the one connection to the server; the port is closed when it returns."""
    listener = next((sock.descriptor for sock in _tcp_sockets() if sock.port == port and sock.is_listening), None)
    if listener is None:
        raise ExposedEngineError(
            f"The port of the embedded engine cannot be closed to others, for {DESCRIPTORS} does not show this process's "
            "files; mount /proc, or set WEIR_ENGINE."
        )
    is_deaf = _deafen(listener)
    if is_deaf and (_waiting(listener) or any(_is_served(sock, port) for sock in _tcp_sockets())):
        raise _exposed()

    import grpc
    from pyspark.sql.connect.client import DefaultChannelBuilder
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    channel = grpc.insecure_channel(f"{HOST}:{port}", [*DefaultChannelBuilder.GRPC_DEFAULT_OPTIONS, NEVER_IDLE])
    own = _accepted(channel, port)
    _close(listener)
    strangers = [sock for sock in _tcp_sockets() if _is_served(sock, port) and sock.descriptor != own]
    _end(strangers)
    if strangers and not is_deaf:
        raise _exposed()
    if is_deaf:
        with _borrowed(own) as sock:
            sock.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)

    class OneChannel(DefaultChannelBuilder):
        """Everything of this process goes through the one connection."""

        def toChannel(self) -> grpc.Channel:
            return channel

    builder = ConnectSession.builder.channelBuilder(OneChannel(f"sc://{HOST}:{port}"))
    return cast("SparkSession", builder.create())


def _hang_up(port: int) -> None:
    """Close the port and end its connections: the server would wait for them when it is stopped."""
    for listener in [sock.descriptor for sock in _tcp_sockets() if sock.port == port and sock.is_listening]:
        _close(listener)
    _end([sock for sock in _tcp_sockets() if _is_served(sock, port)])


def _end(connections: Iterable[TcpSocket]) -> None:
    """End connections; what is closed already stays so."""
    for connection in connections:
        with suppress(OSError), _borrowed(connection.descriptor) as sock:
            sock.shutdown(socket.SHUT_RDWR)


def _exposed() -> ExposedEngineError:
    return ExposedEngineError(
        "Another process of this machine connected to the embedded engine as it started, which may be an attack; "
        "nothing was done: look at who runs what here, then run again."
    )


def _tcp_sockets() -> Iterator[TcpSocket]:
    """The TCP sockets that this process has open."""
    for name in [path.name for path in DESCRIPTORS.iterdir()] if DESCRIPTORS.is_dir() else []:
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            with _borrowed(int(name)) as sock:
                if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type != socket.SOCK_STREAM:
                    continue
                try:
                    peer_port = sock.getpeername()[1]
                except OSError:
                    peer_port = None
                is_listening = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) != 0
                yield TcpSocket(int(name), sock.getsockname()[1], peer_port, is_listening)
        except OSError:  # closed meanwhile by another thread
            continue


@contextmanager
def _borrowed(descriptor: int) -> Iterator[socket.socket]:
    """A descriptor that belongs to somebody else as a socket; it stays open."""
    sock = socket.socket(fileno=descriptor)
    try:
        yield sock
    finally:
        sock.detach()


def _is_served(sock: TcpSocket, port: int) -> bool:
    """Whether the socket is the server's end of a connection."""
    return sock.port == port and sock.peer_port is not None


def _deafen(listener: int) -> bool:
    """Whether connections that are accepted from here on hear nothing until their filter is removed."""
    if sys.platform != "linux":
        return False
    steps = b"".join(struct.pack("HBBI", *step) for step in NO_DATA)
    program = ctypes.create_string_buffer(steps, len(steps))
    with _borrowed(listener) as sock:
        option = struct.pack("HP", len(NO_DATA), ctypes.addressof(program))
        try:
            sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, option)
        except OSError:  # a sandbox without socket filters
            return False
    return True


def _waiting(listener: int) -> int:
    """Connections that are made but not accepted (Linux)."""
    with _borrowed(listener) as sock:
        return int(struct.unpack_from("I", sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 104), 24)[0])


def _accepted(channel: grpc.Channel, port: int) -> int:
    """Connect the channel; returns the descriptor of the server's end of this connection."""

    def ignore(_: Any) -> None:
        """gRPC connects for somebody who listens to it."""

    channel.subscribe(ignore, try_to_connect=True)
    deadline = time.monotonic() + START_SECONDS
    try:
        while time.monotonic() < deadline:
            sockets = list(_tcp_sockets())
            clients = {sock.port for sock in sockets if sock.peer_port == port}
            for sock in sockets:
                if _is_served(sock, port) and sock.peer_port in clients:
                    return sock.descriptor
            time.sleep(0.0005)
    finally:
        channel.unsubscribe(ignore)
    raise ExposedEngineError(
        f"The embedded engine did not answer within {START_SECONDS:g} seconds; run again, or set WEIR_ENGINE."
    )


def _close(listener: int) -> None:
    """Close the port. The server keeps its descriptor, which from now on is a socket that nobody can find.

    A server that accepts from a closed descriptor would try again at once, forever.
    """
    with tempfile.TemporaryDirectory(prefix="weir-") as folder, socket.socket(socket.AF_UNIX) as unreachable:
        unreachable.bind(str(Path(folder) / "engine"))
        unreachable.listen(1)
        unreachable.setblocking(False)
        os.dup2(unreachable.fileno(), listener, inheritable=False)

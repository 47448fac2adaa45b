"""The door: takes connections in, at most so many at a time, and shows out those that keep it waiting."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from uvicorn.protocols.http.h11_impl import H11Protocol

from spacetune.errors import UsageError
from spacetune.web.connection import Connection, Phase
from spacetune.web.limits import Limits, Refused
from spacetune.web.logs import Faults

__all__ = ["Door", "listen", "most_connections"]

AT_ONCE = 8  # connections taken in at one turn of the event loop; those shown out for them close at the next
BACKLOG = 1024
RESERVE = 40  # descriptors that are not for connections
FEWEST = 16
PATIENCE = 1.0  # seconds that each may keep its place when all are taken
LAST_CALL = 2.0  # seconds: so long those who have come are taken in when the server is stopping
LATE = {Phase.IDLE: 0.5, Phase.HEAD: 5.0, Phase.BODY: 5.0}  # seconds for a request when the server is stopping
BUSY = Refused(503, "too many connections; try again in a moment")
STOPPING = Refused(503, "the server is stopping")


def listen(host: str, port: int) -> list[socket.socket]:
    """Listen on every address of a host.

    Raises `UsageError` if there is no such address here, or the port is taken.
    """
    doors: list[socket.socket] = []
    failed: list[OSError] = []
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise UsageError(f"--host must be an address or a name of this machine, got {host!r}") from None
    for family, kind, protocol, _, address in dict.fromkeys(found):
        try:
            doors.append(_listening(socket.socket(family, kind, protocol), address))
        except OSError as error:
            failed.append(error)
    taken = [error for error in failed if error.errno == errno.EADDRINUSE]
    if taken or not doors:  # a name's other family may not be there, but no other server may answer for it
        for door in doors:
            door.close()
        reason = (taken or failed)[0].strerror
        raise UsageError(f"cannot listen on {host} port {port}: {reason}; name another with --host or --port")
    return doors


def _listening(door: socket.socket, address: tuple[object, ...]) -> socket.socket:
    try:
        if os.name == "posix":
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        elif (alone := getattr(socket, "SO_EXCLUSIVEADDRUSE", None)) is not None:
            door.setsockopt(socket.SOL_SOCKET, alone, 1)
        if door.family == socket.AF_INET6:
            door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        door.bind(address)
        door.listen(BACKLOG)
        door.setblocking(False)
    except OSError:
        door.close()
        raise
    return door


def most_connections(limits: Limits) -> int:
    """Return how many connections there may be: those of the limits, or what the descriptors allow.

    Raises `UsageError` if that is fewer than 16.
    """
    try:
        import resource

        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        used = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 64
    except ImportError:  # Windows, whose select() reads 512 sockets
        allowed, used = 512, 64
    most = limits.max_connections if allowed < 0 else min(limits.max_connections, allowed - used - RESERVE)
    if most < min(FEWEST, limits.max_connections):
        raise UsageError(f"the server needs {used + RESERVE + FEWEST} file descriptors, got {allowed}; see ulimit -n")
    return most


class Door:
    """Takes connections from listening sockets in, each with a protocol of uvicorn's, and shows them out.

    Where all places are taken, the connection that has kept the server waiting longest is closed for a new one; until
    there is one that has done so for a second, new ones wait outside.
    """

    def __init__(self, doors: Sequence[socket.socket], protocol: Callable[[], H11Protocol], limits: Limits) -> None:
        self.doors, self.protocol, self.limits = doors, protocol, limits
        self.most = most_connections(limits)
        self.connections: dict[Connection, None] = {}
        self.faults = Faults()
        self._open = False
        self._loop = asyncio.get_running_loop()
        self._joining: set[asyncio.Task[object]] = set()
        self._sweeping = self._loop.create_task(self._sweep())
        self._loop.set_exception_handler(self._unexpected)

    def open(self) -> None:
        """Begin to take connections in."""
        self._open = True
        for door in self.doors:
            self._loop.add_reader(door, self._take, door)

    async def close(self, seconds: float, hurry: asyncio.Event) -> None:
        """Take in who has come, then no one; wait until all are answered, or the time is over, or there is a hurry."""
        self._open = False
        began = self._loop.time()
        for door in self.doors:
            self._loop.remove_reader(door)
            while not self._take(door) and self._loop.time() < began + LAST_CALL and not hurry.is_set():
                await asyncio.sleep(0.01)
            door.close()
        while self.connections and self._loop.time() < began + seconds and not hurry.is_set():
            for connection in list(self.connections):
                patience = LATE.get(connection.look(), seconds)
                if self._loop.time() - max(connection.since, began) > patience:
                    connection.refuse(STOPPING)
            await asyncio.sleep(0.05)
        self._sweeping.cancel()
        for connection in list(self.connections):
            connection.end()
        await asyncio.sleep(0)

    def _take(self, door: socket.socket) -> bool:
        """Take some in; return whether all are in."""
        for _ in range(AT_ONCE):
            if len(self.connections) >= self.most and not self._show_out():
                self._rest(door)
                return False
            try:
                guest, _ = door.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return True
            except OSError as error:  # no descriptors, no memory
                self.faults.say("accept", f"cannot take connections in: {error.strerror}")
                self._show_out()
                self._rest(door)
                return False
            guest.setblocking(False)
            self._seat(guest)
        return False

    def _seat(self, guest: socket.socket) -> None:
        connection = Connection(self.protocol(), self.limits, lambda gone: self.connections.pop(gone, None))
        self.connections[connection] = None
        joining: asyncio.Task[object] = self._loop.create_task(
            self._loop.connect_accepted_socket(lambda: connection, guest)
        )
        self._joining.add(joining)
        joining.add_done_callback(self._joining.discard)

    def _show_out(self) -> bool:
        """Close the connection whose client has kept the server waiting longest, if for a second."""
        waiting = [one for one in self.connections if one.look() is not Phase.ANSWER]
        longest = min(waiting, key=lambda one: one.since, default=None)
        if longest is None or self._loop.time() - longest.since < PATIENCE:
            return False
        self.faults.say(
            "connections", f"all {self.most} places were taken; the connection longest waited for was closed"
        )
        self.connections.pop(longest)
        longest.refuse(BUSY)
        return True

    def _rest(self, door: socket.socket) -> None:
        """Take no one in for a moment; who comes waits outside."""
        if self._open:
            self._loop.remove_reader(door)
            self._loop.call_later(0.05, self._return, door)

    def _return(self, door: socket.socket) -> None:
        if self._open:
            self._loop.add_reader(door, self._take, door)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(0.25)
            for connection in list(self.connections):
                if connection.end_if_late():
                    self.faults.say("late", "a client took too long to send its request or read its answer")

    def _unexpected(self, _: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        what = type(error).__name__ if error else "fault"
        self.faults.say(what, f"{context.get('message')}: {error}" if error else str(context.get("message")))

"""One client's connection: what it is waiting for, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum

from h11 import LocalProtocolError
from uvicorn.protocols.http.h11_impl import H11Protocol

from spacetune.web.limits import Limits, Refused
from spacetune.web.problems import problem

__all__ = ["Connection", "Phase"]

REASONS = {408: "Request Timeout", 503: "Service Unavailable"}


class Phase(Enum):
    """What a connection waits for; all but an answer is the client's turn."""

    IDLE = "a request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"
    ANSWER = "the answer"
    UNREAD = "the client to read its answer"


def _raw(status: int, message: str) -> bytes:
    """Return a whole answer for a client whose request is not read."""
    body = problem("", status, message)
    head = (
        f"HTTP/1.1 {status} {REASONS[status]}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body


class Connection(asyncio.Protocol):
    """Hands everything to uvicorn's protocol, and keeps an eye on what the client owes.

    Of the limits `head_seconds` and `idle_seconds` are used; `forget` is called when the connection is over.
    """

    def __init__(self, inner: H11Protocol, limits: Limits, forget: Callable[[Connection], None]) -> None:
        self.inner, self.limits, self.forget = inner, limits, forget
        self.since = inner.loop.time()
        self._phase, self._left = Phase.IDLE, 0
        self._transport: asyncio.Transport | None = None

    def look(self) -> Phase:
        """Return what it waits for, and note when that began."""
        left = self._transport.get_write_buffer_size() if self._transport else 0
        phase = self._now(left)
        if phase is not self._phase or left < self._left:
            self.since = self.inner.loop.time()
        self._phase, self._left = phase, left
        return phase

    def _now(self, left: int) -> Phase:
        cycle = self.inner.cycle
        if left:
            return Phase.UNREAD
        if cycle and not cycle.response_complete:
            return Phase.BODY if cycle.more_body else Phase.ANSWER
        return Phase.HEAD if self.inner.conn.trailing_data[0] else Phase.IDLE

    def end_if_late(self) -> bool:
        """Close it where the client has taken too long, and return whether a request or an answer is lost.

        A body's time is kept where bodies are read.
        """
        phase, waited = self.look(), self.inner.loop.time() - self.since
        if phase is Phase.HEAD and waited > self.limits.head_seconds:
            self.refuse(Refused(408, "the head of the request took too long to come in"))
        elif phase in (Phase.IDLE, Phase.UNREAD) and waited > self.limits.idle_seconds:
            self.end()
        else:
            return False
        return phase is not Phase.IDLE

    def refuse(self, refusal: Refused) -> None:
        """Say why, where a request has begun, and close."""
        if self._transport is not None and self.look() in (Phase.HEAD, Phase.BODY):
            self._transport.write(_raw(refusal.status, refusal.message))
            self._transport.close()
        else:
            self.end()

    def end(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Hand on what came; what breaks the protocol after an answer has begun ends the connection."""
        try:
            self.inner.data_received(data)
        except LocalProtocolError:
            self.end()
        self.look()

    def eof_received(self) -> None:
        """Close: a client that will send no more is gone, or will be when its answer is written."""
        self.inner.eof_received()

    def pause_writing(self) -> None:
        """Hand on."""
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        """Hand on."""
        self.inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.forget(self)
        self.inner.connection_lost(exc)

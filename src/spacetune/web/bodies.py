"""Bodies on their way in: how large one may be, how long it may take, and how much all of them may hold."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from spacetune.web.limits import Limits, Refused

__all__ = ["Bodies", "Gone"]

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
DROPPED_BODIES = 8
"""A body that is too large is let come in up to so many of the largest ones, and dropped as it comes."""
WHOLE_BODIES = 16  # so many of the largest bodies may be held while they come in


class Gone(Exception):  # noqa: N818 - nobody is left to be answered
    """The client went before its body was whole."""


class Bodies:
    """Reads bodies whole, within `max_body` and `body_seconds`; what is not whole is dropped and never handed on.

    Bodies that are not whole yet hold 16 times `max_body` together at most: above that the oldest ends as if its time
    were over.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.held = 0
        self._coming: dict[asyncio.Timeout, int] = {}

    async def read(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """Read one body.

        Raises `Refused` with 413 where it is too large, with 408 where it takes too long; `Gone` if the client left
        before the end.
        """
        told = headers.get(b"content-length", b"0")
        too_large = told.isdigit() and (len(told) > 18 or int(told) > self.limits.max_body)
        if too_large and b"expect" in headers:  # it waits for a word before it sends
            raise self._too_large()
        deadline = asyncio.timeout(self.limits.body_seconds)
        self._coming[deadline] = 0
        try:
            async with deadline:
                if too_large:
                    await self._drop(receive)
                    raise self._too_large()
                return await self._parts(deadline, receive)
        except TimeoutError:
            raise Refused(408, "the body took too long to come in; send it again, or in parts") from None
        finally:
            self.held -= self._coming.pop(deadline, 0)

    async def _parts(self, deadline: asyncio.Timeout, receive: Receive) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise Gone
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self.limits.max_body:
                if message.get("more_body", False):
                    await self._drop(receive)
                raise self._too_large()
            if not message.get("more_body", False):
                return b"".join(parts)
            self._count(deadline, len(parts[-1]))

    async def _drop(self, receive: Receive) -> None:
        """Let a body that is too large come in and keep none of it: clients that send before they read would see the
        connection break, and not the answer.
        """
        size, more = 0, True
        while more and size <= DROPPED_BODIES * self.limits.max_body:
            message = await receive()
            size += len(message.get("body", b""))
            more = message["type"] == "http.request" and message.get("more_body", False)

    def _count(self, deadline: asyncio.Timeout, size: int) -> None:
        if deadline in self._coming:
            self._coming[deadline] += size
            self.held += size
        while self._coming and self.held > WHOLE_BODIES * self.limits.max_body:
            oldest = next(iter(self._coming))
            self.held -= self._coming.pop(oldest)
            oldest.reschedule(asyncio.get_running_loop().time())

    def _too_large(self) -> Refused:
        return Refused(413, f"the body is over {self.limits.max_body / 1e6:g} MB; send fewer texts")

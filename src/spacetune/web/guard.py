"""What stands before every request: size, key, headers, counting, and one log line without the texts."""

from __future__ import annotations

import hmac
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from spacetune.web.limits import Limits
from spacetune.web.metrics import Metrics

__all__ = ["Guard"]

log = logging.getLogger("spacetune.web")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

OPEN = frozenset({"/", "/health", "/ready"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


class TooLarge(Exception):  # noqa: N818 - an answer, not a fault
    """The body is over the limit."""


class Guard:
    """ASGI middleware around the whole application.

    Parameters
    ----------
    app
        The application.
    limits
        `max_body` is used.
    metrics
        Where requests are counted.
    api_key
        What ``Authorization: Bearer`` or ``X-API-Key`` must carry; None lets everyone in.
    paths
        The paths known: others are counted together.
    """

    def __init__(
        self, app: App, *, limits: Limits, metrics: Metrics, api_key: str | None, paths: frozenset[str]
    ) -> None:
        self.app, self.limits, self.metrics, self.api_key, self.paths = app, limits, metrics, api_key, paths

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, told = time.perf_counter(), {"status": 500}
        scope.setdefault("state", {})["texts"] = 0

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                told["status"] = message["status"]
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        try:
            await self._admitted(scope, receive, sending)
        finally:
            self._note(scope, told["status"], time.perf_counter() - began)

    async def _admitted(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        if not self._may_enter(scope["path"], headers):
            extra = [(b"www-authenticate", b"Bearer")]
            await answer(send, 401, "this server needs its key, as 'Authorization: Bearer KEY'", extra)
            return
        try:
            body = await self._body(headers, receive)
        except TooLarge:
            limit = f"{self.limits.max_body / 1e6:g} MB"
            await answer(send, 413, f"the body is over {limit}; send fewer texts", [(b"connection", b"close")])
            return
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, send)

    def _may_enter(self, path: str, headers: dict[bytes, bytes]) -> bool:
        if self.api_key is None or path in OPEN or path.startswith("/static/"):
            return True
        given = headers.get(b"x-api-key", b"")
        scheme, _, bearer = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer":
            given = bearer.strip()
        return hmac.compare_digest(given, self.api_key.encode())

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        """Read the body whole, and stop as soon as it is too large."""
        told = headers.get(b"content-length", b"0")
        if told.isdigit() and int(told) > self.limits.max_body:
            raise TooLarge
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b"".join(parts)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self.limits.max_body:
                raise TooLarge
            if not message.get("more_body", False):
                return b"".join(parts)

    def _note(self, scope: Message, status: int, seconds: float) -> None:
        path = scope["path"] if scope["path"] in self.paths else "other"
        texts = scope["state"].get("texts", 0)
        self.metrics.request(path, status, seconds, texts if status == 200 else 0)
        if log.isEnabledFor(logging.INFO):
            line = {
                "event": "request",
                "id": uuid.uuid4().hex[:12],
                "method": scope["method"],
                "path": path,
                "status": status,
                "milliseconds": round(1000 * seconds, 1),
                "texts": texts,
            }
            log.info("%s", json.dumps(line))


async def answer(send: Send, status: int, message: str, extra: list[tuple[bytes, bytes]]) -> None:
    """Send a refusal as JSON."""
    body = json.dumps({"detail": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

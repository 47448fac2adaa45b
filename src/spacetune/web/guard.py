"""What stands before every request: host, key, body, headers, counting, and one log line without the texts."""

from __future__ import annotations

import hmac
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from h11 import LocalProtocolError

from spacetune.web.bodies import Bodies, Gone
from spacetune.web.hosts import Hosts
from spacetune.web.limits import Refused
from spacetune.web.metrics import Metrics
from spacetune.web.problems import problem
from spacetune.web.service import Service

__all__ = ["Guard"]

log = logging.getLogger("spacetune.web")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

OPEN = frozenset({"/", "/health", "/ready"})
CLOSE = (b"connection", b"close")
LEFT = 499  # in log and metrics: the client went before its request was whole
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


class Guard:
    """ASGI middleware around the whole application.

    Parameters
    ----------
    app
        The application.
    service
        Its limits are used; while it stops, connections are closed after their answer.
    metrics
        Where requests are counted.
    api_key
        What ``Authorization: Bearer`` or ``X-API-Key`` must carry; None lets everyone in.
    hosts
        The names that ``Host`` may hold; None allows all.
    paths
        The paths known: others are counted together.
    """

    def __init__(
        self,
        app: App,
        *,
        service: Service,
        metrics: Metrics,
        api_key: str | None,
        hosts: Hosts | None,
        paths: frozenset[str],
    ) -> None:
        self.app, self.service, self.metrics, self.paths = app, service, metrics, paths
        self.api_key, self.hosts = api_key, hosts
        self.bodies = Bodies(service.limits)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, told = time.perf_counter(), {"status": 0}
        scope.setdefault("state", {})["texts"] = 0

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                told["status"] = message["status"]
                extra = (CLOSE,) if self.service.stopping else ()
                message["headers"] = [*message.get("headers", ()), *HEADERS, *extra]
            try:
                await send(message)
            except LocalProtocolError as error:  # what the client sent meanwhile has ended the connection
                raise Gone from error

        try:
            await self._admitted(scope, receive, sending)
        except Gone:
            told["status"] = LEFT
        except Exception as error:
            log.error("%s", json.dumps({"event": "error", "kind": type(error).__name__}), exc_info=error)
            if told["status"]:
                raise
            refusal = Refused(500, f"the server failed ({type(error).__name__}); its log says more")
            await answer(scope["path"], sending, refusal)
        finally:
            self._note(scope, told["status"], time.perf_counter() - began)

    async def _admitted(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        try:
            self._check(scope, headers)
            body = await self.bodies.read(headers, receive)
        except Refused as refusal:
            await answer(scope["path"], send, refusal)
            return
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, send)

    def _check(self, scope: Message, headers: dict[bytes, bytes]) -> None:
        if self.hosts is not None and not self.hosts.allow(headers.get(b"host")):
            raise Refused(400, "Host must name this server, as localhost does; --allow-host NAME adds a name")
        if not self._may_enter(scope, headers):
            raise Refused(401, "this server needs its key, as 'Authorization: Bearer KEY'")

    def _may_enter(self, scope: Message, headers: dict[bytes, bytes]) -> bool:
        path = scope["path"]
        looks = scope["method"] in ("GET", "HEAD") and (path in OPEN or path.startswith("/static/"))
        if self.api_key is None or looks:
            return True
        given = headers.get(b"x-api-key", b"")
        scheme, _, bearer = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer":
            given = bearer.strip()
        return hmac.compare_digest(given, self.api_key.encode())

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


async def answer(path: str, send: Send, refusal: Refused) -> None:
    """Send a refusal, and close the connection: what is left of the request is not read."""
    body = problem(path, refusal.status, refusal.message)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), CLOSE]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

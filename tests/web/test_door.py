"""Clients that send half a request, or nothing, or do not read: they are shown out, and the others are answered."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from h11 import LocalProtocolError

from spacetune.errors import UsageError
from spacetune.web import Limits, make_app
from spacetune.web.door import listen, most_connections
from spacetune.web.hosts import Hosts
from spacetune.web.models import ServedModel
from spacetune.web.serving import run

QUICK = Limits(max_connections=20, head_seconds=0.6, body_seconds=0.6, idle_seconds=1.0, max_body=50_000)
HEAD = b"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def post(text: str) -> bytes:
    body = json.dumps({"texts": [text]}).encode()
    return HEAD + b"content-length: %d\r\n\r\n" % len(body) + body


class Running:
    """A server in this event loop."""

    def __init__(self, app: Any, port: int, stop: asyncio.Event, hurry: asyncio.Event) -> None:
        self.app, self.port, self.stop, self.hurry = app, port, stop, hurry

    async def connect(self, sent: bytes = b"") -> Wire:
        wire = await asyncio.open_connection("127.0.0.1", self.port)
        wire[1].write(sent)
        await wire[1].drain()
        return wire


@asynccontextmanager
async def server(models: list[Any], limits: Limits, **options: Any) -> AsyncIterator[Running]:
    doors = listen("127.0.0.1", 0)
    app = make_app(models, limits, **options)
    stop, hurry, ready = asyncio.Event(), asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(run(app, doors, limits, stop, hurry, ready.set))
    await asyncio.wait_for(ready.wait(), 30)
    try:
        yield Running(app, doors[0].getsockname()[1], stop, hurry)
    except BaseException:
        hurry.set()
        raise
    finally:
        stop.set()
        await asyncio.wait_for(running, 40)


def in_a_loop(test: Callable[[], Awaitable[None]]) -> None:
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(test())  # pyright: ignore[reportArgumentType]


async def whole(wire: Wire, seconds: float = 20) -> bytes:
    """What comes until the server closes."""
    try:
        return await asyncio.wait_for(wire[0].read(), seconds)
    except ConnectionError:
        return b""


async def status(wire: Wire) -> int:
    line = await asyncio.wait_for(wire[0].readline(), 20)
    return int(line.split()[1]) if line else 0


async def drip(wire: Wire, data: bytes) -> None:
    for i in range(len(data)):
        wire[1].write(data[i : i + 1])
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("sent", "rest", "said"),
    [
        (b"GET / HTTP/1.1\r\nhost: loc", b"", b" 408 "),
        (b"GET / HTTP/1.1\r\n", b"x-slow: " + b"a" * 4000, b" 408 "),
        (HEAD + b"content-length: 9000\r\n\r\n{", b"", b" 408 "),
        (HEAD + b"content-length: 9000\r\n\r\n", b"[" * 4000, b" 408 "),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n4\r\n[[[[\r\n", b"", b" 408 "),
        (b"", b"", b""),
    ],
    ids=["half a head", "a head byte by byte", "half a body", "a body byte by byte", "half a chunked body", "nothing"],
)
def test_what_comes_too_slowly_is_ended(served: list[ServedModel], sent: bytes, rest: bytes, said: bytes) -> None:
    async def test() -> None:
        async with server(served, QUICK) as running:
            wire = await running.connect(sent)
            dripping = asyncio.create_task(drip(wire, rest))
            told = await whole(wire)
            dripping.cancel()
            assert said in told
            assert (b'"detail"' in told) == bool(said)

    in_a_loop(test)


@pytest.mark.slow
def test_good_clients_are_answered_beside_many_half_requests(served: list[ServedModel]) -> None:
    async def test() -> None:
        limits = Limits(max_connections=20)  # with the usual deadlines: places are made, not waited for
        async with server(served, limits) as running:
            halves = [HEALTH[:20], HEAD + b"content-length: 900000\r\n\r\n" + b"[" * 5000, b""]
            held = [await running.connect(halves[i % 3]) for i in range(60)]
            for i in range(30):
                good = await running.connect(post("where is my card") if i % 10 == 0 else HEALTH)
                assert await status(good) == 200
                good[1].close()
            assert b" 503 " in await whole(held[0])
            for half in held:
                half[1].transport.abort()

    in_a_loop(test)


def test_an_answer_that_is_not_read_does_not_hold_its_place(served: list[ServedModel]) -> None:
    async def test() -> None:
        async with server(served, QUICK) as running:
            wire = await running.connect()
            wire[1].get_extra_info("socket").setsockopt(1, 8, 4096)  # SO_RCVBUF
            asks = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n"
            for _ in range(400):
                wire[1].write(asks)
            wire[1].transport.pause_reading()
            held = running.app.state.door.connections
            async with asyncio.timeout(60):
                while not held:
                    await asyncio.sleep(0.05)
                while held:
                    await asyncio.sleep(0.05)

    in_a_loop(test)


def test_bodies_that_are_not_whole_hold_little_together(served: list[ServedModel]) -> None:
    async def test() -> None:
        limits = Limits(max_body=100_000, max_connections=100)
        async with server(served, limits) as running:
            half = HEAD + b"content-length: 99000\r\n\r\n" + b"[" * 98_000
            held = [await running.connect(half) for _ in range(30)]
            assert await status(held[0]) == 408  # the oldest had to go
            good = await running.connect(post("where is my card"))
            assert await status(good) == 200
            for half in held:
                half[1].transport.abort()

    in_a_loop(test)


def test_half_a_body_is_dropped_when_its_client_leaves(served: list[ServedModel], caplog: Any) -> None:
    async def test() -> None:
        async with server(served, QUICK) as running:
            body = json.dumps({"texts": ["a"]}).encode()
            wire = await running.connect(HEAD + b"content-length: 5000\r\n\r\n" + body)  # whole JSON, half a body
            wire[1].close()
            await asyncio.sleep(0.3)

    with caplog.at_level(logging.INFO, "spacetune.web"):
        in_a_loop(test)
    lines = [json.loads(record.getMessage()) for record in caplog.records if record.name == "spacetune.web"]
    assert [(line["status"], line["texts"]) for line in lines] == [(499, 0)]


def test_a_connection_that_is_beyond_an_answer_is_one_line(served: list[ServedModel], caplog: Any) -> None:
    app = make_app(served, QUICK)

    async def beyond(message: Any) -> None:
        raise LocalProtocolError("Can't send data when our state is ERROR")

    async def nothing() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "GET", "path": "/health", "query_string": b"", "headers": [],
             "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 80), "client": None,
             "root_path": ""}  # fmt: skip
    with caplog.at_level(logging.INFO, "spacetune.web"):
        in_a_loop(lambda: app(scope, nothing, beyond))
    lines = [record.getMessage() for record in caplog.records if record.name == "spacetune.web"]
    assert [json.loads(line)["status"] for line in lines] == [499]
    assert not [record for record in caplog.records if record.exc_info]


class Gated(ServedModel):
    """A model that waits for a sign."""

    begun, gate = threading.Event(), threading.Event()

    def predict(self, texts: list[Any]) -> Any:
        self.begun.set()
        self.gate.wait(30)
        return super().predict(texts)


def test_whoever_has_asked_is_answered_when_the_server_stops(served: list[ServedModel]) -> None:
    async def test() -> None:
        async with server([Gated("slow", served[0].model)], Limits()) as running:
            running_one = await running.connect(post("a"))
            await asyncio.to_thread(Gated.begun.wait, 30)
            queued = [await running.connect(post(f"text {i}")) for i in range(10)]
            half = await running.connect(post("b")[:-5])
            while running.app.state.service.batcher.n_waiting < 10:
                await asyncio.sleep(0.01)
            idle, dead = await running.connect(), await running.connect(post("c")[:-5])
            late = [await running.connect(post(f"late {i}")) for i in range(20)]  # not taken in yet
            running.stop.set()
            await asyncio.sleep(0.2)
            half[1].write(post("b")[-5:])
            Gated.gate.set()
            for wire in (running_one, *queued, half, *late):
                told = await whole(wire)
                assert told.startswith(b"HTTP/1.1 200 ")
                assert b"connection: close" in told
            assert await whole(idle) == b""
            assert b" 503 " in await whole(dead)

    in_a_loop(test)


def test_a_second_signal_ends_at_once(served: list[ServedModel]) -> None:
    async def test() -> None:
        async with server(served, Limits()) as running:
            half = await running.connect(post("a")[:-5])
            while not running.app.state.door.connections:
                await asyncio.sleep(0.01)
            running.stop.set()
            running.hurry.set()
            assert await whole(half, 2) == b""

    in_a_loop(test)


def test_a_broken_request_is_one_line_in_the_log(served: list[ServedModel], caplog: Any) -> None:
    async def test() -> None:
        async with server(served, QUICK) as running:
            for sent in (
                b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
                b"GET / WTTP/1.1\r\n\r\n",
                b"GET /\r\n" * 9 + b"\r\n",
            ):
                assert b" 400 " in await whole(await running.connect(sent))
            broken = HEAD + b"transfer-encoding: chunked\r\n\r\nnot a size\r\n"
            assert b" 400 " in await whole(await running.connect(broken))

    with caplog.at_level(logging.INFO):
        in_a_loop(test)
    assert not [record for record in caplog.records if record.exc_info]
    assert len([r for r in caplog.records if "Invalid HTTP" in r.getMessage()]) == 4


def test_the_bound_follows_the_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (10_000, 10_000))
    assert most_connections(Limits(max_connections=50)) == 50
    assert 9_000 < most_connections(Limits(max_connections=20_000)) < 10_000
    monkeypatch.setattr(resource, "getrlimit", lambda _: (40, 40))
    with pytest.raises(UsageError, match="file descriptors"):
        most_connections(Limits())


def test_a_taken_port_and_an_unknown_host_are_told() -> None:
    door = listen("127.0.0.1", 0)[0]
    with pytest.raises(UsageError, match="cannot listen on 127"):
        listen("127.0.0.1", door.getsockname()[1])
    door.close()
    with pytest.raises(UsageError, match="--host must be"):
        listen("no such host", 0)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("LOCALHOST:8000", True),
        ("localhost.", True),
        ("page.localhost:1", True),
        ("127.0.0.1", True),
        ("127.8.8.8:80", True),
        ("[::1]", True),
        ("[::1]:8000", True),
        ("[::ffff:127.0.0.1]:1", True),
        ("models.example:8000", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("evil.example:localhost", False),
        ("localhost:80:80", False),
        ("user@localhost", False),
        ("[::1", False),
        ("[::1]x", False),
        ("::1", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_which_hosts_name_this_server(host: str, allowed: bool) -> None:
    assert Hosts(["models.example"]).allow(host.encode()) is allowed

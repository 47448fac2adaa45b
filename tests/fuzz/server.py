"""Random and broken requests to one small model: ``python -m tests.fuzz.server N SEED``.

Nothing may be answered with 500 or above (503 aside, which says that the server is busy), leave a traceback in the log,
or take over 10 seconds. One request in ten goes through a socket as raw bytes.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx

from spacetune import LinearProbe
from spacetune.web import Limits, make_app
from spacetune.web.door import listen
from spacetune.web.models import ServedModel
from spacetune.web.serving import run

LIMITS = Limits(max_body=20_000, max_texts=8, max_embedded=12, max_explained=2, max_characters=300,
                head_seconds=0.5, body_seconds=0.5, idle_seconds=0.5, max_connections=30)  # fmt: skip
POSTS = ("/predict", "/embed", "/explain", "/dissect", "/place", "/classify", "/v1/embeddings", "/tokenize", "/",
         "/models/probe", "/models/no")  # fmt: skip
GETS = ("/", "/health", "/ready", "/metrics", "/info", "/models", "/map", "/v1/models", "/v1/models/probe",
        "/openapi.json", "/static/app.js", "/static/../app.py", "/static/%00", "/no", "/map?model=%ff")  # fmt: skip
FIELDS = ("texts", "inputs", "input", "model", "parameters", "truncate", "normalize", "dimensions", "prompt_name",
          "user", "truncation_direction", "encoding_format", "raw_scores", "add_special_tokens", "top_k",
          "function_to_apply", "\ud800", "modell", "")  # fmt: skip
TEXTS = ("", "a", "where is my card", "\x00", "\ud83d", "😀" * 50, "é", "x" * 299, "x" * 301, "[SEP]", "\n\r\u2028",
         "nan", "‮abc", "ﷺ" * 40, "a " * 100)  # fmt: skip
ODD: tuple[Any, ...] = (None, True, 0, -1, 10**30, 1.5, float("nan"), float("inf"), [], {}, [[]], [None],
                        [[[["a"]]]], "left", "right", "float", "base64", "softmax", "none", 384, "384", "probe",
                        "10" * 3000)  # fmt: skip
HUGE = (b"[" * 10_000, b'{"a":' * 3_000, b"9" * 9_000, b"", b" " * 30_000)
METHODS = ("POST", "POST", "GET", "PUT", "HEAD")

Seen = tuple[str, int]


def value(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.random()
    if kind < 0.5:
        return rng.choice(TEXTS)
    if kind < 0.75 and depth < 4:
        return [value(rng, depth + 1) for _ in range(rng.choice((0, 1, 2, 3, 9, 13)))]
    if kind < 0.8 and depth < 4:
        return {rng.choice(FIELDS): value(rng, depth + 1) for _ in range(rng.randrange(3))}
    return rng.choice(ODD)


def body(rng: random.Random) -> bytes:
    fields = {rng.choice(FIELDS): value(rng) for _ in range(rng.choice((0, 0, 0, 1, 2)))}
    if rng.random() < 0.9:
        texts: Any = [rng.choice(TEXTS) for _ in range(rng.randrange(1, 10))]
        fields |= {rng.choice(("texts", "inputs", "input")): rng.choice((texts, texts[0], [texts[:2]]))}
    data = json.dumps(fields if rng.random() < 0.95 else value(rng)).encode()
    if rng.random() < 0.1:
        data = broken(rng, data)
    return data if rng.random() < 0.97 else rng.choice(HUGE)


def broken(rng: random.Random, data: bytes) -> bytes:
    mutated = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(mutated) + 1)
        mutated[at : at + rng.randrange(3)] = rng.choice((b"", b"\xff", b"\x00", b'"', b"[", b"\\ud800", b"}", b"\r\n"))
    return bytes(mutated)


def raw_request(rng: random.Random) -> bytes:
    data = body(rng)
    path = rng.choice(POSTS if rng.random() < 0.7 else GETS)
    length = rng.choice((len(data), len(data) + 5, max(0, len(data) - 3), -1, 10**30, "1, 2"))
    framing = rng.choice(
        (
            f"content-length: {length}",
            "transfer-encoding: chunked",
            f"content-length: {length}\r\ntransfer-encoding: chunked",
            f"content-length: {len(data)}\r\nexpect: 100-continue",
            "connection: upgrade\r\nupgrade: websocket",
        )
    )
    first = f"{rng.choice(METHODS)} {path} HTTP/1.{rng.choice('0119')}"
    head = f"{first}\r\nhost: localhost\r\n{framing}"
    whole = head.encode("latin-1") + b"\r\ncontent-type: application/json\r\n\r\n" + data
    return broken(rng, whole) if rng.random() < 0.5 else whole[: rng.choice((len(whole), rng.randrange(1, len(whole))))]


async def by_client(rng: random.Random, client: httpx.AsyncClient, _: int) -> Seen:
    if rng.random() < 0.15:
        path = rng.choice(GETS)
        return path, (await client.get(path)).status_code
    path, kind = rng.choice(POSTS), rng.choice(("application/json",) * 8 + ("text/plain", "", "x; charset=\xff"))
    headers = {"content-type": kind.encode("latin-1")}
    return path, (await client.post(path, content=body(rng), headers=headers)).status_code  # pyright: ignore[reportArgumentType]


async def by_socket(rng: random.Random, _: httpx.AsyncClient, port: int) -> Seen:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    told = b""
    try:
        writer.write(raw_request(rng))
        if rng.random() < 0.7:
            told = await reader.read(65_536)
        writer.close()
    except ConnectionError:
        pass
    words = told.split(maxsplit=2)
    return "raw", int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


class Tracebacks(logging.Handler):
    """Keeps what is logged with a traceback or above a warning."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith("ASGI callable returned without"):  # the one line on a connection that its client broke
            return
        if record.exc_info or record.levelno >= logging.ERROR or ('"fault"' in text and '"late"' not in text):
            self.kept.append(self.format(record))


async def fuzz(app: Any, n: int, rng: random.Random, log: Tracebacks) -> tuple[Counter[int], list[str]]:
    doors = listen("127.0.0.1", 0)
    port, stop, ready = doors[0].getsockname()[1], asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(run(app, doors, LIMITS, stop, asyncio.Event(), ready.set))
    await ready.wait()
    seen, found = Counter[int](), list[str]()
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=30) as client:
        for i in range(n):
            began, logged = time.monotonic(), len(log.kept)
            try_one: Callable[..., Any] = by_socket if i % 10 == 0 else by_client
            try:
                path, status = await try_one(rng, client, port)
            except Exception as error:
                path, status = repr(error), 599
            seconds = time.monotonic() - began
            seen[status] += 1
            if (status >= 500 and status != 503) or seconds > 10 or len(log.kept) > logged:
                found.append(f"input {i}: {path} {status} {seconds:.1f} s {' '.join(log.kept[logged:])[-1500:]}")
    stop.set()
    await running
    return seen, found


def main(n: int, seed: int) -> int:
    log = Tracebacks()
    for name in ("spacetune.web", "uvicorn.error", "asyncio"):
        logging.getLogger(name).handlers[:] = [log]
        logging.getLogger(name).propagate = False
    model = LinearProbe(C=1e-3, layers=-1).fit(["good", "bad", "fine", "poor"] * 5, ["a", "b"] * 10)
    app = make_app([ServedModel("probe", model)], LIMITS)
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        seen, found = runner.run(fuzz(app, n, random.Random(seed), log))
    print(f"{n} requests, seed {seed}: {dict(sorted(seen.items()))}; {len(found)} faults")
    print("\n".join(found[:20]))
    return len(found)


if __name__ == "__main__":
    sys.exit(min(1, main(*(int(word) for word in sys.argv[1:3]))))

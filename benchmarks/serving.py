"""The server under load: sustained throughput beside bulk `predict`, then four times that rate for a minute.

Clients run in this process, the server in another, on the same machine. Requests are sent open loop: at their times,
whatever came of the earlier ones. Every accepted answer is compared with that of bulk prediction.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.common import circumstances, write
from spacetune import SpaceClassifier
from spacetune.studies import demo_texts, predict_texts

TEXTS_A_REQUEST = 16
OVERLOAD = 4
SECONDS = 60
SUSTAINED_SECONDS = 20
CLIENTS = 4
TOLERANCE = 0.02  # bfloat16 states depend a little on what else is in the batch


def main() -> None:
    train, pool = demo_texts("train"), demo_texts("test").texts
    requests = [[f"{pool[(7 * i + j) % len(pool)]} {i}" for j in range(TEXTS_A_REQUEST)] for i in range(200)]
    with tempfile.TemporaryDirectory() as folder:
        model = SpaceClassifier(seed=0).fit(train.texts, train.labels)
        model.save_pretrained(f"{folder}/model")
        everything = [text for texts in requests for text in texts]
        expected = np.asarray(predict_texts(model, everything).probabilities).reshape(
            len(requests), TEXTS_A_REQUEST, -1
        )
        process, address = start(Path(folder) / "model")
        try:
            rounds = [round_of(model, everything, requests, address) for _ in range(3)]
            bulk = float(np.median([b for b, _ in rounds]))
            sustained = float(np.median([s for _, s in rounds]))
            found = asyncio.run(overload(address, requests, expected, sustained / TEXTS_A_REQUEST, process.pid))
        finally:
            process.terminate()
            process.wait(60)
    write(
        "serving",
        {
            "circumstances": circumstances(),
            "texts_a_request": TEXTS_A_REQUEST,
            "bulk_texts_per_second": round(bulk, 1),
            "sustained_texts_per_second": round(sustained, 1),
            "sustained_over_bulk": round(float(np.median([s / b for b, s in rounds])), 3),
            "rounds": [[round(b, 1), round(s, 1)] for b, s in rounds],
            "overload": found,
        },
    )


def start(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    command = [sys.executable, "-m", "spacetune", "serve", str(folder), "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen(command, env=os.environ)
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            if httpx.get(f"{address}/ready").status_code == 200:
                return process, address
        except httpx.TransportError:
            time.sleep(0.2)
    raise TimeoutError("the server was not ready within two minutes")


def round_of(model: Any, texts: list[str], requests: list[list[str]], address: str) -> tuple[float, float]:
    """Texts per second of bulk prediction, and then of a few clients that wait for each answer."""
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < SUSTAINED_SECONDS / 2:
        predict_texts(model, texts[:1024])
        done += 1024
    bulk = done / (time.perf_counter() - began)
    return bulk, asyncio.run(closed_loop(address, requests))


async def closed_loop(address: str, requests: list[list[str]]) -> float:
    answered = 0
    end = time.perf_counter() + SUSTAINED_SECONDS

    async def client(first: int) -> None:
        nonlocal answered
        i = first
        while time.perf_counter() < end:
            answer = await http.post("/predict", json={"texts": requests[i % len(requests)]})
            answered += TEXTS_A_REQUEST * (answer.status_code == 200)
            i += CLIENTS

    async with httpx.AsyncClient(base_url=address, timeout=60) as http:
        began = time.perf_counter()
        await asyncio.gather(*[client(i) for i in range(CLIENTS)])
        return answered / (time.perf_counter() - began)


async def overload(address: str, requests: list[list[str]], expected: Any, rate: float, pid: int) -> dict[str, Any]:
    """Send at four times the sustained rate, at fixed times, and account for every request."""
    statuses: dict[str, int] = {}
    seconds: list[float] = []
    wrong, without_retry, memory = 0, 0, [resident(pid)]
    limits = httpx.Limits(max_connections=400, max_keepalive_connections=400)

    async def one(i: int) -> None:
        nonlocal wrong, without_retry
        began = time.perf_counter()
        try:
            answer = await http.post("/predict", json={"texts": requests[i % len(requests)]})
        except httpx.HTTPError as error:
            statuses[type(error).__name__] = statuses.get(type(error).__name__, 0) + 1
            return
        statuses[str(answer.status_code)] = statuses.get(str(answer.status_code), 0) + 1
        if answer.status_code == 200:
            seconds.append(time.perf_counter() - began)
            told = answer.json()
            same = told["texts"] == requests[i % len(requests)]
            wrong += not (same and np.allclose(told["probabilities"], expected[i % len(requests)], atol=TOLERANCE))
        else:
            without_retry += "retry-after" not in answer.headers

    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as http:
        tasks: list[asyncio.Task[None]] = []
        began = time.perf_counter()
        while (now := time.perf_counter() - began) < SECONDS:
            while len(tasks) < now * rate * OVERLOAD:
                tasks.append(asyncio.create_task(one(len(tasks))))
            if len(memory) <= now / 5:
                memory.append(resident(pid))
            await asyncio.sleep(0.005)
        await asyncio.gather(*tasks)
        took = time.perf_counter() - began
    p50, p99 = np.quantile(seconds, (0.5, 0.99))
    return {
        "times_the_sustained_rate": OVERLOAD,
        "seconds": round(took, 1),
        "sent": len(tasks),
        "answers_by_status": statuses,
        "refused_without_retry_after": without_retry,
        "mixed_up_answers": wrong,
        "accepted_texts_per_second": round(len(seconds) * TEXTS_A_REQUEST / took, 1),
        "accepted_p50_seconds": round(float(p50), 3),
        "accepted_p99_seconds": round(float(p99), 3),
        "server_memory_mb_every_5_seconds": [round(m / 1e6) for m in memory],
    }


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


if __name__ == "__main__":
    main()

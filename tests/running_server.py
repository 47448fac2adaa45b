"""A server started as a user would."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def few_descriptors(most: int | None) -> list[str]:
    return [] if most is None else ["sh", "-c", f'ulimit -n {most}; exec "$@"', "sh"]


def start_server(
    folder: Path, *options: str, names: Sequence[str] = ("space", "probe"), descriptors: int | None = None
) -> tuple[subprocess.Popen[str], str]:
    """Start `spacetune serve` as a user would, and wait until it is ready."""
    port = free_port()
    command = [sys.executable, "-m", "spacetune", "serve", *(str(folder / name) for name in names)]
    process = subprocess.Popen(
        [*few_descriptors(descriptors), *command, "--port", str(port), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(process.communicate()[1])
        try:
            if httpx.get(f"{address}/ready").status_code == 200:
                return process, address
        except httpx.TransportError:
            time.sleep(0.2)
    raise TimeoutError("the server was not ready within two minutes")

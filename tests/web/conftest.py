"""Two small models, served by a real server on loopback, once for all tests here."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from browser import chromium
from spacetune import Encoder, LinearProbe, SpaceClassifier, few_shot
from spacetune.studies import demo_texts
from spacetune.web.models import ServedModel

TRAIN = few_shot(demo_texts("train"), 320)


@pytest.fixture(scope="session")
def space(encoder: Encoder) -> SpaceClassifier:
    return SpaceClassifier(encoder, n_epochs=8, n_latent=8).fit(TRAIN.texts, TRAIN.labels)


@pytest.fixture(scope="session")
def probe(encoder: Encoder) -> LinearProbe:
    return LinearProbe(encoder, C=1e-3, layers=-1).fit(TRAIN.texts, TRAIN.labels)


@pytest.fixture(scope="session")
def served(space: SpaceClassifier, probe: LinearProbe) -> list[ServedModel]:
    return [ServedModel("space", space), ServedModel("probe", probe)]


@pytest.fixture(scope="session")
def folder(space: SpaceClassifier, probe: LinearProbe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("served")
    space.save_pretrained(place / "space")
    probe.save_pretrained(place / "probe")
    rows = [
        "text,label",
        *(f'"{t.replace(chr(34), chr(34) * 2)}",{c}' for t, c in zip(TRAIN.texts, TRAIN.labels or [], strict=True)),
    ]
    (place / "examples.csv").write_text("\n".join(rows), encoding="utf-8")
    return place


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def start_server(
    folder: Path, *options: str, names: Sequence[str] = ("space", "probe")
) -> tuple[subprocess.Popen[str], str]:
    """Start `spacetune serve` as a user would, and wait until it is ready."""
    port = free_port()
    command = [sys.executable, "-m", "spacetune", "serve", *(str(folder / name) for name in names)]
    process = subprocess.Popen(
        [*command, "--port", str(port), *options],
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


@pytest.fixture(scope="session")
def address(folder: Path) -> Iterator[str]:
    process, address = start_server(folder, "--examples", str(folder / "examples.csv"), "--log-level", "warning")
    yield address
    process.terminate()
    process.communicate(timeout=60)


@pytest.fixture(scope="module")
def pair_address(probe: LinearProbe, encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of a model fitted on pairs (do two messages have one intent?), and of one on single texts."""
    texts, labels = TRAIN.texts, TRAIN.labels or []
    pairs = [(a, b) for a, b in zip(texts, texts[1:] + texts[:1], strict=True)]
    same = ["same" if a == b else "other" for a, b in zip(labels, labels[1:] + labels[:1], strict=True)]
    place = tmp_path_factory.mktemp("pairs")
    LinearProbe(encoder, C=1e-3, layers=-1).fit(pairs, same).save_pretrained(place / "pairs")
    probe.save_pretrained(place / "probe")
    process, address = start_server(place, "--log-level", "warning", names=("pairs", "probe"))
    yield address
    process.terminate()
    process.communicate(timeout=60)


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened

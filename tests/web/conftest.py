"""Two small models, served by a real server on loopback, once for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browser import chromium
from running_server import start_server
from spacetune import Encoder, LinearProbe, SpaceClassifier, few_shot
from spacetune.studies import demo_texts
from spacetune.web.models import ServedModel

ALIAS = "text-embedding-3-small"
TRAIN = few_shot(demo_texts("train"), 320)


@pytest.fixture(scope="session")
def space(shallow: Encoder) -> SpaceClassifier:
    return SpaceClassifier(shallow, n_epochs=8, n_latent=8).fit(TRAIN.texts, TRAIN.labels)


@pytest.fixture(scope="session")
def probe(shallow: Encoder) -> LinearProbe:
    return LinearProbe(shallow, C=1e-3, layers=-1).fit(TRAIN.texts, TRAIN.labels)


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


@pytest.fixture(scope="session")
def address(folder: Path) -> Iterator[str]:
    options = ("--examples", str(folder / "examples.csv"), "--log-level", "warning", "--alias", ALIAS)
    process, address = start_server(folder, *options)
    yield address
    process.terminate()
    process.communicate(timeout=60)


@pytest.fixture(scope="module")
def pair_address(probe: LinearProbe, shallow: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of a model fitted on pairs (do two messages have one intent?), and of one on single texts."""
    texts, labels = TRAIN.texts, TRAIN.labels or []
    pairs = [(a, b) for a, b in zip(texts, texts[1:] + texts[:1], strict=True)]
    same = ["same" if a == b else "other" for a, b in zip(labels, labels[1:] + labels[:1], strict=True)]
    place = tmp_path_factory.mktemp("pairs")
    LinearProbe(shallow, C=1e-3, layers=-1).fit(pairs, same).save_pretrained(place / "pairs")
    probe.save_pretrained(place / "probe")
    process, address = start_server(place, "--log-level", "warning", names=("pairs", "probe"))
    yield address
    process.terminate()
    process.communicate(timeout=60)


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened

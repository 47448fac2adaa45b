"""What makes a run what it is: what it learns from, with what settings, on which encoder, by which versions."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from spacetune.encoders import Provenance, as_inputs, holds_texts
from spacetune.estimators.inputs import Sample

__all__ = ["run_of"]

LIBRARIES = ("spacetune", "torch", "transformers")
ROWS = 256


Labelled = tuple[Any, Sequence[Any]]


def run_of(settings: Mapping[str, Any], provenance: Provenance | None, train: Sample, dev: Labelled) -> dict[str, str]:
    """Return a digest of every part of a run, by a name that people understand.

    Parameters
    ----------
    settings
        The estimator's.
    provenance
        Of the features.
    train
        What it learns from.
    dev
        Texts and labels to choose by; empty where none were given.

    Returns
    -------
    dict
        Two runs with equal values train alike, step by step.
    """
    own = {name: value for name, value in settings.items() if name not in ("encoder", "store", "seed")}
    return {
        "texts": _digest(_content(train.given.content)),
        "labels": _digest(repr(label).encode() for label in train.labels),
        "weights": _digest([] if train.weights is None else [train.weights.tobytes()]),
        "dev texts": _digest(_content(dev[0])),
        "dev labels": _digest(repr(label).encode() for label in dev[1]),
        "settings": _digest(f"{name}={own[name]!r}".encode() for name in sorted(own)),
        "seed": str(settings["seed"]),
        "encoder": repr(provenance),
        "versions": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES),
    }


def _content(given: Any) -> Iterator[bytes]:
    if holds_texts(given):
        for row in as_inputs(given):
            yield repr(row).encode("utf-8", "surrogatepass")
    else:
        for rows in torch.arange(len(given)).split(ROWS):
            part = given.take(rows)
            yield from (_bytes(part.offsets), _bytes(part.values[: int(part.offsets[-1])]))


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def _digest(parts: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.hexdigest()

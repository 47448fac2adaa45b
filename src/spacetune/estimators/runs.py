"""What makes a run what it is: what it learns from, with what settings, on which encoder, by which versions."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from spacetune.encoders import as_inputs, holds_features, holds_texts

__all__ = ["run_of"]

LIBRARIES = ("spacetune", "torch", "transformers")
ROWS = 256


def run_of(estimator: Any, X: Any, labels: Sequence[Any], dev: Any) -> dict[str, str]:
    """Return a digest of every part of a run, by a name that people understand.

    Parameters
    ----------
    estimator
        With its settings, and what it noted of the texts it reads.
    X
        What it learns from.
    labels
        Their labels.
    dev
        Texts and labels to choose by, or None.

    Returns
    -------
    dict
        Two runs with equal values train alike, step by step.
    """
    dev_texts, dev_labels = dev or ((), ())
    settings = {k: v for k, v in estimator.get_params(deep=False).items() if k not in ("encoder", "store", "seed")}
    return {
        "texts": _digest(_content(X)),
        "labels": _digest(repr(label).encode() for label in labels),
        "dev texts": _digest(_content(dev_texts)),
        "dev labels": _digest(repr(label).encode() for label in dev_labels),
        "settings": _digest(f"{name}={settings[name]!r}".encode() for name in sorted(settings)),
        "seed": str(estimator.seed),
        "encoder": repr(estimator.provenance_),
        "versions": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES),
    }


def _content(given: Any) -> Iterator[bytes]:
    if holds_texts(given):
        for row in as_inputs(given):
            yield repr(row).encode("utf-8", "surrogatepass")
    elif holds_features(given):
        for rows in torch.arange(len(given)).split(ROWS):
            part = given.take(rows)
            yield from (_bytes(part.offsets), _bytes(part.values[: int(part.offsets[-1])]))
    else:
        matrix = np.ascontiguousarray(given)
        yield from (f"{matrix.dtype} {matrix.shape}".encode(), matrix.tobytes())


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def _digest(parts: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.hexdigest()

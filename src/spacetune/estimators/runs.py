"""What makes a run what it is: what it learns from, with what settings, on which encoder, by which versions."""

# The types of torch are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch

from spacetune.encoders import Provenance, as_inputs, holds_texts
from spacetune.estimators.inputs import Sample

__all__ = ["run_of", "versions"]

ROWS = 256


def run_of(
    settings: Mapping[str, Any], provenance: Provenance | None, train: Sample, dev: Sample | None
) -> dict[str, str]:
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
        What it chooses by; None where a part is set aside.

    Returns
    -------
    dict
        Two runs with equal values train alike, step by step.
    """
    own = {name: value for name, value in settings.items() if name not in ("encoder", "store", "seed")}
    return {
        **_digests(train),
        **{f"dev {name}": value for name, value in ({} if dev is None else _digests(dev)).items()},
        "settings": _digest(f"{name}={own[name]!r}".encode() for name in sorted(own)),
        "seed": str(settings["seed"]),
        "encoder": repr(provenance),
        "versions": ", ".join(f"{name} {version}" for name, version in versions().items()),
    }


def versions() -> dict[str, str]:
    """Return the versions of what makes the numbers."""
    return {name: importlib.metadata.version(name) for name in ("spacetune", "torch", "transformers")}


def _digests(sample: Sample) -> dict[str, str]:
    return {
        "texts": _digest(_content(sample.given.content)),
        "labels": _digest(repr(label).encode() for label in sample.labels),
        "weights": _digest([] if sample.weights is None else [sample.weights.tobytes()]),
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

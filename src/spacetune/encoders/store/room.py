"""What a long encoding will take on disk: said before it begins, and refused where there is no room."""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from spacetune.encoders.encoder import Encoder
from spacetune.encoders.store.shards import Form
from spacetune.encoders.tokenizing import TextInput
from spacetune.errors import FeatureStoreError

__all__ = ["check_room", "needed_bytes"]

log = logging.getLogger("spacetune")

MANY, SAMPLED = 20_000, 1_000
"""Texts from which on it is said, and by how many of them it is reckoned."""
PER_TOKEN = 8
"""Bytes of a token beside its states: its id, and its text's place."""


def needed_bytes(encoder: Encoder, texts: Sequence[TextInput], layers: Sequence[int], form: Form) -> int:
    """Reckon how much disk the features of texts take, by the lengths of a thousand of them at most."""
    sample = texts[:: -(-len(texts) // SAMPLED)]
    tokens = float(np.minimum(encoder.count_tokens(sample), encoder.provenance(()).cut_at(sample)).mean())
    state = encoder.dim * (1 if form == "int8" else encoder.dtype.itemsize) + (4 if form == "int8" else 0)
    return round(len(texts) * tokens * (len(layers) * state + PER_TOKEN))


def check_room(
    home: Path, encoder: Encoder, texts: Sequence[TextInput], layers: Sequence[int], form: Form = "full"
) -> None:
    """Say what the features of many texts will take, before they are encoded.

    Parameters
    ----------
    home
        Where they go; it is there.
    encoder, texts, layers, form
        What is to be encoded and kept.

    Raises
    ------
    FeatureStoreError
        If the disk has no room for them.
    """
    if len(texts) < MANY:
        return
    free = None
    with contextlib.suppress(OSError):
        free = shutil.disk_usage(home).free
    needed = needed_bytes(encoder, texts, layers, form)
    if free is not None and needed > free:
        raise FeatureStoreError(
            f"the features of {len(texts):,} texts would take about {needed / 1e9:.3g} GB, and {home.parent} has "
            f"{free / 1e9:.3g} GB free: read fewer layers (--layers=-1 reads one), name a larger disk in "
            "SPACETUNE_CACHE, or keep none with SPACETUNE_CACHE=off"
        )
    log.info("the features of %s texts will take about %.3g GB in %s", f"{len(texts):,}", needed / 1e9, home.parent)

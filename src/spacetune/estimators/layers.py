"""Which layers are read where none are named."""

from __future__ import annotations

from collections.abc import Sequence

from spacetune.encoders import Encoder, TextInput
from spacetune.fitting import MANY

__all__ = ["auto_layers", "thirds"]

SMALL = 2 << 30
"""Bytes of features up to which ``auto`` reads all layers."""


def auto_layers(encoder: Encoder, texts: Sequence[TextInput]) -> tuple[int, ...]:
    """Return the default choice of layers for these texts.

    All layers for 2,000 texts and more where their features take at most 2 GB (about 370,000 tokens of the default
    encoder), else those at one, two and three thirds of the depth. The choice is ours, made on dev parts: on 4,499
    texts all layers beat three, and three the last one (`benchmarks/results/sma.json`); on 560 texts three did
    better; and all layers of a large data set are a lot of disk. Tokens are guessed as a quarter of the characters.
    """
    n = encoder.n_layers
    if len(texts) < MANY:
        return thirds(n)
    tokens = sum(len(t) if isinstance(t, str) else len(t[0]) + len(t[1]) for t in texts) / 4
    if tokens * (n + 1) * encoder.dim * encoder.dtype.itemsize <= SMALL:
        return tuple(range(n + 1))
    return thirds(n)


def thirds(n_layers: int) -> tuple[int, ...]:
    """Return the layers at one, two and three thirds of the depth.

    >>> thirds(6), thirds(12)
    ((2, 4, 6), (4, 8, 12))
    """
    return tuple(sorted({max(1, round(n_layers / 3)), max(1, round(2 * n_layers / 3)), n_layers}))

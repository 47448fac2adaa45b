"""Which texts go through the encoder together: by length, up to a budget of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from spacetune.encoders.tokenizing import TextInput

__all__ = ["token_batches", "windows_of"]


def token_batches(lengths: np.ndarray, budget: int) -> Iterator[np.ndarray]:
    """Yield text positions in batches of similar length, each of at most `budget` tokens (or one text).

    >>> [batch.tolist() for batch in token_batches(np.array([5, 2, 9, 3]), 10)]
    [[1, 3, 0], [2]]
    """
    order = np.argsort(lengths, kind="stable")
    ends = np.cumsum(lengths[order])
    start = 0
    while start < len(order):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + budget, side="right")))
        yield order[start:stop]
        start = stop


def windows_of(inputs: Sequence[TextInput], characters: int, most: int) -> Iterator[slice]:
    """Cut texts into consecutive windows of about so many characters and at most so many texts.

    A window is what is tokenised, sorted by length and held in memory at a time.
    """
    start = size = 0
    for i, row in enumerate(inputs):
        size += len(row) if isinstance(row, str) else len(row[0]) + len(row[1])
        if size >= characters or i - start + 1 >= most:
            yield slice(start, i + 1)
            start, size = i + 1, 0
    if start < len(inputs):
        yield slice(start, len(inputs))

"""Which texts go through the encoder together: by length, up to a budget of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from spacetune.encoders.passes.layout import BLOCK
from spacetune.encoders.tokenizing import TextInput

__all__ = ["runs_of", "token_batches"]


def token_batches(lengths: np.ndarray, budget: int, *, mixed: bool = True) -> Iterator[np.ndarray]:
    """Yield text positions in batches of about `budget` tokens.

    Short texts are dealt out so that every batch has short and shorter ones, which fill blocks well; long texts
    go together by length, so that their blocks have few different sizes. Without `mixed` all go by length, for a pass
    that pads.

    >>> [batch.tolist() for batch in token_batches(np.array([5, 2, 9, 3, 90]), 10)]
    [[1, 0], [3, 2], [4]]
    """
    order = np.argsort(lengths, kind="stable")
    short = order[lengths[order] <= BLOCK] if mixed else order[:0]
    n_batches = max(1, -(-int(lengths[short].sum()) // budget))
    yield from (short[i::n_batches] for i in range(min(n_batches, len(short))))
    long = order[len(short) :]
    ends = np.cumsum(lengths[long])
    start = 0
    while start < len(long):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + budget, side="right")))
        yield long[start:stop]
        start = stop


def runs_of(inputs: Sequence[TextInput], characters: int, most: int) -> Iterator[slice]:
    """Cut a list of texts into consecutive runs of about so many characters and at most so many texts.

    A run is what is tokenised, sorted by length and held in memory at a time.
    """
    start = size = 0
    for i, row in enumerate(inputs):
        size += len(row) if isinstance(row, str) else len(row[0]) + len(row[1])
        if size >= characters or i - start + 1 >= most:
            yield slice(start, i + 1)
            start, size = i + 1, 0
    if start < len(inputs):
        yield slice(start, len(inputs))

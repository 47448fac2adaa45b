"""The parts of one split, put in the order of the texts batch by batch."""

from __future__ import annotations

import torch
from torch import Tensor

from spacetune.dissection.split import Split, SplitName
from spacetune.dissection.splitting import PARTS, Pairs, bias_labels
from spacetune.encoders.passes.tracing import Trace
from spacetune.encoders.ragged import concat_ranges, offsets_of
from spacetune.errors import DataError

__all__ = ["Collected"]


class Collected:
    """Where the rows of a split go; room is made when the first batch shows their shape.

    `lengths` are the tokens of every text.
    """

    def __init__(self, name: SplitName, lengths: Tensor) -> None:
        self.name: SplitName = name
        self._lengths = lengths
        self._sizes = lengths.square() if name == "attended" else lengths
        self._offsets = offsets_of(self._sizes)
        self._room: list[Tensor] = []
        self._labels: tuple[str, ...] = ()

    def take(self, trace: Trace, layer: int, texts: Tensor, vectors: bool) -> None:
        """Add a batch that holds these texts."""
        dots, squares, kept = PARTS[self.name](trace, layer, vectors)
        whole = trace.states[layer].square().sum(1)
        found = [dots, squares, whole, *([] if kept is None else [kept])]
        if self.name == "attended":
            found[2] = whole[Pairs(trace).own]
        else:
            found = [part.index_select(0, trace.rows) for part in found]
        if not self._room:
            n_rows = int(self._offsets[-1])
            self._room = [torch.empty(n_rows, *part.shape[1:], dtype=part.dtype) for part in found]
            last = tuple(str(i + 1) for i in range(dots.shape[-1]))
            self._labels = bias_labels(trace, layer) if self.name == "bias" else last
        rows = concat_ranges(self._offsets[:-1][texts], self._sizes[texts])
        for room, part in zip(self._room, found, strict=True):
            room.index_copy_(0, rows, part.cpu())

    def done(self) -> Split:
        """Return all texts in order.

        Raises `DataError` if no text has a token.
        """
        if not self._room:
            raise DataError("no text has a token to split")
        dots, squares, whole, *kept = self._room
        vectors = kept[0] if kept else None
        return Split(self.name, dots, squares, whole, self._offsets, self._lengths, self._labels, vectors)

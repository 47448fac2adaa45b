"""`BlockReader`: blocks by their number, read on from where the last one ended."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

from spacetune.data.blocks import Block, Survey, TextBlocks

__all__ = ["BlockReader"]


@dataclasses.dataclass
class BlockReader:
    """Reads blocks by number; where numbers rise no row is read twice. A copy, pickled, has a place of its own.

    Parameters
    ----------
    blocks
        The texts.
    survey
        What a first look over them found.

    Examples
    --------
    >>> blocks = TextBlocks({"text": ["fine", "awful", "well"]}, size=1)
    >>> reader = BlockReader(blocks, blocks.survey())
    >>> [reader.read(number).texts.texts for number in (2, 0, 1)]
    [['well'], ['fine'], ['awful']]
    """

    blocks: TextBlocks
    survey: Survey
    _ahead: Iterator[Block] | None = dataclasses.field(default=None, init=False, repr=False)
    _next: int = dataclasses.field(default=0, init=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return BlockReader, (self.blocks, self.survey)

    def read(self, number: int) -> Block:
        """Return a block."""
        if self._ahead is None or number < self._next:
            self._ahead, self._next = self.blocks.read(self.survey, number), number
        block = next(itertools.islice(self._ahead, number - self._next, None))
        self._next = number + 1
        return block

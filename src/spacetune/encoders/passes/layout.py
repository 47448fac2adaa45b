"""Where each text's tokens stand in a batch: short texts share blocks of 64 rows, long ones get blocks of their own.

The matrix units of a CPU like row counts that are multiples of 16. Texts are therefore laid end to end in blocks
with such sizes; attention runs block by block, and a mask keeps the texts of a block apart. The few rows that
fill a block up (under 5 % on real text) attend only to each other and are dropped at the end.
"""

# The types of NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses

import numpy as np

__all__ = ["Blocks", "Layout", "lay_out"]

BLOCK = 64
STEP = 16


@dataclasses.dataclass(frozen=True)
class Blocks:
    """Consecutive blocks of one size.

    Parameters
    ----------
    start
        First row.
    count
        How many blocks.
    size
        Rows of each.
    owner
        ``(count, size)``: which text of the batch a row belongs to; -1 for filling.
    position
        ``(count, size)``: the row's position within its text, from 0.
    """

    start: int
    count: int
    size: int
    owner: np.ndarray
    position: np.ndarray

    @property
    def plain(self) -> bool:
        """Whether every block is exactly one text, so that no mask is needed."""
        return bool((self.owner == self.owner[:, :1]).all())


@dataclasses.dataclass(frozen=True)
class Layout:
    """The rows of a batch.

    Parameters
    ----------
    n_rows
        Rows, filling included.
    blocks
        Groups of blocks of one size, in row order.
    rows
        ``(n_tokens,)``: the row of every token, texts in the order they were given.
    positions
        ``(n_rows,)``: position within the text.
    """

    n_rows: int
    blocks: tuple[Blocks, ...]
    rows: np.ndarray
    positions: np.ndarray


def lay_out(lengths: np.ndarray) -> Layout:
    """Lay texts of these lengths out in blocks.

    Short texts fill blocks of 64 best-fit, longest first; a text longer than 64 gets a block of its own, rounded
    up to a multiple of 16. A batch of one text is one block without filling.

    Parameters
    ----------
    lengths
        Tokens of every text, at least 1 each.

    Returns
    -------
    Layout
        The rows.
    """
    if len(lengths) == 1:
        groups = {int(lengths[0]): [[0]]}
    else:
        groups = {BLOCK: _fill_blocks(lengths)} if (lengths <= BLOCK).any() else {}
        for text in np.flatnonzero(lengths > BLOCK):
            groups.setdefault(-(-int(lengths[text]) // STEP) * STEP, []).append([int(text)])
    starts = np.zeros(len(lengths), dtype=np.int64)
    blocks: list[Blocks] = []
    start = 0
    for size, members in groups.items():
        blocks.append(_group(start, size, members, lengths, starts))
        start += size * len(members)
    ends = np.cumsum(lengths)
    rows = np.arange(ends[-1]) + np.repeat(starts - ends + lengths, lengths)
    return Layout(start, tuple(blocks), rows, np.concatenate([b.position.ravel() for b in blocks]))


def _fill_blocks(lengths: np.ndarray) -> list[list[int]]:
    """Give each block the longest text left that still fits, until nothing fits."""
    left: dict[int, list[int]] = {}
    for text in np.flatnonzero(lengths <= BLOCK):
        left.setdefault(int(lengths[text]), []).append(int(text))
    sizes = sorted(left, reverse=True)
    blocks: list[list[int]] = []
    while sizes:
        block: list[int] = []
        room = BLOCK
        for size in tuple(sizes):
            while size <= room and left[size]:
                block.append(left[size].pop())
                room -= size
            if not left[size]:
                sizes.remove(size)
        blocks.append(block)
    return blocks


def _group(start: int, size: int, members: list[list[int]], lengths: np.ndarray, starts: np.ndarray) -> Blocks:
    owner = np.full((len(members), size), -1, dtype=np.int32)
    position = np.zeros((len(members), size), dtype=np.int64)
    for i, texts in enumerate(members):
        at = 0
        for text in texts:
            length = int(lengths[text])
            owner[i, at : at + length] = text
            position[i, at : at + length] = np.arange(length)
            starts[text] = start + i * size + at
            at += length
    return Blocks(start, len(members), size, owner, position)

"""One shard: the features of a run of texts, in memory or mapped from a file whose content is checked before use."""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import mmap
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from spacetune.encoders.ragged import concat_ranges, offsets_of
from spacetune.encoders.token_features import TokenFeatures
from spacetune.errors import FeatureStoreError

__all__ = ["Form", "Mapped", "Shard", "checksum_of", "join", "make_shard"]

Form = Literal["full", "int8"]
"""``full``: the encoder's own dtype. ``int8``: one byte a value and one scale a token and layer."""


@dataclasses.dataclass
class Mapped:
    """The file behind a shard: all its bytes, mapped without a descriptor, and the checksum that its states must have.

    `droppable` says whether the pages of these bytes are the file's own, and come back when they are dropped; `checked`
    whether the states were found to have their checksum.
    """

    path: Path
    content: Tensor
    checksum: int
    droppable: bool
    checked: bool = False


@dataclasses.dataclass
class Shard:
    """The features of some texts.

    Parameters
    ----------
    layers
        Layers in it, ascending.
    hashes, offsets, truncated
        ``(n_texts, 16)`` bytes: which texts; ``(n_texts + 1,)``: where each starts; ``(n_texts,)``: whether it was cut.
    token_ids, values
        ``(n_tokens,)`` and ``(n_tokens, n_layers, dim)``.
    scales
        ``(n_tokens, n_layers)`` for the int8 form, else None.
    mapped
        The file it is read from; None for one in memory alone.
    """

    layers: tuple[int, ...]
    hashes: Tensor
    offsets: Tensor
    truncated: Tensor
    token_ids: Tensor
    values: Tensor
    scales: Tensor | None = None
    mapped: Mapped | None = None

    @property
    def path(self) -> Path | None:
        """The file; None for a shard in memory alone."""
        return None if self.mapped is None else self.mapped.path

    @functools.cached_property
    def keys(self) -> list[bytes]:
        """What its texts are known by."""
        together = self.hashes.numpy().tobytes()
        return [together[i : i + 16] for i in range(0, len(together), 16)]

    @property
    def index(self) -> dict[str, Tensor]:
        """What says which texts are in it, and where."""
        return {"hashes": self.hashes, "offsets": self.offsets, "truncated": self.truncated}

    @property
    def states(self) -> dict[str, Tensor]:
        """What is known of the texts."""
        scales = {} if self.scales is None else {"scales": self.scales}
        return {"token_ids": self.token_ids, "values": self.values, **scales}

    @property
    def n_bytes(self) -> int:
        """Size of its tensors."""
        return sum(tensor.nbytes for tensor in (self.index | self.states).values())

    def rows(self, text: int, columns: list[int] | slice) -> Tensor:
        """Return one text's values ``(n_tokens, layers, dim)``."""
        start, stop = int(self.offsets[text]), int(self.offsets[text + 1])
        values = self.values[start:stop, columns]
        if self.scales is None:
            return values
        return (values.float() * self.scales[start:stop, columns].float().unsqueeze(2)).to(torch.bfloat16)

    def ids(self, text: int) -> Tensor:
        """Return one text's token ids."""
        return self.token_ids[int(self.offsets[text]) : int(self.offsets[text + 1])]

    def check(self) -> None:
        """Read the states once and compare with their checksum.

        Raises `FeatureStoreError` if they are damaged.
        """
        if self.mapped is None or self.mapped.checked:
            return
        if checksum_of(self.states) != self.mapped.checksum:
            raise FeatureStoreError("the checksum of the states does not fit")
        self.mapped.checked = True
        self.forget()

    def forget(self) -> None:
        """Let the system drop the mapped pages from this process; they are read again when needed."""
        if self.mapped is not None and self.mapped.droppable and hasattr(mmap, "MADV_DONTNEED"):
            content = self.mapped.content
            _c_library().madvise(ctypes.c_void_p(content.data_ptr()), ctypes.c_size_t(len(content)), mmap.MADV_DONTNEED)

    def only(self, texts: Sequence[int]) -> Shard:
        """Return these of its texts as a shard in memory."""
        chosen = torch.tensor(texts, dtype=torch.int64)
        lengths = self.offsets.diff()[chosen]
        rows = concat_ranges(self.offsets[:-1][chosen], lengths)
        return Shard(
            layers=self.layers,
            hashes=self.hashes[chosen],
            offsets=offsets_of(lengths),
            truncated=self.truncated[chosen],
            token_ids=self.token_ids[rows],
            values=self.values[rows],
            scales=None if self.scales is None else self.scales[rows],
        )


def make_shard(features: TokenFeatures, hashes: np.ndarray, form: Form) -> Shard:
    """Bring the features of a run of texts into the form they are kept in."""
    assert features.provenance is not None
    assert features.token_ids is not None
    assert features.truncated is not None
    values, scales = features.values.contiguous(), None
    if form == "int8":
        wide = values.float()
        scales = (wide.abs().amax(2) / 127).clamp(min=1e-12)
        values = (wide / scales.unsqueeze(2)).round().to(torch.int8)
    return Shard(
        layers=features.provenance.layers,
        hashes=torch.as_tensor(hashes),
        offsets=features.offsets,
        truncated=features.truncated,
        token_ids=features.token_ids,
        values=values,
        scales=scales,
    )


def join(shards: Sequence[Shard]) -> Shard:
    """Return the texts of several shards of the same layers and form in one, in memory."""
    scales = [shard.scales for shard in shards if shard.scales is not None]
    return Shard(
        layers=shards[0].layers,
        hashes=torch.cat([shard.hashes for shard in shards]),
        offsets=offsets_of(torch.cat([shard.offsets.diff() for shard in shards])),
        truncated=torch.cat([shard.truncated for shard in shards]),
        token_ids=torch.cat([shard.token_ids for shard in shards]),
        values=torch.cat([shard.values for shard in shards]),
        scales=torch.cat(scales) if scales else None,
    )


def checksum_of(tensors: dict[str, Tensor]) -> int:
    """Return the CRC-32 of tensors' bytes, by name."""
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(tensors[name].contiguous().flatten().view(torch.uint8).numpy().data, total)
    return total


@functools.cache
def _c_library() -> Any:
    return ctypes.CDLL(None)

"""The plain forward pass of any transformers model: texts padded to rectangles, padding taken off again.

Used where an architecture's parts are not known to the packed pass, and for training the encoder itself.
"""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from spacetune.encoders.families import family_of
from spacetune.encoders.passes.packed import PackedBatch
from spacetune.encoders.ragged import concat_ranges, offsets_of
from spacetune.errors import EncoderError

__all__ = ["PaddedEncoder", "rectangle"]


class PaddedEncoder(nn.Module):
    """Runs a transformers model on a batch of texts and returns the states of real tokens only.

    Texts of like length share a rectangle: with short and long ones in a batch, most of one rectangle would be padding.
    An architecture not known to honour the attention mask gets texts of one length at a time, unpadded.

    Parameters
    ----------
    model
        A transformers model whose output has `hidden_states`.
    uses_segments
        Whether it takes `token_type_ids`.
    """

    def __init__(self, model: Any, uses_segments: bool) -> None:
        super().__init__()
        self.model = model
        self.uses_segments = uses_segments
        self.pads = family_of(model.config.model_type).masks_padding

    def hidden_states(self, batch: PackedBatch, layers: Sequence[int]) -> list[Tensor]:
        """Return the states ``(n_tokens, dim)`` after the asked layers (0: the embeddings), in their order."""
        lengths = torch.tensor(batch.lengths)
        groups = _alike(batch.lengths, self.pads)
        if not groups:
            none = batch.token_ids.new_zeros(0, self.model.config.hidden_size, dtype=self.model.dtype)
            return [none] * len(layers)
        starts = offsets_of(lengths)[:-1]
        rows = [concat_ranges(starts[group], lengths[group]).to(batch.token_ids.device) for group in groups]
        states = [
            self._rectangle(PackedBatch(batch.token_ids[own], batch.segment_ids[own], lengths[group].tolist()), layers)
            for group, own in zip(groups, rows, strict=True)
        ]
        back = torch.cat(rows).argsort()
        return [torch.cat(same)[back] for same in zip(*states, strict=True)]

    def _rectangle(self, batch: PackedBatch, layers: Sequence[int]) -> list[Tensor]:
        given, mask = rectangle(batch, self.uses_segments)
        states = getattr(self.model(**given, output_hidden_states=True), "hidden_states", None)
        if not states or len(states) <= max(layers) or any(s.shape[:2] != mask.shape for s in states):
            kind = self.model.config.model_type
            raise EncoderError(f"{kind} models do not give a state of every layer for every token")
        return [states[layer][mask] for layer in layers]


def _alike(lengths: Sequence[int], pads: bool) -> list[Tensor]:
    """Group texts by length, empty ones left out: the same length, or where padding is masked the same power of two.

    >>> [group.tolist() for group in _alike([3, 100, 0, 4, 70], pads=True)]
    [[0, 3], [1, 4]]
    """

    def size(i: int) -> int:
        return (lengths[i] - 1).bit_length() if pads else lengths[i]

    wanted = sorted((i for i, length in enumerate(lengths) if length), key=size)
    return [torch.tensor(list(same)) for _, same in groupby(wanted, size)]


def rectangle(batch: PackedBatch, uses_segments: bool) -> tuple[dict[str, Tensor], Tensor]:
    """Pad a batch to a rectangle: what a transformers model is called with, and the mask ``(text, token)``."""
    device = batch.token_ids.device
    lengths = torch.tensor(batch.lengths, device=device)
    mask = torch.arange(max(batch.lengths), device=device) < lengths[:, None]
    ids = torch.zeros(mask.shape, dtype=torch.long, device=device)
    ids[mask] = batch.token_ids.long()
    given = {"input_ids": ids, "attention_mask": mask.long()}
    if uses_segments:
        segments = torch.zeros_like(ids)
        segments[mask] = batch.segment_ids.long()
        given["token_type_ids"] = segments
    return given, mask

"""The plain forward pass of any transformers model: texts padded to a rectangle, padding taken off again.

Used where an architecture's parts are not known to the packed pass, and for training the encoder itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from spacetune.encoders.families import masks_padding
from spacetune.encoders.packed import PackedBatch
from spacetune.errors import EncoderError

__all__ = ["PaddedEncoder", "rectangle"]


class PaddedEncoder(nn.Module):
    """Runs a transformers model on a batch of texts and returns the states of real tokens only.

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
        self.pads = masks_padding(model.config.model_type)

    def hidden_states(self, batch: PackedBatch, layers: Sequence[int]) -> list[Tensor]:
        """Return the states ``(n_tokens, dim)`` after the asked layers (0: the embeddings), in their order."""
        lengths = [length for length in batch.lengths if length]
        if not lengths:
            none = batch.token_ids.new_zeros(0, self.model.config.hidden_size, dtype=self.model.dtype)
            return [none] * len(layers)
        runs = [lengths] if self.pads else [list(same) for _, same in groupby(lengths)]
        sizes = [sum(run) for run in runs]
        parts = zip(runs, batch.token_ids.split(sizes), batch.segment_ids.split(sizes), strict=True)
        states = [self._rectangle(PackedBatch(ids, segments, run), layers) for run, ids, segments in parts]
        return [torch.cat(same) for same in zip(*states, strict=True)]

    def _rectangle(self, batch: PackedBatch, layers: Sequence[int]) -> list[Tensor]:
        given, mask = rectangle(batch, self.uses_segments)
        states = getattr(self.model(**given, output_hidden_states=True), "hidden_states", None)
        if not states or len(states) <= max(layers) or any(s.shape[:2] != mask.shape for s in states):
            kind = self.model.config.model_type
            raise EncoderError(f"{kind} models do not give a state of every layer for every token")
        return [states[layer][mask] for layer in layers]


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

"""The plain forward pass of any transformers model: texts padded to a rectangle, padding taken off again.

Used where an architecture's parts are not known to the packed pass, and for training the encoder itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from spacetune.encoders.packed import PackedBatch

__all__ = ["PaddedEncoder"]


class PaddedEncoder(nn.Module):
    """Runs a transformers model on a batch of texts and returns the states of real tokens only.

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

    def hidden_states(self, batch: PackedBatch, layers: Sequence[int]) -> list[Tensor]:
        """Return the states ``(n_tokens, dim)`` after the asked layers (0: the embeddings), in their order."""
        device = batch.token_ids.device
        lengths = torch.tensor(batch.lengths, device=device)
        mask = torch.arange(max(batch.lengths), device=device) < lengths[:, None]
        ids = torch.zeros(mask.shape, dtype=torch.long, device=device)
        ids[mask] = batch.token_ids.long()
        given = {"input_ids": ids, "attention_mask": mask.long()}
        if self.uses_segments:
            segments = torch.zeros_like(ids)
            segments[mask] = batch.segment_ids.long()
            given["token_type_ids"] = segments
        states = self.model(**given, output_hidden_states=True).hidden_states
        return [states[layer][mask] for layer in layers]

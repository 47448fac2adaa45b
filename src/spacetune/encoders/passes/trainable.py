"""An encoder with gradients, for training it under a head; and back to a frozen one."""

# The types of torch are partial.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spacetune.encoders.encoder import Encoder
from spacetune.encoders.loading.load import float32_copy, freeze, weights_digest
from spacetune.encoders.passes.packed import PackedBatch
from spacetune.encoders.passes.padded import PaddedEncoder
from spacetune.encoders.ragged import offsets_of
from spacetune.encoders.token_features import TokenFeatures

__all__ = ["TrainableEncoder"]


class TrainableEncoder(nn.Module):
    """A float32 copy of an encoder, loaded anew where it has a file, that gives token features with gradients.

    Parameters
    ----------
    encoder
        The frozen encoder; it is not touched.
    layers
        Which layers' states to give.
    seed
        Seeds the encoder's own dropout while training, without touching torch's global state.
    """

    def __init__(self, encoder: Encoder, layers: tuple[int, ...], seed: int) -> None:
        super().__init__()
        self._frozen = encoder.single_pass
        self.layers = layers
        model, self._tokenizer = float32_copy(encoder.source, encoder.loaded)
        self.runner = PaddedEncoder(model.requires_grad_(True), "token_type_ids" in self._tokenizer.model_input_names)
        pooler = getattr(model, "pooler", None)
        if pooler is not None:
            pooler.requires_grad_(False)
        self._state = torch.Generator().manual_seed(seed).get_state()

    def forward(self, texts: list[Any]) -> TokenFeatures:
        """Return the texts' token features ``(n_tokens, n_layers, dim)``."""
        tokenized = self._frozen.tokenize(texts)
        batch = PackedBatch(
            torch.as_tensor(tokenized.token_ids),
            torch.as_tensor(tokenized.segment_ids),
            tokenized.lengths.tolist(),
        )
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self._state)
            states = self.runner.hidden_states(batch, self.layers)
            self._state = torch.get_rng_state()
        offsets = offsets_of(torch.as_tensor(tokenized.lengths))
        return TokenFeatures(torch.stack(states, dim=1), offsets, batch.token_ids, self._frozen.provenance(self.layers))

    def reseed(self, generator: torch.Generator) -> None:
        """Draw the seed of the next dropout, so that a resumed run draws what an uninterrupted one does."""
        seed = int(torch.randint(1 << 62, (), generator=generator))
        self._state = torch.Generator().manual_seed(seed).get_state()

    def frozen(self) -> Encoder:
        """Return the trained weights as a frozen encoder of the same dtype and length limit."""
        encoder = self._frozen
        model = self.runner.model.eval().requires_grad_(False)
        name = f"{Path(encoder.name).name}, trained further"
        source = dataclasses.replace(encoder.source, name=name, origin="trained", sha256=weights_digest(model))
        loaded = freeze(model.to(encoder.dtype), self._tokenizer, source, encoder.dtype, encoder.device)
        return type(encoder)(source, loaded, encoder.max_length)

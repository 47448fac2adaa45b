"""A frozen encoder that runs under a prefix: differentiable in the prefix, and in nothing else."""

# The types of torch, NumPy and transformers are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from spacetune.encoders.adapters.lora import LoraShape, LoraStates, lora_shape, under_lora
from spacetune.encoders.adapters.prefix import PrefixShape, PrefixStates
from spacetune.encoders.adapters.prefix_attention import admit_prefixes, run_under_prefix
from spacetune.encoders.batching import token_batches
from spacetune.encoders.families import FAMILIES, family_of
from spacetune.encoders.loading.load import load_model, sharing_copy
from spacetune.encoders.passes.packed import PackedBatch
from spacetune.encoders.passes.padded import rectangle
from spacetune.encoders.ragged import concat_ranges, offsets_of
from spacetune.encoders.reads import Reads
from spacetune.encoders.token_features import TokenFeatures
from spacetune.encoders.tokenizing import Tokenized
from spacetune.errors import UnsupportedByFamily, UsageError

__all__ = ["Adapter", "Pooling", "PrefixedEncoder"]

Adapter = PrefixStates | LoraStates
"""What can be put into a frozen encoder: keys and values, or low-rank additions to its projections."""

Pooling = Literal["mean", "pooler"]
"""What a head reads: the mean of the tokens' states, or the encoder's own pooled first token (BERT's pooler)."""

BATCH_TOKENS = 2048


class PrefixedEncoder:
    """The encoder in float32, in eval mode and frozen, with a way in for prefixes. Made by `Encoder.prefixed`.

    A float32 encoder shares its weights with this one; of another dtype the weights are loaded anew.

    Parameters
    ----------
    encoder
        The frozen encoder; it is not touched.

    Raises
    ------
    UnsupportedByFamily
        If the encoder's family takes no prefix.
    """

    def __init__(self, encoder: Reads) -> None:
        self.encoder = encoder
        source, loaded = encoder.source, encoder.loaded
        if encoder.dtype == torch.float32 or source.in_memory:
            self.model = sharing_copy(loaded.model).float()
        else:
            self.model = load_model(source, torch.float32)[0].to(encoder.device)
        admit_prefixes(self.model)
        self.model.eval().requires_grad_(False)
        if getattr(self.model.config, "use_cache", False):
            self.model.config.use_cache = False
        self.uses_segments = "token_type_ids" in loaded.tokenizer.model_input_names

    def shape(self, length: int, *, position_shift: bool = False) -> PrefixShape:
        """Return the shape of a prefix of this length.

        Raises
        ------
        UsageError
            If the length is below 0, or with `position_shift` leaves too few positions for the longest texts.
        """
        config = self.model.config
        if length < 0:
            raise UsageError(f"a prefix has 0 virtual tokens or more, got {length}")
        if position_shift:
            self._check_shift(length)
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        return PrefixShape(config.num_hidden_layers, heads, width, length)

    def lora_shape(self, rank: int) -> LoraShape:
        """Return the shape of a low-rank adapter of queries and values."""
        return lora_shape(self.model, rank)

    def _check_shift(self, length: int) -> None:
        kind = self.model.config.model_type
        if kind not in family_of(kind).shifts:
            able = ", ".join(name for family in FAMILIES for name in family.shifts)
            raise UnsupportedByFamily(
                f"position_shift is PEFT's way with {able} encoders, not with {kind}; leave it off"
            )
        longest, limit = self.encoder.loaded.longest, self.encoder.max_length
        if limit + length > longest:
            raise UsageError(
                f"the encoder has {longest} positions: with position_shift a prefix of {length} leaves "
                f"{max(longest - length, 0)}, and texts may have {limit} tokens; "
                f"take a shorter prefix, a smaller max_length, or leave position_shift off"
            )

    def checkpoint_gradients(self) -> None:
        """Compute states again for the backward pass rather than keep them: equal gradients in less memory.

        Raises
        ------
        UnsupportedByFamily
            If layers have no number to find their part of the prefix by when they run again.
        """
        from transformers.modeling_layers import GradientCheckpointingLayer

        layers = [part for part in self.model.modules() if isinstance(part, GradientCheckpointingLayer)]
        if not layers or not any(hasattr(part, "layer_idx") for part in self.model.modules()):
            kind = self.model.config.model_type
            raise UnsupportedByFamily(f"{kind} encoders cannot run layers again under a prefix; leave checkpoints off")
        self.model.gradient_checkpointing_enable()
        for layer in layers:
            layer.training = True  # the layer's own switch; its parts stay in eval mode, without dropout

    def hidden_states(
        self, batch: PackedBatch, prefix: Adapter, layers: Sequence[int], pooling: Pooling = "mean"
    ) -> Tensor:
        """Return the real tokens' states ``(n_tokens, layer, dim)`` under a prefix; gradients reach the prefix.

        With ``pooling="pooler"`` there is one layer: the pooled vector times the text's length at its first token,
        zeros elsewhere, so that the mean over tokens is the pooled vector.

        Raises
        ------
        UsageError
            If the prefix is of another encoder's shape.
        EncoderError
            If a layer did not take its part of the prefix.
        """
        given, mask = rectangle(batch, self.uses_segments)
        if isinstance(prefix, LoraStates):
            with under_lora(self.model, prefix):
                output = self.model(**given, output_hidden_states=True)
        else:
            output = self._run(given, prefix)
        if pooling == "mean":
            return torch.stack([output.hidden_states[layer][mask] for layer in layers], dim=1)
        pooled = getattr(output, "pooler_output", None)
        if pooled is None:
            raise UnsupportedByFamily(f"{self.model.config.model_type} has no pooler; use pooling='mean'")
        spread = pooled.new_zeros(*mask.shape, pooled.shape[1])
        spread[:, 0] = pooled * mask.sum(1, keepdim=True)
        return spread[mask].unsqueeze(1)

    def _run(self, given: dict[str, Tensor], prefix: PrefixStates) -> Any:
        if prefix.shape != self.shape(prefix.shape.length, position_shift=prefix.position_shift):
            raise UsageError(f"the prefix is {prefix.shape}, this encoder takes {self.shape(prefix.shape.length)}")
        placed = PrefixStates(prefix.values.to(self.model.device), prefix.position_shift)
        return run_under_prefix(self.model, given, placed)

    def features(
        self,
        tokenized: Tokenized,
        rows: Tensor,
        prefix: Adapter,
        layers: tuple[int, ...],
        pooling: Pooling = "mean",
    ) -> TokenFeatures:
        """Return features of some tokenised texts in one batch, with gradients into the prefix."""
        lengths = torch.as_tensor(tokenized.lengths)
        at = concat_ranges(offsets_of(lengths)[:-1][rows], lengths[rows])
        ids = torch.as_tensor(tokenized.token_ids)[at]
        segments = torch.as_tensor(tokenized.segment_ids)[at]
        device = self.model.device
        batch = PackedBatch(ids.to(device), segments.to(device), lengths[rows].tolist())
        values = self.hidden_states(batch, prefix, layers, pooling).to("cpu")
        cut = torch.as_tensor(tokenized.truncated)[rows]
        provenance = dataclasses.replace(self.encoder.provenance(layers, int(cut.sum())), dtype="float32")
        return TokenFeatures(values, offsets_of(lengths[rows]), ids, provenance, cut)

    def encode(self, texts: Any, prefix: Adapter, layers: tuple[int, ...], pooling: Pooling = "mean") -> TokenFeatures:
        """Return features of any number of texts, without gradients, in batches of like length."""
        tokenized = self.encoder.tokenize(texts)
        order: list[np.ndarray] = list(token_batches(tokenized.lengths, BATCH_TOKENS, mixed=False))
        with torch.no_grad():
            parts = [
                self.features(tokenized, rows, prefix.take(rows), layers, pooling)
                for rows in map(torch.as_tensor, order)
            ]
        return TokenFeatures.concat(parts).take(torch.as_tensor(np.argsort(np.concatenate(order), kind="stable")))

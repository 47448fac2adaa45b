"""The packed pass of a post-LayerNorm encoder, keeping what a dissection needs."""

# The types of torch and NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spacetune.encoders.passes.attention import Span, attend, mix, spans_of
from spacetune.encoders.passes.layout import lay_out
from spacetune.encoders.passes.packed import Norm as NormWeights
from spacetune.encoders.passes.packed import PackedBatch, PackedEncoder, norm_of, normed
from spacetune.encoders.passes.tracing.trace import Addition, AttentionSpan, Bias, Heads, Norm, Trace

__all__ = ["PackedTracer"]


class PackedTracer(PackedEncoder):
    """Runs an encoder as `PackedEncoder` does, with the outer biases taken out of the products and added by hand.

    Parameters
    ----------
    model
        A loaded transformers model of a family whose parts are known.
    dtype
        What to compute in.
    """

    packs = True

    def __init__(self, model: Any, dtype: torch.dtype) -> None:
        super().__init__(model, dtype)
        self._biases: list[tuple[Tensor, Tensor, Tensor]] = []
        for prepared, layer in zip(self._layers, self.parts.layers, strict=True):
            value = layer.value.bias.detach().to(dtype)
            pushed = value @ layer.attention_out.weight.detach().to(dtype).T  # attention rows sum to 1
            assert prepared.qkv.bias is not None
            assert prepared.attention_out.bias is not None
            assert prepared.ff_out.bias is not None
            prepared.qkv.bias[-len(value) :] = 0
            self._biases.append((prepared.attention_out.bias, pushed, prepared.ff_out.bias))
            prepared.attention_out.bias = prepared.ff_out.bias = None

    def trace(self, batch: PackedBatch, layers: Collection[int], *, weights: bool = False) -> Trace:
        """Run a batch up to the highest of these layers; `weights` keeps attention weights and values too."""
        layout = lay_out(np.asarray(batch.lengths))
        rows = torch.as_tensor(layout.rows).to(batch.token_ids.device)
        spans = spans_of(layout, self.parts, self.dtype, rows.device)
        start, biases, x = self._start(self._sum(batch, layout, rows).to(self.dtype))
        states = {0: x}
        additions: list[Addition] = []
        for depth in range(1, max(layers) + 1):
            x = self._traced_layer(depth, x, spans, additions, weights)
            if depth in layers:
                states[depth] = x
        return Trace(start, biases, tuple(additions), states, rows, torch.tensor(batch.lengths))

    def _start(self, summed: Tensor) -> tuple[Tensor, tuple[Bias, ...], Tensor]:
        """Take layer 0 apart: the embeddings through their norm and projection, and what these add."""
        x, norm = _normed(summed, norm_of(self.parts.embedding_norm, self.dtype), 0)
        start = summed * norm.gain * norm.rstd[:, None]
        assert norm.shift is not None
        assert norm.mean is not None
        shift, mean = norm.shift, norm.gain
        project, projected = self.parts.project, ()
        if project is not None:
            matrix, bias = project.weight.detach().to(self.dtype), project.bias.detach().to(self.dtype)
            start, shift, mean, x = start @ matrix.T, matrix @ shift, matrix @ mean, x @ matrix.T + bias
            projected = (Bias("projection", 0, bias),)
        means = Bias("norm_mean", 0, mean, -norm.mean * norm.rstd)
        return start, (Bias("norm_shift", 0, shift), means, *projected), x

    def _traced_layer(
        self, depth: int, x: Tensor, spans: list[Span], additions: list[Addition], weights: bool
    ) -> Tensor:
        layer, (output, value, ff_output) = self._layers[depth - 1], self._biases[depth - 1]
        place = 2 * depth - 1
        heads = self._traced_heads(layer.qkv(x), spans, layer.attention_out.weight, weights)
        added = layer.attention_out(heads.mixed.flatten(1))
        x, norm = _normed((x + added).add_(output + value), layer.attention_norm, place)
        biases = Bias("attention_output", place, output), Bias("attention_value", place, value)
        additions.append(Addition(added, biases, norm, heads))
        added = layer.ff_out(layer.ff_in.activated(x, layer.activation, layer.activation_name))
        x, norm = _normed((x + added).add_(ff_output), layer.output_norm, place + 1)
        additions.append(Addition(added, (Bias("feed_forward_output", place + 1, ff_output),), norm))
        return x

    def _traced_heads(self, qkv: Tensor, spans: list[Span], matrix: Tensor, weights: bool) -> Heads:
        n_heads, width = self.parts.n_heads, qkv.shape[1] // 3
        if not weights:
            return Heads(attend(qkv, spans, n_heads).unflatten(1, (n_heads, -1)), matrix)
        kept: list[AttentionSpan] = []
        mixed: list[Tensor] = []
        for span in spans:
            attention, out, _ = mix(qkv, span, n_heads)
            kept.append(AttentionSpan(span[0], span[2], attention))
            mixed.append(out)
        values = qkv[:, 2 * width :].unflatten(1, (n_heads, -1))
        return Heads(torch.cat(mixed), matrix, values, tuple(kept))


def _normed(x: Tensor, weights: NormWeights, place: int) -> tuple[Tensor, Norm]:
    out, mean, rstd = normed(x, weights)
    return out, Norm(place, weights[0], weights[1], mean[:, 0], rstd[:, 0])

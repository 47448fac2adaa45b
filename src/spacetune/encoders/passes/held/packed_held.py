"""The packed pass of a post-LayerNorm encoder with its factors held: forward once, and back for any outputs."""

# The types of torch and NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from spacetune.encoders.adapters.prefix import PrefixStates
from spacetune.encoders.passes.attention import Span, mix, spans_of
from spacetune.encoders.passes.held.held_pass import InputParts
from spacetune.encoders.passes.layout import lay_out
from spacetune.encoders.passes.linear import Affine
from spacetune.encoders.passes.packed import Norm, PackedBatch, PackedEncoder, PackedLayer, norm_of, normed

__all__ = ["PackedHeld"]

TINY = 1e-20


class PackedHeld(PackedEncoder):
    """Runs an encoder as `PackedEncoder` does, and keeps what the way back needs.

    Parameters
    ----------
    model
        A loaded transformers model of a family whose parts are known.
    dtype
        What to compute in.
    """

    @functools.cached_property
    def project(self) -> Affine | None:
        """What stands between the embeddings and the first layer, in the dtype it runs in."""
        return None if self.parts.project is None else Affine([self.parts.project], self.dtype)

    def run(self, batch: PackedBatch, layers: Sequence[int], prefix: PrefixStates | None = None) -> PackedPass:
        """Run texts up to the highest of these layers, behind a prefix shared by all where there is one."""
        layout = lay_out(np.asarray(batch.lengths))
        if prefix is not None and prefix.position_shift:
            layout = dataclasses.replace(layout, positions=layout.positions + prefix.shape.length)
        rows = torch.as_tensor(layout.rows).to(batch.token_ids.device)
        summed = self._sum(batch, layout, rows).to(self.dtype)
        words = torch.zeros_like(summed)
        words[rows] = self.parts.words(batch.token_ids).to(self.dtype)
        x, _, rstd = normed(summed, norm_of(self.parts.embedding_norm, self.dtype))
        x = x if self.project is None else self.project(x)
        spans = spans_of(layout, self.parts, self.dtype, x.device)
        kept, states = list[_Held](), {0: x}
        for depth in range(1, max(layers) + 1):
            behind = None if prefix is None else prefix.pair(depth - 1, 1)
            x, held = self._held_layer(depth - 1, x, spans, behind)
            kept.append(held)
            states[depth] = x
        return PackedPass(self, tuple(layers), tuple(states.values()), tuple(kept), rows, words, summed - words, rstd)

    def _held_layer(
        self, number: int, x: Tensor, spans: list[Span], prefix: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, _Held]:
        layer = self._layers[number]
        qkv = layer.qkv(x)
        weights, mixed, brought = zip(*(mix(qkv, span, self.parts.n_heads, prefix) for span in spans), strict=True)
        after, _, attention_rstd = normed(
            layer.attention_out.plus(torch.cat(mixed).flatten(1), x), layer.attention_norm
        )
        inner = layer.ff_in(after)
        active = layer.activation(inner.clone())
        out, _, output_rstd = normed(layer.ff_out.plus(active, after), layer.output_norm)
        carried = None if prefix is None else torch.cat(brought).flatten(1)
        return out, _Held(layer, spans, weights, attention_rstd, _gates(active, inner), output_rstd, carried)


@dataclasses.dataclass(frozen=True)
class _Held:
    """The factors of one layer: attention ``(block, head, row, row)`` a span, norms ``(row, 1)``, gates.

    Gates are ``(row, inner)``, and what a prefix brought to attention is ``(row, dim)``.
    """

    layer: PackedLayer
    spans: list[Span]
    weights: tuple[Tensor, ...]
    attention_rstd: Tensor
    gates: Tensor
    output_rstd: Tensor
    brought: Tensor | None

    def pull(self, g: Tensor, biases: Tensor, prefix: Tensor) -> Tensor:
        """Carry gradients ``(output, row, dim)`` from above this layer to below it; note what its biases bring."""
        layer = self.layer
        g = _through_norm(g, layer.output_norm, self.output_rstd, biases)
        inner = _through(g, layer.ff_out, biases) * self.gates
        g = g + _through(inner, layer.ff_in, biases)
        g = _through_norm(g, layer.attention_norm, self.attention_rstd, biases)
        mixed = _through(g, layer.attention_out, biases)
        if self.brought is not None:
            prefix.add_((mixed * self.brought).sum(-1))
        return g + _through(self._to_values(mixed), layer.qkv, biases, last=mixed.shape[-1])

    def _to_values(self, mixed: Tensor) -> Tensor:
        """Carry gradients of attention's mixtures back to the values."""
        back: list[Tensor] = []
        for (start, count, size, _), weights in zip(self.spans, self.weights, strict=True):
            heads = mixed[:, start : start + count * size].unflatten(1, (count, size))
            heads = heads.unflatten(3, (weights.shape[1], -1)).transpose(2, 3)
            back.append((weights.transpose(2, 3) @ heads).transpose(2, 3).flatten(3).flatten(1, 2))
        return torch.cat(back, dim=1)


@dataclasses.dataclass(frozen=True)
class PackedPass:
    """See `HeldPass`."""

    encoder: PackedHeld
    layers: tuple[int, ...]
    every: tuple[Tensor, ...]
    held: tuple[_Held, ...]
    rows: Tensor
    words: Tensor
    places: Tensor
    rstd: Tensor

    @property
    def states(self) -> Tensor:
        """The states ``(token, layer, dim)``."""
        return self._read().to("cpu")

    def _read(self) -> Tensor:
        return torch.stack([self.every[layer].index_select(0, self.rows) for layer in self.layers], dim=1)

    def pull(self, gradients: Tensor) -> InputParts:
        """Carry linear functions of the states back to the input."""
        n_outputs, encoder, n_depths = len(gradients), self.encoder, len(self.every)
        gradients = gradients.to(self.words)
        read = torch.einsum("otld,tld->lot", gradients, self._read())
        biases, prefix, along = (self.words.new_zeros(n_outputs, len(self.words)) for _ in range(3))
        g = self.every[0].new_zeros(n_outputs, *self.every[0].shape)
        for depth in range(n_depths - 1, -1, -1):
            if depth in self.layers:
                g[:, self.rows] += gradients[:, :, self.layers.index(depth)]
            along += (torch.einsum("ord,rd->or", g, self.every[depth]) + biases + prefix) / n_depths
            below = [each for each, layer in zip(read, self.layers, strict=True) if layer < depth]
            along[:, self.rows] += sum(below, torch.zeros_like(read[0])) / n_depths
            if depth:
                g = self.held[depth - 1].pull(g, biases, prefix)
        if encoder.project is not None:
            g = _through(g, encoder.project, biases)
        g = _through_norm(g, norm_of(encoder.parts.embedding_norm, encoder.dtype), self.rstd, biases)
        words, places = (torch.einsum("ord,rd->or", g, each) for each in (self.words, self.places))
        words, places, biases, along, prefix = (
            each[:, self.rows].to("cpu") for each in (words, places, biases, along, prefix)
        )
        prefixed = any(held.brought is not None for held in self.held)
        return InputParts(words, places, biases, along, prefix if prefixed else None)


def _through_norm(g: Tensor, norm: Norm, rstd: Tensor, biases: Tensor) -> Tensor:
    """Carry gradients through ``(x - mean(x)) · rstd · gain + shift`` with rstd held."""
    gain, shift, _ = norm
    biases.add_(g @ shift)
    g = g * gain
    return (g - g.mean(-1, keepdim=True)) * rstd


def _through(g: Tensor, affine: Affine, biases: Tensor, last: int | None = None) -> Tensor:
    """Carry gradients of all outputs of ``x W^T + b``, or of the last ones, to its input."""
    if affine.bias is not None:
        biases.add_(g @ (affine.bias if last is None else affine.bias[-last:]))
    return affine.back(g, last)


def _gates(active: Tensor, inner: Tensor) -> Tensor:
    """Return ``a(z) / z``; where z is 0 nothing comes of it."""
    return torch.where(inner.abs() > TINY, active / inner, 0)

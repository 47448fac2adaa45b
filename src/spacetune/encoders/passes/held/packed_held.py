"""The packed pass of a post-LayerNorm encoder with its factors held: forward once, and back for any outputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spacetune.encoders.adapters.prefix import PrefixStates
from spacetune.encoders.families import LayerParts
from spacetune.encoders.passes.attention import Span, spans_of
from spacetune.encoders.passes.held.held_pass import InputParts
from spacetune.encoders.passes.layout import lay_out
from spacetune.encoders.passes.packed import PackedBatch, PackedEncoder

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

    def run(self, batch: PackedBatch, layers: Sequence[int], prefix: PrefixStates | None = None) -> PackedPass:
        """Run texts up to the highest of these layers, behind a prefix shared by all where there is one."""
        layout = lay_out(np.asarray(batch.lengths))
        if prefix is not None and prefix.position_shift:
            layout = dataclasses.replace(layout, positions=layout.positions + prefix.shape.length)
        rows = torch.from_numpy(layout.rows).to(batch.token_ids.device)
        summed = self._sum(batch, layout, rows).to(self.dtype)
        words = torch.zeros_like(summed)
        words[rows] = self.parts.words(batch.token_ids).to(self.dtype)
        x, rstd = _normed(summed, self.parts.embedding_norm)
        if self.parts.project is not None:
            x = _affine(x, self.parts.project)
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
        layer, parts = self._layers[number], self.parts.layers[number]
        qkv = layer.qkv(x).unflatten(1, (3, self.parts.n_heads, -1))
        attended = [_attend(qkv[span[0] : span[0] + span[1] * span[2]], span, prefix) for span in spans]
        weights, mixed, brought = zip(*attended, strict=True)
        after, attention_rstd = _normed(layer.attention_out.plus(torch.cat(mixed), x), parts.attention_norm)
        inner = layer.ff_in(after)
        active = parts.activation(inner.clone())
        out, output_rstd = _normed(layer.ff_out.plus(active, after), parts.output_norm)
        carried = None if prefix is None else torch.cat(brought)
        return out, _Held(parts, spans, weights, attention_rstd, _gates(active, inner), output_rstd, carried)


def _attend(qkv: Tensor, span: Span, prefix: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor, Tensor]:
    """Return attention rows ``(block, head, row, row)``, what is mixed by them, and what of it is the prefix's."""
    _, count, size, bias = span
    q, k, v = qkv.unflatten(0, (count, size)).permute(2, 0, 3, 1, 4)
    scores = q @ k.transpose(2, 3) * q.shape[-1] ** -0.5
    scores = scores if bias is None else scores + bias
    keys, values = (k[:, :, :0], v[:, :, :0]) if prefix is None else (part.to(q) for part in prefix)
    before = q @ keys.transpose(2, 3) * q.shape[-1] ** -0.5
    rates = torch.softmax(torch.cat([before, scores], dim=-1), dim=-1)
    own, carried = rates[..., -size:], rates[..., :-size] @ values
    return own, _rows(own @ v + carried), _rows(carried)


def _rows(heads: Tensor) -> Tensor:
    """Lay ``(block, head, row, width)`` out as ``(row, dim)``."""
    return heads.transpose(1, 2).flatten(2).flatten(0, 1)


@dataclasses.dataclass(frozen=True)
class _Held:
    """The factors of one layer: attention ``(block, head, row, row)`` a span, norms ``(row, 1)``, gates.

    Gates are ``(row, inner)``, and what a prefix brought to attention is ``(row, dim)``.
    """

    parts: LayerParts
    spans: list[Span]
    weights: tuple[Tensor, ...]
    attention_rstd: Tensor
    gates: Tensor
    output_rstd: Tensor
    brought: Tensor | None

    def pull(self, g: Tensor, biases: Tensor, prefix: Tensor) -> Tensor:
        """Carry gradients ``(output, row, dim)`` from above this layer to below it; note what its biases bring."""
        parts = self.parts
        g = _through_norm(g, parts.output_norm, self.output_rstd, biases)
        inner = _through(g, parts.ff_out, biases) * self.gates
        g = g + _through(inner, parts.ff_in, biases)
        g = _through_norm(g, parts.attention_norm, self.attention_rstd, biases)
        mixed = _through(g, parts.attention_out, biases)
        if self.brought is not None:
            prefix.add_((mixed * self.brought).sum(-1))
        return g + _through(self._to_values(mixed), parts.value, biases)

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
        n_outputs, parts, n_depths = len(gradients), self.encoder.parts, len(self.every)
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
        if parts.project is not None:
            g = _through(g, parts.project, biases)
        g = _through_norm(g, parts.embedding_norm, self.rstd, biases)
        words, places = (torch.einsum("ord,rd->or", g, each) for each in (self.words, self.places))
        found = (each[:, self.rows].to("cpu") for each in (words, places, biases, along, prefix))
        return InputParts(*found) if self.held and self.held[0].brought is not None else InputParts(*[*found][:4])


def _normed(x: Tensor, module: Any) -> tuple[Tensor, Tensor]:
    weight, bias = (p.detach().to(x.dtype) for p in (module.weight, module.bias))
    out, _, rstd = torch.native_layer_norm(x, weight.shape, weight, bias, module.eps)
    return out, rstd


def _affine(x: Tensor, module: Any) -> Tensor:
    return x @ module.weight.detach().to(x.dtype).T + module.bias.detach().to(x.dtype)


def _through_norm(g: Tensor, module: Any, rstd: Tensor, biases: Tensor) -> Tensor:
    """Carry gradients through ``(x - mean(x)) · rstd · gain + shift`` with rstd held."""
    biases.add_(g @ module.bias.detach().to(g.dtype))
    g = g * module.weight.detach().to(g.dtype)
    return (g - g.mean(-1, keepdim=True)) * rstd


def _through(g: Tensor, module: Any, biases: Tensor) -> Tensor:
    """Carry gradients through ``x W^T + b``."""
    if module.bias is not None:
        biases.add_(g @ module.bias.detach().to(g.dtype))
    return g @ module.weight.detach().to(g.dtype)


def _gates(active: Tensor, inner: Tensor) -> Tensor:
    """Return ``a(z) / z``; where z is 0 nothing comes of it."""
    return torch.where(inner.abs() > TINY, active / inner, 0)

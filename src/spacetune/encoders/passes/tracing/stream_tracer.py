"""Any pre-LayerNorm model, run by itself while its sub-layers' outputs are listened to."""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Collection, Generator
from typing import Any

import torch
from torch import Tensor, nn

from spacetune.encoders.families import StreamLayer, StreamParts, stream_of
from spacetune.encoders.loading.load import sharing_copy
from spacetune.encoders.passes.packed import PackedBatch
from spacetune.encoders.passes.padded import rectangle
from spacetune.encoders.passes.stream_attention import register_attention, rows_and_values
from spacetune.encoders.passes.tracing.trace import Addition, AttentionSpan, Bias, Heads, Norm, Trace

__all__ = ["StreamTracer"]

RECORDED = "spacetune_recorded"
Recorded = list[tuple[Tensor, Tensor]]
_recorded: contextvars.ContextVar[Recorded] = contextvars.ContextVar("recorded attention")


class StreamTracer:
    """Runs a model whose parts are known as a stream.

    The model's modules are copied, its weights shared, so that listening changes nothing for others.

    Parameters
    ----------
    model
        A loaded transformers model, in the dtype to compute in.
    """

    packs = False

    def __init__(self, model: Any) -> None:
        self.model = sharing_copy(model)
        self.parts: StreamParts = stream_of(self.model)
        register_attention(RECORDED, _recorded_attention)

    def trace(self, batch: PackedBatch, layers: Collection[int], *, weights: bool = False) -> Trace:
        """Run a batch; `weights` keeps attention weights and values too."""
        given, mask = rectangle(batch, uses_segments=False)
        caught: dict[int, tuple[Tensor, Tensor]] = {}
        recorded: Recorded = []
        self.model.set_attn_implementation(RECORDED if weights else "sdpa")
        token = _recorded.set(recorded)
        try:
            with _listening(self.parts, caught):
                states = self.model(**given, use_cache=False, output_hidden_states=True).hidden_states
        finally:
            _recorded.reset(token)
        start, biases = self._start(states[0], caught)
        final = _normed(
            caught[id(self.parts.final_norm)][0].flatten(0, 1), self.parts.final_norm, 2 * len(self.parts.layers)
        )
        additions: list[Addition] = []
        for i, layer in enumerate(self.parts.layers):
            attention = recorded[i] if weights else None
            norm = final[1] if i == len(self.parts.layers) - 1 else None
            additions += self._additions(i + 1, layer, caught, attention, norm)
        kept = {i: state.flatten(0, 1) for i, state in enumerate(states) if i in layers or i == 0}
        if len(self.parts.layers) in kept:
            kept[len(self.parts.layers)] = final[0]
        rows = mask.flatten().nonzero().squeeze(1)
        return Trace(start, biases, tuple(additions), kept, rows, torch.tensor(batch.lengths))

    def _start(self, state: Tensor, caught: dict[int, tuple[Tensor, Tensor]]) -> tuple[Tensor, tuple[Bias, ...]]:
        module = self.parts.embedding_norm
        if module is None:
            return state.flatten(0, 1), ()
        summed = caught[id(module)][0].flatten(0, 1)
        norm = _normed(summed, module, 0)[1]
        biases = [] if norm.shift is None else [Bias("norm_shift", 0, norm.shift)]
        if norm.mean is not None:
            biases.append(Bias("norm_mean", 0, norm.gain, -norm.mean * norm.rstd))
        return summed * norm.gain * norm.rstd[:, None], tuple(biases)

    def _additions(
        self,
        depth: int,
        layer: StreamLayer,
        caught: dict[int, tuple[Tensor, Tensor]],
        attention: tuple[Tensor, Tensor] | None,
        norm: Norm | None,
    ) -> tuple[Addition, Addition]:
        """Take the biases off what both sub-layers of a layer added."""
        mixed, added = (tensor.flatten(0, 1) for tensor in caught[id(layer.attention_out)])
        given = added.new_zeros(()) if layer.attention_bias is None else layer.attention_bias
        pushed = added.new_zeros(())
        if layer.value_bias is not None:
            mixed = mixed - layer.value_bias
            pushed = layer.attention_matrix @ layer.value_bias  # attention rows sum to 1
        biases = [Bias("attention_output", 2 * depth - 1, given)] if given.dim() else []
        biases += [Bias("attention_value", 2 * depth - 1, pushed)] if pushed.dim() else []
        heads = Heads(mixed.unflatten(1, (self.parts.n_heads, -1)), layer.attention_matrix)
        if attention is not None:
            heads = _with_weights(heads, attention, layer.value_bias)
        ff = caught[id(layer.ff_out)][1].flatten(0, 1)
        outer = () if layer.ff_bias is None else (Bias("feed_forward_output", 2 * depth, layer.ff_bias),)
        return (
            Addition(added - given - pushed, tuple(biases), None, heads),
            Addition(ff if layer.ff_bias is None else ff - layer.ff_bias, outer, norm),
        )


def _with_weights(heads: Heads, attention: tuple[Tensor, Tensor], value_bias: Tensor | None) -> Heads:
    weights, values = attention
    values = values.transpose(1, 2).flatten(0, 1)
    if value_bias is not None:
        values = values - value_bias.view(values.shape[1:])
    return Heads(heads.mixed, heads.matrix, values, (AttentionSpan(0, weights.shape[-1], weights),))


@contextlib.contextmanager
def _listening(parts: StreamParts, caught: dict[int, tuple[Tensor, Tensor]]) -> Generator[None]:
    """Catch input and output of the modules that matter, by id, while the model runs."""

    def catch(module: nn.Module, given: tuple[Any, ...], out: Any) -> None:
        caught[id(module)] = given[0], out

    modules = [parts.final_norm, *(m for layer in parts.layers for m in (layer.attention_out, layer.ff_out))]
    modules += [] if parts.embedding_norm is None else [parts.embedding_norm]
    with contextlib.ExitStack() as stack:
        for module in modules:
            stack.callback(module.register_forward_hook(catch).remove)
        yield


def _normed(x: Tensor, module: Any, place: int) -> tuple[Tensor, Norm]:
    """Normalise in x's own dtype; transformers' RMSNorm always goes through float32."""
    if isinstance(module, nn.LayerNorm):
        out, mean, rstd = torch.native_layer_norm(x, module.weight.shape, module.weight, module.bias, module.eps)
        return out, Norm(place, module.weight, module.bias, mean[:, 0], rstd[:, 0])
    rstd = torch.rsqrt(x.square().mean(1) + module.variance_epsilon)
    return x * rstd[:, None] * module.weight, Norm(place, module.weight, None, None, rstd)


def _recorded_attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, Tensor]:
    weights, value = rows_and_values(query, key, value, attention_mask, options.get("scaling"))
    _recorded.get().append((weights, value))
    return (weights @ value).transpose(1, 2), weights

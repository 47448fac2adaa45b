"""A pre-LayerNorm model run by itself with its factors held: what multiplies is detached, and autograd goes back."""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn

from spacetune.encoders.adapters.prefix import PrefixStates
from spacetune.encoders.families import StreamParts, stream_of
from spacetune.encoders.loading.load import sharing_copy
from spacetune.encoders.passes.held.held_pass import InputParts
from spacetune.encoders.passes.packed import PackedBatch
from spacetune.encoders.passes.padded import rectangle
from spacetune.encoders.passes.stream_attention import register_attention, rows_and_values

__all__ = ["StreamHeld"]

HELD = "spacetune_held"
LAYER = re.compile(r"\.(\d+)\.")

Kind = Literal["words", "places", "biases"]


@dataclasses.dataclass(frozen=True)
class _Site:
    """A place where something is added: ``(text, position, dim)``, and the layer it belongs to."""

    kind: Kind
    layer: int
    added: Tensor


class StreamHeld:
    """Runs a model whose parts are known as a stream.

    Held are attention rows, the norms' deviations, and the gates of activations; where the feed-forward multiplies an
    activated half with a plain one, the activated half is the gate.

    Parameters
    ----------
    model
        A loaded transformers model, in the dtype to compute in; its modules are copied, its weights shared.
    """

    def __init__(self, model: Any) -> None:
        self.model = sharing_copy(model)
        self.parts: StreamParts = stream_of(self.model)
        self._sites: list[_Site] = []
        self._n_texts = 0
        self._words = self.model.get_input_embeddings()
        activations = {id(layer.activation) for layer in self.parts.layers}
        modules: list[tuple[str, Any]] = list(self.model.named_modules())
        for name, module in modules:
            found = LAYER.search(f".{name}.")
            layer = len(self.parts.layers) if module is self.parts.final_norm else int(found[1]) + 1 if found else 0
            if id(module) in activations:
                module.forward = _gated(module.forward) if self.parts.gated else _active(module.forward)
            elif isinstance(module, nn.Embedding):
                module.register_forward_hook(self._note("words" if module is self._words else "places", layer))
            elif hasattr(module, "variance_epsilon") or isinstance(module, nn.LayerNorm):
                cast("Any", module).forward = self._norm(module, layer)
            elif isinstance(getattr(module, "bias", None), nn.Parameter):
                module.register_forward_hook(self._note("biases", layer))
        register_attention(HELD, _held_attention)
        self.model.set_attn_implementation(HELD)

    def run(self, batch: PackedBatch, layers: Sequence[int], prefix: PrefixStates | None = None) -> StreamPass:
        """Run texts, and keep the graph from the states of these layers back to the input."""
        assert prefix is None
        given, mask = rectangle(batch, uses_segments=False)
        self._sites, self._n_texts = [], len(batch.lengths)
        with torch.inference_mode(False), torch.enable_grad():
            states = self.model(**given, use_cache=False, output_hidden_states=True).hidden_states
            rows = mask.flatten().nonzero().squeeze(1)
            sites, self._sites = self._sites, []
            return StreamPass(tuple(layers), tuple(states[: max(layers) + 1]), tuple(sites), rows)

    def _note(self, kind: Kind, layer: int) -> Callable[..., Tensor]:
        def add(module: Any, _given: object, out: Tensor) -> Tensor:
            if kind == "biases":
                return self._site(kind, layer, out, module.bias.expand_as(out))
            rows = out.expand(self._n_texts, *out.shape[1:])  # GPT-2's positions are one row for all texts
            return self._site(kind, layer, out, rows)

        return add

    def _site(self, kind: Kind, layer: int, out: Tensor, added: Tensor) -> Tensor:
        """Return `out`, of which `added` is a part that can be differentiated by."""
        added = added.detach().clone().requires_grad_(True)
        self._sites.append(_Site(kind, layer, added))
        return added if kind != "biases" else out + (added - added.detach())

    def _norm(self, module: Any, layer: int) -> Callable[[Tensor], Tensor]:
        def forward(x: Tensor) -> Tensor:
            if not isinstance(module, nn.LayerNorm):
                rstd = torch.rsqrt(x.detach().square().mean(-1, keepdim=True) + module.variance_epsilon)
                return x * rstd * module.weight
            centred, bias = x - x.mean(-1, keepdim=True), cast("Tensor | None", module.bias)
            rstd = torch.rsqrt(centred.detach().square().mean(-1, keepdim=True) + module.eps)
            out = centred * rstd * module.weight
            return out if bias is None else self._site("biases", layer, out + bias, bias.expand_as(x))

        return forward


@dataclasses.dataclass(frozen=True)
class StreamPass:
    """See `HeldPass`."""

    layers: tuple[int, ...]
    every: tuple[Tensor, ...]
    sites: tuple[_Site, ...]
    rows: Tensor

    @property
    def states(self) -> Tensor:
        """The states ``(token, layer, dim)``."""
        return torch.stack([self.every[i].detach().flatten(0, 1)[self.rows] for i in self.layers], dim=1).to("cpu")

    def pull(self, gradients: Tensor) -> InputParts:
        """Carry linear functions of the states back to the input."""
        with torch.inference_mode(False), torch.enable_grad():
            found = [self._pull(each.to(self.every[0]).clone()) for each in gradients]
        return InputParts(*(torch.stack(each).to("cpu") for each in zip(*found, strict=True)))

    def _pull(self, gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return words, places, biases and the mean over depths of one output, ``(token,)`` each."""
        into = []
        for j, layer in enumerate(self.layers):
            whole = torch.zeros_like(self.every[layer]).flatten(0, 1)
            whole[self.rows] = gradients[:, j]
            into.append(whole.view_as(self.every[layer]))
        wanted = [*self.every, *(site.added for site in self.sites)]
        back = torch.autograd.grad(
            [self.every[i] for i in self.layers], wanted, into, retain_graph=True, allow_unused=True
        )
        brought = [self._brought(x, g) for x, g in zip(wanted, back, strict=True)]
        depths, added = brought[: len(self.every)], brought[len(self.every) :]
        none = torch.zeros_like(brought[0])
        by_site = list(zip(self.sites, added, strict=True))
        words, places, biases = (sum((b for s, b in by_site if s.kind == kind), none) for kind in get_args(Kind))
        read = [(i, self._brought(self.every[i], g)) for i, g in zip(self.layers, into, strict=True)]
        along = none.clone()
        for depth, whole in enumerate(depths):
            above = [b for s, b in by_site if s.layer > depth and s.kind == "biases"]
            below = [b for i, b in read if i < depth]
            along += (sum(above, whole) + sum(below, none)) / len(depths)
        return words, places, biases, along

    def _brought(self, x: Tensor, gradient: Tensor | None) -> Tensor:
        if gradient is None:
            return self.every[0].new_zeros(len(self.rows))
        return (gradient * x.detach()).sum(-1).flatten()[self.rows]


def _active(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def held(x: Tensor) -> Tensor:
        z = x.detach()
        return x * torch.where(z == 0, 0, forward(z) / z)

    return held


def _gated(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda x: forward(x.detach())


def _held_attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, Tensor]:
    weights, value = rows_and_values(query.detach(), key.detach(), value, attention_mask, options.get("scaling"))
    return (weights @ value).transpose(1, 2), weights

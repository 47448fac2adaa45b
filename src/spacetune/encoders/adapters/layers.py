"""The layers above a frozen part of an encoder, trained: one packed pass with gradients, and what it came to learn."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spacetune.encoders.families import LayerParts, parts_of
from spacetune.encoders.loading.load import weights_in
from spacetune.encoders.passes.attention import Span, attend, spans_of
from spacetune.encoders.passes.layout import lay_out
from spacetune.encoders.reads import Reads
from spacetune.encoders.token_features import TokenFeatures
from spacetune.errors import UnsupportedByFamily, UsageError

__all__ = ["LayerChanges", "UpperLayers", "check_tunable", "module_parts"]


@dataclasses.dataclass(frozen=True, eq=False)
class LayerChanges:
    """What training added to the weights of the upper layers: matrices in bfloat16, vectors in float32.

    Parameters
    ----------
    above
        The last frozen layer; 0 are the embeddings.
    tensors
        By ``LAYER.PART.weight`` or ``.bias``: layers from `above` + 1 on, parts as `LayerParts` names them.
    """

    above: int
    tensors: Mapping[str, Tensor]

    def add_to(self, layer: int, part: str, module: nn.Module) -> None:
        """Add what a part of a layer learned to its weights, where it learned something."""
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                change = self.tensors.get(f"{layer}.{part}.{name}")
                if change is not None:
                    parameter.add_(change.to(parameter.device, parameter.dtype))


class UpperLayers(nn.Module):
    r"""A float32 copy of the layers above one, run with gradients on the frozen states of that layer.

    .. math:: h_l = \mathrm{LN}(a_l + F(a_l)), \quad a_l = \mathrm{LN}(h_{l-1} + A(h_{l-1})), \quad l > above

    Texts stand end to end without padding, as in the frozen pass. Attention itself has no dropout; while training, a
    share of what attention and feed-forward put out is left out, as encoders are pretrained.

    Parameters
    ----------
    encoder
        It stays as it is.
    above
        The last frozen layer; 0 trains all of them over the frozen embeddings.
    dropout
        That share, in 256ths.

    Raises
    ------
    UsageError
        If there is no layer above.
    UnsupportedByFamily
        If the family's parts are not known, or its layers share their weights.
    """

    def __init__(self, encoder: Reads, above: int, dropout: float = 0.0) -> None:
        super().__init__()
        if not 0 <= above < encoder.n_layers:
            raise UsageError(f"{encoder.name} has {encoder.n_layers} layers: 1 to {encoder.n_layers} can be tuned")
        check_tunable(encoder)
        parts = parts_of(weights_in(encoder.source, encoder.loaded, torch.float32))
        self.above, self.dropout = above, dropout
        self.layers = nn.ModuleList([_Layer(layer) for layer in parts.layers[above:]]).to(encoder.device)
        self._parts = dataclasses.replace(parts, layers=parts.layers[above:])
        self._dtype, self._device = encoder.dtype, encoder.device
        self._generator = torch.Generator(encoder.device)

    def reseed(self, generator: torch.Generator) -> None:
        """Draw the seed of the next dropout, so that a resumed run draws what an uninterrupted one does."""
        self._generator.manual_seed(int(torch.randint(1 << 62, (), generator=generator)))

    def forward(self, features: TokenFeatures) -> TokenFeatures:
        """Return the same features with the states of the layers above computed anew, with gradients.

        The features must hold the layer `above`; those of it and below stay as they are.
        """
        assert features.provenance is not None
        layers = features.provenance.layers
        frozen = layers.index(self.above) + 1
        texts = features if features.first is None else features.halves()
        states = self._states(features.values[:, frozen - 1].float(), texts.lengths, layers[frozen:])
        values = torch.cat([features.values[:, :frozen].float(), torch.stack(states, dim=1)], dim=1)
        return dataclasses.replace(features, values=values)

    def _states(self, below: Tensor, lengths: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        layout = lay_out(lengths.numpy())
        rows = torch.as_tensor(layout.rows).to(self._device)
        x = torch.zeros(layout.n_rows, below.shape[1], device=self._device)
        x[rows] = below.to(self._device)
        kept: list[Tensor] = []
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
            spans = spans_of(layout, self._parts, self._dtype, self._device)
            for number, layer in enumerate(self.layers, self.above + 1):
                x = layer(x, spans, self._parts.n_heads, self._left_out)
                if number in wanted:
                    kept.append(x.index_select(0, rows).float().cpu())
        return kept

    def _left_out(self, x: Tensor) -> Tensor:
        if not self.dropout or not self.training:
            return x
        least = max(1, round(256 * self.dropout))  # of random bytes: eight are drawn at a time
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device)
        drawn = words.random_(-(2**63), None, generator=self._generator).view(torch.uint8)[: x.numel()]
        return x * (drawn.view(x.shape) >= least).to(x.dtype).mul_(256 / (256 - least))

    def changes(self) -> LayerChanges:
        """Return what training added, rounded as it is saved."""
        tensors: dict[str, Tensor] = {}
        for i, (layer, start) in enumerate(zip(self.layers, self._parts.layers, strict=True), self.above + 1):
            for part, before in module_parts(start).items():
                after = dict(layer.get_submodule(part).named_parameters())
                for name, old in before.named_parameters():
                    change = (after[name] - old).detach()
                    tensors[f"{i}.{part}.{name}"] = change.bfloat16() if change.dim() > 1 else change
        return LayerChanges(self.above, tensors)

    def put(self, changes: LayerChanges) -> None:
        """Take the frozen weights plus these changes."""
        for i, (layer, start) in enumerate(zip(self.layers, self._parts.layers, strict=True), self.above + 1):
            for part, before in module_parts(start).items():
                own = layer.get_submodule(part)
                own.load_state_dict(before.state_dict())
                changes.add_to(i, part, own)


class _Layer(nn.Module):
    """One layer's own parts; query, key and value are one product."""

    def __init__(self, layer: LayerParts) -> None:
        super().__init__()
        for name, module in module_parts(layer).items():
            self.add_module(name, copy.deepcopy(module).requires_grad_(True))
        self.activation = layer.activation

    def forward(self, x: Tensor, spans: list[Span], n_heads: int, left_out: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the states after this layer, ``(row, dim)``."""
        part = self.get_submodule
        inner = [part("query"), part("key"), part("value")]
        weight, bias = (torch.cat([p for m in inner for p in [getattr(m, n)]]) for n in ("weight", "bias"))
        attended = attend(F.linear(x, weight, bias), spans, n_heads)
        x = part("attention_norm")(x + left_out(part("attention_out")(attended)))
        inner_states = self.activation(part("ff_in")(x))
        return part("output_norm")(x + left_out(part("ff_out")(inner_states)))


def check_tunable(encoder: Reads) -> None:
    """Refuse an encoder of which no layers can be trained apart.

    Raises
    ------
    UnsupportedByFamily
        If the family's parts are not known, or its layers share their weights.
    """
    layers = parts_of(encoder.loaded.weights).layers
    if len({id(layer.query) for layer in layers}) < len(layers):
        raise UnsupportedByFamily(f"{encoder.family}'s layers share their weights: the upper ones have none to tune")


def module_parts(layer: LayerParts) -> dict[str, nn.Module]:
    """Return the parts of a layer that have weights, by name."""
    named = {field.name: getattr(layer, field.name) for field in dataclasses.fields(layer)}
    return {name: module for name, module in named.items() if name != "activation"}

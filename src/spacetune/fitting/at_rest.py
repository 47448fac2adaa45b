"""A trained model as named tensors and plain values, and back: the layout of a saved model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spacetune.encoders import LayerChanges, LoraShape, LoraVertices, PrefixShape, PrefixVertices
from spacetune.heads import (
    ConceptSpaces,
    Head,
    HeadVertices,
    Lexicon,
    LinearHead,
    LinearVertices,
    Meeting,
    Model,
    PairHead,
    Simplex,
    SpaceHead,
    SpaceVertices,
    TextMean,
)

__all__ = ["HEADS", "array_of", "completed", "facts_of", "model_of", "simplex_of", "tensor_of", "tensors_of"]

Array = np.ndarray[Any, Any]

PREFIX, HEAD, CORNERS, LEXICON, LAYERS, PAIRS = "prefix.", "head.", "simplex.", "lexicon.", "layers.", "pairs."
"""What names begin with: adapters; the heads over them; corners of a simplex of space heads; words; tuned layers."""


FACTS = ("C", "above", "adapter", "shape", "n_vertices", "sampling", "shared_layers", "reparametrisation",
         "hidden_size", "mixing", "position_shift")  # fmt: skip


def facts_of(model: Model, simplex: Simplex | None) -> dict[str, Any]:
    """Return what the tensors do not tell: of which layers they are, how adapters are made, how points are drawn."""
    if simplex is None:
        return {"adapter": "layers", "above": model.adapter.above} if isinstance(model.adapter, LayerChanges) else {}
    drawn = {"sampling": simplex.sampling, "shared_layers": simplex.shared_layers}
    match simplex.adapter:
        case LoraVertices() as lora:
            return {**drawn, "adapter": "lora", "shape": dataclasses.asdict(lora.shape), "n_vertices": lora.n_vertices}
        case PrefixVertices() as prefix:
            return {
                **drawn,
                "adapter": "prefix",
                "shape": dataclasses.asdict(prefix.shape),
                "n_vertices": prefix.n_vertices,
                "reparametrisation": prefix.reparametrisation,
                "hidden_size": prefix.hidden_size,
                "mixing": prefix.mixing,
                "position_shift": prefix.position_shift,
            }
        case _:
            return drawn


def completed(learned: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a saved model says of its tensors; version 0.1 left to the settings all but the shape."""
    told = {**settings, **learned} if "shape" in learned or "sampling" in learned else learned
    return {name: told[name] for name in FACTS if name in told}


def tensors_of(model: Model, simplex: Simplex | None) -> dict[str, Tensor]:
    """Return the learned tensors by name; a simplex says what its centroid is, but for spaces, whose both are kept."""
    words = {} if model.lexicon is None else _state(LEXICON, model.lexicon)
    if isinstance(model.adapter, LayerChanges):
        words |= {f"{LAYERS}{name}": change for name, change in model.adapter.tensors.items()}
    head: Any = model.head
    if isinstance(head, LinearHead) and simplex is None:
        return {"coefficients": head.weight, "intercept": head.bias, **words}
    if isinstance(head, PairHead):
        return {**_state(PAIRS, head), **words}
    if simplex is None:
        return {**_state("", head), **words}
    if simplex.adapter is None and isinstance(simplex.head, SpaceVertices) and isinstance(head, SpaceHead):
        return {**_state("", head), **_state(CORNERS, simplex.head), **words}
    inside = {} if simplex.adapter is None else _state(PREFIX, simplex.adapter)
    return {**inside, **_state(HEAD, simplex.head), **words}


def simplex_of(facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Simplex | None:
    """Return the simplex, ready to be read; None where one point was learnt."""
    inside, heads = _named(PREFIX, tensors), _named(CORNERS, tensors) or _named(HEAD, tensors)
    if not heads:
        return None
    adapter = _adapter_of(facts, inside) if inside else None
    drawn = {name: facts[name] for name in ("sampling", "shared_layers") if name in facts}
    return Simplex(_heads_of(heads), adapter, **drawn).finished()


def model_of(facts: Mapping[str, Any], tensors: Mapping[str, Tensor], simplex: Simplex | None) -> Model:
    """Return the model to use: the one point, or a simplex's centroid."""
    words, layers = _named(LEXICON, tensors), _named(LAYERS, tensors)
    lexicon = Lexicon(words["grams"], words["weights"]) if words else None
    inside = LayerChanges(facts["above"], layers) if layers else None
    for mark, made in HEADS.items():
        if mark in tensors:
            return Model(made(tensors), inside, lexicon)
    if simplex is None:
        raise KeyError(f"none of {', '.join(HEADS)} is among the tensors, and no simplex")
    return dataclasses.replace(simplex.centroid(), lexicon=lexicon)


def _space_head(tensors: Mapping[str, Tensor]) -> SpaceHead:
    head = SpaceHead.blank(tensors["spaces.operators"], tensors["classifier.weight"].shape[0])
    head.load_state_dict({k: v for k, v in tensors.items() if not k.startswith((CORNERS, LEXICON, LAYERS))})
    return head.eval()


def _pair_head(tensors: Mapping[str, Tensor]) -> PairHead:
    parts: list[Meeting] = []
    while part := _named(f"meetings.{len(parts)}.", tensors):
        state = _named("text_mean.spaces.", part)
        spaces = ConceptSpaces.blank(state["operators"]) if state else None
        if spaces is not None:
            spaces.load_state_dict(state)
        parts.append(Meeting(TextMean(part["text_mean.mean"], spaces), part["weight"]))
    return PairHead(tensors["bias"], parts).eval().requires_grad_(requires_grad=False)


HEADS: dict[str, Callable[[Mapping[str, Tensor]], Head]] = {
    "pairs.bias": lambda tensors: _pair_head(_named(PAIRS, tensors)),
    "coefficients": lambda tensors: LinearHead(tensors["coefficients"], tensors["intercept"]),
    "spaces.operators": _space_head,
}
"""Every head is known by the name of one of its tensors, and made of them all."""


def array_of(tensor: Tensor) -> Array:
    """Return a tensor as an array; NumPy has no bfloat16, whose bits it holds as whole numbers."""
    held = tensor.detach().cpu()
    return (held.view(torch.uint16) if held.dtype == torch.bfloat16 else held).numpy()


def tensor_of(array: Array) -> Tensor:
    """Return the tensor that an array holds, with its memory."""
    tensor = torch.as_tensor(np.require(array, requirements="W"))
    return tensor.view(torch.bfloat16) if tensor.dtype == torch.uint16 else tensor


def _adapter_of(facts: Mapping[str, Any], state: Mapping[str, Tensor]) -> PrefixVertices | LoraVertices:
    adapter: PrefixVertices | LoraVertices
    if facts["adapter"] == "lora":
        adapter = LoraVertices(LoraShape(**facts["shape"]), facts["n_vertices"], generator=torch.Generator())
    else:
        plain = len(state) == 1  # the perceptron is left out where the tables say all
        adapter = PrefixVertices(
            PrefixShape(**facts["shape"]), facts["n_vertices"], generator=torch.Generator(),
            reparametrisation="none" if plain else facts["reparametrisation"], hidden_size=facts["hidden_size"],
            mixing="after" if plain else facts["mixing"], position_shift=facts["position_shift"],
        )  # fmt: skip
    adapter.load_state_dict(dict(state))
    return adapter


def _heads_of(state: Mapping[str, Tensor]) -> HeadVertices:
    if "weight" not in state:
        return SpaceVertices.from_state(state)
    n_vertices, n_outputs, width = state["weight"].shape
    heads = LinearVertices(width, n_outputs, n_vertices, generator=torch.Generator())
    heads.load_state_dict(dict(state))
    return heads


def _state(mark: str, part: Any) -> dict[str, Tensor]:
    module: nn.Module = part
    return {f"{mark}{name}": value.detach() for name, value in module.state_dict().items()}


def _named(mark: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(mark): value for name, value in tensors.items() if name.startswith(mark)}

"""What a sentence-transformers folder does to a pooled vector: Dense, LayerNorm, Normalize, Dropout."""

# The types of torch and safetensors are partial.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch.nn.functional as F
from torch import Tensor, nn

from spacetune.encoders.loading.stated import in_one_line, stated_object
from spacetune.errors import EncoderError

__all__ = ["STEPS", "Step"]

Step = Callable[[Tensor], Tensor]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    kind.__name__: kind
    for kind in (nn.Tanh, nn.Identity, nn.ReLU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.LeakyReLU, nn.ELU, nn.Softplus)
}
BOTH = "sentence_embedding"


def _dense(folder: Path) -> Step:
    stated = _stated(folder, {"activation_function", "in_features", "out_features", "bias", "use_residual"})
    named = stated.get("activation_function", "torch.nn.modules.activation.Tanh")
    kind = named.rpartition(".")[2] if isinstance(named, str) and named.startswith("torch.nn.") else None
    if kind not in ACTIVATIONS:
        raise EncoderError(f"{folder} has the activation {in_one_line(named)}; known are {', '.join(ACTIVATIONS)}")
    activation, held = ACTIVATIONS[kind](), _tensors(folder)
    weight, bias, residual = held.pop("linear.weight", None), held.pop("linear.bias", None), None
    if stated.get("use_residual", False):
        residual = held.pop("residual.weight", None)
    if weight is None or weight.dim() != 2 or held or (bias is None) is stated.get("bias", True):
        raise EncoderError(f"{folder} does not hold the weight and bias of a Dense module as its config.json says")
    _check_width(stated.get("in_features", weight.shape[1]), weight.shape[1], folder)
    _check_width(stated.get("out_features", weight.shape[0]), weight.shape[0], folder)

    def apply(x: Tensor) -> Tensor:
        _check_width(x.shape[1], weight.shape[1], folder)
        out = activation(F.linear(x, weight, bias))
        if not stated.get("use_residual", False):
            return out
        return out + (x if residual is None else F.linear(x, residual))

    return apply


def _layer_norm(folder: Path) -> Step:
    _stated(folder, {"dimension"})
    held = _tensors(folder)
    if held.keys() != {"norm.weight", "norm.bias"}:
        raise EncoderError(f"{folder} does not hold the weight and bias of a LayerNorm module")

    def apply(x: Tensor) -> Tensor:
        _check_width(x.shape[1], len(held["norm.weight"]), folder)
        return F.layer_norm(x, x.shape[1:], held["norm.weight"], held["norm.bias"])

    return apply


def _normalize(folder: Path) -> Step:
    _stated(folder, set())
    return partial(F.normalize, p=2.0, dim=-1)


def _dropout(folder: Path) -> Step:
    """Return what dropout is outside of training."""
    return nn.Identity()


STEPS: dict[str, Callable[[Path], Step]] = {
    "Dense": _dense,
    "LayerNorm": _layer_norm,
    "Normalize": _normalize,
    "Dropout": _dropout,
}
"""From a module's class to what reads its folder."""


def _stated(folder: Path, known: set[str]) -> dict[str, Any]:
    """Read a module's settings, of which none may be unknown or speak of tokens."""
    file = folder / "config.json"
    if not file.exists():
        return {}
    stated = stated_object(file)
    for name in ("module_input_name", "module_output_name"):
        if stated.pop(name, None) not in (None, BOTH):
            raise EncoderError(f"{file}: {name} must be {BOTH}; modules that change token states are not known here")
    if stated.keys() - known:
        raise EncoderError(f"{file} has the setting {in_one_line(min(stated.keys() - known))}, not known here")
    return stated


def _tensors(folder: Path) -> dict[str, Tensor]:
    """Read a module's weights in float32."""
    file = folder / "model.safetensors"
    if not file.is_file():
        raise EncoderError(
            f"{folder} holds no model.safetensors, and pickled weights (pytorch_model.bin) are not loaded; where you "
            "trust them, load the model with sentence-transformers and save it again with save_pretrained"
        )
    try:
        return {name: tensor.float() for name, tensor in safetensors.torch.load_file(file).items()}
    except (OSError, safetensors.SafetensorError) as error:
        raise EncoderError(f"{file} is no whole safetensors file: {in_one_line(error)}") from error


def _check_width(found: object, needed: int, folder: Path) -> None:
    if found != needed:
        raise EncoderError(f"the weights in {folder} are for {needed} numbers, got {in_one_line(found)}")

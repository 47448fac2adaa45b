"""`tuned`: an encoder whose upper layers were trained, at the price of the frozen one."""

from __future__ import annotations

import dataclasses
import hashlib
import weakref
from typing import Any

import torch

from spacetune.encoders.adapters.layers import LayerChanges, module_parts
from spacetune.encoders.encoder import Encoder
from spacetune.encoders.families import EncoderModel, parts_of
from spacetune.encoders.loading.load import sharing_copy, weights_in
from spacetune.encoders.passes.packed import PackedEncoder

__all__ = ["tuned", "with_changes"]

_MADE: weakref.WeakKeyDictionary[LayerChanges, Encoder] = weakref.WeakKeyDictionary()


def tuned(encoder: Encoder, changes: LayerChanges) -> Encoder:
    """Return the encoder with these changes added to its upper layers; made once, in float32 sharing all other weights.

    Its SHA-256 is its own, so that stored features of the two are never mixed.

    Parameters
    ----------
    encoder
        What the changes were learnt on; it stays as it is.
    changes
        From `UpperLayers.changes`.
    """
    made = _MADE.get(changes)
    if made is None or _as_read(made) != _as_read(encoder):
        made = _MADE[changes] = _merge(encoder, changes)
    return made


def _as_read(encoder: Encoder) -> tuple[object, ...]:
    """Return what two encoders of the same weights differ in."""
    return encoder.source.folder, encoder.max_length, encoder.max_windows, encoder.dtype, encoder.device


def _merge(encoder: Encoder, changes: LayerChanges) -> Encoder:
    held = encoder.loaded
    model = with_changes(weights_in(encoder.source, held, torch.float32), changes).to(encoder.dtype).to(encoder.device)

    def whole() -> tuple[Any, Any]:
        """Return transformers' own model with these weights."""
        copied = sharing_copy(held.model)
        copied.load_state_dict(model.state_dict(), strict=False, assign=True)
        return copied, held.tokenizer

    digest = hashlib.sha256(encoder.source.sha256.encode())
    for name, change in changes.tensors.items():
        digest.update(name.encode() + change.float().numpy().tobytes())
    source = dataclasses.replace(
        encoder.source, name=f"{encoder.name}, tuned above layer {changes.above}", origin="tuned",
        sha256=digest.hexdigest(),
    )  # fmt: skip
    runner = PackedEncoder(model, encoder.dtype)
    loaded = dataclasses.replace(held, runner=runner, weights=model, whole=whole)
    return Encoder(source, loaded, encoder.max_length, encoder.max_windows)


def with_changes(model: EncoderModel, changes: LayerChanges) -> EncoderModel:
    """Return a copy, without gradients, that owns its upper layers and shares the rest."""
    upper = [part for layer in parts_of(model).layers[changes.above :] for part in module_parts(layer).values()]
    copied = sharing_copy(model, [parameter for part in upper for parameter in part.parameters()])
    for i, layer in enumerate(parts_of(copied).layers[changes.above :], changes.above + 1):
        for name, part in module_parts(layer).items():
            changes.add_to(i, name, part)
    return copied.eval().requires_grad_(False)

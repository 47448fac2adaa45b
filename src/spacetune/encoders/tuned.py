"""`tuned`: an encoder whose upper layers were trained, at the price of the frozen one."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import weakref

from spacetune.encoders.adapters.layers import LayerChanges, module_parts, weights_in_float32
from spacetune.encoders.encoder import Encoder
from spacetune.encoders.families import EncoderModel, parts_of
from spacetune.encoders.loading.load import freeze

__all__ = ["tuned"]

_MADE: weakref.WeakKeyDictionary[LayerChanges, Encoder] = weakref.WeakKeyDictionary()


def tuned(encoder: Encoder, changes: LayerChanges) -> Encoder:
    """Return the encoder with these changes added to its upper layers; made once, and sharing all other weights.

    Its SHA-256 is its own, so that stored features of the two are never mixed.

    Parameters
    ----------
    encoder
        What the changes were learnt on; it stays as it is.
    changes
        From `UpperLayers.changes`.
    """
    made = _MADE.get(changes)
    if made is None or made.source.folder != encoder.source.folder or made.max_length != encoder.max_length:
        made = _MADE[changes] = _merge(encoder, changes)
    return made


def _merge(encoder: Encoder, changes: LayerChanges) -> Encoder:
    held = encoder.loaded
    model = _with_changes(weights_in_float32(encoder), changes).to(encoder.dtype)
    digest = hashlib.sha256(encoder.source.sha256.encode())
    for name, change in changes.tensors.items():
        digest.update(name.encode() + change.float().numpy().tobytes())
    source = dataclasses.replace(
        encoder.source, name=f"{encoder.name}, tuned above layer {changes.above}", origin="tuned",
        sha256=digest.hexdigest(),
    )  # fmt: skip
    loaded = freeze(model, held.tokens, source, encoder.dtype, encoder.device)
    limits = {name: getattr(held, name) for name in ("max_length", "full_length", "longest")}
    return Encoder(source, dataclasses.replace(loaded, **limits), encoder.max_length, encoder.max_windows)


def _with_changes(model: EncoderModel, changes: LayerChanges) -> EncoderModel:
    """Return a copy that owns its upper layers and shares the rest."""
    upper = range(changes.above, len(parts_of(model).layers))
    own = {id(p) for i in upper for part in module_parts(parts_of(model).layers[i]).values() for p in part.parameters()}
    shared = {id(t): t for t in (*model.parameters(), *model.buffers()) if id(t) not in own}
    copied = copy.deepcopy(model, shared)
    for i in upper:
        for name, part in module_parts(parts_of(copied).layers[i]).items():
            changes.add_to(i + 1, name, part)
    return copied

"""What features are known by: a text by its characters, a folder by all that could change a text's features."""

# The types of NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from spacetune.encoders.encoder import Encoder
from spacetune.encoders.token_features import TokenFeatures
from spacetune.encoders.tokenizing import TextInput

__all__ = ["home_name", "key_of_long", "mark_long", "text_key"]

LAYOUT = 2
"""Which way shards are written and texts are read: features of another number are never looked at."""

IDLE = frozenset({"architectures", "dtype", "torch_dtype", "transformers_version"})
"""Entries of an encoder's configuration that change no feature; the dtype in use has a part of its own in the key."""


def home_name(encoder: Encoder, form: str) -> str:
    """Return the name of the folder with the features of this encoder, with these settings, in this form."""
    about, cut = encoder.provenance(()), encoder.tokenizing.fingerprint
    parts = [LAYOUT, about.sha256, about.dtype, about.max_length, cut, form, _config(encoder)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _config(encoder: Encoder) -> str:
    """Describe what the weights alone do not say: heads, activations, positions, …."""
    config: Any = encoder.loaded.weights.config
    stated: dict[str, Any] = config.to_dict() if hasattr(config, "to_dict") else vars(config)
    telling = {str(name): value for name, value in stated.items() if name not in IDLE and not str(name).startswith("_")}
    return json.dumps(telling, sort_keys=True, default=str)


def text_key(row: TextInput) -> bytes:
    """Return the 16 bytes that a text, or a pair, is known by."""
    joined = row if isinstance(row, str) else f"{len(row[0])}\x1f{row[0]}{row[1]}"
    kind = b"text" if isinstance(row, str) else b"pair"
    return hashlib.blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=16, person=kind).digest()


def key_of_long(key: bytes, max_windows: int) -> bytes:
    """Return what a text is known by that needs more than one window: what was read depends on their number."""
    return hashlib.blake2b(key, digest_size=16, person=b"windows", salt=max_windows.to_bytes(8, "big")).digest()


def mark_long(keys: list[bytes], part: TokenFeatures, encoder: Encoder) -> np.ndarray:
    """Return keys ``(n_texts, 16)``, changed for texts longer than a window: the others hold for any number of them."""
    assert part.truncated is not None
    marked = list(keys)
    for i in ((part.lengths > encoder.max_length) | part.truncated).nonzero().flatten().tolist():
        marked[i] = key_of_long(keys[i], encoder.max_windows)
    return np.frombuffer(bytearray(b"".join(marked)), dtype=np.uint8).reshape(-1, 16)

"""Hashes of texts: enough to tell later whether a test text was trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["text_hashes"]


def text_hashes(keys: Sequence[str]) -> np.ndarray[Any, Any]:
    """Return the sorted 64-bit hashes of texts.

    >>> text_hashes(["a", "b", "a"]).shape
    (2,)
    """
    found = {int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big", signed=True) for key in keys}
    return np.array(sorted(found), dtype=np.int64)

"""One encoder a process for all who name the same."""

from __future__ import annotations

import functools

from spacetune.encoders.encoder import Encoder
from spacetune.encoders.loading.resolving import DEFAULT_ENCODER, locate

__all__ = ["shared_encoder"]


def shared_encoder(
    name: str | None, max_length: int | None, max_windows: int | None, *, local_files_only: bool = False
) -> Encoder:
    """Load an encoder once per process for the estimators that name the same one.

    With `local_files_only` the hub is never asked, for a name that stands in a saved model and not in the call.
    """
    if local_files_only:
        locate(DEFAULT_ENCODER if name is None else name, local_files_only=True)
    return _shared(name, max_length, max_windows)


@functools.lru_cache(maxsize=2)
def _shared(name: str | None, max_length: int | None, max_windows: int | None) -> Encoder:
    return Encoder.from_pretrained(name, max_length=max_length, max_windows=max_windows)

"""What the parts of an encoder ask of it, so that none of them needs the whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch

from spacetune.encoders.given import Texts
from spacetune.encoders.loading.load import LoadedEncoder
from spacetune.encoders.loading.resolving import EncoderSource
from spacetune.encoders.token_features import Provenance, TokenFeatures
from spacetune.encoders.tokenizing import TextInput, Tokenized, Tokenizing

__all__ = ["Reads"]


class Reads(Protocol):
    """A frozen encoder; `Encoder` is one."""

    source: EncoderSource
    loaded: LoadedEncoder
    tokenizing: Tokenizing
    name: str
    family: str
    n_layers: int
    dim: int
    dtype: torch.dtype
    device: torch.device
    max_length: int

    def tokenize(self, texts: Texts) -> Tokenized:
        """Return the token ids of texts, end to end."""
        ...

    def provenance(self, layers: tuple[int, ...], n_truncated: int = 0) -> Provenance:
        """Say where features of these layers come from."""
        ...

    def encode_runs(self, inputs: Sequence[TextInput], *, progress: bool | None = None) -> Iterator[TokenFeatures]:
        """Yield features of the last layer of consecutive runs of texts."""
        ...

    def reading(self, *, lowercase: bool) -> Reads:
        """Return the encoder reading one window a text, of the full length where none was chosen."""
        ...

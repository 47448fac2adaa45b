"""The type that leaves this room: the hidden states of every real token, end to end, without padding."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from spacetune.encoders.ragged import concat_ranges, offsets_of, segment_mean
from spacetune.encoders.tokenizing import TextInput
from spacetune.errors import DataError, counted

__all__ = ["FeatureSource", "Provenance", "TokenFeatures"]


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Where features came from: enough to make them again and to tell whether two sets may be mixed."""

    encoder: str
    origin: str
    revision: str | None
    sha256: str
    layers: tuple[int, ...]
    dtype: str
    max_length: int
    n_truncated: int = 0
    max_windows: int = 1

    @property
    def longest(self) -> int:
        """Tokens above which a text was cut."""
        return self.max_length * self.max_windows

    def with_cut(self, n_truncated: int) -> Provenance:
        """Return the same of features of which so many texts were cut."""
        return dataclasses.replace(self, n_truncated=n_truncated)

    def cut_at(self, inputs: Sequence[TextInput]) -> int:
        """Return the number of tokens above which these were cut: pairs are read in one window."""
        return self.longest if not len(inputs) or isinstance(inputs[0], str) else self.max_length


class FeatureSource(Protocol):
    """Whatever can hand out the features of any of its texts: in memory, or on disk."""

    @property
    def lengths(self) -> Tensor:
        """Tokens of every text, ``(n_texts,)``."""
        ...

    @property
    def shape(self) -> tuple[int, int]:
        """Number of layers and width of the states."""
        ...

    def take(self, texts: Tensor) -> TokenFeatures:
        """Return the features of these texts (positions from 0), in this order."""
        ...

    def take_ids(self, texts: Tensor) -> Tensor | None:
        """Return the token ids of these texts, end to end; None where the rows are ready embeddings."""
        ...

    def __len__(self) -> int: ...


@dataclasses.dataclass(frozen=True, repr=False)
class TokenFeatures:
    """Hidden states of the tokens of many texts, ragged.

    Parameters
    ----------
    values
        ``(n_tokens, n_layers, dim)``: one state a token and layer, texts end to end.
    offsets
        ``(n_texts + 1,)``: text i owns rows ``offsets[i]`` to ``offsets[i + 1]``.
    token_ids
        ``(n_tokens,)``, or None where the rows are ready embeddings.
    provenance
        Where they came from, or None where the rows are ready embeddings.
    truncated
        ``(n_texts,)``: which texts were cut, or None where that is not known.
    first
        ``(n_texts,)``: of pairs whose texts were read apart, the tokens of the first; None for all else.
    """

    values: Tensor
    offsets: Tensor
    token_ids: Tensor | None = None
    provenance: Provenance | None = None
    truncated: Tensor | None = None
    first: Tensor | None = None

    @classmethod
    def from_matrix(cls, matrix: np.ndarray[Any, Any] | Tensor) -> TokenFeatures:
        """Wrap ready embeddings ``(n_texts, dim)``: every text is one token of one layer."""
        try:
            values = torch.as_tensor(np.ascontiguousarray(matrix) if isinstance(matrix, np.ndarray) else matrix)
        except (TypeError, ValueError) as error:
            raise DataError(f"ready embeddings must be a matrix of numbers: {error}") from error
        if not values.is_floating_point():
            values = values.float()
        if values.dim() != 2:
            raise DataError(f"ready embeddings must be a matrix (text, dim), got shape {tuple(values.shape)}")
        return cls(values.unsqueeze(1), torch.arange(len(values) + 1))

    @classmethod
    def concat(cls, parts: Sequence[TokenFeatures]) -> TokenFeatures:
        """Join parts made by the same encoder and layers, in this order."""
        if not parts:
            raise DataError("there are no features to join")
        if len(parts) == 1:
            return parts[0]
        ids = [part.token_ids for part in parts if part.token_ids is not None]
        first = parts[0].provenance
        cut = sum(part.provenance.n_truncated for part in parts if part.provenance is not None)
        flags = [part.truncated for part in parts if part.truncated is not None]
        halves = [part.first for part in parts if part.first is not None]
        return cls(
            values=torch.cat([part.values for part in parts]),
            offsets=offsets_of(torch.cat([part.lengths for part in parts])),
            token_ids=torch.cat(ids) if len(ids) == len(parts) else None,
            provenance=None if first is None else dataclasses.replace(first, n_truncated=cut),
            truncated=torch.cat(flags) if len(flags) == len(parts) else None,
            first=torch.cat(halves) if len(halves) == len(parts) else None,
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        n_tokens, n_layers, dim = self.values.shape
        dtype = str(self.values.dtype).removeprefix("torch.")
        held = ", ".join([counted(len(self), "text"), counted(n_tokens, "token"), counted(n_layers, "layer")])
        return f"TokenFeatures({held} of {dim}, {dtype})"

    @property
    def lengths(self) -> Tensor:
        """Tokens of every text, ``(n_texts,)``."""
        return self.offsets.diff()

    @property
    def shape(self) -> tuple[int, int]:
        """Number of layers and width of the states."""
        return self.values.shape[1], self.values.shape[2]

    def take(self, texts: Tensor) -> TokenFeatures:
        """Return the features of these texts (positions from 0), in this order, copied together.

        In memory every layer's states lie together, as products with one matrix a layer want them.
        """
        lengths = self.lengths[texts]
        rows = concat_ranges(self.offsets[:-1][texts], lengths)
        provenance, cut = self._told(None if self.truncated is None else self.truncated[texts])
        return TokenFeatures(
            values=_gather(self.values, rows),
            offsets=offsets_of(lengths),
            token_ids=None if self.token_ids is None else self.token_ids.index_select(0, rows),
            provenance=provenance,
            truncated=cut,
            first=None if self.first is None else self.first[texts],
        )

    def between(self, start: int, stop: int) -> TokenFeatures:
        """Return consecutive texts, from `start` up to `stop`, as a view: nothing is copied."""
        first, last = int(self.offsets[start]), int(self.offsets[min(stop, len(self))])
        provenance, cut = self._told(None if self.truncated is None else self.truncated[start:stop])
        return TokenFeatures(
            values=self.values[first:last],
            offsets=self.offsets[start : stop + 1] - first,
            token_ids=None if self.token_ids is None else self.token_ids[first:last],
            provenance=provenance,
            truncated=cut,
            first=None if self.first is None else self.first[start:stop],
        )

    def _told(self, cut: Tensor | None) -> tuple[Provenance | None, Tensor | None]:
        """Return the provenance of some texts, of which these were cut."""
        if self.provenance is None or cut is None:
            return self.provenance, cut
        return self.provenance.with_cut(int(cut.sum())), cut

    def take_ids(self, texts: Tensor) -> Tensor | None:
        """Return the token ids of these texts, end to end; None where the rows are ready embeddings."""
        rows = concat_ranges(self.offsets[:-1][texts], self.lengths[texts])
        return None if self.token_ids is None else self.token_ids.index_select(0, rows)

    def halves(self) -> TokenFeatures:
        """Return the two texts of every pair, one after the other, as texts of their own; for pairs read apart."""
        assert self.first is not None
        lengths = torch.stack([self.first, self.lengths - self.first], dim=1).flatten()
        return dataclasses.replace(self, offsets=offsets_of(lengths), first=None, truncated=None)

    def means(self) -> Tensor:
        """Return the mean state of every text and layer, ``(n_texts, n_layers, dim)``, in float32 at least."""
        return segment_mean(self.values, self.offsets)


def _gather(values: Tensor, rows: Tensor) -> Tensor:
    """Return ``values[rows]``, laid out by layer, from values laid out by token or by layer."""
    n_tokens, n_layers, dim = values.shape
    by_layer = values.transpose(0, 1)
    if n_layers == 1 or not (values.is_contiguous() or by_layer.is_contiguous()):
        return values.index_select(0, rows)
    flat = (values if values.is_contiguous() else by_layer).reshape(-1, dim)
    layer_step, row_step = (1, n_layers) if values.is_contiguous() else (n_tokens, 1)
    places = rows * row_step + torch.arange(n_layers, device=rows.device).unsqueeze(1) * layer_step
    return flat.index_select(0, places.flatten()).view(n_layers, len(rows), dim).transpose(0, 1)

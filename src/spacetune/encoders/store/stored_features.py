"""Features that live on disk and are read a batch at a time: more texts than memory holds."""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from spacetune.encoders.ragged import offsets_of
from spacetune.encoders.store.shards import Shard
from spacetune.encoders.token_features import Provenance, TokenFeatures

__all__ = ["StoredFeatures"]

FORGET_EVERY = 64 << 20
"""Bytes read after which mapped pages are let go, so that a pass over any data set stays small in memory."""


class StoredFeatures:
    """Texts' features across open shards; `take` gathers those of some texts.

    `places` say for every text which shard and which text of it; `layers` are those to give, ascending.
    """

    def __init__(
        self,
        shards: Sequence[Shard],
        places: Sequence[tuple[int, int]],
        layers: tuple[int, ...],
        provenance: Provenance,
    ) -> None:
        self.shards = shards
        self._places = places
        self._columns = [
            slice(None) if s.layers == layers else [s.layers.index(layer) for layer in layers] for s in shards
        ]
        self._read = 0
        self.provenance = provenance
        per_shard = [s.offsets.diff() for s in shards]
        self.lengths = torch.tensor([int(per_shard[shard][text]) for shard, text in places])
        dim = shards[0].values.shape[2]
        self.shape = (len(layers), dim)

    def __len__(self) -> int:
        return len(self._places)

    @property
    def n_bytes(self) -> int:
        """Size in memory if all of it were taken at once."""
        n_layers, dim = self.shape
        width = 2 if self.shards[0].scales is not None else self.shards[0].values.element_size()
        return int(self.lengths.sum()) * n_layers * dim * width

    def take(self, texts: Tensor) -> TokenFeatures:
        """Return the features of these texts (positions from 0), in this order."""
        lengths = self.lengths[texts]
        offsets = offsets_of(lengths)
        first = self.shards[0]
        dtype = torch.bfloat16 if first.scales is not None else first.values.dtype
        n_tokens = int(offsets[-1])
        n_layers, dim = self.shape
        values = torch.empty(n_layers, n_tokens, dim, dtype=dtype).transpose(0, 1)
        ids = torch.empty(n_tokens, dtype=first.token_ids.dtype)
        edges = offsets.tolist()
        per_token = self.shape[0] * self.shape[1] * first.values.element_size()
        for i, text in enumerate(texts.tolist()):
            at, place = self._places[text]
            shard = self.shards[at]
            values[edges[i] : edges[i + 1]] = shard.rows(place, self._columns[at])
            ids[edges[i] : edges[i + 1]] = shard.ids(place)
            self._let_go((edges[i + 1] - edges[i]) * per_token)
        return TokenFeatures(values, offsets, ids, self.provenance)

    def take_ids(self, texts: Tensor) -> Tensor:
        """Return the token ids of these texts, end to end."""
        return torch.cat([self.shards[at].ids(text) for at, text in (self._places[i] for i in texts.tolist())])

    def _let_go(self, n_bytes: int) -> None:
        self._read += n_bytes
        if self._read > FORGET_EVERY:
            self._read = 0
            for shard in self.shards:
                shard.forget()

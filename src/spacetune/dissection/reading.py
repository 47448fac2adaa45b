"""What a dissection was asked for, and the pass over the batches that fills it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from spacetune.dissection.dissection import Dissection
from spacetune.dissection.split import SPLITS, Split, SplitName
from spacetune.dissection.splitting import PARTS, Pairs, bias_labels
from spacetune.dissection.terms import terms_at
from spacetune.encoders import Encoder, Layers
from spacetune.encoders.passes.frozen import batches
from spacetune.encoders.passes.tracing import Trace
from spacetune.encoders.ragged import concat_ranges, offsets_of
from spacetune.encoders.tokenizing import TextInput, Tokenized
from spacetune.errors import DataError, EncoderError, UsageError
from spacetune.progress import progress_bar

__all__ = ["Reader"]

BUDGET = 1024
INEXACT = {torch.float32: 1e-3, torch.float64: 1e-9}
"""Largest residual over the largest state above which a dissection is refused: far above rounding, far below a term."""


class Collected:
    """Where the rows of a split go; room is made when the first batch shows their shape.

    `lengths` are the tokens of every text.
    """

    def __init__(self, name: SplitName, lengths: Tensor) -> None:
        self.name: SplitName = name
        self._lengths = lengths
        self._sizes = lengths.square() if name == "attended" else lengths
        self._offsets = offsets_of(self._sizes)
        self._room: list[Tensor] = []
        self._labels: tuple[str, ...] = ()

    def take(self, trace: Trace, layer: int, texts: Tensor, vectors: bool) -> None:
        """Add a batch that holds these texts."""
        dots, squares, kept = PARTS[self.name](trace, layer, vectors)
        whole = trace.states[layer].square().sum(1)
        found = [dots, squares, whole, *([] if kept is None else [kept])]
        if self.name == "attended":
            found[2] = whole[Pairs(trace).own]
        else:
            found = [part.index_select(0, trace.rows) for part in found]
        if not self._room:
            n_rows = int(self._offsets[-1])
            self._room = [torch.empty(n_rows, *part.shape[1:], dtype=part.dtype) for part in found]
            last = tuple(str(i + 1) for i in range(dots.shape[-1]))
            self._labels = bias_labels(trace, layer) if self.name == "bias" else last
        rows = concat_ranges(self._offsets[:-1][texts], self._sizes[texts])
        for room, part in zip(self._room, found, strict=True):
            room.index_copy_(0, rows, part.cpu())

    def done(self) -> Split:
        """Return all texts in order.

        Raises `DataError` if no text has a token.
        """
        if not self._room:
            raise DataError("no text has a token to split")
        dots, squares, whole, *kept = self._room
        vectors = kept[0] if kept else None
        return Split(self.name, dots, squares, whole, self._offsets, self._lengths, self._labels, vectors)


@dataclasses.dataclass(frozen=True)
class Reader:
    """What is asked for, checked."""

    encoder: Encoder
    layers: tuple[int, ...]
    splits: tuple[SplitName, ...]
    vectors: bool
    dtype: str

    @classmethod
    def of(
        cls, encoder: Encoder | str | None, layer: Layers, splits: Sequence[SplitName], vectors: bool, dtype: str
    ) -> Reader:
        """Check the settings of `dissect` and find the encoder.

        Raises `UsageError` if one is wrong.
        """
        if dtype not in ("float32", "float64"):
            raise UsageError(f"dtype must be float32 or float64, got {dtype!r}")
        wrong = [name for name in splits if name not in SPLITS]
        if wrong:
            raise UsageError(f"splits must be some of {', '.join(SPLITS)}, got {wrong[0]!r}")
        found = encoder if isinstance(encoder, Encoder) else Encoder.from_pretrained(encoder, dtype=dtype)
        layers = found.resolve_layers(layer)
        if splits and (len(layers) > 1 or layers == (0,)):
            raise UsageError(f"splits are of one layer above 0 at a time, got layers {list(layers)}")
        return cls(found.single_pass if splits else found, layers, tuple(dict.fromkeys(splits)), vectors, dtype)

    def bytes_for(self, tokenized: Tokenized) -> int:
        """Return about how many bytes the result takes."""
        n_tokens, dim, last = int(tokenized.lengths.sum()), self.encoder.dim, self.layers[-1]
        n_heads = self.encoder.tracer(self.dtype).parts.n_heads
        n_pairs = int((tokenized.lengths**2).sum())
        parts = {"layer": n_tokens * 2 * last, "head": n_tokens * n_heads * last, "attended": n_pairs * n_heads * last}
        numbers = n_tokens * len(self.layers) * 5 * dim
        each = 2 + dim * self.vectors
        numbers += sum(parts.get(name, n_tokens * 8 * last) * each for name in self.splits)
        return numbers * (8 if self.dtype == "float64" else 4)

    def read(self, inputs: Sequence[TextInput], tokenized: Tokenized, progress: bool | None) -> Dissection:
        """Dissect some texts."""
        tracer, number = self.encoder.tracer(self.dtype), getattr(torch, self.dtype)
        lengths, begins = torch.as_tensor(tokenized.text_lengths), tokenized.begins
        offsets = offsets_of(lengths)
        n_tokens, dim = int(offsets[-1]), self.encoder.dim
        terms = torch.empty(n_tokens, len(self.layers), 4, dim, dtype=number)
        states = torch.empty(n_tokens, len(self.layers), dim, dtype=number)
        collected = {name: Collected(name, lengths) for name in self.splits}
        with torch.inference_mode(), progress_bar(len(inputs), "dissecting", "texts", show=progress) as bar:
            for windows, rows, batch in batches(tokenized, BUDGET, self.encoder.device, mixed=tracer.packs):
                if len(rows):
                    trace = tracer.trace(batch, self.layers, weights="attended" in self.splits)
                    self._fill(trace, rows, terms, states)
                    for split in collected.values():  # of texts that have one window each
                        split.take(trace, self.layers[0], torch.as_tensor(windows), self.vectors)
                bar.update(int(begins[windows].sum()))
        provenance = dataclasses.replace(
            self.encoder.provenance(self.layers, int(tokenized.truncated.sum())), dtype=self.dtype
        )
        return Dissection(
            terms=terms,
            states=states,
            offsets=offsets,
            token_ids=torch.as_tensor(tokenized.token_ids),
            provenance=provenance,
            tokens=tuple(self.encoder.spans(text).tokens for text in inputs),
            splits={name: split.done() for name, split in collected.items()},
        )

    def _fill(self, trace: Trace, rows: Tensor, terms: Tensor, states: Tensor) -> None:
        """Copy a batch's terms to their rows; refuse a sum that is not the state.

        Raises `EncoderError` if the terms do not add up.
        """
        tolerance = INEXACT[terms.dtype]
        for j, (layer, parts) in enumerate(terms_at(trace, self.layers)):
            state = trace.states[layer].index_select(0, trace.rows)
            found = torch.stack([part.index_select(0, trace.rows) for part in parts], dim=1)
            gap = (found.sum(1) - state).abs().max()
            if not gap <= tolerance * state.abs().max():
                raise EncoderError(
                    f"the terms of {self.encoder.name} do not add up at layer {layer}: off by {float(gap):.2g}; "
                    "this model is not what its family's description says"
                )
            terms[rows, j], states[rows, j] = found.cpu(), state.cpu()

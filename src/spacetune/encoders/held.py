"""Texts through an encoder with its factors held, a bounded number of tokens at a time."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from spacetune.encoders.adapters import Adapter, LayerChanges, LoraStates, PrefixStates
from spacetune.encoders.encoder import Encoder
from spacetune.encoders.families import family_of, types_that
from spacetune.encoders.loading.load import weights_in
from spacetune.encoders.loading.machine import choose_dtype
from spacetune.encoders.passes.held import HeldPass, PackedHeld, StreamHeld
from spacetune.encoders.passes.packed import PackedBatch
from spacetune.encoders.ragged import offsets_of
from spacetune.encoders.token_features import TokenFeatures
from spacetune.encoders.tokenizing import TextInput, Tokenized
from spacetune.encoders.tuned import tuned
from spacetune.errors import UnsupportedByFamily

__all__ = ["can_hold", "held_runs"]

TOKENS = 4096
"""Tokens times outputs that are carried back at a time; a text alone may have more."""

_MADE: weakref.WeakKeyDictionary[Encoder, dict[torch.dtype, PackedHeld | StreamHeld]] = weakref.WeakKeyDictionary()


def can_hold(encoder: Encoder, adapter: Adapter | LayerChanges | None = None) -> bool:
    """Tell whether states can be carried back to the input: for what can be dissected, and prefixes where packed."""
    supports = family_of(encoder.loaded.weights.config.model_type).supports
    return "dissect" in supports and ("fast" in supports or not isinstance(adapter, PrefixStates))


def held_runs(
    encoder: Encoder,
    inputs: Sequence[TextInput],
    layers: tuple[int, ...],
    *,
    adapter: Adapter | LayerChanges | None = None,
    apart: bool = False,
    n_outputs: int = 1,
    dtype: str = "float32",
) -> Iterator[tuple[TokenFeatures, HeldPass]]:
    """Yield features of consecutive texts, and the pass they come from.

    Parameters
    ----------
    encoder
        A frozen encoder.
    inputs
        Texts or pairs.
    layers
        Whose states are read.
    adapter
        What is learnt inside, the same for all texts.
    apart
        Read the two texts of a pair alone.
    n_outputs
        How many functions of the states are to be carried back: the more, the fewer texts at a time.
    dtype
        ``float32`` or ``float64``.

    Raises
    ------
    UnsupportedByFamily
        If this architecture's states are not known as sums of what the input brings.
    """
    if not can_hold(encoder, adapter):
        kind = encoder.loaded.weights.config.model_type
        under = " under a prefix" if isinstance(adapter, PrefixStates) else ""
        able = ", ".join(types_that("fast" if under else "dissect"))
        raise UnsupportedByFamily(
            f"scores{under} cannot be carried to the input of {kind} encoders: their states are not known as exact "
            f'sums of what the input brings; take at="states", or one of {able}'
        )
    if isinstance(adapter, LoraStates):
        adapter = adapter.merged()
    if isinstance(adapter, LayerChanges):
        encoder, adapter = tuned(encoder, adapter), None
    runner, size = _runner(encoder, choose_dtype(dtype, encoder.device)), 2 if apart else 1
    texts: Sequence[TextInput] = [text for pair in inputs for text in pair] if apart else inputs
    tokenized = encoder.tokenize(texts)
    lengths = tokenized.text_lengths.reshape(-1, size).sum(1)
    for first, last in _runs(lengths, max(1, TOKENS // n_outputs)):
        features, batch = _cut(tokenized, first * size, last * size, encoder.device)
        held = runner.run(batch, layers, adapter)
        features = dataclasses.replace(features, values=held.states)
        if apart:
            of_first = features.lengths[::2]
            cut = None if features.truncated is None else features.truncated.view(-1, 2).any(1)
            features = dataclasses.replace(features, offsets=features.offsets[::2], first=of_first, truncated=cut)
        yield features, held


def _runner(encoder: Encoder, dtype: torch.dtype) -> PackedHeld | StreamHeld:
    made = _MADE.setdefault(encoder, {})
    if dtype not in made:
        model = weights_in(encoder.source, encoder.loaded, dtype)
        packed = "fast" in family_of(model.config.model_type).supports
        made[dtype] = PackedHeld(model, dtype) if packed else StreamHeld(model)
    return made[dtype]


def _runs(lengths: np.ndarray, budget: int) -> Iterator[tuple[int, int]]:
    """Yield where consecutive texts begin and end that have at most so many tokens together, or are one.

    >>> list(_runs(np.array([3, 2, 9, 1]), 5))
    [(0, 2), (2, 3), (3, 4)]
    """
    first, taken = 0, 0
    for i, length in enumerate(lengths.tolist()):
        if i > first and taken + length > budget:
            yield first, i
            first, taken = i, 0
        taken += length
    yield first, len(lengths)


def _cut(tokenized: Tokenized, first: int, last: int, device: torch.device) -> tuple[TokenFeatures, PackedBatch]:
    """Return some texts' tokens, without states, and the windows to run."""
    windows = np.cumsum([0, *tokenized.n_windows])
    tokens = np.cumsum([0, *tokenized.lengths])
    here = slice(tokens[windows[first]], tokens[windows[last]])
    ids = torch.from_numpy(tokenized.token_ids[here])
    offsets = offsets_of(torch.from_numpy(tokenized.text_lengths[first:last]))
    cut = torch.from_numpy(tokenized.truncated[first:last])
    batch = PackedBatch(
        ids.to(device),
        torch.from_numpy(tokenized.segment_ids[here]).long().to(device),
        tokenized.lengths[windows[first] : windows[last]].tolist(),
    )
    return TokenFeatures(ids.new_zeros(len(ids), 1, 1).float(), offsets, ids, None, cut), batch

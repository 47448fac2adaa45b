"""Texts through an encoder with its factors held, a bounded number of tokens at a time."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Iterator, Sequence

import torch

from spacetune.encoders.adapters import Adapter, LayerChanges, LoraStates, PrefixStates
from spacetune.encoders.batching import runs_of
from spacetune.encoders.encoder import Encoder
from spacetune.encoders.families import family_of, types_that
from spacetune.encoders.loading.load import weights_in
from spacetune.encoders.loading.machine import choose_dtype
from spacetune.encoders.passes.held import HeldPass, PackedHeld, StreamHeld
from spacetune.encoders.passes.packed import PackedBatch
from spacetune.encoders.ragged import offsets_of
from spacetune.encoders.token_features import TokenFeatures
from spacetune.encoders.tokenizing import TextInput, Tokenized
from spacetune.encoders.tuned import with_changes
from spacetune.errors import UnsupportedByFamily

__all__ = ["can_hold", "held_runs"]

TOKENS = 4096
"""About how many tokens (four characters each) times outputs are carried back at a time; a text may have more."""

_Made = dict[tuple[str, torch.dtype], PackedHeld | StreamHeld]
_MADE: weakref.WeakKeyDictionary[Encoder | LayerChanges, _Made] = weakref.WeakKeyDictionary()


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
        adapter = adapter.merged
    changes, prefix = (adapter, None) if isinstance(adapter, LayerChanges) else (None, adapter)
    runner = _runner(encoder, choose_dtype(dtype, encoder.device), changes)
    budget = max(1, TOKENS // n_outputs)
    for run in runs_of(inputs, 4 * budget, budget):
        texts = [text for pair in inputs[run] for text in pair] if apart else inputs[run]
        tokenized = encoder.tokenize(texts)
        held = runner.run(_batch(tokenized, encoder.device), layers, prefix)
        cut = torch.as_tensor(tokenized.truncated)
        lengths = torch.as_tensor(tokenized.text_lengths)
        features = TokenFeatures(held.states, offsets_of(lengths), torch.as_tensor(tokenized.token_ids), None, cut)
        if apart:
            features = dataclasses.replace(
                features, offsets=features.offsets[::2], first=lengths[::2], truncated=cut.view(-1, 2).any(1)
            )
        yield features, held


def _runner(encoder: Encoder, dtype: torch.dtype, changes: LayerChanges | None) -> PackedHeld | StreamHeld:
    """Return what runs an encoder in this dtype, with changes to its layers; made once."""
    made = _MADE.setdefault(encoder if changes is None else changes, {})
    key = encoder.source.sha256, dtype
    if key not in made:
        model = weights_in(encoder.source, encoder.loaded, dtype)
        model = model if changes is None else with_changes(model, changes)
        packed = "fast" in family_of(model.config.model_type).supports
        made[key] = PackedHeld(model, dtype) if packed else StreamHeld(model)
    return made[key]


def _batch(tokenized: Tokenized, device: torch.device) -> PackedBatch:
    """Return all windows of some texts as one batch."""
    ids, segments = torch.as_tensor(tokenized.token_ids), torch.as_tensor(tokenized.segment_ids).long()
    return PackedBatch(ids.to(device), segments.to(device), tokenized.lengths.tolist())

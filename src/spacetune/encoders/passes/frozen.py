"""Texts through the frozen encoder, run by run; the next run is tokenised while the model computes this one."""

# The types of torch and NumPy are partial.
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from spacetune.encoders.batching import runs_of, token_batches
from spacetune.encoders.loading.machine import unaltered
from spacetune.encoders.passes.packed import PackedBatch
from spacetune.encoders.passes.side_by_side import side_by_side
from spacetune.encoders.ragged import offsets_of
from spacetune.encoders.token_features import Provenance, TokenFeatures
from spacetune.encoders.tokenizing import TextInput, Tokenized
from spacetune.progress import progress_bar

__all__ = ["batches", "feature_runs"]

TOKEN_BUDGET = 2048
RUN_BYTES = 128 << 20
RUN_TEXTS = 16_384


def feature_runs(
    loaded: Any,
    tokenize: Callable[[Sequence[TextInput]], Tokenized],
    inputs: Sequence[TextInput],
    provenance: Provenance,
    progress: bool | None,
) -> Iterator[TokenFeatures]:
    """Yield features of consecutive runs of texts, so that any number of texts needs bounded memory.

    Parameters
    ----------
    loaded
        The encoder's model and what runs it.
    tokenize
        Cuts texts into tokens; a single run needs no second thread for it.
    inputs
        Texts or pairs.
    provenance
        Of the features, with the layers to keep.
    progress
        Whether to show a bar.
    """
    per_token = len(provenance.layers) * loaded.dim * loaded.dtype.itemsize
    runs = list(runs_of(inputs, 4 * max(RUN_BYTES // per_token, TOKEN_BUDGET), RUN_TEXTS))
    with (
        ThreadPoolExecutor(1) as pool,
        progress_bar(len(inputs), "encoding", "texts", show=progress) as bar,
    ):
        tokenized = tokenize(inputs[runs[0]]) if runs else None
        for following in [*runs[1:], None]:
            if tokenized is None:
                return
            ahead = None if following is None else pool.submit(tokenize, inputs[following])
            yield _run(loaded, tokenized, provenance, bar)
            tokenized = ahead.result() if ahead is not None else None


def batches(
    tokenized: Tokenized, budget: int, device: torch.device, *, mixed: bool
) -> Iterator[tuple[np.ndarray, torch.Tensor, PackedBatch]]:
    """Yield batches of about `budget` tokens: the windows in each, the rows of their tokens, and what to run.

    Parameters
    ----------
    tokenized
        Token ids of many texts.
    budget
        Tokens a batch.
    device
        Where they are to run.
    mixed
        Short and shorter texts together, as the packed pass likes them; else by length, for one that pads.
    """
    offsets = offsets_of(torch.as_tensor(tokenized.lengths)).numpy()
    for texts in token_batches(tokenized.lengths, budget, mixed=mixed):
        rows = _rows(offsets, tokenized.lengths, texts)
        batch = PackedBatch(
            token_ids=torch.as_tensor(tokenized.token_ids[rows]).to(device),
            segment_ids=torch.as_tensor(tokenized.segment_ids[rows]).long().to(device),
            lengths=tokenized.lengths[texts].tolist(),
        )
        yield texts, torch.as_tensor(rows), batch


@unaltered()
def _run(loaded: Any, tokenized: Tokenized, provenance: Provenance, bar: Any) -> TokenFeatures:
    layers = provenance.layers
    offsets = offsets_of(torch.as_tensor(tokenized.text_lengths))
    begins = tokenized.begins
    values = torch.empty(int(offsets[-1]), len(layers), loaded.dim, dtype=loaded.dtype)

    def compute(piece: tuple[np.ndarray, torch.Tensor, PackedBatch]) -> int:
        windows, rows, batch = piece
        with torch.inference_mode():
            for i, state in enumerate(loaded.runner.hidden_states(batch, layers)):
                values[:, i].index_copy_(0, rows, state.to("cpu", loaded.dtype))
        return int(begins[windows].sum())

    pieces = batches(tokenized, TOKEN_BUDGET, loaded.device, mixed=loaded.packed)
    n_pieces = int(tokenized.lengths.sum()) // TOKEN_BUDGET
    apart = loaded.packed and loaded.device.type == "cpu"
    for n_texts in side_by_side(compute, pieces, n_pieces) if apart else map(compute, pieces):
        bar.update(n_texts)
    ids = torch.as_tensor(tokenized.token_ids)
    cut = torch.as_tensor(tokenized.truncated)
    return TokenFeatures(values, offsets, ids, provenance.with_cut(int(cut.sum())), cut)


def _rows(offsets: np.ndarray, lengths: np.ndarray, texts: np.ndarray) -> np.ndarray:
    picked = lengths[texts]
    ends = np.cumsum(picked)
    return np.arange(ends[-1]) + np.repeat(offsets[texts] - ends + picked, picked)

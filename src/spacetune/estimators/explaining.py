"""Explanations of any number of texts: every token's part of every logit, beside logits made without them."""

# The types of torch and NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spacetune.encoders import (
    HeldPass,
    TextInput,
    TokenFeatures,
    as_given,
    can_hold,
    carried_back,
    held_runs,
    holds_texts,
    runs_of,
)
from spacetune.encoders.loading.machine import unaltered
from spacetune.errors import DataError, UsageError
from spacetune.estimators.inputs import Given
from spacetune.estimators.reading import Reader
from spacetune.explanations import At, Explanation, TextExplanation, strongest_meetings
from spacetune.fitting import CHUNK_TEXTS
from spacetune.heads import Head, Model, PairHead
from spacetune.progress import progress_bar

__all__ = ["explain_texts", "texts_of"]

Array = np.ndarray[Any, Any]
Outcome = Callable[[Array], dict[str, Any]]
Views = Mapping[str, Array]

CHARACTERS = 1 << 17
"""Of texts that are explained at a time."""

OUTPUTS = 8
"""Outputs that are carried back to the input at a time."""


def texts_of(X: object) -> Any:
    """Return what is to be explained.

    Raises
    ------
    UsageError
        If it is not texts.
    DataError
        If there are none.
    """
    rows = as_given(X)
    if not holds_texts(rows):
        raise UsageError("explain needs texts: a matrix of ready embeddings has no tokens to show")
    if not len(rows):
        raise DataError("there are no texts: give at least one")
    return rows


def _where(reader: Reader, model: Model, at: str | None) -> At:
    """Return where tokens are looked at; None is at every depth, or at the states where nothing can be carried back.

    Raises
    ------
    UsageError
        If there is no such place.
    """
    if at is None:
        return "both" if reader.pooling == "mean" and can_hold(reader.encoder, model.adapter) else "states"
    if at not in ("input", "states", "both"):
        raise UsageError(f"at must be 'input', 'states' or 'both', got {at!r}")
    if at != "states" and reader.pooling != "mean":
        raise UsageError(f"a head on the {reader.pooling} reads no tokens' states to carry back: take at='states'")
    return at


@unaltered()
def explain_texts(
    reader: Reader, model: Model, given: Given, layers: tuple[int, ...] | None, outcome: Outcome, at: At | None
) -> Explanation:
    """Explain texts a bounded number at a time.

    Parameters
    ----------
    reader
        How the model reads.
    model
        Its logits are explained.
    given
        Texts or pairs.
    layers
        What it reads.
    outcome
        From one text's logits ``(1, output)`` to prediction, probabilities and class names.
    at
        Where the tokens are looked at.
    """
    assert layers is not None
    at = _where(reader, model, at)
    found: list[TextExplanation] = []
    way = _at_states if at == "states" else _carried
    with progress_bar(len(given.content), "explaining", "texts") as bar:
        for run in runs_of(given.content, CHARACTERS, CHUNK_TEXTS):
            texts, first = given.content[run], 0
            for features, views, sources in way(reader, model, texts, layers):
                here = texts[first : first + len(features)]
                found += _explained(reader, model, here, features, outcome, at, views, sources)
                first += len(here)
                bar.update(len(here))
    return Explanation(tuple(found))


def _at_states(
    reader: Reader, model: Model, texts: Sequence[TextInput], layers: tuple[int, ...]
) -> Iterator[tuple[TokenFeatures, Views, Views]]:
    """Yield features as they are read for a prediction, and the scores of their states."""
    with torch.inference_mode():
        features = reader.fresh(model, texts, layers)
        yield features, {"states": model.on_top.token_scores(features).double().numpy()}, {}


def _carried(
    reader: Reader, model: Model, texts: Sequence[TextInput], layers: tuple[int, ...]
) -> Iterator[tuple[TokenFeatures, Views, Views]]:
    """Yield features in float32, the scores in every view, and what those at the input are made of."""
    n_outputs, apart = len(model.head.bias), reader.reads_apart(texts)
    with torch.no_grad():
        for features, held in held_runs(
            reader.encoder, texts, layers, adapter=model.adapter, apart=apart, n_outputs=min(OUTPUTS, n_outputs)
        ):
            parts = [
                _pulled(model.on_top, features, held, slice(first, first + OUTPUTS))
                for first in range(0, n_outputs, OUTPUTS)
            ]
            views, sources = (
                {name: np.concatenate([part[i][name] for part in parts], axis=1) for name in parts[0][i]}
                for i in (0, 1)
            )
            yield features, views, sources


def _pulled(head: Head, features: TokenFeatures, held: HeldPass, outputs: slice) -> tuple[Views, Views]:
    """Return the views of some outputs, and the sources of the one at the input, ``(token, output)`` each."""
    affine = head.held(features, outputs)
    assert affine.gradients is not None
    back = carried_back(held, affine.gradients)
    none = torch.zeros_like(back.words).T.double()
    added, words = (none if part is None else part.double() for part in (affine.biases, affine.words))
    states = torch.einsum("otld,tld->to", affine.gradients, features.values.to(affine.gradients)).double()
    sources: dict[str, Tensor] = {
        "words": back.words.T.double(), "places": back.places.T.double(), "biases": back.biases.T.double() + added
    }  # fmt: skip
    if back.prefix is not None:
        sources["prefix"] = back.prefix.T.double()
    if affine.words is not None:
        sources["lexicon"] = words
    beside = added + words
    views = {"input": sum(sources.values(), none), "states": states + beside, "both": back.along.T.double() + beside}
    return _arrays(views), _arrays(sources)


def _arrays(named: Mapping[str, Tensor]) -> Views:
    return {name: tensor.numpy() for name, tensor in named.items()}


def _explained(
    reader: Reader,
    model: Model,
    texts: Sequence[TextInput],
    features: TokenFeatures,
    outcome: Outcome,
    at: At,
    views: Views,
    sources: Views,
) -> list[TextExplanation]:
    with torch.inference_mode():
        logits = model.on_top.logits(features).numpy()
    bias = model.head.bias.detach().numpy()
    edges = features.offsets.tolist()
    cut = [False] * len(texts) if features.truncated is None else features.truncated.tolist()
    found: list[TextExplanation] = []
    for i, text in enumerate(texts):
        seen, own = reader.spans(text), slice(edges[i], edges[i + 1])
        one = TextExplanation.of(
            text,
            seen,
            token_scores=views[at][own],
            bias=bias,
            logits=logits[i],
            truncated=cut[i],
            at=at,
            views={name: scores[own] for name, scores in views.items()} if len(views) > 1 else {},
            sources={name: scores[own] for name, scores in sources.items()},
            **outcome(logits[i : i + 1]),
        )
        if isinstance(model.head, PairHead):
            met = strongest_meetings(model.head, features.between(i, i + 1), text, seen, one.column(one.predicted))
            one = dataclasses.replace(one, meetings=tuple(met))
        found.append(one)
    return found

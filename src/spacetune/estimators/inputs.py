"""What an estimator may be given: texts, pairs of texts, token features, or a matrix of ready embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import validate_data

from spacetune.encoders import (
    Encoder,
    FeatureSource,
    FeatureStore,
    Layers,
    TokenFeatures,
    as_inputs,
    holds_features,
    holds_texts,
)
from spacetune.errors import DataError

__all__ = [
    "MANY",
    "auto_layers",
    "check_kind",
    "check_lengths",
    "kind_of",
    "read_features",
]


MANY = 2000
"""Texts from which on the automatic settings are those for many texts."""

SMALL = 2 << 30
"""Bytes of features up to which ``auto`` reads all layers."""


def auto_layers(encoder: Encoder, texts: Any) -> tuple[int, ...]:
    """Return the default choice of layers for these texts.

    All layers for 2,000 texts and more where their features take at most 2 GB (about 370,000 tokens of the default
    encoder), else those at one, two and three thirds of the depth. The choice is ours, made on dev parts: on 4,499
    texts all layers beat three, and three the last one (`benchmarks/results/sma.json`); on 560 texts three did
    better; and all layers of a large data set are a lot of disk. Tokens are guessed as a quarter of the characters.
    """
    n = encoder.n_layers
    if len(texts) < MANY:
        return thirds(n)
    tokens = sum(len(t) if isinstance(t, str) else len(t[0]) + len(t[1]) for t in as_inputs(texts)) / 4
    if tokens * (n + 1) * encoder.dim * encoder.dtype.itemsize <= SMALL:
        return tuple(range(n + 1))
    return thirds(n)


def thirds(n_layers: int) -> tuple[int, ...]:
    """Return the layers at one, two and three thirds of the depth.

    >>> thirds(6), thirds(12)
    ((2, 4, 6), (4, 8, 12))
    """
    return tuple(sorted({max(1, round(n_layers / 3)), max(1, round(2 * n_layers / 3)), n_layers}))


def kind_of(given: Any) -> str:
    """Return what was given: ``texts``, ``features`` or ``matrix``."""
    if holds_texts(given):
        return "texts"
    return "features" if holds_features(given) else "matrix"


def check_kind(estimator: Any, given: Any, reset: bool) -> str:
    """Return what was given, see `kind_of`.

    Raises
    ------
    DataError
        If a model is given another kind than it was fitted on; one of texts reads their features too.
    """
    kind = kind_of(given)
    fitted_on = getattr(estimator, "fitted_on_", kind)
    if not reset and kind != fitted_on and (fitted_on, kind) != ("texts", "features"):
        raise DataError(f"this model was fitted on {fitted_on} and was given {kind}")
    return kind


def read_features(
    estimator: Any,
    given: Any,
    *,
    encoder: Encoder | None,
    layers: Layers | None,
    reset: bool,
    store: FeatureStore | None = None,
    progress: bool | None = None,
) -> FeatureSource:
    """Return token features of whatever was given.

    Parameters
    ----------
    estimator
        Takes note of the matrix's width, as scikit-learn asks.
    given
        Texts, pairs, `TokenFeatures`, or a matrix ``(text, dim)``: each row one token.
    encoder
        What texts go through.
    layers
        Which of its layers.
    reset
        True in `fit`, False afterwards.
    store
        Where to look texts up and keep their features; None encodes them afresh.
    progress
        Whether to show a bar.

    Returns
    -------
    FeatureSource
        One entry a text.

    Raises
    ------
    DataError
        If a model fitted on one kind of input is given another.
    """
    kind = check_kind(estimator, given, reset)
    if kind == "matrix":
        matrix = validate_data(estimator, given, dtype=(np.float64, np.float32), reset=reset)
        return TokenFeatures.from_matrix(torch.from_numpy(np.require(matrix, requirements=("C", "W"))))
    if kind == "features":
        return given
    assert encoder is not None
    assert layers is not None
    if store is not None:
        return store.encode(encoder, given, layers=layers, progress=progress)
    return encoder.encode(given, layers=layers, progress=progress)


def check_lengths(n_texts: int, n_labels: int) -> None:
    """Refuse no texts, a single one, and labels that are not one a text."""
    if not n_texts:
        raise DataError("there are no texts to learn from: 0 samples")
    if n_texts != n_labels:
        raise DataError(f"labels must be one a text: {n_texts} texts, {n_labels} labels")
    if n_texts < 2:
        raise DataError(f"n_samples={n_texts}: a fit needs at least 2 texts")

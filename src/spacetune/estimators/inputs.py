"""What an estimator was given, told apart once: texts or pairs, token features, or a matrix of ready embeddings."""

# The types of torch, NumPy and scikit-learn are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
from sklearn.utils.validation import validate_data

from spacetune.data import read_weights
from spacetune.data.weights import weighing_rows
from spacetune.encoders import Provenance, TokenFeatures, as_given, as_inputs, holds_features, holds_texts
from spacetune.errors import DataError, counted

__all__ = ["FittedOn", "Given", "InputKind", "Sample", "tell"]

Array = np.ndarray[Any, Any]
InputKind = Literal["texts", "features", "matrix"]


@dataclasses.dataclass(frozen=True)
class Given:
    """What came, and which kind it is.

    Parameters
    ----------
    kind
        ``texts`` (or pairs), ``features``, or ``matrix``.
    content
        A list of texts or pairs, else a `FeatureSource`; every row of a matrix is one token.
    """

    kind: InputKind
    content: Any

    @property
    def like(self) -> InputKind:
        """The kind that a model fitted on these predicts for: features that an encoder made stand for texts."""
        return "texts" if getattr(self.content, "provenance", None) is not None else self.kind

    @property
    def pairs(self) -> bool:
        """Whether these are pairs of texts."""
        return self.kind == "texts" and not all(isinstance(row, str) for row in self.content)

    def take(self, rows: Array) -> Given:
        """Return the rows at these positions."""
        if self.kind == "texts":
            return Given(self.kind, [self.content[i] for i in rows.tolist()])
        return Given(self.kind, self.content.take(torch.as_tensor(rows)))


@dataclasses.dataclass(frozen=True)
class Sample:
    """What is learnt from.

    Parameters
    ----------
    given
        Texts, features, or a matrix.
    labels
        One a text.
    weights
        What each text weighs, above 0; None where all weigh alike.
    """

    given: Given
    labels: Sequence[Any]
    weights: Array | None

    @classmethod
    def of(cls, given: Given, labels: Sequence[Any], sample_weight: object = None) -> Self:
        """Put texts, labels and weights together; a text of weight 0 is left out as if it had not been given.

        Raises
        ------
        DataError
            If labels or weights are not one a text, weights are no numbers of at least 0, or all are 0.
        """
        _check_lengths(len(given.content), len(labels))
        if sample_weight is None:
            return cls(given, labels, None)
        weights = read_weights(sample_weight, len(labels))
        rows = weighing_rows(weights, "sample_weight is zero")
        if len(rows) < len(labels):
            given, labels = given.take(rows), [labels[i] for i in rows.tolist()]
        return cls(given, labels, weights[rows])


@dataclasses.dataclass(frozen=True)
class FittedOn:
    """What a model was fitted on.

    Parameters
    ----------
    kind
        ``texts`` (or their features), ``features`` of unknown origin, or ``matrix``.
    provenance
        Of the encoder's features; None for ready embeddings.
    pairs
        Whether pairs of texts were read.
    hashes
        Of the texts.
    """

    kind: str
    provenance: Provenance | None
    pairs: bool
    hashes: Array

    @property
    def like(self) -> str:
        """The kind, as `Given` has it."""
        return self.kind

    @property
    def layers(self) -> tuple[int, ...] | None:
        """The layers read; None for ready embeddings."""
        return None if self.provenance is None else self.provenance.layers


def tell(given: Any, estimator: Any, before: FittedOn | Given | None = None) -> Given:
    """Tell what was given.

    Parameters
    ----------
    given
        Texts, pairs, token features or a matrix ``(text, dim)``.
    estimator
        Takes note of a matrix's width, as scikit-learn asks.
    before
        What it was fitted on, or is being fitted on; None for these themselves.

    Raises
    ------
    DataError
        If it is another kind than the estimator was fitted on; one of texts reads their features too.
    """
    rows = as_given(given)
    texts = holds_texts(rows)
    kind: InputKind = "texts" if texts else "features" if holds_features(rows) else "matrix"
    if before is not None and kind != before.like and (before.like, kind) != ("texts", "features"):
        raise DataError(f"this model was fitted on {before.like} and was given {kind}")
    if texts:
        inputs = as_inputs(rows)
        _check_pairs(inputs, None if before is None else before.pairs)
        return Given(kind, inputs)
    if kind == "features":
        return Given(kind, rows)
    matrix = validate_data(estimator, rows, dtype=(np.float64, np.float32), reset=before is None)
    return Given(kind, TokenFeatures.from_matrix(torch.as_tensor(np.require(matrix, requirements=("C", "W")))))


def _check_pairs(rows: Sequence[Any], pairs: bool | None) -> None:
    """Refuse single texts where pairs were learnt from, and pairs where single texts were; all rows are of one kind."""
    if not rows or pairs is None or pairs != isinstance(rows[0], str):
        return
    if pairs:
        hint = "give pairs: tuples in Python, on the command line a table whose second texts --text-pair names"
        raise DataError(f"this model was trained on pairs of texts, and was given single texts; {hint}")
    hint = "give one text per row, or fit on pairs"
    raise DataError(f"this model was trained on single texts, and was given pairs of texts; {hint}")


def _check_lengths(n_texts: int, n_labels: int) -> None:
    """Refuse no texts, a single one, and labels that are not one a text."""
    if not n_texts:
        raise DataError("there are no texts to learn from: 0 samples")
    if n_texts != n_labels:
        raise DataError(
            f"there must be one label per text, got {counted(n_texts, 'text')} and {counted(n_labels, 'label')}"
        )
    if n_texts < 2:
        raise DataError(f"n_samples={n_texts}: a fit needs at least 2 texts")

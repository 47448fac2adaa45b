"""`SpaceEncoder`: texts become columns of numbers, for pipelines that put them beside other columns."""

# The types of torch, NumPy and scikit-learn are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Literal, Self, cast

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from spacetune.encoders import Encoder, FeatureSource, FeatureStore, Layers, TokenFeatures
from spacetune.errors import UsageError
from spacetune.estimators.explaining import texts_of
from spacetune.estimators.inputs import Given
from spacetune.estimators.reading import Reader
from spacetune.estimators.space import SpaceClassifier
from spacetune.fitting import Reading, text_chunks
from spacetune.heads import SpaceHead

__all__ = ["SpaceEncoder"]

Array = np.ndarray[Any, Any]
KINDS = ("means", "centroids", "logits")


class SpaceEncoder(TransformerMixin, BaseEstimator):
    r"""Turn texts into columns: mean states of an encoder, centroids of concept spaces, or logits.

    Mean states need no labels and are not trained. Centroids :math:`\tfrac1T \sum_t \tanh(P_k h_t)` and logits are
    those of a `SpaceClassifier` that is fitted on the same texts: to judge a model behind them, fit all of it inside
    cross-validation, as a scikit-learn pipeline does.

    Parameters
    ----------
    kind
        ``means``, ``centroids`` or ``logits``.
    encoder
        A folder, a hub name, an `Encoder`, or None for the default; for ``means``.
    layers
        Layers of the mean states, side by side.
    classifier
        For ``centroids`` and ``logits``: the `SpaceClassifier` whose settings are taken; None takes the defaults.
    store
        Where features are kept: ``auto``, a `FeatureStore`, or None; for ``means``.

    Attributes
    ----------
    n_features_out_
        Columns.
    classifier_
        The classifier that was fitted, for ``centroids`` and ``logits``.

    Examples
    --------
    >>> from sklearn.compose import make_column_transformer
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"text": ["a fine day", "an awful day"], "stars": [5, 1]})
    >>> beside = make_column_transformer((SpaceEncoder(store=None), "text"), ("passthrough", ["stars"]))
    >>> beside.fit_transform(frame).shape
    (2, 385)
    """

    def __init__(
        self,
        kind: Literal["means", "centroids", "logits"] = "means",
        *,
        encoder: str | os.PathLike[str] | Encoder | None = None,
        layers: Layers = -1,
        classifier: SpaceClassifier | None = None,
        store: FeatureStore | str | None = "auto",
    ) -> None:
        self.kind = kind
        self.encoder = encoder
        self.layers = layers
        self.classifier = classifier
        self.store = store

    def fit(self, X: object, y: object = None) -> Self:
        """Learn the spaces from labelled texts; mean states learn nothing.

        Raises
        ------
        UsageError
            If the kind is unknown, or labels are missing where spaces are to be learnt.
        """
        if self.kind not in KINDS:
            raise UsageError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        texts = texts_of(X)
        if self.kind == "means":
            encoder = self._reader().encoder
            self.layers_ = encoder.resolve_layers(cast("Layers", self.layers))
            self.names_ = [f"layer{layer}_{i}" for layer in self.layers_ for i in range(encoder.dim)]
        elif y is None:
            raise UsageError(f"{self.kind} are learnt from labels: give y, or take kind='means'")
        else:
            made = SpaceClassifier() if self.classifier is None else clone(self.classifier)
            self.classifier_ = cast("SpaceClassifier", made).fit(texts, y, progress=False)
            self.names_ = self._learnt_names()
        self.n_features_out_ = len(self.names_)
        return self

    def transform(self, X: object) -> Array:
        """Return ``(text, column)`` in float32."""
        check_is_fitted(self)
        texts = texts_of(X)
        if self.kind == "means":
            source = self._reader().features(Given("texts", texts), self.layers_, progress=False)
            return self._rows(source, TokenFeatures.means)
        if self.kind == "logits":
            return np.asarray(self.classifier_.predict_logits(texts), dtype=np.float32)
        return self._rows(self.classifier_.features(texts, progress=False), self._head.centroids)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return the columns' names: ``layer6_0``, ``layer6_CLASS_0`` or ``logit_CLASS``."""
        del input_features
        check_is_fitted(self)
        return np.asarray(self.names_, dtype=object)

    def _reader(self) -> Reader:
        return Reader(self.encoder, self.layers, None, None, self.store, Reading(windows=True))

    @property
    def _head(self) -> SpaceHead:
        return self.classifier_.space_head

    def _rows(self, source: FeatureSource, read: Callable[[TokenFeatures], Tensor]) -> Array:
        with torch.inference_mode():
            parts = [read(source.take(rows)).flatten(1).float() for rows in text_chunks(source.lengths)]
        return torch.cat(parts).numpy()

    def _learnt_names(self) -> list[str]:
        classes = [str(name) for name in self.classifier_.classes_.tolist()]
        if self.kind == "logits":
            return [f"logit_{name}" for name in classes]
        n_layers, n_spaces, n_latent, _ = self._head.spaces.operators.shape
        named = classes if n_spaces == len(classes) else [str(i) for i in range(n_spaces)]
        layers = (self.classifier_.layers_ or tuple(range(n_layers)))[:n_layers]
        return [f"layer{layer}_{name}_{i}" for layer in layers for name in named for i in range(n_latent)]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_out_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        tags.target_tags.required = self.kind != "means"
        return tags

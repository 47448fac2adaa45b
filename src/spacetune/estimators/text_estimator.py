"""`TextEstimator`: what every estimator here shares. Reading inputs, explaining, saving."""

from __future__ import annotations

import abc
import dataclasses
import hashlib
import importlib.metadata
import os
from collections.abc import Iterator, Sequence
from typing import Any, Self, cast

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from spacetune.encoders import (
    Encoder,
    FeatureSource,
    FeatureStore,
    Layers,
    TextInput,
    TokenFeatures,
    as_given,
    as_inputs,
    default_store,
    holds_texts,
    shared_encoder,
)
from spacetune.encoders.batching import runs_of
from spacetune.errors import DataError, ModelFileError, UsageError
from spacetune.estimators.card import model_card
from spacetune.estimators.dev_part import text_keys
from spacetune.estimators.inputs import auto_layers, kind_of, read_features
from spacetune.estimators.learning import Learner
from spacetune.estimators.reading import read_logits
from spacetune.explanations import Explanation, TextExplanation
from spacetune.model_folder import SavedModel, claim

__all__ = ["TextEstimator", "text_hashes"]

CHUNK_TEXTS = 256
CHARACTERS_EXPLAINED = 1 << 17


class TextEstimator(Learner):
    """Base of the estimators: linear in token scores, hence exactly explained.

    A subclass stores its settings in the constructor, learns in `fit`, and gives logits and token scores of
    features. Texts go through the encoder here; a matrix of ready embeddings counts as one token a row.
    """

    encoder: str | os.PathLike[str] | Encoder | None
    layers: Layers | str | None
    layers_: tuple[int, ...] | None
    max_length: int | None
    max_windows: int | None
    store: FeatureStore | str | None
    dev_fraction: float
    seed: int
    classes_: Any
    fitted_on_: str
    pairs_: bool = False
    dev_: str
    report_: dict[str, Any]
    provenance_: Any
    train_hashes_: np.ndarray[Any, Any]

    @abc.abstractmethod
    def logits_of(self, features: TokenFeatures) -> Tensor:
        """Return logits ``(text, output)`` of features."""

    @abc.abstractmethod
    def scores_of(self, features: TokenFeatures) -> Tensor:
        """Return what every token adds to every logit, ``(token, output)``."""

    @abc.abstractmethod
    def bias_of(self) -> Tensor:
        """Return what every logit starts with, ``(output,)``."""

    @abc.abstractmethod
    def learned(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return what `fit` learned as plain values and tensors, for the saved model."""

    @abc.abstractmethod
    def take_up(self, facts: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Become the model that `learned` described."""

    @property
    def encoder_(self) -> Encoder:
        """The encoder in use, loaded when first asked for and shared within the process."""
        trained = self.__dict__.get("trained_encoder_")
        if trained is not None:
            return trained
        if isinstance(self.encoder, Encoder):
            return self.encoder if self._reads_windows() else self.encoder.single_pass
        name = None if self.encoder is None else str(self.encoder)
        return shared_encoder(name, self.max_length, self.max_windows if self._reads_windows() else 1)

    def _reads_windows(self) -> bool:
        """Whether a long text is read window by window; else what is over the first is cut off."""
        return True

    def predict_logits(self, texts: Any) -> np.ndarray:
        """Return logits ``(text, output)`` as the classifier gives them, before any temperature."""
        check_is_fitted(self)
        return read_logits(self, texts).logits

    def feature_runs(self, inputs: Sequence[TextInput]) -> Iterator[TokenFeatures]:
        """Yield features of consecutive runs of texts as this model reads them, so that memory stays bounded."""
        assert self.layers_ is not None
        yield from self.encoder_.encode_runs(inputs, layers=self.layers_, progress=self.__dict__.get("_progress"))

    def logits_of_source(self, source: FeatureSource) -> np.ndarray:
        """Return logits of features in memory or on disk, a bounded number of texts at a time."""
        starts = range(0, max(1, len(source)), CHUNK_TEXTS)
        with torch.inference_mode():
            if isinstance(source, TokenFeatures):
                parts = [self.logits_of(source.between(start, start + CHUNK_TEXTS)) for start in starts]
            else:
                rows = torch.arange(len(source))
                parts = [self.logits_of(source.take(rows[start : start + CHUNK_TEXTS])) for start in starts]
        return torch.cat(parts).numpy()

    def explain(self, texts: Any) -> Explanation:
        """Explain predictions exactly: token scores add up to each logit.

        Parameters
        ----------
        texts
            Texts or pairs, as for `predict`.

        Returns
        -------
        Explanation
            One entry a text; ``explanation[i].scores[c].sum() + bias`` is the logit of class c.

        Raises
        ------
        UsageError
            If a matrix is given: ready embeddings have no tokens to show.
        """
        check_is_fitted(self)
        texts = as_given(texts)
        if not holds_texts(texts):
            raise UsageError("explain needs texts: a matrix of ready embeddings has no tokens to show")
        inputs = as_inputs(texts)
        if not inputs:
            raise DataError("there are no texts to explain")
        parts = [self._explained(inputs[run]) for run in runs_of(inputs, CHARACTERS_EXPLAINED, CHUNK_TEXTS)]
        return Explanation(tuple(one for part in parts for one in part))

    def _explained(self, inputs: list[TextInput]) -> list[TextExplanation]:
        with torch.inference_mode():
            features = cast("TokenFeatures", self.features(inputs, stored=False))
            scores = self.scores_of(features).double().numpy()
            logits = self.logits_of(features).numpy()
        bias = self.bias_of().detach().numpy()
        edges = features.offsets.tolist()
        cut = [False] * len(inputs) if features.truncated is None else features.truncated.tolist()
        return [
            TextExplanation.of(
                text,
                self.encoder_.spans(text),
                token_scores=scores[edges[i] : edges[i + 1]],
                bias=bias,
                logits=logits[i],
                truncated=cut[i],
                **self._outcome(logits[i : i + 1]),
            )
            for i, text in enumerate(inputs)
        ]

    def save_pretrained(self, place: str | os.PathLike[str]) -> None:
        """Save to a folder: settings, learned tensors, and a card for people. No encoder, no pickle.

        Parameters
        ----------
        place
            The folder; an older saved model there is replaced in one step, other files in it stay.

        Raises
        ------
        UsageError
            If something else stands there, it cannot be written to, or the model was fitted on ready embeddings.
        """
        saved = self.to_save()
        with claim(place) as claimed:
            claimed.write(saved)

    def to_save(self) -> SavedModel:
        """Return what a model's folder is made of."""
        check_is_fitted(self)
        if self.fitted_on_ != "texts":
            raise UsageError("a model of ready embeddings has no encoder to name; save it with joblib, or fit on texts")
        facts, tensors = self.learned()
        settings = {k: v for k, v in self.get_params(deep=False).items() if k not in ("encoder", "store")}
        config = {
            "spacetune": importlib.metadata.version("spacetune"),
            "model": type(self).__name__,
            "settings": settings,
            "encoder": dataclasses.asdict(self.provenance_),
            "learned": facts,
            "report": self.report_,
            "pairs": self.pairs_,
        }
        if (history := getattr(self, "history_", None)) is not None:
            config["history"] = history.to_dict()
        trained = self.__dict__.get("trained_encoder_")
        return SavedModel(
            config, tensors, model_card(self, config), None if trained is None else trained.save_pretrained
        )

    @classmethod
    def from_pretrained(
        cls, place: str | os.PathLike[str], *, encoder: str | os.PathLike[str] | Encoder | None = None
    ) -> Self:
        """Load a saved model.

        Parameters
        ----------
        place
            The folder it was saved to.
        encoder
            The encoder to use, or its folder or name; None takes the one it was trained with, see `load_estimator`.

        Returns
        -------
        TextEstimator
            Ready to predict.

        Raises
        ------
        ModelFileError
            If the folder is damaged, or holds another kind of model.
        """
        from spacetune.estimators.loading import load_estimator

        model = load_estimator(place, encoder=encoder)
        if not isinstance(model, cls):
            raise ModelFileError(f"{place} holds a {type(model).__name__}, not a {cls.__name__}")
        return model

    def features(self, texts: Any, *, reset: bool = False, stored: bool = True) -> FeatureSource:
        """Return token features of texts as this model reads them, through the store unless told otherwise."""
        texts = as_given(texts)
        if not holds_texts(texts):
            return read_features(self, texts, encoder=None, layers=None, reset=reset)
        encoder = self.encoder_
        chosen = getattr(self, "layers_", None)
        if reset or chosen is None:
            chosen = auto_layers(encoder, texts) if self.layers in ("auto", None) else self.layers
        return read_features(
            self,
            texts,
            encoder=encoder,
            layers=cast("Layers", chosen),
            reset=reset,
            store=self._store() if stored else None,
            progress=self.__dict__.get("_progress"),
        )

    def _store(self) -> FeatureStore | None:
        return default_store() if self.store == "auto" else cast("FeatureStore | None", self.store)

    def _note_input(self, texts: Any, features: FeatureSource) -> None:
        """Remember what was fitted on: the kind of input, the layers, the encoder, the texts' hashes."""
        provenance = getattr(features, "provenance", None)
        self.fitted_on_ = kind_of(texts) if provenance is None else "texts"
        self.provenance_ = provenance
        self.layers_ = None if provenance is None else provenance.layers
        keys = text_keys(texts) if holds_texts(texts) else []
        self.pairs_ = holds_texts(texts) and not all(isinstance(row, str) for row in texts)
        self.train_hashes_ = text_hashes(keys)

    @abc.abstractmethod
    def _outcome(self, logits: np.ndarray) -> dict[str, Any]:
        """Return prediction, probabilities and class names of one text's logits."""

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "fitted_on_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = True
        tags.non_deterministic = False
        return tags


def text_hashes(keys: Sequence[str]) -> np.ndarray:
    """Return sorted 64-bit hashes of texts: enough to tell later whether a test text was trained on."""
    found = {int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big", signed=True) for key in keys}
    return np.array(sorted(found), dtype=np.int64)

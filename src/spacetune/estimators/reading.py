"""`Reader`: how a model reads texts. Its encoder, its layers, what acts inside, and where features are kept."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch

from spacetune.encoders import (
    Encoder,
    FeatureSource,
    FeatureStore,
    LayerChanges,
    Layers,
    PairedFeatures,
    Pooling,
    Provenance,
    TextInput,
    TokenFeatures,
    TokenSpans,
    default_store,
    each_once,
    shared_encoder,
    texts_of_pairs,
    tuned,
)
from spacetune.encoders.loading.machine import unaltered
from spacetune.errors import DataError
from spacetune.estimators.inputs import FittedOn, Given
from spacetune.estimators.layers import auto_layers, thirds
from spacetune.fitting import (
    CHUNK_TEXTS,
    AdaptedInputs,
    FrozenInputs,
    Inputs,
    Learnt,
    Method,
    Reading,
    logits_of,
    point_logits,
)
from spacetune.heads import Model

__all__ = ["Read", "Reader"]

Array = np.ndarray[Any, Any]

CHUNK_PAIRS = 2048
"""Pairs that are read at a time, each of their different texts once."""

PART = 20
"""A part of the training texts to be scored is a twentieth of their number at least, and as many at most."""


@dataclasses.dataclass(frozen=True)
class Read:
    """What a model makes of texts, in their order.

    Parameters
    ----------
    logits
        ``(text, output)``, before any temperature.
    n_tokens
        ``(text,)``: tokens that were read.
    truncated
        ``(text,)``: which were cut.
    """

    logits: Array
    n_tokens: Array
    truncated: Array


@dataclasses.dataclass(frozen=True)
class Reader:
    """How an estimator's settings and its method read.

    Parameters
    ----------
    source
        An encoder, its name or folder, or None for the default.
    layers
        The layers asked for.
    max_length
        Tokens of one window.
    max_windows
        Windows of a text.
    store
        Where features are kept: ``auto``, a store, or None.
    reading
        How the method reads.
    pooling
        What a head under an adapter reads.
    """

    source: str | os.PathLike[str] | Encoder | None
    layers: Layers | str | None
    max_length: int | None
    max_windows: int | None
    store: FeatureStore | str | None
    reading: Reading
    pooling: Pooling = "mean"

    @classmethod
    def of(cls, settings: dict[str, Any], method: Method, trained: Encoder | None = None) -> Reader:
        """Take an estimator's settings; a trained encoder goes before the one it was trained from."""
        windows = settings.get("max_windows") if method.reading.windows else 1
        source = trained or settings["encoder"]
        if isinstance(source, Encoder) and not method.reading.windows:
            source = source.single_pass
        return cls(
            source, settings["layers"], settings["max_length"], windows,
            settings.get("store"), method.reading, settings.get("pooling", "mean"),
        )  # fmt: skip

    @property
    def encoder(self) -> Encoder:
        """The encoder, loaded when first asked for and shared within the process."""
        if isinstance(self.source, Encoder):
            return self.source
        return shared_encoder(None if self.source is None else str(self.source), self.max_length, self.max_windows)

    def encoder_of(self, model: Model | None) -> Encoder:
        """Return the encoder as a model runs it: with its upper layers tuned, where it learned them."""
        changes = None if model is None else model.adapter
        return tuned(self.encoder, changes) if isinstance(changes, LayerChanges) else self.encoder

    def choose_layers(self, texts: Sequence[TextInput]) -> tuple[int, ...]:
        """Return the layers to read of these texts, as asked for or by the automatic choice."""
        encoder = self.encoder
        inside, below = self.reading.every_step, self.reading.above(encoder.n_layers)
        if inside and self.pooling == "pooler":
            return (encoder.n_layers,)
        if self.layers is not None and not (isinstance(self.layers, str) and self.layers == "auto"):
            chosen = encoder.resolve_layers(cast("Layers", self.layers))
        else:
            every = thirds(encoder.n_layers) if self.reads_apart(texts) else auto_layers(encoder, texts)
            chosen = encoder.resolve_layers("all") if inside else every
        return chosen if below is None else tuple(sorted({below, *chosen}))

    def features(
        self, given: Given, layers: tuple[int, ...] | None, *, stored: bool = True, progress: bool | None = None
    ) -> FeatureSource:
        """Return features of the encoder as it is, through the store unless told otherwise.

        Raises
        ------
        DataError
            If token features are given to what acts inside: they were made without it.
        """
        if given.kind == "features" and (self.reading.every_step or self.reading.top):
            raise DataError("token features were made without what this model learns inside the encoder; give texts")
        if given.kind != "texts" and self.reading.top:
            raise DataError("ready embeddings have no layers to tune: give texts, or leave inside out")
        if given.kind != "texts":
            return given.content
        chosen = layers or self.choose_layers(given.content)
        if not self.reads_apart(given.content):
            return self._encoded(given.content, chosen, stored, progress)
        texts, places = texts_of_pairs(given.content)
        return PairedFeatures(self._encoded(texts, chosen, stored, progress), places)

    def _encoded(
        self, texts: Sequence[TextInput], layers: tuple[int, ...], stored: bool, progress: bool | None
    ) -> FeatureSource:
        if self.kept is not None and stored:
            return self.kept.encode(self.encoder, texts, layers=layers, progress=progress)
        return self.encoder.encode(texts, layers=layers, progress=progress)

    @property
    def kept(self) -> FeatureStore | None:
        """The store of features, if there is one."""
        return default_store() if self.store == "auto" else cast("FeatureStore | None", self.store)

    def reads_apart(self, texts: Sequence[TextInput]) -> bool:
        """Tell whether these are pairs, and their texts are read apart."""
        return self.reading.apart and len(texts) > 0 and not isinstance(texts[0], str)

    def spans(self, text: TextInput) -> TokenSpans:
        """Return the tokens of a text, or of both of a pair, as they are read."""
        if isinstance(text, str) or not self.reading.apart:
            return self.encoder.spans(text)
        first, second = (self.encoder.spans(each) for each in text)
        return TokenSpans(
            first.tokens + second.tokens,
            np.concatenate([first.spans, second.spans]),
            np.concatenate([first.parts, np.where(second.parts < 0, -1, 1)]),
        )

    def inputs(
        self, given: Given, layers: tuple[int, ...] | None, *, stored: bool = True, progress: bool | None = None
    ) -> tuple[Inputs, Provenance | None]:
        """Return what a method learns from, and where it comes from."""
        if given.kind == "texts" and self.reading.every_step:
            chosen = layers or self.choose_layers(given.content)
            provenance = dataclasses.replace(self.encoder.provenance(chosen), dtype="float32")
            return AdaptedInputs(self.encoder, given.content, chosen, self.pooling), provenance
        source = self.features(given, layers, stored=stored, progress=progress)
        texts = given.content if given.kind == "texts" else None
        return FrozenInputs(source, texts), getattr(source, "provenance", None)

    def fresh(self, model: Model, texts: Sequence[TextInput], layers: tuple[int, ...]) -> TokenFeatures:
        """Return features of texts as a model reads them, in memory and not from the store."""
        if self.reads_apart(texts):
            different, places = texts_of_pairs(texts)
            read = PairedFeatures(self.encoder_of(model).encode(different, layers=layers), places)
            return read.take(torch.arange(len(texts)))
        if model.adapter is None or isinstance(model.adapter, LayerChanges):
            return self.encoder_of(model).encode(texts, layers=layers)
        return self.encoder.prefixed.encode(list(texts), model.adapter, layers, self.pooling)

    def runs(
        self, model: Model, texts: Sequence[TextInput], layers: tuple[int, ...], progress: bool | None = None
    ) -> Iterator[TokenFeatures]:
        """Yield features of consecutive runs of texts as a model reads them, so that memory stays bounded."""
        plain = model.adapter is None or isinstance(model.adapter, LayerChanges)
        if plain and not self.reads_apart(texts):
            yield from self.encoder_of(model).encode_runs(texts, layers=layers, progress=progress)
        else:
            size = CHUNK_PAIRS if plain else CHUNK_TEXTS
            for start in range(0, len(texts), size):
                yield self.fresh(model, texts[start : start + size], layers)

    @unaltered()
    def read(self, model: Model, given: Given, layers: tuple[int, ...] | None, progress: bool | None = None) -> Read:
        """Return a model's logits of texts, features or a matrix; equal texts are computed once.

        Raises
        ------
        DataError
            If there are no texts.
        """
        if given.kind != "texts":
            source = self.features(given, layers)
            lengths = source.lengths.numpy()
            return Read(logits_of(model.on_top, source), lengths, np.zeros(len(lengths), dtype=bool))
        if not given.content:
            raise DataError("there are no texts to encode")
        assert layers is not None
        texts, place = each_once(given.content)
        runs = [_read(model, features) for features in self.runs(model, texts, layers, progress)]
        whole = (np.concatenate([getattr(run, field.name) for run in runs]) for field in dataclasses.fields(Read))
        return Read(*(column[place] for column in whole))

    @unaltered()
    def logits(self, learnt: Learnt, given: Given, fitted: FittedOn, cloned: bool) -> Array:
        """Return a model's logits.

        A model that scikit-learn cloned, and that is asked for as many texts as a fold may have (a twentieth of the
        training texts or more, and not more than these), takes features from the store, and leaves them there: a search
        or a cross-validation encodes each text once. These are its logits to the rounding of the encoder.
        """
        if not (cloned and self._is_a_part(learnt, given, fitted)):
            return self.read(learnt.model, given, fitted.layers).logits
        return logits_of(learnt.model.on_top, self.features(given, fitted.layers))

    def _is_a_part(self, learnt: Learnt, given: Given, fitted: FittedOn) -> bool:
        if learnt.task is None or given.kind != "texts" or not given.content or learnt.model.adapter is not None:
            return False
        keeps_whole = learnt.encoder is None and self.kept is not None and self.kept.form == "full"
        return keeps_whole and len(given.content) <= len(fitted.hashes) <= PART * len(given.content)

    def logits_at(
        self, learnt: Learnt, given: Given, layers: tuple[int, ...] | None, weights: object, progress: bool | None
    ) -> Array:
        """Return logits ``(point, text, output)`` at points of a model's simplex, its lexicon beside each."""
        inputs, _ = self.inputs(given, layers, stored=False)
        logits, words = point_logits(learnt.simplex, inputs, weights, progress), learnt.model.lexicon
        return logits if words is None else logits + logits_of(words, inputs).astype(np.float64)


def _read(model: Model, features: TokenFeatures) -> Read:
    cut = torch.zeros(len(features), dtype=torch.bool) if features.truncated is None else features.truncated
    return Read(logits_of(model.on_top, features), features.lengths.numpy(), cut.numpy())

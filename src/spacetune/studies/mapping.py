"""Where texts and their tokens lie in a model's spaces, in two and three dimensions."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.spatial.distance import cdist

from spacetune.data import LabelledTexts
from spacetune.encoders import FeatureSource, TextInput, TokenFeatures, as_inputs
from spacetune.errors import DataError, UsageError
from spacetune.estimators import SpaceClassifier, TextEstimator
from spacetune.estimators.classifier import Classifier
from spacetune.fitting import text_chunks
from spacetune.heads import SpaceHead
from spacetune.heads.spaces import SpaceOverlap
from spacetune.results import RecordResult, TableResult
from spacetune.studies.arguments import checked_arguments
from spacetune.studies.fit.digest import fit_digest
from spacetune.studies.fit.matching import as_trained

__all__ = ["Placement", "SpaceMap", "map_spaces", "place_texts"]

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class SpaceMap(TableResult):
    """Texts, tokens and classes on the principal axes of what the classifier reads: three, or two where it reads two.

    The classifier reads a text as one vector: its centroids in all spaces side by side (for a linear head, its
    mean states). A token's own vector has the same shape, so a text stands exactly in the middle of its tokens.

    Parameters
    ----------
    source
        Where the texts came from.
    classes
        The classes.
    texts
        The texts shown.
    labels
        Their labels.
    positions
        ``(text, axis)``.
    token_positions
        ``(token, axis)``: some of their tokens.
    token_labels
        The labels of the tokens' texts.
    centres
        ``(class, axis)``: the mean over the class's texts; NaN for a class without texts.
    explained
        Share of the texts' variance along every axis.
    overlap
        Angles and overlaps between the spaces; None for the probe.
    mean
        ``(width,)``: what the axes start from.
    axes
        ``(axis, width)``.
    vectors
        ``(text, width)``: the texts' vectors.
    fit
        Which fit of the model it was drawn with, as a digest.
    """

    source: str
    classes: tuple[Any, ...]
    texts: tuple[Any, ...]
    labels: tuple[Any, ...]
    positions: Array
    token_positions: Array
    token_labels: tuple[Any, ...]
    centres: Array
    explained: tuple[float, ...]
    overlap: SpaceOverlap | None
    mean: Array = dataclasses.field(repr=False)
    axes: Array = dataclasses.field(repr=False)
    vectors: Array = dataclasses.field(repr=False)
    fit: str = ""

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a text: text, label, place."""
        return [
            {"text": text, "label": label, **dict(zip("xyz", place.tolist(), strict=False))}
            for text, label, place in zip(self.texts, self.labels, self.positions, strict=True)
        ]


@dataclasses.dataclass(frozen=True)
class Placement(RecordResult):
    """Where one text lies on a map.

    Parameters
    ----------
    text
        The text.
    position
        ``(axis,)`` on the map's axes.
    nearest
        The map's texts nearest to it in the whole space, nearest first: ``text``, ``label`` and ``distance``.
    """

    text: TextInput
    position: Array
    nearest: tuple[dict[str, Any], ...]


@checked_arguments
def map_spaces(
    model: TextEstimator, data: LabelledTexts, *, n_texts: int = 600, n_tokens: int = 2000, seed: int = 0
) -> SpaceMap:
    """Draw a map of labelled texts as a model sees them, by principal component analysis of their vectors.

    Parameters
    ----------
    model
        A fitted classifier with one class a text.
    data
        Texts with labels.
    n_texts
        Maximum number of texts shown; of more, a sample is drawn with `seed`.
    n_tokens
        Maximum number of tokens shown, drawn in the same way.
    seed
        Seed of the draws.

    Returns
    -------
    SpaceMap
        The places, and how far apart the spaces are.

    Raises
    ------
    DataError
        If the texts carry no labels, the model does not give one class per text, or there are fewer than 3 texts.
    UsageError
        If `n_texts` is below 3.
    """
    if data.labels is None or not isinstance(model, Classifier) or model.kind_ != "single" or len(data) < 3:
        raise DataError(f"a map needs at least 3 texts with one label each, of a model of classes; got {data.source}")
    if n_texts < 3:
        raise UsageError(f"n_texts must be at least 3, got {n_texts}")
    data = as_trained(model.task_, model.fitted_.pairs, data)
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(len(data), min(n_texts, len(data)), replace=False))
    part = data.take(rows.tolist())
    labels = part.labels or []
    features = model.features(part.inputs).take(torch.arange(len(part)))
    vectors = text_vectors(model, features)
    mean, axes, explained = principal_axes(vectors)
    tokens = np.sort(rng.choice(len(features.values), min(n_tokens, len(features.values)), replace=False))
    owner = np.repeat(np.arange(len(part)), features.lengths.numpy())[tokens]
    places = (vectors - mean) @ axes.T
    return SpaceMap(
        source=data.source,
        classes=tuple(model.classes_.tolist()),
        texts=tuple(part.inputs),
        labels=tuple(labels),
        positions=places,
        token_positions=(token_vectors(model, features, tokens) - mean) @ axes.T,
        token_labels=tuple(labels[i] for i in owner),
        centres=_centres(places, np.array(labels), model.classes_),
        explained=explained,
        overlap=model.spaces(part.inputs) if isinstance(model, SpaceClassifier) else None,
        mean=mean,
        axes=axes,
        vectors=vectors,
        fit=fit_digest(model),
    )


@checked_arguments
def place_texts(
    model: TextEstimator, found: SpaceMap, texts: Sequence[TextInput], n_nearest: int = 5
) -> list[Placement]:
    """Place texts on a map that was drawn with the same model.

    Parameters
    ----------
    model
        The fitted model.
    found
        Its map.
    texts
        Texts or pairs.
    n_nearest
        How many of the map's texts to name, by Euclidean distance of the vectors.

    Raises
    ------
    UsageError
        If the map is of another model, or of another fit; or `n_nearest` is below 1.

    Returns
    -------
    list of Placement
        One a text.
    """
    if n_nearest < 1:
        raise UsageError(f"n_nearest must be at least 1, got {n_nearest}")
    if found.fit != fit_digest(model):
        raise UsageError("this map was drawn with another model, or with another fit of it; draw it with this one")
    features = model.features(as_inputs(texts), stored=False)
    vectors = text_vectors(model, features.take(torch.arange(len(features))))
    distances = cdist(vectors, found.vectors)
    order = np.argsort(distances, axis=1, kind="stable")[:, :n_nearest]
    named = [
        tuple({"text": found.texts[j], "label": found.labels[j], "distance": float(distances[i, j])} for j in row)
        for i, row in enumerate(order)
    ]
    places = (vectors - found.mean) @ found.axes.T
    return [Placement(*each) for each in zip(texts, places, named, strict=True)]


def text_vectors(model: TextEstimator, features: TokenFeatures) -> Array:
    """Return what the classifier reads of every text, ``(text, width)``: the mean of its `token_vectors`."""
    head = _space_head(model)
    with torch.inference_mode():
        pooled = features.means() if head is None else head.centroids(features)
    return pooled.flatten(1).double().numpy()


def chosen_vectors(model: TextEstimator, source: FeatureSource, rows: Array) -> Array:
    """Return the vectors of these texts of a source, read a few at a time."""
    chosen = torch.as_tensor(rows)
    return np.concatenate([text_vectors(model, source.take(chosen[i])) for i in text_chunks(source.lengths[chosen])])


def _space_head(model: TextEstimator) -> SpaceHead | None:
    """Return the head with concept spaces; None for a probe and for a linear head, which read mean states."""
    head = model.head_
    return head if isinstance(head, SpaceHead) else None


def token_vectors(model: TextEstimator, features: TokenFeatures, tokens: Array) -> Array:
    """Return the vectors of these tokens, ``(token, width)``."""
    head = _space_head(model)
    states = features.values[torch.as_tensor(tokens)]
    with torch.inference_mode():
        vectors = states if head is None else head.spaces(states.to(head.classifier.weight.dtype))
    return vectors.flatten(1).double().numpy()


def principal_axes(vectors: Array) -> tuple[Array, Array, tuple[float, ...]]:
    """Return the mean, the three axes of largest variance ``(3, width)``, and the share of variance along each.

    Two axes where the vectors have two components. An axis points where its largest component is positive.
    """
    mean = vectors.mean(0)
    _, strengths, found = np.linalg.svd(vectors - mean, full_matrices=False)
    axes = found[:3]
    axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])[:, None]
    shares = strengths**2 / max(float(np.sum(strengths**2)), 1e-300)
    return mean, axes, tuple(shares[: len(axes)].tolist())


def _centres(places: Array, labels: Array, classes: Array) -> Array:
    here = [labels == name for name in classes]
    return np.array([places[mask].mean(0) if mask.any() else np.full(places.shape[1], np.nan) for mask in here])

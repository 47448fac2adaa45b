"""The concept spaces of a fitted `SpaceClassifier`: how points fill each, and whether they are disjoint."""

# The types of torch, NumPy and scikit-learn are partial.
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from spacetune.data import LabelledTexts
from spacetune.encoders import TextInput, Texts
from spacetune.errors import DataError, UsageError
from spacetune.estimators import SpaceClassifier
from spacetune.fitting import text_chunks
from spacetune.geometry import Moments, SampleSizeWarning, compute
from spacetune.heads.spaces import SpaceOverlap
from spacetune.results import TableResult
from spacetune.studies.geometry.measuring import read_inputs

__all__ = ["ClassGeometry", "class_geometry"]

MEASURES = ("eee", "isoscore", "participation_ratio", "effective_rank")


@dataclasses.dataclass(frozen=True)
class ClassGeometry(TableResult):
    """The spaces of a fitted classifier, one a class.

    Parameters
    ----------
    spaces
        One row a class. ``eee``, ``isoscore``, ``participation_ratio``, ``effective_rank``: how all tokens fill its
        space. ``nearest``: the class whose operator overlaps most, with ``overlap`` (mean squared cosine of the
        principal angles; 0 disjoint, 1 the same), ``times_chance`` (over that of two random subspaces of these sizes)
        and ``smallest_angle`` in degrees (0: they share a direction). ``centroid_cosine``: of the mean centroids of
        the two.
    overlap
        All pairs: angles, overlaps, centroids.
    n_texts
        Texts whose tokens were mapped into the spaces.
    n_tokens
        Their tokens.
    n_latent
        Width of a space; with several layers a class has as many dimensions at each.
    disjoint
        In words: are the spaces disjoint, and how far from chance.
    notes
        Warnings.
    """

    spaces: tuple[dict[str, Any], ...]
    overlap: SpaceOverlap
    n_texts: int
    n_tokens: int
    n_latent: int
    disjoint: str
    notes: tuple[str, ...] = ()

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a class."""
        return list(self.spaces)


def class_geometry(model: SpaceClassifier, texts: Texts | LabelledTexts) -> ClassGeometry:
    """Say how the tokens of texts fill each concept space of a classifier, and whether the spaces are disjoint.

    Disjoint is meant of the subspaces that the operators read (their row spaces, at every layer that is read): two are
    disjoint where they share no direction (smallest principal angle above 0) and orthogonal where every angle is 90°.
    In d dimensions two random subspaces of width m are nearly orthogonal already: their overlap is about m/d, which is
    given as chance. In d dimensions at most d/m classes can have orthogonal spaces.

    Parameters
    ----------
    model
        A fitted `SpaceClassifier`.
    texts
        Texts to map into the spaces.

    Returns
    -------
    ClassGeometry
        One row per class, all pairs, and the answer in a sentence.

    Raises
    ------
    UsageError
        If the model has no concept spaces, or was fitted on ready embeddings.
    DataError
        If there are fewer than two tokens, or one class only.

    Examples
    --------
    >>> texts, labels = ["good fun", "a joy", "a bore", "so dull"] * 4, ["pos", "pos", "neg", "neg"] * 4
    >>> found = class_geometry(SpaceClassifier(n_latent=4).fit(texts, labels), texts)
    >>> [row["class"] for row in found.spaces], found.n_tokens
    (['neg', 'pos'], 64)
    """
    if not isinstance(model, SpaceClassifier):
        raise UsageError(f"only a SpaceClassifier has concept spaces, got a {type(model).__name__}")
    check_is_fitted(model)
    if model.fitted_.kind != "texts":
        raise UsageError("the model was fitted on ready embeddings, so there is no encoder to read texts with")
    inputs = read_inputs(texts)
    overlap = model.spaces(inputs)
    if len(overlap.names) < 2:
        raise DataError("one class has nothing to be disjoint from: fit on two classes or more")
    moments, n_tokens = _moments(model, inputs)
    rows = tuple(_row(k, overlap, moments[k]) for k in range(len(overlap.names)))
    few = n_tokens < 50 * moments[0].dim
    notes = (f"{n_tokens:,} tokens in spaces of {moments[0].dim} dimensions; {50 * moments[0].dim:,} are advised",)
    width = model.space_head.spaces.operators.shape[2]
    return ClassGeometry(rows, overlap, len(inputs), n_tokens, width, _answer(overlap), notes if few else ())


def _moments(model: SpaceClassifier, inputs: list[TextInput]) -> tuple[list[Moments], int]:
    """Map every token into every space and keep the moments, a bounded number of texts at a time."""
    source = model.features(inputs)
    head = model.space_head
    n_layers, n_spaces, n_latent, _ = head.spaces.operators.shape
    found = [Moments(n_layers * n_latent) for _ in range(n_spaces)]
    with torch.inference_mode():
        for rows in text_chunks(source.lengths):
            states = source.take(rows).values.to(head.classifier.weight.dtype)
            mapped = head.spaces(states).numpy()  # (token, layer, space, latent)
            for k, moments in enumerate(found):
                moments.update(mapped[:, :, k].reshape(len(mapped), -1))
    if found[0].n < 2:
        raise DataError(f"the spaces need at least 2 tokens, got {found[0].n}: pass more texts")
    return found, found[0].n


def _row(k: int, overlap: SpaceOverlap, moments: Moments) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SampleSizeWarning)
        values = {entry.measure: entry.value for entry in compute(moments, MEASURES).measured}
    others = overlap.operator_overlap[k].copy()
    others[k] = -np.inf
    near = int(others.argmax())
    cosine = None if overlap.centroid_cosine is None else float(overlap.centroid_cosine[k, near])
    return {
        "class": overlap.names[k],
        **values,
        "nearest": overlap.names[near],
        "overlap": float(others[near]),
        "times_chance": float(others[near] / overlap.chance_overlap),
        "smallest_angle": float(overlap.smallest_angle[k, near]),
        "centroid_cosine": cosine,
    }


def _answer(overlap: SpaceOverlap) -> str:
    pairs = np.triu_indices(len(overlap.names), 1)
    angles, shared = overlap.smallest_angle[pairs], overlap.operator_overlap[pairs]
    least = int(angles.argmin())
    one, two = overlap.names[pairs[0][least]], overlap.names[pairs[1][least]]
    share_one = int(np.count_nonzero(angles < 1.0))
    verdict = (
        "disjoint: no two share a direction" if share_one == 0 else f"not disjoint: {share_one} pairs share a direction"
    )
    return (
        f"{verdict}; the smallest angle is {angles[least]:.1f}° ({one} and {two}), the mean overlap "
        f"{shared.mean():.4f} where random subspaces have {overlap.chance_overlap:.4f}"
    )

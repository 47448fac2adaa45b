"""Which of the four terms a task needs: a classifier trained on each of their 15 subsets."""

# The types of torch, NumPy and scikit-learn are partial.
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from sklearn.metrics import accuracy_score, f1_score
from torch import Tensor

from spacetune.data import LabelledTexts, label_kind
from spacetune.dissection import TERMS, Dissection, dissect, dissect_windows, term_subsets
from spacetune.encoders import Encoder, Texts, segment_mean
from spacetune.errors import DataError, UsageError
from spacetune.estimators import LinearProbe, SpaceClassifier
from spacetune.estimators.labels import label_task
from spacetune.progress import progress_bar
from spacetune.results import TableResult
from spacetune.studies.arguments import checked_arguments
from spacetune.studies.fit.matching import as_trained

__all__ = ["SubsetScores", "score_term_subsets"]


@dataclasses.dataclass(frozen=True)
class SubsetScores(TableResult):
    """One row a subset in `table`: its terms, accuracy and macro-F1 on test, mean and standard deviation over seeds.

    `n_truncated` texts of both parts were cut at their ends.
    """

    source: str
    n_texts: int
    n_test: int
    encoder: str
    layer: int
    method: str
    seeds: tuple[int, ...]
    n_truncated: int
    table: tuple[dict[str, Any], ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a subset."""
        return list(self.table)


@checked_arguments
def score_term_subsets(
    train: LabelledTexts,
    test: LabelledTexts,
    *,
    encoder: Encoder | str | None = None,
    layer: int = -1,
    method: Literal["probe", "space"] = "probe",
    seeds: Sequence[int] = (0,),
    settings: dict[str, Any] | None = None,
) -> SubsetScores:
    """Train a classifier on every non-empty subset of the terms and score it on test.

    ``probe`` is logistic regression on the mean of each text's summed terms; ``space`` the Space Model on its tokens.

    Parameters
    ----------
    train
        Labelled texts, one class each.
    test
        Labelled texts to score on.
    encoder
        As in `dissect`.
    layer
        Whose hidden states.
    method
        The classifier.
    seeds
        One fit each: of the split for the strength (``probe``), and of the start and the order (``space``).
    settings
        Further arguments of the classifier.

    Returns
    -------
    SubsetScores
        In the paper's order: singles, pairs, triples, all.

    Raises
    ------
    DataError
        If labels are missing, or are not one class a text.
    UsageError
        If the method is unknown.
    """
    if train.labels is None or test.labels is None:
        raise DataError("both sets of texts need labels")
    if method not in ("probe", "space"):
        raise UsageError(f"method must be probe or space, got {method!r}")
    if (kind := label_kind(train.labels)) != "single":
        got = "numbers to predict" if kind == "regression" else "lists of labels"
        raise DataError(f"subsets of terms are scored for one class per text, and {train.source} holds {got}")
    test = as_trained(label_task(train.labels, None, 0.0), train.pairs is not None, test)
    found = encoder if isinstance(encoder, Encoder) else Encoder.from_pretrained(encoder, dtype="float32")
    number = found.resolve_layers(layer)[0]
    read = [_side(found, texts.inputs, number, method) for texts in (train, test)]
    sides, n_truncated = [side for side, _ in read], sum(cut for _, cut in read)
    table: list[dict[str, Any]] = []
    with progress_bar(15 * len(seeds), "fitting", "models") as bar:
        for subset in term_subsets():
            x, y = (_chosen(side, subset) for side in sides)
            scores: list[tuple[float, float]] = []
            for seed in seeds:
                classifier = LinearProbe if method == "probe" else SpaceClassifier
                model = classifier(store=None, seed=seed, **(settings or {})).fit(x, train.labels)
                predicted = model.predict(y)
                f1 = f1_score(test.labels, predicted, average="macro")
                scores.append((float(accuracy_score(test.labels, predicted)), float(f1)))
                bar.update()
            table.append(_row(subset, np.asarray(scores)))
    return SubsetScores(
        source=train.source,
        n_texts=len(train.texts),
        n_test=len(test.texts),
        encoder=found.name,
        layer=number,
        method=method,
        seeds=tuple(seeds),
        n_truncated=n_truncated,
        table=tuple(table),
    )


def _row(subset: tuple[str, ...], scores: np.ndarray[Any, Any]) -> dict[str, Any]:
    mean, std = scores.mean(0).tolist(), scores.std(0).tolist()
    return {
        "terms": " + ".join(subset),
        "accuracy": mean[0],
        "accuracy_std": std[0],
        "macro_f1": mean[1],
        "macro_f1_std": std[1],
    }


def _side(encoder: Encoder, inputs: Texts, layer: int, method: str) -> tuple[Tensor | Dissection, int]:
    """Return what is learnt from, and how many texts were cut."""
    if method == "space":
        whole = dissect(encoder, inputs, layer)
        return whole, whole.provenance.n_truncated
    means: list[Tensor] = []
    n_truncated = 0
    for window in dissect_windows(encoder, inputs, layer):
        means.append(segment_mean(window.terms[:, 0], window.offsets))
        n_truncated += window.provenance.n_truncated
    return torch.cat(means), n_truncated


def _chosen(side: Tensor | Dissection, subset: tuple[str, ...]) -> Any:
    if isinstance(side, Dissection):
        return side.only(*subset)
    return side[:, [TERMS.index(term) for term in subset]].sum(1).numpy()

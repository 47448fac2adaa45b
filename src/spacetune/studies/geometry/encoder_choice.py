"""Which encoder to read labelled texts with: small cross-validated probes, LogME and the H-score of each."""

# The types of torch, NumPy and scikit-learn are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch

from spacetune.data import LabelledTexts, label_kind
from spacetune.encoders import Encoder, FeatureStore
from spacetune.errors import DataError, UsageError, counted
from spacetune.estimators import LinearProbe
from spacetune.estimators.layers import thirds
from spacetune.fitting import SingleLabel
from spacetune.fitting.inputs import FrozenInputs, mean_rows
from spacetune.fitting.linear import STRENGTHS, fit_linear, spread
from spacetune.geometry import h_score, log_me
from spacetune.results import TableResult
from spacetune.studies.arguments import checked_arguments
from spacetune.studies.fit.intervals import difference_intervals
from spacetune.studies.folds import text_folds
from spacetune.studies.geometry.encoder_evidence import (
    LOOKED_AT,
    RankRecord,
    encoder_evidence,
    encoder_records,
    preferred,
)
from spacetune.studies.geometry.measuring import EncoderLike, open_encoder

__all__ = ["EncoderChoice", "choose_encoder"]

Array = np.ndarray[Any, Any]

N_FOLDS = 5
SCORES = ("accuracy", "macro_f1")


@dataclasses.dataclass(frozen=True)
class EncoderChoice(TableResult):
    """Encoders in the order of what a probe makes of them.

    Parameters
    ----------
    best
        Name of the encoder that is recommended, the first row's; see `preferred`.
    encoders
        One row an encoder, the best first and then by accuracy: its name, the layers that the probe did best on,
        ``parameters`` in millions, ``dim``, ``accuracy`` and ``macro_f1`` of a linear probe on texts that it did not
        learn from, ``behind`` (accuracy of the most accurate less its own) with the 95 % interval over texts from
        ``low`` to ``high``, ``log_me`` and ``h_score``.
    n_texts
        Labelled texts looked at.
    majority
        Share of the most frequent class among them.
    level
        The encoders whose interval holds 0, the one of fewest parameters first: these texts cannot tell them from the
        most accurate one. The best is one of them.
    records
        How well the probe, LogME, the H-score and measures of geometry ranked encoders on known data sets.
    notes
        Warnings.
    """

    best: str
    encoders: tuple[dict[str, Any], ...]
    n_texts: int
    majority: float
    level: tuple[str, ...]
    records: tuple[RankRecord, ...]
    notes: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """In a sentence: which to take, whether a smaller one is level, and what such a choice has cost."""
        first, sizes = self.encoders[0], {row["encoder"]: row["parameters"] for row in self.encoders}
        told = [
            f"{self.best}: a probe has {first['accuracy']:.3f} on {counted(self.n_texts, 'text')} "
            f"(always the most frequent class: {self.majority:.3f})"
        ]
        if first["behind"] > 0:
            told.append("the most accurate one cannot be told from it by these, and LogME prefers it")
        if sizes[self.level[0]] < sizes[self.best]:
            told.append(f"{self.level[0]}, which is smaller, cannot be told from the most accurate one")
        choice = next(record for record in self.records if record.by == "choice")
        cost = (
            f"on {choice.pick.of} known data sets a choice by {LOOKED_AT:,} texts lost {choice.pick.regret:.3f} "
            f"[{choice.pick.low:.3f}, {choice.pick.high:.3f}] in accuracy against the best one, {choice.worst:.3f} "
            "at most"
        )
        return "; ".join([*told, cost])

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows, the best first."""
        return [dict(row) for row in self.encoders]


@dataclasses.dataclass(frozen=True)
class _Read:
    """What a probe makes of one encoder on texts that it did not learn from."""

    encoder: Encoder
    layers: tuple[int, ...]
    predicted: Array
    scores: dict[str, float]
    log_me: float
    h_score: float

    def row(self, behind: float, interval: tuple[float, float]) -> dict[str, Any]:
        size = sum(each.numel() for each in self.encoder.loaded.model.parameters()) / 1e6
        return {
            "encoder": self.encoder.name, "layers": list(self.layers), "parameters": round(size, 1),
            "dim": self.encoder.dim, **{name: self.scores[name] for name in SCORES},
            "behind": behind, "low": interval[0], "high": interval[1],
            "log_me": self.log_me, "h_score": self.h_score,
        }  # fmt: skip


@checked_arguments
def choose_encoder(
    encoders: Sequence[EncoderLike],
    data: LabelledTexts,
    *,
    n_texts: int = LOOKED_AT,
    seed: int = 0,
    store: FeatureStore | Literal["auto"] | None = "auto",
    progress: bool | None = None,
) -> EncoderChoice:
    r"""Rank encoders for labelled texts before anything is trained on all of them.

    Every encoder reads the same texts once. A linear probe of texts' mean states is cross-validated in five folds, on
    the last layer and on those at one, two and three thirds of the depth; the layers and the strength of the penalty
    that do best stay. LogME (`log_me`) and the H-score (`h_score`) look at the mean over all layers and train nothing.
    The probe decides, and between encoders that it cannot tell from its best, LogME (`preferred`). Layers, folds and
    this rule are our choice.

    For pairs it reads both texts apart, and takes :math:`|u - v|` and :math:`u \odot v` of their means.

    Parameters
    ----------
    encoders
        Two or more: each an `Encoder`, a folder or hub name, or None for the default encoder.
    data
        Texts, or pairs, with a class each.
    n_texts
        Maximum number of texts to look at; of more, a sample is drawn.
    seed
        Seed of the sample and the folds.
    store
        Where features are kept, so that a fit with the encoder chosen does not read these texts again.
    progress
        True or False to force the progress bars on or off.

    Raises
    ------
    UsageError
        If there are fewer than two encoders, or `n_texts` is below 2.
    DataError
        If the labels are no classes, or no class has two different texts.

    Examples
    --------
    >>> from spacetune import Encoder
    >>> from spacetune.studies import demo_texts
    >>> small, worse = Encoder.from_pretrained(), Encoder.from_pretrained(max_length=8)
    >>> found = choose_encoder([small, worse], demo_texts("train"), n_texts=200)
    >>> len(found.rows()), found.n_texts
    (2, 200)
    """
    if len(encoders) < 2:
        raise UsageError(f"a choice needs at least 2 encoders, got {len(encoders)}")
    if n_texts < 2:
        raise UsageError(f"n_texts must be at least 2, got {n_texts}")
    labels = data.labels
    if labels is None or label_kind(labels) != "single":
        got = "no labels" if labels is None else f"labels of the kind {label_kind(labels)!r}"
        raise DataError(f"encoders are ranked by classes: every text needs one label that is a class, got {got}")
    drawn = np.sort(np.random.default_rng(seed).permutation(len(data))[:n_texts])
    data = data.take(drawn.tolist())
    task = SingleLabel(tuple(sorted(set(data.labels or []))))
    targets = task.targets(data.labels or []).numpy()
    folds = _folds(targets, data.keys, seed)
    opened = [open_encoder(each) for each in encoders]
    found = [_read(each, data, task, targets, folds, store, progress) for each in opened]
    found.sort(key=lambda each: (-each.scores["accuracy"], -each.scores["macro_f1"]))
    behind = [_behind(targets, found[0], each) for each in found]
    like = [i for i, (_, (low, _)) in enumerate(behind) if low <= 0]
    log_mes = [found[i].log_me for i in like]
    first = like[preferred([found[i].scores["accuracy"] for i in like], log_mes, len(data))]
    rows = [found[i].row(*behind[i]) for i in (first, *(i for i in range(len(found)) if i != first))]
    level = sorted((row for row in rows if row["low"] <= 0), key=lambda row: row["parameters"])
    notes = [f"{counted(n_texts, 'text')} of {len(labels):,} were looked at"] if len(labels) > n_texts else []
    known = [(each.encoder.source.sha256, each.encoder.longest) for each in found]
    notes += [
        f"{each.encoder.name} has the weights of another one in the list"
        for i, each in enumerate(found)
        if known[i] in known[:i]
    ]
    return EncoderChoice(
        best=rows[0]["encoder"],
        encoders=tuple(rows),
        n_texts=len(data),
        majority=float(np.bincount(targets).max() / len(targets)),
        level=tuple(row["encoder"] for row in level),
        records=tuple(encoder_records(encoder_evidence())),
        notes=tuple(notes),
    )


def _folds(targets: Array, keys: Sequence[str], seed: int) -> list[tuple[Array, Array]]:
    """Return folds with every class in each as far as it goes; equal texts are in one."""
    groups = np.unique(keys, return_inverse=True)[1]
    different = np.unique(np.stack([targets, groups]), axis=1)[0]
    n_folds = min(N_FOLDS, len(np.unique(groups)), int(np.bincount(different).max()))
    if n_folds < 2 or len(np.unique(targets)) < 2:
        raise DataError("encoders are ranked by two classes or more, of which one at least has two different texts")
    return text_folds(targets, keys, n_folds, seed)


def _read(
    encoder: Encoder,
    data: LabelledTexts,
    task: SingleLabel,
    targets: Array,
    folds: list[tuple[Array, Array]],
    store: Any,
    progress: bool | None,
) -> _Read:
    means = _means(encoder, data, store, progress)
    tried = [
        (_cross_validated(task, means[:, list(layers)], targets, folds), layers)
        for layers in ((encoder.n_layers,), thirds(encoder.n_layers))
    ]
    logits, layers = max(tried, key=lambda each: task.scores(each[0], targets)["accuracy"])
    over_layers = means.mean(1)
    return _Read(
        encoder, layers, logits.argmax(1), task.scores(logits, targets),
        log_me(over_layers, np.eye(task.n_outputs)[targets]), h_score(over_layers, targets),
    )  # fmt: skip


def _means(encoder: Encoder, data: LabelledTexts, store: Any, progress: bool | None) -> Array:
    """Return texts' mean states of all layers, ``(text, layer, width)``; of pairs how their two means differ."""

    def read(texts: Sequence[str]) -> Array:
        source = LinearProbe(encoder, layers="all", store=store).features(list(texts), progress=progress)
        return mean_rows(FrozenInputs(source)).unflatten(1, (encoder.n_layers + 1, encoder.dim)).numpy()

    first = read(data.texts)
    if data.pairs is None:
        return first
    second = read(data.pairs)
    return np.concatenate([np.abs(first - second), first * second], axis=2)


def _cross_validated(task: SingleLabel, means: Array, targets: Array, folds: list[tuple[Array, Array]]) -> Array:
    """Return the logits of every text by a probe that did not see it, at the strength of the least loss."""
    rows = means.reshape(len(means), -1)
    tried = [np.zeros((len(rows), task.n_outputs)) for _ in STRENGTHS]
    for learnt, held in folds:
        of_rows = spread(rows[learnt])
        for logits, strength in zip(tried, STRENGTHS, strict=True):
            weight, bias = fit_linear(task, of_rows.standard(rows[learnt]), targets[learnt], strength)
            logits[held] = of_rows.standard(rows[held]) @ weight.T + bias
    truth = torch.as_tensor(targets)
    return min(tried, key=lambda logits: float(task.loss(torch.as_tensor(logits), truth)))


def _behind(targets: Array, best: _Read, other: _Read) -> tuple[float, tuple[float, float]]:
    """Return by how much an encoder is behind the best, and the interval of that over texts."""
    if other is best:
        return 0.0, (0.0, 0.0)
    interval = difference_intervals("single", targets, best.predicted, other.predicted)["accuracy"]
    return best.scores["accuracy"] - other.scores["accuracy"], interval

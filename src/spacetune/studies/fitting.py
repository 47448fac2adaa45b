"""Fit a model on labelled texts and say how good it is beside the baselines: the main job."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from spacetune.data import LabelledTexts, label_kind, overlap_note, split_dev
from spacetune.errors import DataError, UsageError
from spacetune.estimators import (
    LinearProbe,
    LinearProbeRegressor,
    SpaceClassifier,
    SpaceRegressor,
    TextEstimator,
)
from spacetune.results import Result
from spacetune.studies.baselines import tfidf_baseline
from spacetune.studies.scoring import Scores, score_model

__all__ = ["FitReport", "Method", "fit_model"]

Method = Literal["space", "probe"]


@dataclasses.dataclass(frozen=True)
class FitReport(Result):
    """One fit: what it learnt from, how long it took, and its scores beside the baselines'.

    Parameters
    ----------
    method
        ``space`` or ``probe``.
    source
        Where the training texts came from.
    n_texts
        How many trained the model.
    classes
        Their classes.
    dev
        How the dev part came about.
    table
        One row a method and split: ``method``, ``split``, ``n``, scores, and ``seconds``.
    history
        How training went, in a sentence; empty for the probe.
    notes
        Data warnings.
    """

    method: Method
    source: str
    n_texts: int
    classes: tuple[Any, ...]
    dev: str
    table: tuple[dict[str, Any], ...]
    history: str
    notes: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return the table of scores."""
        return list(self.table)


def fit_model(
    train: LabelledTexts,
    *,
    dev: LabelledTexts | None = None,
    test: LabelledTexts | None = None,
    method: Method = "space",
    task: Literal["auto", "classification", "regression"] = "auto",
    baselines: bool = True,
    settings: dict[str, Any] | None = None,
    dev_fraction: float = 0.1,
    seed: int = 0,
    fit_options: dict[str, Any] | None = None,
    save_to: Path | None = None,
) -> tuple[TextEstimator, FitReport]:
    """Fit a model, and score it and the baselines on dev and, where given, on test.

    Nothing is chosen on test: epochs, temperatures and strengths come from dev alone.

    Parameters
    ----------
    train
        Labelled texts.
    dev
        Labelled texts to choose by; None sets a stratified part of `train` aside.
    test
        Labelled texts to score on, and nothing else.
    method
        ``space`` (the Space Model) or ``probe`` (logistic or ridge regression on mean states).
    task
        What the labels are; ``auto`` tells by their type.
    baselines
        Fit majority, TF-IDF and the probe beside it.
    settings
        Further settings of the estimator.
    dev_fraction
        Share of `train` set aside where there is no `dev`.
    seed
        Of the split and the fit.
    fit_options
        Passed on to the estimator's `fit`: ``checkpoint``, ``progress``.
    save_to
        Folder for the model; it is saved as soon as it is fitted, before the baselines.

    Returns
    -------
    tuple
        The fitted estimator, and the report.

    Raises
    ------
    DataError
        If the texts cannot be learnt from.
    """
    train = _learnable(train, task)
    notes = _notes(train, dev, test)
    part, held, how = _parts(train, dev, dev_fraction, seed)
    regression = task == "regression" or (task == "auto" and label_kind(train.labels or []) == "regression")
    kinds = (SpaceRegressor, LinearProbeRegressor) if regression else (SpaceClassifier, LinearProbe)
    chosen = dict(settings or {})
    began = time.perf_counter()
    model = _make(kinds[0] if method == "space" else kinds[1], chosen, seed)
    options = {k: v for k, v in (fit_options or {}).items() if method == "space"}
    model.fit(part.inputs, part.labels, dev=held, **options)
    model.dev_ = how
    model.report_["dev"] = how  # pyright: ignore[reportAttributeAccessIssue]
    seconds = time.perf_counter() - began
    if save_to is not None:
        model.save_pretrained(save_to)
    splits = {"dev": held} | ({} if test is None else {"test": test})
    table = [_row(method, split, score_model(model, data), seconds) for split, data in splits.items()]
    if baselines:
        table = [*_baselines(model, part, held, splits, method, kinds[1], chosen, seed), *table]
    history = getattr(model, "history_", None)
    classes = tuple(getattr(model, "classes_", np.zeros(0)).tolist())
    report = FitReport(
        method,
        train.source,
        len(part),
        classes,
        how,
        tuple(table),
        "" if history is None else str(history),
        notes,
    )
    return model, report


def _learnable(train: LabelledTexts, task: str) -> LabelledTexts:
    if train.labels is None:
        raise DataError(f"{train.source} carries no labels; say which column holds them with --label")
    if task == "regression":
        try:
            return dataclasses.replace(train, labels=[float(label) for label in train.labels])
        except (TypeError, ValueError) as error:
            raise DataError(f"--task regression needs numbers as labels: {error}") from error
    if task == "classification" and label_kind(train.labels) == "regression":
        raise DataError("--task classification was asked for, but the labels are numbers with fractions")
    return train


def _parts(
    train: LabelledTexts, dev: LabelledTexts | None, fraction: float, seed: int
) -> tuple[LabelledTexts, LabelledTexts, str]:
    if dev is not None:
        return train, dev, f"given: {dev.source} ({len(dev)} texts)"
    rows, held = split_dev(train.labels or [], train.keys, fraction, seed)
    if len(held) < 2:
        return train, train, f"the training texts themselves: {len(train)} are too few to set some aside"
    how = f"{len(held)} of {len(train)} training texts, set aside stratified by seed {seed}"
    return train.take(rows.tolist()), train.take(held.tolist()), how


def _make(kind: Callable[..., TextEstimator], settings: dict[str, Any], seed: int) -> TextEstimator:
    known = set(kind._get_param_names())  # pyright: ignore[reportFunctionMemberAccess]
    unknown = [name for name in settings if name not in known]
    if unknown:
        raise UsageError(f"{kind.__name__} has no setting {unknown[0]!r}; it has {', '.join(sorted(known))}")
    return kind(**settings, seed=seed)


def _row(method: str, split: str, scored: Scores, seconds: float | None) -> dict[str, Any]:
    ece = {} if scored.ece is None else {"ece": scored.ece}
    return {
        "method": method,
        "split": split,
        "n": scored.n_texts,
        **_shown(scored.scores),
        **ece,
        "seconds": seconds,
    }


def _shown(scores: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in scores.items() if name != "neg_log_loss"}


def _baselines(
    model: Any,
    part: LabelledTexts,
    held: LabelledTexts,
    splits: dict[str, LabelledTexts],
    method: str,
    probe_kind: Callable[..., TextEstimator],
    settings: dict[str, Any],
    seed: int,
) -> list[dict[str, Any]]:
    task = model.task()
    targets, dev_targets = (task.targets(d.labels or []).numpy() for d in (part, held))
    truth = {split: task.targets(data.labels or []).numpy() for split, data in splits.items()}
    rows = [
        {"method": "majority", "split": s, "n": len(d), **task.baseline(targets, truth[s]), "seconds": 0.0}
        for s, d in splits.items()
    ]
    began = time.perf_counter()
    counted = [
        tfidf_baseline(part.inputs, held.inputs, data.inputs, task, targets, dev_targets, truth[split])
        for split, data in splits.items()
    ]
    took = (time.perf_counter() - began) / len(splits)
    rows += [
        {"method": "tf-idf + linear", "split": s, "n": len(d), **_shown(c), "seconds": took}
        for (s, d), c in zip(splits.items(), counted, strict=True)
    ]
    if method != "probe":
        began = time.perf_counter()
        shared = {k: settings[k] for k in ("encoder", "layers", "max_length", "class_weight") if k in settings}
        probe = _make(probe_kind, shared, seed)
        probe.fit(part.inputs, part.labels, dev=held)
        took = time.perf_counter() - began
        rows += [_row("linear probe", split, score_model(probe, data), took) for split, data in splits.items()]
    return rows


def _notes(train: LabelledTexts, dev: LabelledTexts | None, test: LabelledTexts | None) -> tuple[str, ...]:
    from spacetune.data import check_texts

    notes = [f"{train.source}: {note}" for note in check_texts(train).notes]
    for data in (dev, test):
        if data is not None:
            notes += [f"{data.source}: {note}" for note in data.notes]
            repeated: Any = overlap_note(set(train.keys), data.keys)
            notes += [f"{data.source}: {repeated}"] if repeated else []
    return tuple(notes)

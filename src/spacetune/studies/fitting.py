"""Fit a model on labelled texts and say how good it is beside the baselines: the main job."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np

from spacetune.data import LabelledTexts, label_kind, overlap_note, split_dev
from spacetune.errors import DataError
from spacetune.estimators import TextEstimator
from spacetune.results import Result
from spacetune.studies.baselines import tfidf_baseline
from spacetune.studies.choosing import Choice, choose_method
from spacetune.studies.intervals import decisions, score_intervals
from spacetune.studies.methods import Method, is_regression, make_estimator, settings_for
from spacetune.studies.scoring import Scores, score_model

__all__ = ["FitReport", "fit_model"]


SHARED = ("encoder", "layers", "max_length", "max_windows", "class_weight")
"""Settings that the baseline probe takes over."""


@dataclasses.dataclass(frozen=True)
class FitReport(Result):
    """One fit: what it learnt from, how long it took, and its scores beside the baselines'.

    Parameters
    ----------
    method
        ``space``, ``probe``, ``space-simplex``, ``prefix-simplex`` or ``lora-simplex``.
    source
        Where the training texts came from.
    n_texts
        How many trained the model.
    classes
        Their classes.
    dev
        How the dev part came about.
    table
        One row a method and split: ``method``, ``split``, ``n``, scores, ``seconds``, and ``intervals`` of the scores.
    history
        How training went, in a sentence; empty for the probe.
    notes
        Data warnings.
    epochs
        One row an epoch: loss, dev scores, whether it was kept; empty for the probe.
    scored
        The model's scores in full, by split.
    choice
        How the method was chosen; None where it was given.
    """

    method: Method
    source: str
    n_texts: int
    classes: tuple[Any, ...]
    dev: str
    table: tuple[dict[str, Any], ...]
    history: str
    notes: tuple[str, ...]
    epochs: tuple[dict[str, Any], ...] = ()
    scored: dict[str, Scores] = dataclasses.field(default_factory=dict[str, Scores])
    choice: Choice | None = None

    def rows(self) -> list[dict[str, Any]]:
        """Return the table of scores, without the intervals."""
        return [{name: value for name, value in row.items() if name != "intervals"} for row in self.table]


def fit_model(
    train: LabelledTexts,
    *,
    dev: LabelledTexts | None = None,
    test: LabelledTexts | None = None,
    method: Method | Literal["auto"] = "space",
    task: Literal["auto", "classification", "regression"] = "auto",
    baselines: bool = True,
    settings: dict[str, Any] | None = None,
    dev_fraction: float = 0.1,
    seed: int = 0,
    budget: float = 60.0,
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
        ``space`` (the Space Model), ``probe`` (logistic or ridge regression on mean states), ``space-simplex`` (a
        simplex of Space Models, read at its centroid), ``prefix-simplex`` (prefixes learnt inside the encoder: for few
        texts, slow on many) or ``lora-simplex`` (low-rank matrices instead). ``auto`` tries them, see `choose_method`.
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
    budget
        Seconds that ``auto`` may take to choose.
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
    regression = is_regression(train.labels or [], task)
    chosen, choice = dict(settings or {}), None
    if method == "auto":
        choice = choose_method(part, task=task, settings=chosen, budget=budget, seed=seed)
        method, chosen = choice.method, settings_for(choice.method, regression, chosen)
    began = time.perf_counter()
    model = make_estimator(method, regression, chosen, seed)
    options = {k: v for k, v in (fit_options or {}).items() if method != "probe"}
    model.fit(part.inputs, part.labels, dev=held, **options)
    model.dev_ = how
    model.report_["dev"] = how  # pyright: ignore[reportAttributeAccessIssue]
    seconds = time.perf_counter() - began
    if save_to is not None:
        model.save_pretrained(save_to)
    splits = {"dev": held} | ({} if test is None else {"test": test})
    scored = {split: score_model(model, data) for split, data in splits.items()}
    table = [_row(method, split, scores, seconds) for split, scores in scored.items()]
    if baselines:
        table = [*_baselines(model, part, held, splits, method, regression, chosen, seed), *table]
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
        () if history is None else tuple(history.rows()),
        scored,
        choice,
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


def _row(method: str, split: str, scored: Scores, seconds: float | None) -> dict[str, Any]:
    ece = {} if scored.ece is None else {"ece": scored.ece}
    return {
        "method": method,
        "split": split,
        "n": scored.n_texts,
        **_shown(scored.scores),
        **ece,
        "seconds": seconds,
        "intervals": scored.intervals,
    }


def _shown(scores: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in scores.items() if name != "neg_log_loss"}


def _baselines(
    model: Any,
    part: LabelledTexts,
    held: LabelledTexts,
    splits: dict[str, LabelledTexts],
    method: str,
    regression: bool,
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
    counted = {
        split: tfidf_baseline(part.inputs, held.inputs, data.inputs, task, targets, dev_targets)
        for split, data in splits.items()
    }
    took = (time.perf_counter() - began) / len(splits)
    rows += [_counted_row(task, s, found, targets, truth[s], took) for s, found in counted.items()]
    if method != "probe":
        began = time.perf_counter()
        shared = {k: settings[k] for k in SHARED if k in settings}
        probe = make_estimator("probe", regression, shared, seed)
        probe.fit(part.inputs, part.labels, dev=held)
        took = time.perf_counter() - began
        rows += [_row("linear probe", split, score_model(probe, data), took) for split, data in splits.items()]
    return rows


def _counted_row(task: Any, split: str, found: Any, train: Any, truth: Any, seconds: float) -> dict[str, Any]:
    row = {"method": "tf-idf + linear", "split": split, "n": len(truth)}
    if found is None:
        return {**row, **task.baseline(train, truth), "seconds": seconds}
    settled, logits = found
    intervals = score_intervals(task.kind, truth, decisions(settled, logits, truth))
    return {**row, **_shown(settled.scores(logits, truth)), "seconds": seconds, "intervals": intervals}


def _notes(train: LabelledTexts, dev: LabelledTexts | None, test: LabelledTexts | None) -> tuple[str, ...]:
    from spacetune.data import check_texts

    notes = [f"{train.source}: {note}" for note in check_texts(train).notes]
    for data in (dev, test):
        if data is not None:
            notes += [f"{data.source}: {note}" for note in data.notes]
            repeated: Any = overlap_note(set(train.keys), data.keys)
            notes += [f"{data.source}: {repeated}"] if repeated else []
    return tuple(notes)

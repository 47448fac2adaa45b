"""Fit a model on labelled texts and say how good it is beside the baselines: the main job."""

from __future__ import annotations

import dataclasses
import logging
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np

from spacetune.data import DataNote, LabelledTexts, check_texts, overlap_note, unknown_notes
from spacetune.errors import UsageError, counted
from spacetune.estimators import TextEstimator
from spacetune.estimators.labels import label_task
from spacetune.fitting import DevTexts, split_texts
from spacetune.studies.arguments import checked_arguments
from spacetune.studies.fit.choosing import Choice, choose_method
from spacetune.studies.fit.cosine import cosine_rows
from spacetune.studies.fit.fit_report import FitReport
from spacetune.studies.fit.interrupting import output, save, save_again, was_interrupted
from spacetune.studies.fit.matching import comparable, learnable, weighing
from spacetune.studies.fit.methods import (
    Method,
    check_method,
    is_regression,
    make_estimator,
    settings_for,
    usual_method,
)
from spacetune.studies.fit.recording import record
from spacetune.studies.fit.score_rows import (
    Parts,
    Row,
    majority_rows,
    probe_rows,
    score_row,
    tfidf_rows,
    with_differences,
)
from spacetune.studies.fit.scoring import Scores, score_model
from spacetune.studies.fit.tuning import tell_of_tuning

__all__ = ["FitReport", "fit_model"]


log = logging.getLogger("spacetune")

SHARED = ("encoder", "layers", "max_length", "max_windows", "class_weight", "store")
"""Settings that the baseline probe takes over."""


@checked_arguments
def fit_model(
    train: LabelledTexts,
    *,
    dev: LabelledTexts | None = None,
    test: LabelledTexts | None = None,
    method: Method | Literal["auto"] | None = None,
    task: Literal["auto", "classification", "regression"] = "auto",
    baselines: bool = True,
    settings: dict[str, Any] | None = None,
    dev_fraction: float = 0.1,
    seed: int = 0,
    budget: float = 60.0,
    refit: bool | None = None,
    fit_options: dict[str, Any] | None = None,
    save_to: Path | None = None,
    resume: bool = False,
) -> tuple[TextEstimator, FitReport]:
    """Fit a model, and score it and the baselines on dev and, where given, on test.

    Nothing is chosen on test: epochs, temperatures and strengths come from dev alone.

    Parameters
    ----------
    train
        Labelled texts. By their `weights`, where they have some, all is learnt, chosen and scored, the baselines too; a
        text of weight 0 is left out.
    dev
        Labelled texts to choose by; None sets a stratified part of `train` aside.
    test
        Labelled texts to score on, and nothing else.
    method
        ``space`` (the Space Model), ``probe`` (logistic or ridge regression on mean states), ``space-simplex`` (a
        simplex of Space Models, read at its centroid), ``prefix-simplex`` (prefixes learnt inside the encoder: for few
        texts, slow on many), ``lora-simplex`` (low-rank matrices instead) or ``tuned`` (a linear head with the upper
        layers of the encoder trained under it). ``auto`` tries them, see `choose_method`. None is ``space``, and for
        pairs of texts ``probe``, which reads them apart, with a lexicon, where it has all settings that are given.
    task
        What the labels are; ``auto`` tells by their type.
    baselines
        Also fit the majority, TF-IDF and probe baselines, to compare with.
    settings
        Further settings of the estimator.
    dev_fraction
        Share of `train` set aside where there is no `dev`.
    seed
        Seed of the split and the fit.
    budget
        Seconds that ``auto`` may take to choose.
    refit
        Learn in the end from the dev texts too, with what they chose: dev scores are those from before, test scores
        those after, the baselines' too. None does so where `dev` is a part of fewer than 2,000 training texts (the
        probe: of any number).
    fit_options
        Passed on to the estimator's `fit`: ``progress``.
    save_to
        Folder for the model; it is saved as soon as it is fitted, and once more with its table at the end. No other run
        may write to it meanwhile. After every epoch the state of the training is kept in it or beside it until the
        model is saved.
    resume
        Go on from the epoch that an interrupted fit of the same texts, labels, settings and encoder came to.

    Returns
    -------
    tuple
        The fitted estimator, and the report.

    Raises
    ------
    DataError
        If the texts cannot be learnt from.
    UsageError
        If the model cannot be saved there, or the interrupted fit was another.
    KeyboardInterrupt
        By Ctrl-C or SIGTERM, where no epoch has ended yet or the model is being saved. Later in training the best so
        far is kept and saved, and the slow baselines are left out.
    """
    check_method(method)
    given = learnable(train, task)
    train = weighing(given)
    dev, test = (None if other is None else comparable(train, task, other) for other in (dev, test))
    notes = _notes(given, train, dev, test)
    part, held, chosen_by = _parts(train, dev, dev_fraction, seed)
    regression = is_regression(train.labels or [], task)
    chosen, choice = dict(settings or {}), None
    with output(save_to, resume) as out:
        if method is None:
            method, chosen = _usual(train, regression, chosen)
        if method == "auto":
            chosen = {**_beside_pairs(train), **chosen}
            choice = choose_method(part, task=task, settings=chosen, budget=budget, seed=seed)
            method, chosen = choice.method, settings_for(choice.method, regression, chosen)
        began = time.perf_counter()
        model = make_estimator(method, regression, chosen, seed)
        if refit and getattr(model, "train_encoder", False):
            raise UsageError("refit is for a frozen encoder: with train_encoder give all training texts, others as dev")
        options: dict[str, Any] = {**(fit_options or {}), **({} if out is None else {"checkpoint": out.checkpoint})}
        model.fit(part.inputs, part.labels, part.weights, dev=chosen_by, **options)
        counts = model.encoder_.count_tokens(train.inputs)
        notes += _unknown_notes(model, train, counts, _weighing(given))
        scored = {"dev": score_model(model, held)}
        data = Parts(part, held, test, _everything(model, train, dev, held, refit))
        if data.everything is not None:
            model.refit(data.everything.inputs, data.everything.labels, data.everything.weights)
        seconds = time.perf_counter() - began
        if out is not None:
            save(model, out)
        if test is not None:
            scored["test"] = score_model(model, test)
        tell_of_tuning(model, sum(counts))
        table = _baseline_rows(model, data, method, regression, chosen, seed) if baselines else []
        table += [score_row(method, split, scores, seconds) for split, scores in scored.items()]
        table = with_differences(model.task_, data, table)
        record(model, table, notes)
        if out is not None:
            save_again(model, out)
    return model, _report(model, method, train.source, data, table, notes, scored, choice)


def _usual(train: LabelledTexts, regression: bool, settings: dict[str, Any]) -> tuple[Method, dict[str, Any]]:
    """Return method and settings where no method is named: the usual one, where it has all these settings."""
    method = usual_method(pairs=train.pairs is not None)
    if train.pairs is None or settings_for(method, regression, settings) != settings:
        return "space", settings
    how = "as one text" if settings.get("pairs") == "together" else "apart"
    log.info("pairs of texts: method %s, which reads the two %s", method, how)
    return method, {**_beside_pairs(train), **settings}


def _beside_pairs(train: LabelledTexts) -> dict[str, Any]:
    """Return what a method gets of pairs where the user leaves it open: a lexicon, a probe too."""
    return {} if train.pairs is None else {"lexicon": True}


def _baseline_rows(
    model: TextEstimator, data: Parts, method: Method, regression: bool, chosen: dict[str, Any], seed: int
) -> list[Row]:
    """Return the rows of the baselines; after an interruption of the one that takes no time."""
    majority = majority_rows(model.task_, data)
    if was_interrupted(model):
        return majority
    probe = {name: chosen[name] for name in SHARED if name in chosen}
    others = [] if method == "probe" else probe_rows(make_estimator("probe", regression, probe, seed), data)
    as_told = {name: probe[name] for name in ("encoder", "max_length", "store") if name in probe}
    alike = [] if data.train.pairs is None else cosine_rows(model.task_, data, as_told)
    words = model.task_
    if not regression and chosen.get("class_weight") is not None:
        words = label_task(data.train.labels or [], chosen["class_weight"], 0.0, data.train.weights)
    return [*majority, *tfidf_rows(words, data), *alike, *others]


def _report(
    model: TextEstimator,
    method: Method,
    source: str,
    data: Parts,
    table: list[Row],
    notes: tuple[str, ...],
    scored: dict[str, Scores],
    choice: Choice | None,
) -> FitReport:
    history = model.history_
    return FitReport(
        method,
        source,
        len(data.everything or data.train),
        tuple(getattr(model, "classes_", np.zeros(0)).tolist()),
        model.report_["dev"],
        tuple(table),
        "" if history is None else str(history),
        notes,
        () if history is None else tuple(history.rows()),
        scored,
        choice,
        "text" if data.train.pairs is None else "pair",
    )


def _parts(
    train: LabelledTexts, dev: LabelledTexts | None, fraction: float, seed: int
) -> tuple[LabelledTexts, LabelledTexts, DevTexts]:
    """Return what trains, what is chosen by, and the latter as `fit` takes it."""
    part, held = train, dev
    if held is None:
        split = split_texts(train.inputs, train.labels or [], fraction, seed)
        part, held = (train.take(rows.tolist()) if len(split.dev) else train for rows in (split.train, split.dev))
        note = split.note
    else:
        note = f"given: {held.source} ({counted(len(held), 'text')})"
    return part, held, DevTexts(held.inputs, held.labels or [], note, held.weights)


def _everything(
    model: TextEstimator, train: LabelledTexts, dev: LabelledTexts | None, held: LabelledTexts, refit: bool | None
) -> LabelledTexts | None:
    """Return what the model learns from in the end; None where that is what it learnt from, or it was interrupted."""
    wanted = dev is None and model.refits(len(train)) if refit is None else refit
    if not wanted or held is train or was_interrupted(model):
        return None
    return train if dev is None else train.followed_by(dev)


def _notes(
    given: LabelledTexts, train: LabelledTexts, dev: LabelledTexts | None, test: LabelledTexts | None
) -> tuple[str, ...]:
    """Return notes on the texts: those of training that weigh nothing are counted, and not looked at."""
    rows = _weighing(given)
    looked_at = check_texts(dataclasses.replace(train, notes=()))
    found = [*given.notes, *(note.at(rows) for note in looked_at.notes)]
    if len(train) < len(given):
        without = sorted(set(range(1, len(given) + 1)) - set(rows))
        found.append(DataNote.of("weights", without, "text{s} weigh{v} 0 and {are} left out"))
    notes = [f"{given.source}: {note}" for note in found]
    for data in (dev, test):
        if data is not None:
            notes += [f"{data.source}: {note}" for note in data.notes]
            repeated = overlap_note(set(train.keys), data.keys)
            notes += [f"{data.source}: {repeated}"] if repeated else []
    return tuple(notes)


def _unknown_notes(model: TextEstimator, train: LabelledTexts, counts: list[int], rows: list[int]) -> tuple[str, ...]:
    """Return notes on what the model's encoder has no token for; `rows` are the texts' in their file."""
    notes = unknown_notes(model.encoder_.unknown(train.inputs), counts)
    return tuple(f"{train.source}: {note.at(rows)}" for note in notes)


def _weighing(given: LabelledTexts) -> list[int]:
    """Return the rows, counted from 1, of the texts that weigh more than 0."""
    weights = np.ones(len(given)) if given.weights is None else given.weights
    return (np.flatnonzero(weights) + 1).tolist()

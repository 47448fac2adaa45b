"""The course of every fit: read, set a part aside, learn, choose by it, learn from all."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spacetune.encoders.loading.machine import unaltered
from spacetune.errors import DataError, UsageError
from spacetune.estimators.hashes import text_hashes
from spacetune.estimators.inputs import FittedOn, Given, Sample
from spacetune.estimators.reading import Reader
from spacetune.estimators.runs import run_of
from spacetune.fitting import (
    Checkpoint,
    DevTexts,
    FitData,
    Inputs,
    Learnt,
    Method,
    Rule,
    Run,
    Task,
    check_settings,
    split_texts,
    text_keys,
)

__all__ = ["Course", "Done", "Held", "Opened", "checked"]

log = logging.getLogger("spacetune")

Array = np.ndarray[Any, Any]


def checked(settings: Mapping[str, Any], rules: Mapping[str, Rule], method: Callable[[], Method]) -> Method:
    """Return the method that these settings make.

    Raises
    ------
    UsageError
        If a setting cannot be, or some do not go together; it is named, with what it may be.
    """
    check_settings(settings, rules)
    made = method()
    if (wrong := made.conflict()) is not None:
        raise UsageError(wrong)
    return made


@dataclasses.dataclass(frozen=True)
class Held:
    """Dev texts that were given, with their labels and weights, and where they come from."""

    sample: Sample
    note: str

    @classmethod
    def of(cls, dev: DevTexts, given: Given) -> Held:
        """Put dev texts, told apart, with their labels; those of weight 0 are left out."""
        weighed = dev.weights is not None
        sample = Sample.of(given, dev.labels, dev.weights) if weighed else Sample(given, dev.labels, None)
        return cls(sample, dev.note)


@dataclasses.dataclass(frozen=True)
class Opened:
    """Labelled texts, read: what a method learns from."""

    sample: Sample
    inputs: Inputs
    targets: Tensor
    weights: Tensor | None
    on: FittedOn


@dataclasses.dataclass(frozen=True)
class Done:
    """What a fit came to: what was learnt and on what, its report, and dev's logits and truth to calibrate by."""

    opened: Opened
    learnt: Learnt
    on: FittedOn
    report: dict[str, Any]
    dev_logits: Array
    dev_truth: tuple[Array, Array | None]
    set_aside: bool


@dataclasses.dataclass(frozen=True)
class Course:
    """One call of `fit` or `refit`.

    Parameters
    ----------
    method
        How to learn.
    reader
        How to read.
    task
        What is learnt.
    settings
        The estimator's, for the checkpoint to know the run by.
    progress
        Whether to show bars.
    """

    method: Method
    reader: Reader
    task: Task
    settings: Mapping[str, Any]
    progress: bool | None = None

    @unaltered(gradients=True)
    def open(self, sample: Sample, layers: tuple[int, ...] | None = None) -> Opened:
        """Read what is to be learnt from, by the layers chosen before or anew, and note what was read."""
        given = sample.given
        inputs, provenance = self.reader.inputs(given, layers, progress=self.progress)
        keys = text_keys(given.content) if given.kind == "texts" else []
        on = FittedOn(given.like, provenance, given.pairs, text_hashes(keys))
        return Opened(sample, inputs, self.task.targets(sample.labels), _tensor(sample.weights), on)

    @unaltered(gradients=True)
    def fit(self, sample: Sample, held: Held | None, checkpoint: Path | None) -> Done:
        """Read, take the dev texts given or set a stratified part aside, learn, and choose by dev."""
        opened = self.open(sample)
        data, note = self._divided(opened, held)
        run, on = self._run(opened), opened.on
        with contextlib.ExitStack() as stack:
            if checkpoint is not None:
                told = run_of(self.settings, on.provenance, sample, None if held is None else held.sample)
                run = dataclasses.replace(run, checkpoint=stack.enter_context(Checkpoint.held(checkpoint, told)))
            learnt, logits = self.method.learn(data, run)
            _check_finite(learnt)
        if learnt.encoder is not None:
            on = dataclasses.replace(on, provenance=learnt.encoder.provenance(on.layers or (-1,)))
        report = {
            "n_texts": len(sample.labels),
            "dev": note,
            "dev_scores": self.task.scores(logits, *data.dev_truth),
            "baseline": self.task.baseline(opened.targets.numpy(), *data.dev_truth, opened.sample.weights),
        }
        set_aside = held is None and data.has_dev
        return Done(opened, dataclasses.replace(learnt, task=self.task), on, report, logits, data.dev_truth, set_aside)

    @unaltered(gradients=True)
    def learn_again(self, opened: Opened, before: Learnt) -> Learnt | None:
        """Learn from all texts with what was chosen; None where Ctrl-C came first, and the model before is kept."""
        data = FitData.whole(opened.inputs, opened.targets, opened.weights)
        try:
            learnt = self.method.learn_again(data, self._run(opened), before)
            _check_finite(learnt)
        except KeyboardInterrupt as stop:
            n_texts, by = len(opened.sample.labels), str(stop) or "Ctrl-C"
            log.warning("stopped by %s while learning from all %d texts: the model before is kept", by, n_texts)
            return None
        return dataclasses.replace(learnt, task=self.task)

    def _divided(self, opened: Opened, held: Held | None) -> tuple[FitData, str]:
        if held is None:
            fraction, seed = self.settings["dev_fraction"], self.settings["seed"]
            split = split_texts(opened.sample.given.content, opened.sample.labels, fraction, seed)
            return split.divide(opened.inputs, opened.targets, opened.weights), split.note
        dev, _ = self.reader.inputs(held.sample.given, opened.on.layers)
        targets, weights = self.task.targets(held.sample.labels), _tensor(held.sample.weights)
        return FitData(opened.inputs, opened.targets, dev, targets, opened.weights, weights), held.note

    def _run(self, opened: Opened) -> Run:
        return Run(self.task, None if opened.on.layers is None else self.reader.encoder, progress=self.progress)


def _check_finite(learnt: Learnt) -> None:
    """Raise `DataError` where a training has come to numbers that are none: such a model answers nothing."""
    for name, values in learnt.tensors.items():
        if values.is_floating_point() and not torch.isfinite(values).all():
            raise DataError(
                f"the training has diverged: {name} holds numbers that are not finite; take a smaller learning "
                "rate, or weights of losses and texts nearer to 1"
            )


def _tensor(weights: Array | None) -> Tensor | None:
    return None if weights is None else torch.as_tensor(weights)

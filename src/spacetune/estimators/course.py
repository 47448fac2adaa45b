"""The course of every fit: read, set a part aside, learn, choose by it, learn from all."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from spacetune.estimators.hashes import text_hashes
from spacetune.estimators.inputs import FittedOn, Given, check_lengths
from spacetune.estimators.reading import Reader
from spacetune.estimators.runs import run_of
from spacetune.fitting import Checkpoint, FitData, Inputs, Learnt, Method, Run, Split, Task, split_texts, text_keys

__all__ = ["Course", "Held", "Opened"]

log = logging.getLogger("spacetune")

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class Held:
    """Dev texts that were given, their labels, and where they come from."""

    given: Given
    labels: Sequence[Any]
    note: str


@dataclasses.dataclass(frozen=True)
class Opened:
    """Labelled texts, read: what a method learns from."""

    given: Given
    labels: Sequence[Any]
    inputs: Inputs
    targets: Tensor
    on: FittedOn


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

    def open(self, given: Given, labels: Sequence[Any], layers: tuple[int, ...] | None = None) -> Opened:
        """Read what is to be learnt from, by the layers chosen before or anew, and note what was read."""
        inputs, provenance = self.reader.inputs(given, layers, progress=self.progress)
        check_lengths(len(inputs), len(labels))
        keys = text_keys(given.content) if given.kind == "texts" else []
        kind = given.kind if provenance is None else "texts"
        on = FittedOn(kind, provenance, given.pairs, text_hashes(keys))
        return Opened(given, labels, inputs, self.task.targets(labels), on)

    def split(self, opened: Opened, held: Held | None) -> tuple[FitData, Split]:
        """Take the dev texts given, or set a stratified part aside."""
        if held is None:
            split = split_texts(
                opened.given.content, opened.labels, self.settings["dev_fraction"], self.settings["seed"]
            )
            return split.divide(opened.inputs, opened.targets), split
        dev, _ = self.reader.inputs(held.given, opened.on.layers)
        data = FitData(opened.inputs, opened.targets, dev, self.task.targets(held.labels))
        return data, Split(np.arange(len(opened.labels)), np.zeros(0, dtype=int), held.note)

    def learn(
        self, opened: Opened, data: FitData, held: Held | None, checkpoint: Path | None
    ) -> tuple[Learnt, FittedOn, Array]:
        """Learn from the training part and choose by dev; return what was learnt, on what, and dev's logits."""
        run, on = self._run(opened), opened.on
        with contextlib.ExitStack() as stack:
            if checkpoint is not None:
                dev = ((), ()) if held is None else (held.given.content, held.labels)
                told = run_of(self.settings, on.provenance, (opened.given.content, opened.labels), dev)
                run = dataclasses.replace(run, checkpoint=stack.enter_context(Checkpoint.held(checkpoint, told)))
            learnt, logits = self.method.learn(data, run)
        if learnt.encoder is not None:
            on = dataclasses.replace(on, provenance=learnt.encoder.provenance(on.layers or (-1,)))
        return dataclasses.replace(learnt, task=self.task), on, logits

    def learn_again(self, opened: Opened, before: Learnt) -> Learnt | None:
        """Learn from all texts with what was chosen; None where Ctrl-C came first, and the model before is kept."""
        try:
            learnt = self.method.learn_again(opened.inputs, opened.targets, self._run(opened), before)
        except KeyboardInterrupt:
            n_texts = len(opened.labels)
            log.warning("stopped by Ctrl-C while learning from all %d texts: the model before is kept", n_texts)
            return None
        return dataclasses.replace(learnt, task=self.task)

    def _run(self, opened: Opened) -> Run:
        return Run(self.task, None if opened.on.layers is None else self.reader.encoder, progress=self.progress)

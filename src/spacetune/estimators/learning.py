"""`Learner`: the course of every fit here. Read, set a part aside, learn, choose by it, learn from all."""

from __future__ import annotations

import abc
import contextlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from spacetune.encoders import FeatureSource, as_given
from spacetune.errors import UsageError
from spacetune.estimators.dev_part import FitData, dev_pair, part_for_dev
from spacetune.estimators.inputs import MANY, check_lengths
from spacetune.estimators.runs import run_of
from spacetune.estimators.views import view
from spacetune.training import Checkpoint, History, Task

__all__ = ["Learner"]

log = logging.getLogger("spacetune")

Array = np.ndarray[Any, Any]


class Learner(BaseEstimator, abc.ABC):
    """What learns from labelled texts; a subclass says how it reads, learns, and learns again."""

    dev_fraction: float
    seed: int
    dev_: str
    report_: dict[str, Any]
    _progress: bool | None
    _task: Task
    _dev_rows: Array

    @abc.abstractmethod
    def features(self, texts: Any, *, reset: bool = False, stored: bool = True) -> FeatureSource:
        """Return token features of texts as this model reads them."""

    @abc.abstractmethod
    def _note_input(self, texts: Any, features: FeatureSource) -> None:
        """Remember what was fitted on."""

    @abc.abstractmethod
    def task(self) -> Task:
        """Return the fitted model's task, to score new labels by."""

    @abc.abstractmethod
    def _read_labels(self, X: Any, y: Any) -> tuple[list[Any], Task]:
        """Return the labels as a list, and what is to be learnt from them."""

    @abc.abstractmethod
    def _check_settings(self) -> None:
        """Refuse settings that cannot be."""

    @abc.abstractmethod
    def _learn(self, data: FitData[Any], X: Any, dev: Any, checkpoint: Checkpoint | None) -> Array:
        """Learn from the training part and choose by the dev part; return dev's logits."""

    @abc.abstractmethod
    def _learn_again(self, source: Any, targets: Tensor) -> None:
        """Learn from all of a source what was learnt from other texts, with the choices made then."""

    @abc.abstractmethod
    def _close_fit(self, task: Any, targets: Array, dev_logits: Array, dev_targets: Array) -> None:
        """Calibrate on dev, and write down how good the model is."""

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        dev: Any = None,
        checkpoint: str | os.PathLike[str] | None = None,
        progress: bool | None = None,
    ) -> Self:
        """Learn from labelled texts.

        Parameters
        ----------
        X
            Strings or pairs of strings (in a list, an array, a series or a frame of one column), token features, or a
            matrix of ready embeddings.
        y
            For a classifier one class a text, or a list of classes a text (multi-label); for a regressor one number.
        dev
            Labelled texts to choose by (the epoch, the strength, the temperature); None sets a part aside.
        checkpoint
            A file to save to after every epoch, and to go on from where it exists: then texts, labels, dev data,
            settings, encoder and versions must be those it was made with. A probe has no epochs.
        progress
            True or False to force the progress bars on or off.

        Returns
        -------
        TextEstimator
            Itself.

        Raises
        ------
        DataError
            If texts or labels cannot be learnt from.
        UsageError
            If a setting cannot be, or the checkpoint is of another run.
        ModelFileError
            If the checkpoint is damaged.
        UnsupportedByFamily
            If a prefix is to be learnt and the encoder's family takes none.
        """
        self._check_settings()
        given, dev = as_given(X), None if dev is None else dev_pair(dev)
        labels, self._task = self._read_labels(given, y)
        self._progress = progress
        source, targets = self._open(given, labels), self._task.targets(labels)
        data = self._divided(source, targets, given, labels, dev)
        with contextlib.ExitStack() as held:
            saved = None
            if checkpoint is not None:
                saved = held.enter_context(Checkpoint.held(Path(checkpoint), run_of(self, given, labels, dev)))
            logits = self._learn(data, given, dev, saved)
        self._close_fit(self._task, targets.numpy(), logits, data.dev_targets.numpy())
        if len(self._dev_rows) and self.refits(len(labels)):
            self._learn_from_all(source, targets)
        return self

    def refit(self, X: Any, y: Any, *, progress: bool | None = None) -> Self:
        """Learn anew from these texts, with what the last `fit` chose by dev held fixed.

        For after a `fit` with dev: from the training and the dev texts together. Epoch, strength, lexicon, temperature
        and threshold stay those that dev chose; the report stays that of the first fit, made on texts not learnt from.
        Ctrl-C keeps the model of the first fit.

        Parameters
        ----------
        X
            As for `fit`.
        y
            As for `fit`; its classes are those of the first fit.
        progress
            True or False to force the progress bars on or off.

        Returns
        -------
        TextEstimator
            Itself.

        Raises
        ------
        UsageError
            If it was not fitted in this session: what dev chose is not all saved.
        DataError
            If the labels are not those of the first fit.
        """
        check_is_fitted(self)
        if "_task" not in vars(self):
            raise UsageError("refit goes after fit in the same session: a saved model does not hold all that dev chose")
        given = as_given(X)
        labels, _ = self._read_labels(given, y)
        self._progress = progress
        self._learn_from_all(self._open(given, labels, reset=False), self._task.targets(labels))
        return self

    def refits(self, n_texts: int) -> bool:
        """Tell whether `fit` learns in the end from the part too that it set aside to choose by.

        It does below 2,000 texts, where a tenth more of them counts; the number is ours. The training that chose must
        have come to its end.
        """
        history: History | None = vars(self).get("history_")
        return n_texts < MANY and (history is None or history.ended != "interrupted")

    def _open(self, X: Any, labels: Sequence[Any], *, reset: bool = True) -> Any:
        """Read what is to be learnt from, anew or as the last `fit` read, and note what was read."""
        source = self.features(X, reset=reset)
        check_lengths(len(source), len(labels))
        self._note_input(X, source)
        return source

    def _part(self, source: Any, rows: Tensor | None) -> Any:
        """Return some texts of what `_open` gave, or all."""
        return source if rows is None else view(source, rows)

    def _divided(self, source: Any, targets: Tensor, X: Any, labels: Sequence[Any], dev: Any) -> FitData[Any]:
        """Take the dev data given, or set a stratified part aside (few texts: all of them, said in `dev_`)."""
        train, self._dev_rows, self.dev_ = part_for_dev(X, labels, dev, self.dev_fraction, self.seed)
        if len(self._dev_rows):
            rows, held = torch.from_numpy(train), torch.from_numpy(self._dev_rows)
            return FitData(self._part(source, rows), targets[rows], self._part(source, held), targets[held])
        everything = self._part(source, None)
        if dev is None:
            return FitData(everything, targets, everything, targets)
        dev_texts, dev_labels = dev_pair(dev)
        return FitData(everything, targets, self._read_dev(dev_texts), self._task.targets(dev_labels))

    def _read_dev(self, X: Any) -> Any:
        return self.features(X)

    def _learn_from_all(self, source: Any, targets: Tensor) -> None:
        try:
            self._learn_again(source, targets)
        except KeyboardInterrupt:
            log.warning("stopped by Ctrl-C while learning from all %d texts: the model before is kept", len(targets))
            return
        self.dev_ += f"; what it chose was then learnt from {len(targets)} texts in all"
        self.report_ |= {"dev": self.dev_, "n_texts": len(targets)}

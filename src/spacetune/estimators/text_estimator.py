"""`TextEstimator`: the course of every fit here, and what every fitted model can do. Reading, explaining, saving."""

from __future__ import annotations

import abc
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted  # pyright: ignore[reportUnknownVariableType]

from spacetune.encoders import Encoder, FeatureSource
from spacetune.errors import ModelFileError, UsageError
from spacetune.estimators.course import Course, Held, Opened, checked
from spacetune.estimators.explaining import explain_texts, texts_of
from spacetune.estimators.inputs import FittedOn, Given, Sample, tell
from spacetune.estimators.reading import Read, Reader
from spacetune.estimators.restoring import final_classes, restored
from spacetune.estimators.saving import to_save
from spacetune.estimators.settings import as_fitted, settings_of
from spacetune.explanations import At, Explanation
from spacetune.fitting import History, Learnt, Method, Rule, Task, dev_texts, random_points
from spacetune.heads import Head, Lexicon, Simplex
from spacetune.model_folder import SavedModel, claim, publish, without

__all__ = ["TextEstimator"]
Array = np.ndarray[Any, Any]


class TextEstimator(BaseEstimator, abc.ABC):
    """Base of the estimators: something learnt inside a frozen encoder or nothing, and a head on top.

    A final class stores its settings in the constructor and says by which method they learn; `Classifier` and
    `Regressor` say what labels are and what is made of logits.
    """

    rules: ClassVar[Mapping[str, Rule]]  # what settings may be, by name

    encoder: str | os.PathLike[str] | Encoder | None
    learnt_: Learnt
    fitted_: FittedOn
    task_: Any  # a Task; which one, the abstract classes below say
    report_: dict[str, Any]
    _fitted_with: dict[str, Any] = {}  # noqa: RUF012 - the settings of the last fit; set anew and never changed
    _cloned = False  # by scikit-learn, as in a search or a cross-validation: what it predicts may be a fold

    @abc.abstractmethod
    def method(self) -> Method:
        """Return the way in which these settings learn."""

    @abc.abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return the task and its calibration as plain values, for a saved model."""

    @abc.abstractmethod
    def take_facts(self, facts: dict[str, Any]) -> None:
        """Become a model of the task that such plain values describe."""

    @abc.abstractmethod
    def outcome(self, logits: Array) -> dict[str, Any]:
        """Return prediction, probabilities and class names of one text's logits ``(1, output)``."""

    @abc.abstractmethod
    def _read_labels(self, X: Given, y: object) -> list[Any]:
        """Return the labels as a list."""

    @abc.abstractmethod
    def _task_of(self, sample: Sample) -> Task:
        """Return what is to be learnt from these labels."""

    @abc.abstractmethod
    def _settle(self, task: Any, logits: Array, targets: Array, weights: Array | None) -> dict[str, float]:
        """Calibrate on dev, and become a model of this task; return what there is to report of it."""

    def fit(
        self,
        X: object,
        y: object,
        sample_weight: object = None,
        *,
        dev: object = None,
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
        sample_weight
            What each text counts for in every loss, times the weight of its class, and in the dev scores where a part
            is set aside. A text of weight 0 is left out. None counts all alike.
        dev
            Labelled texts to choose by (the epoch, the strength, the temperature); None sets a part aside.
        checkpoint
            A file to save to after every epoch, and to go on from where it exists: then texts, labels, dev data,
            settings, encoder and versions must be those it was made with. A probe has no epochs.
        progress
            True or False to force the progress bars on or off.

        Raises
        ------
        DataError
            If texts or labels cannot be learnt from.
        UsageError
            If a setting cannot be, or the checkpoint is of another run.
        ModelFileError
            If the checkpoint is damaged.
        UnsupportedByFamily
            If the encoder's family cannot learn that inside.
        """
        method = checked(settings := settings_of(self), self.rules, self.method)
        sample, apart = self._sample(tell(X, self), y, sample_weight), None if dev is None else dev_texts(dev)
        held = None if apart is None else Held.of(apart, tell(apart.texts, self, sample.given))
        course = Course(method, Reader.of(settings, method), self._task_of(sample), settings, progress)
        done = course.fit(sample, held, None if checkpoint is None else Path(checkpoint))
        self.learnt_, self.fitted_, self._fitted_with = done.learnt, done.on, settings
        self.report_ = done.report | self._settle(course.task, done.dev_logits, *done.dev_truth)
        if done.set_aside and self.refits(len(sample.labels)):
            self._learn_again(course, done.opened)
        return self

    def _sample(self, given: Given, y: object, sample_weight: object) -> Sample:
        return Sample.of(given, self._read_labels(given, y), sample_weight)

    def refit(self, X: object, y: object, sample_weight: object = None, *, progress: bool | None = None) -> Self:
        """Learn again from these texts, with what the last `fit` chose by dev held fixed.

        For after a `fit` with dev: from the training and the dev texts together. Epoch, strength, lexicon, temperature,
        threshold, classes and report stay those of the first fit; Ctrl-C keeps its model.

        Raises
        ------
        UsageError
            If it was not fitted in this session: what dev chose is not all saved.
        DataError
            If the labels are not those of the first fit.
        """
        check_is_fitted(self)
        if (task := self.learnt_.task) is None:
            raise UsageError("refit goes after fit in the same session: a saved model does not hold all that dev chose")
        sample = self._sample(tell(X, self, self.fitted_), y, sample_weight)
        own = as_fitted(self, self._fitted_with)
        course = Course(own.method(), self._reader(), task, settings_of(own), progress)
        self._learn_again(course, course.open(sample, self.layers_))
        return self

    def refits(self, n_texts: int) -> bool:
        """Tell whether `fit` learns in the end from what it set aside too; not where the training was interrupted."""
        history = self.history_ if self.__sklearn_is_fitted__() else None
        return self.method().learns_again(n_texts) and (history is None or history.ended != "interrupted")

    def _learn_again(self, course: Course, opened: Opened) -> None:
        if (learnt := course.learn_again(opened, self.learnt_)) is not None:
            self.learnt_, self.fitted_ = learnt, opened.on
            note = f"{self.report_['dev']}; what it chose was then learnt from {len(opened.inputs)} texts in all"
            self.report_ |= {"dev": note, "n_texts": len(opened.inputs)}

    def restore(self, learnt: Learnt, fitted: FittedOn, facts: dict[str, Any], report: dict[str, Any]) -> None:
        """Become a model that was learnt before, or elsewhere."""
        self.take_facts(facts)
        self.learnt_, self.fitted_, self.report_, self._fitted_with = learnt, fitted, report, settings_of(self)

    def _reader(self) -> Reader:
        own = as_fitted(self, self._fitted_with)
        return Reader.of(settings_of(own), own.method(), self.learnt_.encoder if self.__sklearn_is_fitted__() else None)

    @property
    def layers_(self) -> tuple[int, ...] | None:
        """The layers read; None for ready embeddings."""
        return self.fitted_.layers

    @property
    def encoder_(self) -> Encoder:
        """The encoder in use, with its upper layers where they were tuned; loaded when first asked for, and shared."""
        return self._reader().encoder_of(self.learnt_.model if self.__sklearn_is_fitted__() else None)

    @property
    def head_(self) -> Head:
        """The head that was learnt; for a simplex that of its centroid."""
        return self.learnt_.model.head

    @property
    def lexicon_(self) -> Lexicon | None:
        """The scores of words beside the head; None where they did not help, or were not asked for."""
        return self.learnt_.model.lexicon

    @property
    def simplex_(self) -> Simplex | None:
        """The simplex whose centroid is used; None where one point was learnt."""
        return self.learnt_.simplex

    @property
    def history_(self) -> History | None:
        """How training went; None where there are no epochs."""
        return self.learnt_.history

    def features(self, X: object, *, stored: bool = True, progress: bool | None = None) -> FeatureSource:
        """Return token features as this model reads them; texts go through the store by default."""
        fitted, reader = self.__sklearn_is_fitted__(), self._reader()
        given, layers = tell(X, self, self.fitted_ if fitted else None), self.layers_ if fitted else None
        if fitted and given.kind == "texts" and self.learnt_.model.adapter is not None:
            return reader.fresh(self.learnt_.model, given.content, layers or (-1,))
        return reader.features(given, layers, stored=stored, progress=progress)

    def read(self, X: object, progress: bool | None = None) -> Read:
        """Return logits of texts, and how many of their tokens were read; any number, in bounded memory."""
        check_is_fitted(self)
        return self._reader().read(self.learnt_.model, tell(X, self, self.fitted_), self.layers_, progress)

    def predict_logits(self, X: object) -> Array:
        """Return logits ``(text, output)`` before any temperature."""
        check_is_fitted(self)
        return self._reader().logits(self.learnt_, tell(X, self, self.fitted_), self.fitted_, self._cloned)

    def logits_at(self, X: object, weights: object, *, progress: bool | None = False) -> Array:
        """Return the logits ``(point, text, output)`` at these points of the simplex, the same for all texts.

        Weights are ``(point, vertex)``, all layers and the head at one point, or ``(point, group, vertex)``, the groups
        being the layers of the adapter (if there is one) and those of the head; a point's are at least 0 and sum to 1.
        Raises `UsageError` if there is no simplex, or the weights are not points of it.
        """
        check_is_fitted(self)
        given = tell(X, self, self.fitted_)
        return self._reader().logits_at(self.learnt_, given, self.layers_, weights, progress)

    def ensemble_logits(self, X: object, n_samples: int, seed: int = 0) -> Array:
        """Return the logits ``(point, text, output)`` of random points of the simplex."""
        return self.logits_at(X, random_points(self.simplex_, n_samples, seed))

    def explain(self, X: object, *, at: At | None = None) -> Explanation:
        """Explain predictions exactly: ``explanation[i].scores[c].sum() + bias`` is the logit of class c of text i.

        X are texts or pairs. Tokens are scored ``at`` the ``states`` that the head reads, other words mixed in; at the
        ``input``, the word as it goes in; or at ``both``, the mean over every depth between. None is ``both``, or
        ``states`` where an encoder's states are not known as sums of what goes in. All but ``states`` runs in float32.
        Raises `UsageError` for ready embeddings (no tokens), and `UnsupportedByFamily` where no sums are known.
        """
        check_is_fitted(self)
        given = tell(texts_of(X), self, self.fitted_)
        return explain_texts(self._reader(), self.learnt_.model, given, self.layers_, self.outcome, at)

    def save_pretrained(self, place: str | os.PathLike[str]) -> None:
        """Save settings, learned tensors and a model card to a folder, the encoder only if trained too; no pickle.

        An older saved model there is replaced in one step; other files in the folder stay. Where something else stands
        there, it cannot be written to, or the model was fitted on ready embeddings, a `UsageError` says so.
        """
        saved = self.to_save()
        with claim(place) as claimed:
            claimed.write(saved)

    def to_save(self) -> SavedModel:
        """Return what a model's folder is made of."""
        check_is_fitted(self)
        return to_save(as_fitted(self, self._fitted_with), self.learnt_, self.fitted_, self.facts(), self.report_)

    def push_to_hub(
        self, repo: str, *, private: bool | None = None, leave_out: Sequence[str] = (), **where: Any
    ) -> str:
        """Put the model on the hub as ``user/name``, and return its address; see `spacetune.model_folder.published`.

        What it shows of its training texts can be left out: ``hashes``; not the lexicon, which the head needs.
        `where` is `revision`, a branch, and `token`. Raises `UsageError` if the hub refuses.
        """
        return publish(without(self.to_save(), leave_out), repo, private=private, **where)

    @classmethod
    def from_pretrained(
        cls, place: str | os.PathLike[str], *, encoder: str | os.PathLike[str] | Encoder | None = None, **where: Any
    ) -> Self:
        """Load a saved model, from a folder or the hub (`revision`, `token`), with its own encoder or the one given.

        See `load_estimator`. Raises `ModelFileError` if it is damaged, or of another kind.
        """
        if not isinstance(model := restored(place, final_classes(TextEstimator), encoder=encoder, **where), cls):
            raise ModelFileError(f"{place} holds a {type(model).__name__}, not a {cls.__name__}")
        return model

    _get_fitted_attr_html: Any = property()  # none: a notebook's drawing would read all, and load the encoder

    def __sklearn_clone__(self) -> Any:
        made = cast("Any", super()).__sklearn_clone__()
        made._cloned = True
        return made

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "learnt_")

    def __sklearn_tags__(self) -> Any:
        tags = cast("Any", super()).__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.two_d_array = True
        return tags

"""What every export shares: the model in float32, texts to compare on, a folder that appears whole, and the account."""

# The types of torch and NumPy are partial.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import contextlib
import copy
import dataclasses
import os
import shutil
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from spacetune.encoders import Encoder, TextInput, as_inputs
from spacetune.encoders.loading.load import float32_copy, freeze
from spacetune.errors import SpacetuneError, UsageError
from spacetune.estimators import TextEstimator
from spacetune.files import lock, patiently
from spacetune.fitting import Regression
from spacetune.model_folder.writing import sync_all
from spacetune.results import RecordResult

__all__ = ["Compared", "Exported", "compared_on", "in_float32", "staged"]

Array = np.ndarray[Any, Any]
Form = Literal["onnx", "transformers"]

TEXTS = (
    "Where is my card?",
    "",
    "I ordered it two weeks ago, it has not come, and nobody answers the phone.",
    "good",
    "The story is thin; the acting, though, is a joy from the first minute to the last.",
    "Überraschend teuer, aber schön: 5 / 5!",
)
"""Texts of several lengths that an export is compared on where no others are given."""


@dataclasses.dataclass(frozen=True)
class Exported(RecordResult):
    """What was written, and how near it is to the model.

    Parameters
    ----------
    folder
        Where.
    form
        ``onnx`` or ``transformers``.
    n_bytes
        Size of all files.
    n_texts
        Texts on which the two were compared.
    gap, score_gap
        The largest difference of a logit, and of a token score, over the largest logit where that is above 1; of a
        regressor in standard deviations of what it learnt.
    agreement
        Share of the texts with the same prediction.
    notes
        What it does otherwise than the model.
    """

    folder: str
    form: Form
    n_bytes: int
    n_texts: int
    gap: float
    score_gap: float
    agreement: float
    notes: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Compared:
    """The model's own answers to some texts, and how far another's are from them.

    Parameters
    ----------
    model
        In float32.
    texts
        Texts that one window holds, or pairs.
    logits
        ``(text, output)``; of a regressor the numbers.
    token_scores
        ``(token, output)`` a text.
    gap, score_gap, agreement
        Of the other's answers, as in `Exported`.
    """

    model: TextEstimator
    texts: Sequence[TextInput]
    logits: Array
    token_scores: Sequence[Array]
    gap: float = 0.0
    score_gap: float = 0.0
    agreement: float = 1.0

    @property
    def columns(self) -> list[list[str]]:
        """First texts, and of pairs second ones too."""
        if isinstance(self.texts[0], str):
            return [list(map(str, self.texts))]
        return [[pair[i] for pair in self.texts] for i in (0, 1)]

    def with_padded(self, logits: Array, token_scores: Array, *, at_most: float | None) -> Compared:
        """Compare with logits and token scores ``(text, token, output)`` of texts that are padded on the right.

        Raises
        ------
        SpacetuneError
            If they are further apart than allowed.
        """
        scale, mean = scale_of(self.model)
        size = max(scale, float(np.abs(self.logits - mean).max()))
        gap = float(np.abs(logits - self.logits).max()) / size
        own = [padded[: len(scores)] - scores for padded, scores in zip(token_scores, self.token_scores, strict=True)]
        score_gap = max(float(np.abs(each).max()) for each in own) / size
        if at_most is not None and max(gap, score_gap) > at_most:
            raise SpacetuneError(
                f"the exported model must give our logits and token scores within {at_most:g}, and differs by "
                f"{max(gap, score_gap):.2g}; nothing was written. Please report this with the encoder's name"
            )
        same = [_decided(self.model, a) == _decided(self.model, b) for a, b in zip(logits, self.logits, strict=True)]
        return dataclasses.replace(self, gap=gap, score_gap=score_gap, agreement=float(np.mean(same)))

    def exported(self, place: str | os.PathLike[str], files: Path, form: Form, notes: Iterable[str]) -> Exported:
        """Return the account of what was written."""
        n_bytes = sum(file.stat().st_size for file in files.rglob("*") if file.is_file())
        n_texts = len(self.texts)
        return Exported(str(place), form, n_bytes, n_texts, self.gap, self.score_gap, self.agreement, tuple(notes))


def _decided(model: TextEstimator, logits: Array) -> Any:
    """Return what a model predicts of one text's logits; a regressor's number to two digits of its scale."""
    if isinstance(model.task_, Regression):
        return round(float(logits[0]) / model.task_.scale, 2)
    return model.outcome(logits[None])["predicted"]


def compared_on(model: TextEstimator, texts: Sequence[TextInput] | None) -> Compared:
    """Return a float32 model's answers to these texts, or to some of our own; longer ones than a window are left out.

    Raises
    ------
    UsageError
        If no text is short enough.
    """
    own = [(text, TEXTS[0]) for text in TEXTS] if model.fitted_.pairs else TEXTS
    given = as_inputs(own if texts is None else texts)
    lengths = model.encoder_.count_tokens(given)
    short = [text for text, n in zip(given, lengths, strict=True) if n <= model.encoder_.max_length]
    if not short:
        raise UsageError("an export is compared on texts that one window holds, and all of these are longer")
    scale, mean = scale_of(model)
    logits = model.predict_logits(short).astype(np.float64) * scale + mean
    scores = [one.token_scores * scale for one in model.explain(short, at="states")]
    return Compared(model, short, logits, scores)


def scale_of(model: TextEstimator) -> tuple[float, float]:
    """Return what a regressor's logits are multiplied by, and then moved by, to be its numbers; of others 1 and 0."""
    task = model.task_
    return (task.scale, task.mean) if isinstance(task, Regression) else (1.0, 0.0)


def in_float32(model: TextEstimator) -> TextEstimator:
    """Return the same fitted model on a float32 encoder on the CPU, its weights read anew where they were rounded.

    Raises
    ------
    UsageError
        If it was fitted on ready embeddings.
    """
    if model.fitted_.kind != "texts":
        raise UsageError("a model of ready embeddings has no encoder to export; fit on texts")
    encoder, trained = model._reader().encoder, model.learnt_.encoder
    if encoder.dtype == torch.float32 and encoder.device.type == "cpu":
        return model
    source = encoder.source
    loaded = freeze(*float32_copy(source, encoder.loaded), source, torch.float32, torch.device("cpu"))
    whole = Encoder(source, loaded, encoder.max_length, encoder.max_windows)
    made = copy.copy(model)
    if trained is None:
        made._fitted_with = {**model._fitted_with, "encoder": whole}
        return made.set_params(encoder=whole)
    made.learnt_ = dataclasses.replace(model.learnt_, encoder=whole)
    return made


@contextlib.contextmanager
def staged(place: str | os.PathLike[str]) -> Generator[Path]:
    """Give a folder to write into; it becomes the place by one rename, or goes with what went wrong.

    Raises
    ------
    UsageError
        If something stands there already.
    """
    whole = Path(place).resolve()
    _check_free(whole)
    unfinished = whole.with_name(f".{whole.name}.spacetune")
    whole.parent.mkdir(parents=True, exist_ok=True)
    with lock(unfinished.with_suffix(".lock")):
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        try:
            yield unfinished
            sync_all(unfinished, mode=unfinished.stat().st_mode & 0o666)
            _check_free(whole)
            if whole.exists():  # Windows renames over no folder
                whole.rmdir()
            patiently(os.rename, unfinished, whole)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def _check_free(place: Path) -> None:
    if place.exists() and not (place.is_dir() and not os.listdir(place)):
        raise UsageError(f"{place} exists and is not an empty folder; choose another place or remove it first")

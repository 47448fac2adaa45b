"""From a fitted model to a transformers classifier, and to the folder of one."""

# The types of torch and transformers are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import copy
import gc
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import transformers

from spacetune.bridges.exporting import Exported, compared_on, in_float32, scale_of, staged
from spacetune.bridges.transformers.modelling import (
    SpacetuneConfig,
    SpacetuneForSequenceClassification,
    SpacetuneOutput,
)
from spacetune.encoders import Encoder, LoraStates, PrefixStates, TextInput, tuned
from spacetune.encoders.families import family_of
from spacetune.errors import UnsupportedByFamily, UsageError
from spacetune.estimators import TextEstimator
from spacetune.fitting import MultiLabel
from spacetune.heads import LinearHead, SpaceHead

__all__ = ["export_transformers", "to_transformers"]

PROBLEMS: dict[str, Literal["single_label_classification", "multi_label_classification", "regression"]] = {
    "single": "single_label_classification",
    "multi": "multi_label_classification",
    "regression": "regression",
}


Array = np.ndarray[Any, Any]


def to_transformers(model: TextEstimator) -> SpacetuneForSequenceClassification:
    """Return a fitted model as a transformers sequence classifier in float32, on the CPU.

    What was learnt inside is merged into the encoder; of a simplex it is the centroid. Its logits are
    `predict_logits` on a float32 encoder, and those of a regressor `predict`, of texts that one window holds.

    Parameters
    ----------
    model
        A fitted classifier or regressor of texts; of pairs where they are read together.

    Returns
    -------
    SpacetuneForSequenceClassification
        In eval mode.

    Raises
    ------
    UsageError
        If it reads pairs apart, the encoder's pooler, or ready embeddings.
    UnsupportedByFamily
        If the encoder's states are not known to stay the same beside padding.

    Examples
    --------
    >>> from spacetune import LinearProbe
    >>> model = LinearProbe().fit(["lost my card", "where is my card", "a parcel", "my parcel"] * 5, list("ccpp") * 5)
    >>> to_transformers(model).config.id2label
    {0: 'c', 1: 'p'}
    """
    whole = in_float32(model)
    head, encoder = whole.head_, whole.encoder_
    adapter = whole.learnt_.model.adapter
    if isinstance(adapter, LoraStates):
        encoder = tuned(encoder, adapter.merged)
    inner = encoder.loaded.model
    if not family_of(inner.config.model_type).masks_padding:
        raise UnsupportedByFamily(
            f"{inner.config.model_type} encoders are not known to give the same states beside padding, which batches "
            "have; fit on an encoder of another family"
        )
    made = SpacetuneForSequenceClassification(_config(whole, encoder, adapter))
    kept = {name: tensor for name, tensor in inner.state_dict().items() if not name.startswith("pooler.")}
    made.encoder.load_state_dict(kept)
    with torch.no_grad():
        if isinstance(head, SpaceHead):
            made.load_state_dict(head.state_dict(), strict=False)  # its parts are named alike
        elif isinstance(head, LinearHead):
            made.classifier.weight.copy_(head.weight)
            made.classifier.bias.copy_(head.bias)
        if made.lexicon is not None and whole.lexicon_ is not None:
            made.lexicon.load_state_dict(whole.lexicon_.state_dict())
        if made.prefix is not None and isinstance(adapter, PrefixStates):
            made.prefix.copy_(adapter.values.squeeze(2))
    return made.eval()


def _config(model: TextEstimator, encoder: Encoder, adapter: object) -> SpacetuneConfig:
    head, task, lexicon = model.head_, model.task_, model.lexicon_
    if not isinstance(head, SpaceHead | LinearHead) or getattr(model, "pooling", "mean") != "mean":
        pooled = isinstance(head, LinearHead)
        what, remedy = ("pooled states", "pooling='mean'") if pooled else ("two texts apart", "pairs='together'")
        kind = type(model).__name__
        raise UsageError(f"a {kind} that reads {what} is not one pass over one text's tokens; fit it with {remedy}")
    scale, mean = scale_of(model)
    operators = head.spaces.operators.shape if isinstance(head, SpaceHead) else None
    return SpacetuneConfig(
        encoder=encoder.loaded.model.config.to_dict(),
        layers=list(model.layers_ or ()),
        spaces=None if operators is None else [operators[1], operators[2]],
        n_grams=0 if lexicon is None else len(lexicon.grams),
        prefix=[*adapter.values.squeeze(2).shape] if isinstance(adapter, PrefixStates) else None,
        position_shift=isinstance(adapter, PrefixStates) and adapter.position_shift,
        scale=scale,
        mean=mean,
        temperature=getattr(model, "temperature_", 1.0),
        threshold=task.threshold or 0.0 if isinstance(task, MultiLabel) else 0.0,
        problem_type=PROBLEMS[task.kind],
        id2label={i: str(name) for i, name in enumerate(task.classes)},
        label2id={str(name): i for i, name in enumerate(task.classes)},
    )


def export_transformers(
    model: TextEstimator, folder: str | os.PathLike[str], *, texts: Sequence[TextInput] | None = None
) -> Exported:
    """Write a fitted model as a folder that transformers loads once this module was imported.

    ``pipeline("text-classification", model=folder)``, `AutoModelForSequenceClassification` and `Trainer` take it.
    Weights are safetensors; there is no code in the folder.

    Parameters
    ----------
    model
        What `to_transformers` takes.
    folder
        Where to: a new or empty folder.
    texts
        Texts, or pairs, on which the two are compared; None takes a few of our own.

    Returns
    -------
    Exported
        How far the two are apart, and what transformers does otherwise.

    Raises
    ------
    UsageError
        If the model cannot be expressed, or the folder holds something.
    UnsupportedByFamily
        If the encoder's states are not known to stay the same beside padding.
    SpacetuneError
        If the written model's logits are not ours at 1e-5; nothing is left of it.
    """
    whole = in_float32(model)
    made, compared = to_transformers(whole), compared_on(whole, texts)
    tokenizer = copy.deepcopy(whole.encoder_.loaded.tokenizer)
    tokenizer.model_max_length, tokenizer.padding_side = whole.encoder_.max_length, "right"
    with staged(folder) as place:
        made.save_pretrained(place)
        tokenizer.save_pretrained(place)
        given = tokenizer(*compared.columns, padding=True, truncation=True, return_tensors="pt")
        found = compared.with_padded(*_answers(place, given), at_most=1e-5)
        return found.exported(folder, place, "transformers", _notes(whole))


def _answers(place: Path, given: Any) -> tuple[Array, Array]:
    """Return what the written model answers, and let go of its file: what is mapped cannot be renamed everywhere."""
    read = transformers.AutoModelForSequenceClassification.from_pretrained(place)
    with torch.no_grad():
        output: SpacetuneOutput = read(**given)
    assert output.logits is not None
    assert output.token_scores is not None
    answers = output.logits.numpy(), output.token_scores.numpy()
    del read, output
    gc.collect()
    return answers


def _notes(model: TextEstimator) -> Iterator[str]:
    temperature = getattr(model, "temperature_", 1.0)
    if temperature != 1:
        yield f"the probabilities of a pipeline are not calibrated: ours are of the logits divided by {temperature:.3g}"
    if getattr(model, "kind_", None) == "multi":
        yield f"labels are given where the logit reaches {model.task_.threshold or 0.0:.3g}; a pipeline asks nobody"
    if model.encoder_.max_windows > 1:
        yield (
            f"of a text above {model.encoder_.max_length} tokens the first are read, and with truncation=True alone; "
            f"the model reads up to {model.encoder_.max_windows} windows"
        )
    yield "special tokens that a user types, such as [SEP], are special to transformers; the model reads them as text"
    if not all(isinstance(name, str) for name in model.task_.classes):
        yield "transformers' labels are words: numbers became words"

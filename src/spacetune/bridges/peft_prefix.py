"""A simplex's centroid as a standard PEFT prefix-tuning adapter, and such an adapter as a model of ours."""

# The types of torch, NumPy and safetensors are partial.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from spacetune.encoders import Encoder, Prefix, PrefixShape, PrefixVertices
from spacetune.encoders.families import FAMILIES, family_of
from spacetune.errors import ModelFileError, UnsupportedByFamily, UsageError
from spacetune.estimators import PrefixSimplexClassifier, PrefixSimplexRegressor
from spacetune.estimators.inputs import FittedOn
from spacetune.files import write_file
from spacetune.fitting import Learnt
from spacetune.heads import LinearHead, LinearVertices, Simplex
from spacetune.results import RecordResult

__all__ = ["PeftExport", "export_peft_prefix", "import_peft_classifier", "import_peft_prefix"]

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
CLASSIFIER = "base_model.classifier."


@dataclasses.dataclass(frozen=True)
class PeftExport(RecordResult):
    """What was written, and whether PEFT will predict the same with it.

    Parameters
    ----------
    folder
        Where.
    task_type
        ``SEQ_CLS`` with the classifier in it, or ``FEATURE_EXTRACTION`` without.
    same
        Whether PEFT gives the same states, and with ``SEQ_CLS`` the same logits.
    notes
        Why not, and what was left out.
    """

    folder: str
    task_type: str
    same: bool
    notes: tuple[str, ...]


def export_peft_prefix(
    model: PrefixSimplexClassifier | PrefixSimplexRegressor, folder: str | os.PathLike[str]
) -> PeftExport:
    """Write the centroid of a fitted prefix simplex as a PEFT prefix-tuning adapter.

    A model trained with ``pooling="pooler"`` and a linear head on a BERT encoder becomes a ``SEQ_CLS`` adapter with its
    classifier: `peft.PeftModel.from_pretrained` on a transformers sequence classifier with as many labels gives
    `predict_logits` (where transformers calls its cache ``cache``: once `prepare_for_peft` has taken the classifier).
    Others become a ``FEATURE_EXTRACTION`` adapter: it gives the same hidden states; the head stays here. PEFT puts
    real tokens behind the prefix in position, so only ``position_shift=True`` is exact; and it drops segment ids, so
    pairs of texts differ on encoders that use them.

    Parameters
    ----------
    model
        A fitted `PrefixSimplexClassifier` or `PrefixSimplexRegressor`.
    folder
        Where to; made if it is not there. Files of an older adapter are replaced.

    Returns
    -------
    PeftExport
        What was written, and what will differ.

    Raises
    ------
    UsageError
        If the model has no prefix.
    UnsupportedByFamily
        If PEFT has no prefix-tuning for this encoder.
    """
    vertices = _vertices(model)
    if vertices is None:
        raise UsageError("there is no prefix to export: fit a prefix simplex on texts first")
    encoder: Encoder = model.encoder_
    config = encoder.prefixed.model.config
    if config.model_type not in family_of(config.model_type).shifts:  # whose own cache PEFT can fill
        able = ", ".join(name for family in FAMILIES for name in family.shifts)
        raise UnsupportedByFamily(f"PEFT's prefix-tuning runs on {able} encoders, not on {config.model_type}")
    prefix = vertices.collapse()
    tensors = {"prompt_embeddings": prefix.table()}
    classifier = model.head_ if model.pooling == "pooler" and config.model_type == "bert" else None
    classifies = isinstance(classifier, LinearHead)
    notes: list[str] = []
    if classifies:
        tensors |= {f"{CLASSIFIER}{k}": v.float() for k, v in classifier.state_dict().items()}
    else:
        notes.append("the head is not part of the adapter: it reads what a transformers classifier does not")
    if encoder.prefixed.uses_segments:
        notes.append("PEFT drops segment ids: single texts are the same, pairs of texts will differ")
    if not prefix.position_shift:
        notes.append("PEFT shifts positions by the prefix's length; it was trained without, so results will differ")
    task_type = "SEQ_CLS" if classifies else "FEATURE_EXTRACTION"
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    settings = _settings(prefix.shape, encoder, task_type)
    write_file(place / CONFIG, json.dumps(settings, indent=2).encode() + b"\n")
    write_file(
        place / WEIGHTS, safetensors.torch.save({k: v.contiguous() for k, v in tensors.items()}, {"format": "pt"})
    )
    return PeftExport(str(place), task_type, prefix.position_shift, tuple(notes))


def import_peft_prefix(folder: str | os.PathLike[str], encoder: Encoder | None = None) -> Prefix:
    """Read the prefix of a PEFT prefix-tuning adapter.

    Parameters
    ----------
    folder
        The adapter's folder.
    encoder
        The encoder it belongs to; None loads the one it names.

    Returns
    -------
    Prefix
        With ``position_shift=True``, as PEFT runs it; ``encoder.encode(texts, prefix=prefix.states())`` uses it.

    Raises
    ------
    ModelFileError
        If the folder holds no such adapter, or one for another encoder.
    """
    settings, tensors = _read(Path(folder))
    owner = encoder or Encoder.from_pretrained(settings["base_model_name_or_path"], dtype="float32")
    shape = owner.prefixed.shape(settings["num_virtual_tokens"], position_shift=True)
    try:
        return Prefix.from_table(tensors["prompt_embeddings"].float(), shape)
    except UsageError as error:
        raise ModelFileError(f"the adapter in {folder} is not of {owner.name}: {error}") from error


def import_peft_classifier(
    folder: str | os.PathLike[str], encoder: Encoder | None = None, classes: Sequence[Any] | None = None
) -> PrefixSimplexClassifier:
    """Read a PEFT prefix-tuning adapter with its classifier as a fitted model of one vertex.

    Parameters
    ----------
    folder
        A ``SEQ_CLS`` adapter of a BERT encoder.
    encoder
        The encoder it belongs to; None loads the one it names.
    classes
        Names of its outputs, in order; None numbers them.

    Returns
    -------
    PrefixSimplexClassifier
        Predicts the adapter's logits; not calibrated (temperature 1).

    Raises
    ------
    ModelFileError
        If the adapter has no classifier.
    UsageError
        If there are not as many names as outputs.
    """
    settings, tensors = _read(Path(folder))
    owner = encoder or Encoder.from_pretrained(settings["base_model_name_or_path"], dtype="float32")
    prefix = import_peft_prefix(folder, owner)
    if f"{CLASSIFIER}weight" not in tensors or owner.prefixed.model.config.model_type != "bert":
        raise ModelFileError(
            f"{folder} holds no linear classifier of a BERT encoder; import_peft_prefix reads the rest"
        )
    weight, bias = tensors[f"{CLASSIFIER}weight"].float(), tensors[f"{CLASSIFIER}bias"].float()
    names = list(range(len(weight))) if classes is None else list(classes)
    if len(names) != len(weight):
        raise UsageError(f"the classifier has {len(weight)} outputs, {len(names)} classes were given")
    model = PrefixSimplexClassifier(
        owner, n_vertices=1, prefix_length=prefix.shape.length, pooling="pooler", position_shift=True
    )
    head = LinearVertices(weight.shape[1], len(names), 1, start_scale=0.0)
    vertices = PrefixVertices(prefix.shape, 1, position_shift=True, start_scale=0.0)
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(bias)
        vertices.tables.copy_(prefix.values.unsqueeze(0))
    simplex = Simplex(head, vertices).finished()
    provenance = dataclasses.replace(owner.provenance((owner.n_layers,)), dtype="float32")
    fitted = FittedOn("texts", provenance, False, np.zeros(0, dtype=np.int64))
    facts = {"classes": names, "kind": "single", "temperature": 1.0}
    report: dict[str, Any] = {"n_texts": 0, "dev": "none: imported from PEFT", "dev_scores": {}, "baseline": {}}
    model.restore(Learnt.of(simplex.centroid(), simplex), fitted, facts, report)
    return model


def _vertices(model: object) -> PrefixVertices | None:
    """Return the prefixes of a fitted model, if it has any."""
    learnt: Learnt | None = getattr(model, "learnt_", None)
    adapter = None if learnt is None or learnt.simplex is None else learnt.simplex.adapter
    return adapter if isinstance(adapter, PrefixVertices) else None


def _settings(shape: PrefixShape, encoder: Encoder, task_type: str) -> dict[str, Any]:
    return {
        "peft_type": "PREFIX_TUNING",
        "task_type": task_type,
        "base_model_name_or_path": encoder.name,
        "revision": encoder.source.revision,
        "inference_mode": True,
        "num_virtual_tokens": shape.length,
        "token_dim": shape.width,
        "num_transformer_submodules": 1,
        "num_attention_heads": shape.n_heads,
        "num_layers": shape.n_layers,
        "encoder_hidden_size": shape.width,
        "prefix_projection": False,
        "modules_to_save": ["classifier", "score"] if task_type == "SEQ_CLS" else None,
    }


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        tensors = safetensors.torch.load_file(folder / WEIGHTS)
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise ModelFileError(f"{folder} holds no readable PEFT adapter ({CONFIG}, {WEIGHTS}): {error}") from error
    kind = settings.get("peft_type")
    if kind != "PREFIX_TUNING" or "prompt_embeddings" not in tensors or "num_virtual_tokens" not in settings:
        raise ModelFileError(f"{folder} holds a PEFT adapter of type {kind}; PREFIX_TUNING is read here")
    return settings, tensors

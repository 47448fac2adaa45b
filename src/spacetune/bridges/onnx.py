"""A fitted model as one ONNX graph from token ids to logits and token scores; tokenizer and labels beside it."""

# The types of torch, NumPy and onnx are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import importlib.util
import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spacetune.bridges.exporting import Compared, Exported, compared_on, in_float32, staged
from spacetune.encoders import TextInput
from spacetune.encoders.plain_specials import RESERVED
from spacetune.errors import MissingExtraError, UsageError
from spacetune.estimators import TextEstimator
from spacetune.files import write_file
from spacetune.heads import Lexicon, pair_keys
from spacetune.results import json_text, jsonable

__all__ = ["OPSET", "export_onnx"]

OPSET = 18
"""Version of the ONNX operators."""

GRAPH, TOKENIZER, FACTS = "model.onnx", "tokenizer.json", "spacetune.json"
NEEDED = ("onnx", "onnxruntime", "onnxscript")
FORMAT = 1

Array = np.ndarray[Any, Any]


def export_onnx(
    model: TextEstimator,
    folder: str | os.PathLike[str],
    *,
    int8: bool = False,
    texts: Sequence[TextInput] | None = None,
) -> Exported:
    """Write a fitted model as an ONNX graph with all that predictions and explanations need beside it.

    The graph takes ``input_ids``, ``attention_mask`` and, where the encoder knows segments, ``token_type_ids``, each
    ``(text, token)`` in int64. It gives ``logits`` and ``token_scores``, and ``lexicon_scores``, their part that is the
    lexicon's, where there is one. Texts and tokens can be any number. Its weights lie beside it, to be mapped. What was
    learnt inside the encoder is merged into it; of a simplex it is the centroid. The separate package
    ``spacetune-runtime`` reads the folder.

    Parameters
    ----------
    model
        A fitted classifier or regressor of texts; of pairs where they are read together.
    folder
        Where to: a new or empty folder.
    int8
        Write weights as whole numbers of 8 bits: a quarter of the size, and other logits; `Exported` says how far.
    texts
        Texts, or pairs, on which graph and model are compared; None takes a few of our own.

    Returns
    -------
    Exported
        How far graph and model are apart.

    Raises
    ------
    MissingExtraError
        If onnx, onnxruntime or onnxscript is not installed.
    UsageError
        If the model cannot be expressed, or the folder holds something.
    SpacetuneError
        If the graph's logits and token scores are not ours within 1e-4; nothing is left of it.
    """
    if not all(importlib.util.find_spec(name) for name in NEEDED):
        raise MissingExtraError("an export to ONNX", "onnx")
    from spacetune.bridges.transformers import to_transformers

    whole = in_float32(model)
    compared = compared_on(whole, texts)
    made = to_transformers(whole)
    facts = _facts(whole, made.bias.tolist(), made.config.scale)
    inputs = _inputs(compared)
    with staged(folder) as place:
        _write_graph(made, inputs, place / GRAPH)
        found = compared.with_padded(*_run(place / GRAPH, inputs), at_most=1e-4)
        if int8:
            _quantise(place / GRAPH)
            found = compared.with_padded(*_run(place / GRAPH, inputs), at_most=None)
        write_file(place / TOKENIZER, whole.encoder_.tokenizing.described().encode())
        write_file(place / FACTS, json_text(jsonable(facts), indent=2).encode() + b"\n")
        return found.exported(folder, place, "onnx", _notes(model, whole))


class _Graph(nn.Module):
    """The model with its answers side by side."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        answer = self.model(input_ids, attention_mask, token_type_ids)
        told = (answer.logits, answer.token_scores, answer.lexicon_scores)
        return tuple(each for each in told if each is not None)


def _inputs(compared: Compared) -> dict[str, Tensor]:
    tokenizer = compared.model.encoder_.loaded.tokenizer
    rows = [compared.model.encoder_.tokenize([text]) for text in compared.texts]
    ids = [torch.as_tensor(row.token_ids).long() for row in rows]
    segments = [torch.as_tensor(row.segment_ids).long() for row in rows]
    padded = {
        "input_ids": nn.utils.rnn.pad_sequence(ids, batch_first=True),
        "attention_mask": nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in ids], batch_first=True),
        "token_type_ids": nn.utils.rnn.pad_sequence(segments, batch_first=True),
    }
    return {name: rows for name, rows in padded.items() if name in tokenizer.model_input_names}


def _write_graph(model: Any, inputs: Mapping[str, Tensor], place: Path) -> None:
    rows, tokens = torch.export.Dim("text"), torch.export.Dim("token")
    two = {name: torch.cat([tensor, tensor])[:2] for name, tensor in inputs.items()}  # one row would stay one
    outputs = ["logits", "token_scores", *["lexicon_scores"] * (model.lexicon is not None)]
    if model.lexicon is not None:
        model.lexicon.hold_halves()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Graph(model), (), str(place), kwargs=two, input_names=list(inputs), output_names=outputs,
            dynamic_shapes={name: {0: rows, 1: tokens} for name in inputs}, opset_version=OPSET, dynamo=True,
            external_data=True, verbose=False,
        )  # fmt: skip


def _run(graph: Path, inputs: Mapping[str, Tensor]) -> tuple[Array, Array]:
    import onnxruntime

    session: Any = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    logits, scores = session.run(["logits", "token_scores"], {name: tensor.numpy() for name, tensor in inputs.items()})
    return logits, scores


def _quantise(graph: Path) -> None:
    """Write the encoder's weights in 8 bits, column by column; the head, behind the last norm, stays as it is."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole = onnx.load(str(graph))
    for file in graph.parent.iterdir():  # the graph, and its weights, which lie beside it
        file.unlink()
    nodes = whole.graph.node
    norms = [i for i, node in enumerate(nodes) if node.op_type == "LayerNormalization"]
    head = [node.name for node in nodes[norms[-1] :]] if norms else []
    logging.disable(logging.WARNING)  # advice to the whole process on what is done here on purpose
    try:
        quantize_dynamic(
            whole, str(graph), weight_type=QuantType.QInt8, per_channel=True, reduce_range=True,
            nodes_to_exclude=head, use_external_data_format=True,
        )  # fmt: skip
    finally:
        logging.disable(logging.NOTSET)


def _facts(model: TextEstimator, bias: list[float], scale: float) -> dict[str, Any]:
    """Return what the runtime must know beside graph and tokenizer."""
    facts = model.facts()
    return {
        "format": FORMAT,
        "kind": model.task_.kind,
        "classes": list(model.task_.classes),
        "temperature": facts.get("temperature", 1.0),
        "threshold": facts.get("threshold", 0.0),
        "bias": bias,
        "pairs": model.fitted_.pairs,
        "max_windows": model.encoder_.max_windows,
        "seam": None if model.lexicon_ is None else _seam(model, model.lexicon_, scale),
        "reserved": RESERVED,
    }


def _seam(model: TextEstimator, lexicon: Lexicon, scale: float) -> list[float]:
    """Return what the lexicon gives to the pair of special tokens where one window of a long text meets the next.

    Raises
    ------
    UsageError
        If there are no such tokens: then every text has pairs of its own there, which no window holds.
    """
    encoder = model.encoder_
    seen = encoder.spans("a")
    if encoder.max_windows > 1 and (seen.parts[0] >= 0 or seen.parts[-1] >= 0):
        raise UsageError(
            "its lexicon reads neighbours across the windows of long texts, and this tokenizer puts no special tokens "
            "around a window; fit with max_windows=1 or lexicon=False"
        )
    first, *_, last = torch.as_tensor(encoder.tokenize(["a"]).token_ids)
    [row] = lexicon.rows_of(pair_keys(last, first)[None])
    return (row * scale).tolist()


def _notes(model: TextEstimator, whole: TextEstimator) -> Iterator[str]:
    if model is not whole:
        yield f"the graph is in float32; the model itself runs here in {model.encoder_.provenance(()).dtype}"
    if whole.encoder_.max_windows > 1:
        yield f"the graph reads one window of {whole.encoder_.max_length} tokens; spacetune-runtime joins several"

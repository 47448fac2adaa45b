"""An encoder's features of any number of texts, as files for other programs."""

# The types of torch, PyArrow and safetensors are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
import functools
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import safetensors.torch
import torch
from torch import Tensor

from spacetune.data.blocks import Block, Survey
from spacetune.data.writing import beside, table_pieces
from spacetune.encoders import Encoder, Layers, TokenFeatures, as_inputs
from spacetune.errors import UsageError
from spacetune.estimators.runs import versions
from spacetune.studies.geometry.measuring import EncoderLike, open_encoder
from spacetune.studies.streaming import Stream, Streamed

__all__ = ["encode_file"]

Form = Literal["parquet", "safetensors"]


def encode_file(
    encoder: EncoderLike,
    source: object,
    out: str | os.PathLike[str],
    *,
    layers: Layers = -1,
    tokens: bool = False,
    form: Form = "parquet",
    resume: bool = False,
    progress: bool | None = None,
    engine: str = "local",
    workers: int | None = None,
) -> Streamed:
    """Write the features of texts of any number: the mean of their token states, or all of them.

    In Parquet a row is a text: its columns, ``n_tokens``, and ``layer 0``, … with its mean state, or the list of its
    token states beside their ``token_ids``. A safetensors part holds ``means (text, layer, dim)``; or
    ``values (token, layer, dim)``, ``token_ids``, and the ``offsets`` where its texts begin. Each file says where its
    features come from: encoder and SHA-256, layers, pooling, versions.

    Parameters
    ----------
    encoder
        The encoder, or its name; None is the default.
    source
        What `read_texts` reads, a folder of tables, or `TextBlocks` of either: they say which columns stay, and more.
    out
        A folder of parts, one a block; or a ``.parquet`` file.
    layers
        The layers to write.
    tokens
        Write the states of every token instead of their mean.
    form
        What the parts are.
    resume
        Go on from the parts that an interrupted run left in the folder.
    progress
        Whether to show bars; None shows them on a terminal.
    engine, workers
        As for `predict_file`.

    Returns
    -------
    Streamed
        What was written.

    Raises
    ------
    DataError
        If the texts cannot be read.
    UsageError
        If `out` is no such place, or holds the parts of another run; if safetensors are to mark rows.
    """
    stream = Stream(source, out, "features", resume, progress, engine, workers)
    stream.check((".parquet",))
    if form == "safetensors" and (stream.blocks.on_error == "keep" or not stream.in_parts):
        raise UsageError("safetensors hold no column to mark rows in, and go to a folder: choose Parquet")
    opened = open_encoder(encoder)
    chosen = opened.resolve_layers(layers)
    provenance = dataclasses.asdict(opened.provenance(chosen))
    run = {"encoder": provenance, "pooling": "none" if tokens else "mean", "form": form}
    about = {"spacetune": json.dumps({**run, "versions": versions()})}

    def make(block: Block) -> tuple[Mapping[str, Any], int]:
        tensors, n_cut = _features(opened, block, chosen, tokens, progress)
        return tensors if form == "safetensors" else _columns(block, tensors, chosen), n_cut

    pieces = _safetensors if form == "safetensors" else _parquet
    return stream.write(make, functools.partial(pieces, about), lambda: run, f".{form}")


def _features(
    encoder: Encoder, block: Block, layers: tuple[int, ...], tokens: bool, progress: bool | None
) -> tuple[dict[str, Tensor], int]:
    """Return the features of a block as tensors, and how many of its texts were cut."""
    inputs = as_inputs(block.texts.inputs)
    if tokens:
        whole = encoder.encode(inputs, layers=layers, progress=progress)
        assert whole.token_ids is not None
        return {"values": whole.values, "offsets": whole.offsets, "token_ids": whole.token_ids}, _n_cut(whole)
    runs = [
        (run.means(), run.lengths, _n_cut(run)) for run in encoder.encode_runs(inputs, layers=layers, progress=progress)
    ]
    means, lengths = (torch.cat(parts) for parts in list(zip(*runs, strict=True))[:2])
    return {"means": means, "n_tokens": lengths}, sum(run[2] for run in runs)


def _n_cut(features: TokenFeatures) -> int:
    return 0 if features.truncated is None else int(features.truncated.sum())


def _columns(block: Block, tensors: Mapping[str, Tensor], layers: tuple[int, ...]) -> dict[str, Any]:
    """Lay tensors out as a table: one row a text."""
    import pyarrow as pa

    def states(values: Tensor) -> Any:
        return pa.FixedSizeListArray.from_arrays(pa.array(values.float().flatten().numpy()), values.shape[-1])

    found: dict[str, Any] = {}
    if "means" in tensors:
        found["n_tokens"] = pa.array(tensors["n_tokens"].numpy())
        found |= {f"layer {layer}": states(tensors["means"][:, k]) for k, layer in enumerate(layers)}
    else:
        offsets = pa.array(tensors["offsets"].int().numpy())
        found["n_tokens"] = pa.array(tensors["offsets"].diff().numpy())
        found["token_ids"] = pa.ListArray.from_arrays(offsets, pa.array(tensors["token_ids"].numpy()))
        for k, layer in enumerate(layers):
            found[f"layer {layer}"] = pa.ListArray.from_arrays(offsets, states(tensors["values"][:, k]))
    if block.errors is not None:
        right = pa.array([i if error is None else None for i, error in enumerate(block.errors)])
        found = {name: values.take(right) for name, values in found.items()}
        found["error"] = pa.array(block.errors, pa.string())
    return beside(block.texts.columns, found)


def _parquet(
    about: Mapping[str, str], ending: str, tables: Iterator[Mapping[str, Any]], survey: Survey
) -> Iterator[bytes]:
    return table_pieces(ending, tables, survey.types, about)


def _safetensors(
    about: Mapping[str, str], _: str, parts: Iterator[Mapping[str, Tensor]], __: Survey
) -> Iterator[bytes]:
    for tensors in parts:
        yield safetensors.torch.save({name: each.contiguous() for name, each in tensors.items()}, dict(about))

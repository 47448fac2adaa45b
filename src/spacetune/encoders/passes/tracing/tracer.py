"""Which tracer an encoder gets, with weights in the dtype asked for."""

from __future__ import annotations

import copy
from typing import Any

import torch

from spacetune.encoders.families import family_of, types_that
from spacetune.encoders.loading.direct import read_directly
from spacetune.encoders.loading.load import LoadedEncoder, load_model
from spacetune.encoders.loading.resolving import EncoderSource
from spacetune.encoders.passes.tracing.packed_tracer import PackedTracer
from spacetune.encoders.passes.tracing.stream_tracer import StreamTracer
from spacetune.errors import UnsupportedByFamily

__all__ = ["Tracer", "make_tracer"]

Tracer = PackedTracer | StreamTracer


def make_tracer(source: EncoderSource, loaded: LoadedEncoder, dtype: torch.dtype) -> Tracer:
    """Return a tracer; weights of another dtype are read anew, since rounded ones cannot be made whole again.

    Raises
    ------
    UnsupportedByFamily
        If the sum of terms is not known to be exact for this architecture.
    """
    kind = loaded.weights.config.model_type
    family = family_of(kind)
    if "dissect" not in family.supports:
        raise UnsupportedByFamily(
            f"{kind} encoders cannot be dissected: their sum of terms is not known to be exact; "
            f"this needs one of {', '.join(types_that('dissect'))}"
        )
    model = _in_dtype(source, loaded, dtype)
    return PackedTracer(model, dtype) if family.parts is not None else StreamTracer(model)


def _in_dtype(source: EncoderSource, loaded: LoadedEncoder, dtype: torch.dtype) -> Any:
    if loaded.dtype == dtype:
        return loaded.weights
    if source.in_memory:  # it is nowhere on disk
        return copy.deepcopy(loaded.weights).to(dtype)
    direct = read_directly(source.folder, dtype)
    model, _ = load_model(source, dtype) if direct is None else direct
    return model.to(loaded.device).eval().requires_grad_(False)

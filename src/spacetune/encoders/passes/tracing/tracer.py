"""Which tracer an encoder gets, with weights in the dtype asked for."""

from __future__ import annotations

import torch

from spacetune.encoders.families import family_of, types_that
from spacetune.encoders.loading.load import LoadedEncoder, weights_in
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
    model = weights_in(source, loaded, dtype)
    return PackedTracer(model, dtype) if family.parts is not None else StreamTracer(model)

"""One pass through an encoder that leaves behind what a dissection needs."""

from spacetune.encoders.passes.tracing.packed_tracer import PackedTracer
from spacetune.encoders.passes.tracing.stream_tracer import StreamTracer
from spacetune.encoders.passes.tracing.trace import Addition, AttentionSpan, Bias, BiasKind, Heads, Norm, Trace
from spacetune.encoders.passes.tracing.tracer import Tracer, make_tracer

__all__ = [
    "Addition",
    "AttentionSpan",
    "Bias",
    "BiasKind",
    "Heads",
    "Norm",
    "PackedTracer",
    "StreamTracer",
    "Trace",
    "Tracer",
    "make_tracer",
]

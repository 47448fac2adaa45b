"""What a dissection needs of an architecture that normalises before its sub-layers (pre-LayerNorm).

There the sub-layers' outputs are added to a stream that nothing rescales until the final norm. The model runs by
itself; these are the modules to listen to.
"""

from __future__ import annotations

import dataclasses

from torch import Tensor, nn

__all__ = ["StreamLayer", "StreamParts"]


@dataclasses.dataclass(frozen=True)
class StreamLayer:
    """One layer: what attention and feed-forward add to the stream.

    Parameters
    ----------
    attention_out
        The module whose input is the heads' mixed values side by side, and whose output is added to the stream.
    attention_matrix
        Its matrix ``(dim, n_heads · head_dim)``.
    attention_bias
        Its bias ``(dim,)``, or None.
    value_bias
        Bias of the values as `attention_out` reads them, ``(n_heads · head_dim,)``, or None.
    ff_out
        The module whose output the feed-forward sub-layer adds to the stream.
    ff_bias
        Its bias ``(dim,)``, or None.
    activation
        The module of its activation.
    """

    attention_out: nn.Module
    attention_matrix: Tensor
    attention_bias: Tensor | None
    value_bias: Tensor | None
    ff_out: nn.Module
    ff_bias: Tensor | None
    activation: nn.Module


@dataclasses.dataclass(frozen=True)
class StreamParts:
    """A whole pre-LayerNorm model: the norm on its embeddings (or None), its layers, and the norm at the end.

    `gated` says whether the feed-forward multiplies an activated half with a plain one.
    """

    embedding_norm: nn.Module | None
    layers: tuple[StreamLayer, ...]
    final_norm: nn.Module
    n_heads: int
    gated: bool = False

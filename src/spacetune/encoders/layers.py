"""Which layers' states are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from numbers import Integral
from typing import Literal

from spacetune.errors import UsageError

__all__ = ["Layers", "resolve_layers"]

Layers = int | Sequence[int] | Literal["all"]
"""One layer, several, or all: 0 is the embeddings, ``n_layers`` (or -1) the last."""


def resolve_layers(layers: Layers, n_layers: int, name: str) -> tuple[int, ...]:
    """Turn a layer choice into layer numbers from 0, each once, ascending.

    Parameters
    ----------
    layers
        The choice.
    n_layers
        Of the encoder.
    name
        Of the encoder, for the message.

    Raises
    ------
    UsageError
        If a layer does not exist.

    Examples
    --------
    >>> resolve_layers([-1, 2, 0], 6, "MiniLM")
    (0, 2, 6)
    """
    chosen: object = [layers] if isinstance(layers, Integral) else layers
    if isinstance(layers, str):
        chosen = range(n_layers + 1) if layers == "all" else ()
    rows = chosen if isinstance(chosen, Iterable) and isinstance(chosen, Sized) else ()
    numbers = [int(i) for i in rows if isinstance(i, Integral) and not isinstance(i, bool)]
    if not numbers or len(numbers) != len(rows):
        raise UsageError(f"layers must be a number, a list of numbers or 'all', got {layers!r}")
    wrong = [i for i in numbers if not -n_layers - 1 <= i <= n_layers]
    if wrong:
        raise UsageError(f"{name} has layers 0 (embeddings) to {n_layers}, asked for {wrong[0]}")
    return tuple(sorted({i % (n_layers + 1) for i in numbers}))

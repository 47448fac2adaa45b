"""Linear layers with their weights laid out once for this CPU, and what follows them fused in.

torch's plain `linear` re-orders the weights for the matrix unit in every call. Where torch carries oneDNN, the
weights are re-ordered once, and the activation or the residual sum is computed while the result is still in
registers. Elsewhere (a GPU, another build of torch) the plain operations give the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Affine", "fused_name"]

_TYPICAL_ROWS = 2048


class Affine:
    """``x W^T + b`` with frozen weights.

    Parameters
    ----------
    linears
        One or more linear layers of the same input; their outputs stand side by side.
    dtype
        What to compute in.
    """

    def __init__(self, linears: Sequence[Any], dtype: torch.dtype) -> None:
        self.weight = torch.cat([linear.weight.detach() for linear in linears]).to(dtype)
        biases = [linear.bias for linear in linears]
        self.bias = None if biases[0] is None else torch.cat([b.detach() for b in biases]).to(dtype)
        self._laid_out: Any = _lay_out(self.weight)
        self._turned: dict[int, Any] = {}

    def __call__(self, x: Tensor) -> Tensor:
        """Return ``x W^T + b``, ``(rows, out)``."""
        if self._laid_out is None:
            return F.linear(x, self.weight, self.bias)
        return torch.ops.mkldnn._linear_pointwise(x, self._laid_out, self.bias, "none", [], "")

    def back(self, g: Tensor, last: int | None = None) -> Tensor:
        """Carry gradients ``(…, out)`` of the outputs, or of the `last` ones, to the input: ``g W``, ``(…, in)``."""
        number = len(self.weight) if last is None else last
        if number not in self._turned:
            self._turned[number] = _lay_out(self.weight[-number:].T.contiguous())
        if self._turned[number] is None:
            return g @ self.weight[-number:]
        rows = torch.ops.mkldnn._linear_pointwise(g.reshape(-1, number), self._turned[number], None, "none", [], "")
        return rows.view(*g.shape[:-1], -1)

    def plus(self, x: Tensor, residual: Tensor) -> Tensor:
        """Return ``x W^T + b + residual``."""
        if self._laid_out is None:
            return F.linear(x, self.weight, self.bias).add_(residual)
        return torch.ops.mkldnn._linear_pointwise.binary(x, residual, self._laid_out, self.bias, "add")

    def activated(self, x: Tensor, activation: Callable[[Tensor], Tensor], name: tuple[str, str] | None) -> Tensor:
        """Return ``activation(x W^T + b)``; `name` is what oneDNN calls the activation, or None."""
        if self._laid_out is None or name is None:
            return activation(self(x))
        return torch.ops.mkldnn._linear_pointwise(x, self._laid_out, self.bias, name[0], [], name[1])


def _lay_out(weight: Tensor) -> Any:
    """Re-order a weight for oneDNN; None where this torch or this device has no such thing."""
    known = weight.device.type == "cpu" and weight.dtype in (torch.bfloat16, torch.float32)
    if not known or not torch.backends.mkldnn.is_available():
        return None
    try:
        return torch.ops.mkldnn._reorder_linear_weight(weight, _TYPICAL_ROWS)
    except (AttributeError, RuntimeError):
        return None


def fused_name(activation: Callable[[Tensor], Tensor]) -> tuple[str, str] | None:
    """Find by its values which activation this is, in oneDNN's names (kind, algorithm); None if it has none.

    >>> fused_name(torch.nn.GELU()), fused_name(torch.nn.Softshrink())
    (('gelu', 'none'), None)
    >>> fused_name(torch.nn.GELU(approximate="tanh"))
    ('gelu', 'tanh')
    """
    x = torch.linspace(-4, 4, 101)
    with torch.no_grad():
        y = activation(x.clone())
    for name, same in {
        ("gelu", "none"): F.gelu(x),
        ("gelu", "tanh"): F.gelu(x, approximate="tanh"),
        ("relu", ""): F.relu(x),
    }.items():
        if torch.allclose(y, same, atol=1e-6):
            return name
    return None

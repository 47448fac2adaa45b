r"""From a trace to the four terms.

With G the product of the gains over the standard deviations of all norms that a part still goes through,

.. math:: i = G x,\; h = \sum_l G\,\mathrm{MHA}^\circ_l,\; f = \sum_l G\,\mathrm{FF}^\circ_l,\;
          c = \sum_k a_k(t)\,v_k .

Every part of the correction is a number a token times a fixed vector, so c is one product of a thin matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from spacetune.encoders.passes.tracing import Addition, Bias, Trace

__all__ = ["Gains", "corrections", "entering", "terms_at"]


class Gains:
    """What the norms do to a part from each of the additions on, up to the hidden state in question.

    `gain[k]`, ``(dim,)``, is the product of the gains of the norms on additions k and above, None for 1; `rate[k]`,
    ``(n_rows,)``, the same of one over their standard deviations.
    """

    def __init__(self, additions: Sequence[Addition]) -> None:
        self.gain: list[Tensor | None] = [None]
        self.rate: list[Tensor | None] = [None]
        for addition in reversed(additions):
            norm, gain, rate = addition.norm, self.gain[0], self.rate[0]
            if norm is not None:
                gain = norm.gain if gain is None else gain * norm.gain
                rate = norm.rstd if rate is None else rate * norm.rstd
            self.gain.insert(0, gain)
            self.rate.insert(0, rate)

    def scale(self, part: Tensor, k: int) -> Tensor:
        """Return a part ``(n_rows, dim)`` that enters with addition k as it stands in the hidden state."""
        gain, rate = self.gain[k], self.rate[k]
        if gain is None or rate is None:
            return part
        return (part * gain).mul_(rate[:, None])

    def add(self, total: Tensor | None, part: Tensor, k: int) -> Tensor:
        """Return ``total + scale(part, k)``; a total of None is zero."""
        gain, rate = self.gain[k], self.rate[k]
        if total is None:
            return self.scale(part, k)
        if gain is None or rate is None:
            return total + part
        return torch.addcmul(total, part * gain, rate[:, None])


def entering(start: Sequence[Bias], additions: Sequence[Addition]) -> list[tuple[int, Bias]]:
    """Return the parts of the correction, each with the addition it enters with; `start` is there before the first."""
    found = [(0, bias) for bias in start]
    for k, addition in enumerate(additions):
        found += [(k, bias) for bias in addition.biases]
        norm = addition.norm
        if norm is not None and norm.shift is not None:
            found.append((k + 1, Bias("norm_shift", norm.place, norm.shift)))
        if norm is not None and norm.mean is not None:  # taken off before the norm's own gain
            found.append((k, Bias("norm_mean", norm.place, torch.ones_like(norm.gain), -norm.mean)))
    return found


def corrections(
    start: Sequence[Bias], additions: Sequence[Addition], gains: Gains, like: Tensor
) -> tuple[Tensor, Tensor]:
    """Return coefficients ``(n_rows, n)`` and vectors ``(n, dim)`` of what `entering` lists.

    `like` is any ``(n_rows, dim)``.
    """
    parts = entering(start, additions)
    coefficients, vectors = like.new_empty(len(parts), len(like)), like.new_empty(len(parts), like.shape[1])
    for row, (k, bias) in enumerate(parts):
        gain, rate = gains.gain[k], gains.rate[k]
        coefficient = like.new_ones(()) if bias.coefficient is None else bias.coefficient
        coefficients[row] = coefficient if rate is None else coefficient * rate
        vectors[row] = bias.vector if gain is None else bias.vector * gain
    return coefficients.T, vectors


def terms_at(trace: Trace, layers: Sequence[int]) -> Iterator[tuple[int, list[Tensor]]]:
    """Yield i, h, f and c, each ``(n_rows, dim)``, at each of these layers (ascending)."""
    none: Sequence[Addition] = ()
    coefficients, vectors = corrections(trace.start_biases, none, Gains(none), trace.start)
    correction: Tensor | None = coefficients @ vectors if len(vectors) else None
    parts: list[Tensor | None] = [trace.start, None, None, correction]
    at = 0
    for layer in layers:
        parts = _advance(parts, trace.additions[2 * at : 2 * layer], trace.start)
        at = layer
        yield layer, [torch.zeros_like(trace.start) if part is None else part for part in parts]


def _advance(parts: Sequence[Tensor | None], additions: Sequence[Addition], like: Tensor) -> list[Tensor | None]:
    if not additions:
        return list(parts)
    gains = Gains(additions)
    carried = [None if part is None else gains.scale(part, 0) for part in parts]
    for k, addition in enumerate(additions):
        slot = 1 + k % 2
        carried[slot] = gains.add(carried[slot], addition.added, k)
    coefficients, vectors = corrections((), additions, gains, like)
    if len(vectors):
        correction = carried[3]
        carried[3] = coefficients @ vectors if correction is None else torch.addmm(correction, coefficients, vectors)
    return carried

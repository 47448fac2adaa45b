"""From a trace to finer parts: small products per head instead of a vector per head and token."""

# The types of torch are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from spacetune.dissection.split import SplitName
from spacetune.dissection.terms import Gains, corrections, entering
from spacetune.encoders.passes.tracing import AttentionSpan, Bias, Heads, Trace
from spacetune.encoders.ragged import concat_ranges

__all__ = ["PARTS", "Pairs", "Parts", "bias_label", "bias_labels"]

Parts = tuple[Tensor, Tensor, Tensor | None]
"""⟨e, v⟩ and ‖v‖² ``(n_rows, *axes)``, and the parts v ``(n_rows, *axes, dim)`` or None."""


def by_layer(trace: Trace, layer: int, vectors: bool) -> Parts:
    """Split attention and feed-forward by the layer that added them: axes (2, layer)."""
    additions, state = trace.additions[: 2 * layer], trace.states[layer]
    gains = Gains(additions)
    dots, squares = state.new_empty(len(state), 2, layer), state.new_empty(len(state), 2, layer)
    kept = state.new_empty(len(state), 2, layer, state.shape[1]) if vectors else None
    for k, addition in enumerate(additions):
        part = gains.scale(addition.added, k)
        dots[:, k % 2, k // 2], squares[:, k % 2, k // 2] = (part * state).sum(1), part.square().sum(1)
        if kept is not None:
            kept[:, k % 2, k // 2] = part
    return dots, squares, kept


def by_bias(trace: Trace, layer: int, vectors: bool) -> Parts:
    """Split the correction by source."""
    additions, state = trace.additions[: 2 * layer], trace.states[layer]
    coefficients, basis = corrections(trace.start_biases, additions, Gains(additions), state)
    kept = coefficients[:, :, None] * basis if vectors else None
    return coefficients * (state @ basis.T), coefficients.square() * basis.square().sum(1), kept


def by_head(trace: Trace, layer: int, vectors: bool) -> Parts:
    r"""Split attention by layer and head.

    .. math:: \langle e, G W_h m_h\rangle = (e\,G W_h) \cdot m_h, \qquad
              \|G W_h m_h\|^2 = m_h^\top (G W_h)^\top (G W_h)\, m_h
    """
    state, gains = trace.states[layer], Gains(trace.additions[: 2 * layer])

    def of_layer(k: int) -> Parts:
        heads = _heads_of(trace, k)
        matrix, rate = _scaled_matrix(heads, gains, k)
        mixed = heads.mixed if rate is None else heads.mixed * rate[:, None, None]
        read = torch.einsum("nd,dhj->nhj", state, matrix)
        squares, each = _squares(mixed, matrix, vectors)
        return (read * mixed).sum(2), squares, each

    return _side_by_side(of_layer, layer)


def by_attended(trace: Trace, layer: int, vectors: bool) -> Parts:
    """Split attention by layer, head and attended token; a row is a pair of tokens of one text."""
    state, gains = trace.states[layer], Gains(trace.additions[: 2 * layer])
    pairs = Pairs(trace)

    def of_layer(k: int) -> Parts:
        heads = _heads_of(trace, k)
        assert heads.values is not None
        matrix, rate = _scaled_matrix(heads, gains, k)
        read, values = torch.einsum("nd,dhj->nhj", state, matrix), heads.values
        if rate is not None:
            read = read * rate[:, None, None]
        weights = pairs.gather([span.weights for span in heads.spans])
        dots = pairs.gather([span.weights * _products(read, values, span) for span in heads.spans])
        if rate is not None:
            weights = weights * rate[pairs.own, None]
        squares, each = _squares(values, matrix, vectors)
        kept = None if each is None else each[pairs.attended] * weights[:, :, None]
        return dots, weights.square() * squares[pairs.attended], kept

    return _side_by_side(of_layer, layer)


class Pairs:
    """Every two tokens of a text: the rows ``(n_pairs,)`` of the attending and of the attended one."""

    def __init__(self, trace: Trace) -> None:
        lengths, rows = trace.lengths, trace.rows
        tokens = torch.repeat_interleave(lengths, lengths)
        firsts = torch.repeat_interleave(lengths.cumsum(0) - lengths, lengths)
        self.own = torch.repeat_interleave(rows, tokens)
        self.attended = rows[concat_ranges(firsts, tokens)]
        self._index = torch.empty_like(self.own)
        base = 0
        for span in _heads_of(trace, 0).spans:
            count, _, size, _ = span.weights.shape
            own, attended = self.own - span.start, self.attended - span.start
            here = (own >= 0) & (own < count * size)
            self._index[here] = (base + own * size + attended % size)[here]
            base += count * size * size

    def gather(self, blocks: list[Tensor]) -> Tensor:
        """Return ``(n_pairs, n_heads)`` of blocks ``(count, n_heads, size, size)``, one a span."""
        flat = [block.permute(0, 2, 3, 1).flatten(0, 2) for block in blocks]
        return torch.cat(flat).index_select(0, self._index)


def _products(read: Tensor, values: Tensor, span: AttentionSpan) -> Tensor:
    count, _, size, _ = span.weights.shape
    rows = slice(span.start, span.start + count * size)
    left, right = (x[rows].unflatten(0, (count, size)).transpose(1, 2) for x in (read, values))
    return left @ right.transpose(2, 3)


PARTS: dict[SplitName, Callable[[Trace, int, bool], Parts]] = {
    "layer": by_layer,
    "head": by_head,
    "attended": by_attended,
    "bias": by_bias,
}


def bias_label(bias: Bias) -> str:
    """Name a part of the correction.

    >>> bias_label(Bias("norm_mean", 3, torch.ones(2)))
    'layer 2 attention norm mean'
    """
    layer = (bias.place + 1) // 2
    where = "attention" if bias.place % 2 else "feed forward"
    kind = bias.kind.replace("_", " ")
    if bias.place == 0:
        return f"embeddings {kind}"
    return f"layer {layer} {where} {kind}" if kind.startswith("norm") else f"layer {layer} {kind}"


def bias_labels(trace: Trace, layer: int) -> tuple[str, ...]:
    """Name the parts of the correction at this layer, in the order of `by_bias`."""
    return tuple(bias_label(bias) for _, bias in entering(trace.start_biases, trace.additions[: 2 * layer]))


def _heads_of(trace: Trace, k: int) -> Heads:
    heads = trace.additions[k].heads
    assert heads is not None
    return heads


def _scaled_matrix(heads: Heads, gains: Gains, k: int) -> tuple[Tensor, Tensor | None]:
    """Return the output matrix with all later gains in it, ``(dim, n_heads, head_dim)``, and the rate."""
    gain = gains.gain[k]
    matrix = heads.matrix if gain is None else heads.matrix * gain[:, None]
    return matrix.unflatten(1, heads.mixed.shape[1:]), gains.rate[k]


def _squares(mixed: Tensor, matrix: Tensor, vectors: bool) -> tuple[Tensor, Tensor | None]:
    """Return ‖W_h m_h‖² ``(n, n_heads)``, and the vectors if wanted: for few tokens they are cheaper than W_hᵀ W_h."""
    if vectors or len(mixed) < mixed.shape[2]:
        each = torch.einsum("nhj,dhj->nhd", mixed, matrix)
        return each.square().sum(2), each if vectors else None
    gram = torch.einsum("dhj,dhk->hjk", matrix, matrix)
    return (torch.einsum("nhj,hjk->nhk", mixed, gram) * mixed).sum(2), None


def _side_by_side(of_layer: Callable[[int], Parts], layer: int) -> Parts:
    """Put all layers' parts along the second axis, one layer at a time: pairs of tokens are many."""
    room: list[Tensor] = []
    for i in range(layer):
        parts = [part for part in of_layer(2 * i) if part is not None]
        room = room or [part.new_empty(len(part), layer, *part.shape[1:]) for part in parts]
        for whole, part in zip(room, parts, strict=True):
            whole[:, i] = part
    dots, squares, *kept = room
    return dots, squares, kept[0] if kept else None

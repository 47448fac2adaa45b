"""`SpaceVertices`: n space heads as the vertices of one simplex; the mean head is an ordinary head."""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Self, cast

import torch
from torch import Tensor, nn

from spacetune.encoders import TokenFeatures, segment_mean
from spacetune.errors import UsageError
from spacetune.heads.spaces.head import SpaceHead

__all__ = ["SpaceVertices"]


class SpaceVertices(nn.Module):
    r"""n space heads, mixed by each text's weights.

    .. math:: C^k_t = \tanh(\sum_i w_i P^k_i h_t), \quad logits = \sum_i v_i (W_i z + b_i)

    The operators of every layer have a point of their own, the classifier another. The paper on prefix subspaces
    (arXiv 2310.15793) mixes prefixes and a linear head; mixing operators is ours. A projection is linear in its
    operator, so the projections of all vertices come from one product, and a weighted sum of them is exactly the
    projection by the mixed operator: a fresh point for every text costs n times the projection, and nothing else.

    Parameters
    ----------
    heads
        The vertices: alike in shape and standardisation, each with its own random start.

    Examples
    --------
    >>> from spacetune.heads import ConceptSpaces
    >>> heads = [SpaceHead(ConceptSpaces(16, 3, 2), 2) for _ in range(6)]
    >>> SpaceVertices(heads).centroid().spaces.operators.shape
    torch.Size([1, 2, 3, 16])
    """

    def __init__(self, heads: Sequence[SpaceHead]) -> None:
        super().__init__()
        if not heads or len({h.spaces.operators.shape for h in heads}) > 1:
            raise UsageError("a simplex of space heads needs at least one head, and all of one shape")
        self.heads = nn.ModuleList(heads)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> Self:
        """Return the vertices whose `state_dict` this is."""
        n_outputs = state["heads.0.classifier.weight"].shape[0]
        operators = [values for name, values in state.items() if name.endswith("spaces.operators")]
        made = cls([SpaceHead.blank(each, n_outputs) for each in operators])
        made.load_state_dict(dict(state))
        return made

    @property
    def each(self) -> list[SpaceHead]:
        """The heads."""
        return [cast("SpaceHead", head) for head in self.heads]

    @property
    def n_vertices(self) -> int:
        """Heads."""
        return len(self.heads)

    @property
    def n_groups(self) -> int:
        """Points that a text has: one a layer, and one for the classifier."""
        return self.each[0].spaces.operators.shape[0] + 1

    def logits(self, features: TokenFeatures, weights: Tensor, keep: Callable[[Tensor], Tensor]) -> Tensor:
        """Return logits ``(text, output)`` at these points.

        Parameters
        ----------
        features
            Ragged token features.
        weights
            ``(text, layer + 1, vertex)``, or ``(1, …)``: one point for all, which costs what one head costs.
        keep
            What happens to the centroids on their way to the classifier: dropout, or nothing.
        """
        centroids = keep(self._centroids(features, weights))
        each = torch.stack([head.classify(centroids) for head in self.each], dim=1)
        return (weights[:, -1].unsqueeze(2) * each).sum(1)

    def _centroids(self, features: TokenFeatures, weights: Tensor) -> Tensor:
        """Return the mean of every text in every mixed space, ``(text, layer, space, latent)``."""
        heads = self.each
        n_layers, n_spaces, n_latent, _ = heads[0].spaces.operators.shape
        values = features.values.to(heads[0].classifier.weight.dtype)
        folded = [head.spaces.folded() for head in heads]
        matrices = torch.stack([m for m, _ in folded]).to(values.dtype)
        shifts = torch.stack([s for _, s in folded]).to(values.dtype)
        pooled = [
            segment_mean(_mixed(values[:, i], matrices[:, i], shifts[:, i], weights[:, i], features), features.offsets)
            for i in range(n_layers)
        ]
        return torch.stack(pooled, dim=1).unflatten(2, (n_spaces, n_latent))

    def vertex(self, i: int) -> SpaceHead:
        """Return one of the heads."""
        return self.each[i]

    def centroid(self) -> SpaceHead:
        """Return the mean head: what a simplex is used as."""
        head = SpaceHead.blank(self.each[0].spaces.operators, self.each[0].classifier.out_features)
        states = [each.state_dict() for each in self.each]
        head.load_state_dict({k: torch.stack([s[k] for s in states]).mean(0) for k in states[0]})
        return head.eval()


def _mixed(values: Tensor, matrices: Tensor, shifts: Tensor, weights: Tensor, features: TokenFeatures) -> Tensor:
    """Return one layer's spaces ``(token, space · latent)`` at these weights ``(text or 1, vertex)``."""
    weights = weights.to(values.dtype)
    if len(weights) == 1:
        matrix, shift = torch.einsum("n,nkd->kd", weights[0], matrices), weights[0] @ shifts
        return torch.tanh(nn.functional.linear(values, matrix, shift))
    each = nn.functional.linear(values, matrices.flatten(0, 1), shifts.flatten()).unflatten(1, shifts.shape)
    own = torch.repeat_interleave(weights, features.lengths, dim=0)
    return torch.tanh((each * own.unsqueeze(2)).sum(1))

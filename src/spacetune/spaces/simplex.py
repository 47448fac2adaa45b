"""`SpaceSimplex`: all convex combinations of n space heads, learnt together; its centroid is an ordinary head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self, cast

import torch
from torch import Tensor, nn

from spacetune.encoders import TokenFeatures, segment_mean
from spacetune.errors import UsageError
from spacetune.spaces.concept_spaces import ConceptSpaces
from spacetune.spaces.head import SpaceHead

__all__ = ["SpaceSimplex"]


class SpaceSimplex(nn.Module):
    r"""A simplex whose corners are space heads.

    .. math:: C^k_t = \tanh(\sum_i w_i P^k_i h_t), \quad logits = \sum_i v_i (W_i z + b_i)

    The operators of every layer have a point of their own, the classifier another. The paper on prefix subspaces
    (arXiv 2310.15793) mixes prefixes and a linear head; mixing operators is ours. A projection is linear in its
    operator, so all corners' projections come from one product, and a weighted sum of them is exactly the projection by
    the mixed operator: a fresh point for every text costs n times the projection, and nothing else.

    Parameters
    ----------
    heads
        The corners: alike in shape and standardisation, each with its own random start.

    Examples
    --------
    >>> heads = [SpaceHead(ConceptSpaces(16, 3, 2), 2) for _ in range(6)]
    >>> SpaceSimplex(heads).centroid().spaces.operators.shape
    torch.Size([1, 2, 3, 16])
    """

    def __init__(self, heads: Sequence[SpaceHead]) -> None:
        super().__init__()
        if not heads or len({h.spaces.operators.shape for h in heads}) > 1:
            raise UsageError("a simplex of space heads needs at least one head, and all of one shape")
        self.heads = nn.ModuleList(heads)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor], n_outputs: int) -> Self:
        """Return the simplex whose `state_dict` this is."""
        operators = [values for name, values in state.items() if name.endswith("spaces.operators")]
        simplex = cls([_blank(each, n_outputs) for each in operators])
        simplex.load_state_dict(dict(state))
        return simplex

    @property
    def corners(self) -> list[SpaceHead]:
        """The heads at the corners."""
        return [cast("SpaceHead", head) for head in self.heads]

    @property
    def n_vertices(self) -> int:
        """Corners."""
        return len(self.heads)

    @property
    def n_groups(self) -> int:
        """Points an observation has: one a layer, and one for the classifier."""
        return self.corners[0].spaces.operators.shape[0] + 1

    def reads(self, features: TokenFeatures, weights: Tensor, compute_dtype: torch.dtype | None = None) -> Tensor:
        """Return the mean of every text in every mixed space, ``(text, layer, space, latent)``.

        Parameters
        ----------
        features
            Ragged token features.
        weights
            ``(text, layer + 1, vertex)``, or ``(1, …)``: one point for all, which costs what one head costs.
        compute_dtype
            What the products run in; None is the operators' own dtype.
        """
        corners = self.corners
        n_layers, n_spaces, n_latent, _ = corners[0].spaces.operators.shape
        values = features.values.to(compute_dtype or corners[0].classifier.weight.dtype)
        folded = [head.spaces.folded() for head in corners]
        matrices = torch.stack([m for m, _ in folded]).to(values.dtype)
        shifts = torch.stack([s for _, s in folded]).to(values.dtype)
        pooled = [
            segment_mean(_mixed(values[:, i], matrices[:, i], shifts[:, i], weights[:, i], features), features.offsets)
            for i in range(n_layers)
        ]
        return torch.stack(pooled, dim=1).unflatten(2, (n_spaces, n_latent))

    def decide(self, centroids: Tensor, weights: Tensor) -> Tensor:
        """Return logits ``(text, output)`` from centroids, by the mixed classifier."""
        each = torch.stack([head.classify(centroids) for head in self.corners], dim=1)
        return (weights[:, -1].unsqueeze(2) * each).sum(1)

    def centroid(self) -> SpaceHead:
        """Return the mean head: what a simplex is used as."""
        head = _blank(self.corners[0].spaces.operators, self.corners[0].classifier.out_features)
        states = [corner.state_dict() for corner in self.corners]
        head.load_state_dict({k: torch.stack([s[k] for s in states]).mean(0) for k in states[0]})
        return head.eval()


def _blank(operators: Tensor, n_outputs: int) -> SpaceHead:
    """Return a head to be filled, with operators of this shape."""
    n_layers, n_spaces, n_latent, n_embed = operators.shape
    generator = torch.Generator()
    spaces = ConceptSpaces(
        n_embed, n_latent, n_spaces, n_layers=n_layers, generator=generator, dtype=operators.dtype
    )  # fmt: skip
    return SpaceHead(spaces, n_outputs, generator)


def _mixed(values: Tensor, matrices: Tensor, shifts: Tensor, weights: Tensor, features: TokenFeatures) -> Tensor:
    """Return one layer's spaces ``(token, space · latent)`` at these weights ``(text or 1, vertex)``."""
    weights = weights.to(values.dtype)
    if len(weights) == 1:
        matrix, shift = torch.einsum("n,nkd->kd", weights[0], matrices), weights[0] @ shifts
        return torch.tanh(nn.functional.linear(values, matrix, shift))
    each = nn.functional.linear(values, matrices.flatten(0, 1), shifts.flatten()).unflatten(1, shifts.shape)
    own = torch.repeat_interleave(weights, features.lengths, dim=0)
    return torch.tanh((each * own.unsqueeze(2)).sum(1))

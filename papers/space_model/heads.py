"""The heads compared: linear, with a hidden layer, and the Space Model with parts taken away.

With cross-entropy alone C spaces of m dimensions are one space of C·m: the classifier reads all centroids side by side.
Only the inter-space loss knows which dimensions belong to which class.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, cast

import torch
from papers.space_model.data import Ready
from torch import Tensor, nn
from torch.nn.utils import skip_init

from spacetune.encoders import TokenFeatures, segment_variance
from spacetune.heads.spaces import ROWS, ConceptSpaces, SpaceHead, fused_centroids, inter_space_loss, intra_space_loss
from spacetune.heads.spaces.losses import OFFICIAL_EPS, InterVariant

DROPOUT = 0.2
"""Of the head with a hidden layer, as DistilBERT's."""


@dataclasses.dataclass(frozen=True)
class Variant:
    """One head with its losses and its learning rate.

    Parameters
    ----------
    name
        As the tables call it.
    head
        ``linear``; ``hidden``: DistilBERT's, a layer as wide as the state, ReLU, dropout, linear; or ``space``.
    reads
        ``tokens``: tanh of every token, then the mean, as published. ``mean`` and ``first``: one state a text.
    n_latent, n_spaces
        Width and number of spaces; None is one a class.
    tanh
        Without it the Space Model is a linear head of bounded rank.
    own_only
        Let a class read its own space alone; the published classifier reads all.
    inter, intra, inter_variant, eps
        The auxiliary losses: weights, and the forms of the published tables.
    learning_rate
        Of Adam.
    """

    name: str
    head: Literal["linear", "hidden", "space"] = "space"
    reads: Literal["tokens", "mean", "first"] = "tokens"
    n_latent: int = 3
    n_spaces: int | None = None
    tanh: bool = True
    own_only: bool = False
    inter: float = 0.0
    intra: float = 0.0
    inter_variant: InterVariant = "label-free-2023"
    eps: float = OFFICIAL_EPS
    learning_rate: float = 2e-4

    def module(self, dim: int, n_classes: int, seed: int) -> nn.Module:
        """Make the head with a random start: normal with deviation .02 (BERT's), for spaces the official one."""
        generator = torch.Generator().manual_seed(seed)
        if self.head == "space":
            spaces = ConceptSpaces(dim, self.n_latent, self.n_spaces or n_classes, generator=generator)
            return SpaceHead(spaces, n_classes, generator)
        if self.head == "hidden":
            return nn.ModuleList([_linear(dim, dim, generator), _linear(dim, n_classes, generator)])
        return _linear(dim, n_classes, generator)


def _linear(n_in: int, n_out: int, generator: torch.Generator) -> nn.Linear:
    layer = cast("nn.Linear", skip_init(nn.Linear, n_in, n_out))
    with torch.no_grad():
        layer.weight.normal_(0.0, 0.02, generator=generator)
        layer.bias.zero_()
    return layer


@dataclasses.dataclass(frozen=True)
class Output:
    """Logits ``(text, class)`` and, of spaces, centroids ``(text, layer, space, latent)``."""

    logits: Tensor
    centroids: Tensor | None = None


def outputs(
    variants: Sequence[Variant], heads: Sequence[Any], batch: Ready, generator: torch.Generator | None = None
) -> list[Output]:
    """Run all heads on one batch, the token heads in one product; a generator draws the dropout of training."""
    values = batch.features.values
    compute = values.dtype if values.dtype == torch.bfloat16 else None
    of_tokens = [head for v, head in zip(variants, heads, strict=True) if v.head == "space" and v.reads == "tokens"]
    pooled = iter(
        fused_centroids([head.spaces for head in of_tokens], batch.features, compute, ROWS) if of_tokens else []
    )
    found: list[Output] = []
    for variant, head in zip(variants, heads, strict=True):
        state = batch.first if variant.reads == "first" else batch.means
        if variant.head == "linear":
            found.append(Output(head(state)))
        elif variant.head == "hidden":
            found.append(Output(head[1](dropped(head[0](state).relu(), generator))))
        else:
            centroids = next(pooled) if variant.reads == "tokens" else _of_state(variant, head, state)
            found.append(Output(_classify(variant, head, centroids), centroids))
    return found


def _of_state(variant: Variant, head: SpaceHead, state: Tensor) -> Tensor:
    raw = head.spaces.project(state)
    return (raw.tanh() if variant.tanh else raw).unsqueeze(1)


def dropped(values: Tensor, generator: torch.Generator | None) -> Tensor:
    if generator is None:
        return values
    return values * (torch.rand(values.shape, generator=generator) >= DROPOUT) / (1 - DROPOUT)


def _classify(variant: Variant, head: SpaceHead, centroids: Tensor) -> Tensor:
    if not variant.own_only:
        return head.classify(centroids)
    own = torch.eye(centroids.shape[2]).repeat_interleave(centroids.shape[3], dim=1)
    return nn.functional.linear(centroids.flatten(1), head.classifier.weight * own, head.classifier.bias)


def losses(variants: Sequence[Variant], heads: Sequence[Any], given: Sequence[Output], batch: Ready) -> list[Tensor]:
    """Return ``CE + inter · inter-space loss + intra · intra-space loss`` of every head."""
    spread = iter(_variances([h for v, h in zip(variants, heads, strict=True) if v.intra], batch.features))
    found: list[Tensor] = []
    for variant, output in zip(variants, given, strict=True):
        total = nn.functional.cross_entropy(output.logits, batch.targets)
        if variant.inter and output.centroids is not None:
            own = None if variant.inter_variant == "label-free-2023" else batch.targets
            total = total + variant.inter * inter_space_loss(output.centroids, own, variant=variant.inter_variant)
        if variant.intra:
            total = total + variant.intra * intra_space_loss(next(spread), eps=variant.eps)
        found.append(total)
    return found


def _variances(heads: Sequence[SpaceHead], features: TokenFeatures) -> list[Tensor]:
    """Return the variance over tokens in the spaces of every head, ``(text, space, latent)``, from one product."""
    if not heads:
        return []
    folded = [head.spaces.folded() for head in heads]
    matrix, shift = (torch.cat([parts[i][0] for parts in folded]) for i in (0, 1))
    values = features.values[: int(features.offsets[-1]), 0].to(matrix.dtype)
    variance = segment_variance(torch.tanh(values @ matrix.T + shift), features.offsets)
    shapes = [head.spaces.operators.shape[1:3] for head in heads]
    columns = variance.split([n_spaces * n_latent for n_spaces, n_latent in shapes], dim=1)
    return [part.unflatten(1, tuple(shape)) for part, shape in zip(columns, shapes, strict=True)]

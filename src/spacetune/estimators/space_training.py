"""Fit space heads on token features: many candidates in one pass, no padding, no Python per text."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from spacetune.encoders import FeatureSource, TokenFeatures
from spacetune.encoders.ragged import segment_variance, widened
from spacetune.estimators.dev_part import FitData
from spacetune.spaces import ROWS, ConceptSpaces, SpaceHead, fused_centroids, inter_space_loss, intra_space_loss
from spacetune.spaces.losses import InterVariant
from spacetune.training import TRAINED, Candidate, Checkpoint, History, Schedule, Task, fit_parameters

__all__ = [
    "HeadSettings",
    "SpaceData",
    "auto_schedule",
    "fit_heads",
    "head_bytes",
    "head_loss",
    "text_chunks",
    "token_statistics",
]

CHUNK_TOKENS = 8_192
SHORTEST_RUN = 300


@dataclasses.dataclass(frozen=True)
class HeadSettings:
    """One candidate head: its size, its losses, its optimiser."""

    n_latent: int
    inter_weight: float
    intra_weight: float
    inter_variant: InterVariant
    dropout: float
    learning_rate: float
    weight_decay: float
    seed: int


SpaceData = FitData[FeatureSource]
"""Token features and targets, to train on and to choose by."""


def auto_schedule(
    n_texts: int, n_epochs: int | None, batch_size: int | None, patience: int | None, monitor: str, seed: int
) -> Schedule:
    """Fill in what the user left open.

    Batches of 64, smaller for few texts so that an epoch has at least 16 steps; 10 epochs, more for few texts
    so that a run has at least 300 steps. The choices are ours.
    """
    size = batch_size or max(4, min(64, n_texts // 16))
    steps = -(-n_texts // size)
    epochs = n_epochs or max(10, -(-SHORTEST_RUN // steps))
    if patience is not None and n_epochs is None:
        patience = max(patience, epochs // 4)
    return Schedule(n_texts, epochs, size, patience=patience, monitor=monitor, seed=seed)


def head_bytes(
    shape: tuple[int, int], lengths: Tensor, batch_size: int, n_latent: int, n_outputs: int, n_vertices: int
) -> int:
    """Return about how much memory training such heads takes: what is trained, and the tokens in all spaces.

    A batch is held three times (the spaces, and two slopes), a part of dev once.

    Parameters
    ----------
    shape
        Layers and width of the features.
    lengths
        Tokens of every training text; a batch has at most as many as the longest of them.
    batch_size
        Texts a step.
    n_latent
        Width of a space.
    n_outputs
        Spaces.
    n_vertices
        Heads.
    """
    n_layers, dim = shape
    width = n_layers * n_outputs * n_latent * n_vertices
    batch = int(lengths.sort(descending=True).values[:batch_size].sum())
    tokens = max(3 * batch, min(CHUNK_TOKENS, int(lengths.sum())))
    return 4 * width * (TRAINED * (dim + n_outputs) + tokens)


def new_heads(settings: Sequence[HeadSettings], data: SpaceData, task: Task) -> list[SpaceHead]:
    """Make heads with random starts that read standardised features; the bias starts at the classes' shares."""
    n_layers, dim = data.train.shape
    mean, scale = token_statistics(data.train)
    dtype = torch.float64 if data.train.take(torch.tensor([0])).values.dtype == torch.float64 else torch.float32
    heads: list[SpaceHead] = []
    for each in settings:
        generator = torch.Generator().manual_seed(each.seed)
        spaces = ConceptSpaces(
            dim, each.n_latent, max(1, task.n_outputs), n_layers=n_layers, generator=generator, dtype=dtype
        )
        spaces.standardise(mean, scale)
        heads.append(SpaceHead(spaces, task.n_outputs, generator))
        with torch.no_grad():
            heads[-1].classifier.bias.copy_(task.prior(data.targets))
    return heads


def token_statistics(source: FeatureSource) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of every feature over all tokens, ``(layer, dim)``, in one pass."""
    n_layers, dim = source.shape
    count, sums = 0, torch.zeros(2, n_layers * dim).double()
    for rows in text_chunks(source):
        flat = widened(source.take(rows).values).flatten(1)
        ones = flat.new_ones(1, len(flat))
        count += len(flat)
        sums[0] += (ones @ flat).squeeze(0)
        sums[1] += (ones @ flat.square_()).squeeze(0)
    total, squares = sums.view(2, n_layers, dim)
    mean = total / count
    variance = (squares / count - mean.square()).clamp(min=0)
    scale = variance.sqrt()
    return mean, torch.where(scale > 1e-6, scale, torch.ones_like(scale))


def text_chunks(source: FeatureSource) -> list[Tensor]:
    """Cut all texts, in order, into runs of bounded size."""
    ends = source.lengths.cumsum(0)
    group = (ends - 1).clamp(min=0) // CHUNK_TOKENS
    return list(torch.arange(len(source)).split(torch.unique_consecutive(group, return_counts=True)[1].tolist()))


def fit_heads(
    data: SpaceData,
    settings: Sequence[HeadSettings],
    task: Task,
    schedule: Schedule,
    *,
    compute_dtype: torch.dtype | None = None,
    checkpoint: Checkpoint | None = None,
    progress: bool | None = None,
) -> tuple[list[SpaceHead], list[History]]:
    """Train heads side by side, one a setting, each chosen by its own dev score.

    Parameters
    ----------
    data
        Features and targets.
    settings
        One head each.
    task
        What is learnt.
    schedule
        Epochs, batches, early stopping.
    compute_dtype
        What the products with the features run in while training; None is the heads' own dtype.
    checkpoint
        Saved to after every epoch, and gone on from.
    progress
        Whether to show a bar.

    Returns
    -------
    tuple
        The heads with their best parameters, and their histories.
    """
    heads = new_heads(settings, data, task)
    candidates = [Candidate(h, s.learning_rate, s.weight_decay) for h, s in zip(heads, settings, strict=True)]

    chunks = text_chunks(data.dev)

    def losses(rows: Tensor, generator: torch.Generator) -> list[Tensor]:
        features = data.train.take(rows, ROWS)
        pooled = fused_centroids(heads, features, compute_dtype)
        targets = data.targets[rows]
        return [
            head_loss(head, centroids, features, targets, task, s, generator)
            for head, centroids, s in zip(heads, pooled, settings, strict=True)
        ]

    def validate() -> list[dict[str, float]]:
        with torch.inference_mode():
            pooled = [fused_centroids(heads, data.dev.take(rows, ROWS), compute_dtype) for rows in chunks]
            logits = [h.classify(torch.cat([part[i] for part in pooled])) for i, h in enumerate(heads)]
        return [task.scores(each.double().numpy(), data.dev_targets.numpy()) for each in logits]

    histories = fit_parameters(
        candidates, schedule, losses=losses, validate=validate, checkpoint=checkpoint, progress=progress
    )
    return heads, histories


def head_loss(
    head: SpaceHead,
    centroids: Tensor,
    features: TokenFeatures,
    targets: Tensor,
    task: Task,
    settings: HeadSettings,
    generator: torch.Generator,
) -> Tensor:
    """Return ``task loss + inter_weight · inter + intra_weight · intra`` of one batch.

    Dropout falls on the components of the centroids, scaled so that their expectation stays.
    """
    kept = centroids
    if settings.dropout:
        keep = torch.rand(centroids.shape, generator=generator) >= settings.dropout
        kept = centroids * keep.to(centroids.dtype) / (1 - settings.dropout)
    loss = task.loss(head.classify(kept), targets)
    if settings.inter_weight:
        own = None if settings.inter_variant == "label-free-2023" else targets
        loss = loss + settings.inter_weight * inter_space_loss(centroids, own, variant=settings.inter_variant)
    if settings.intra_weight:
        loss = loss + settings.intra_weight * intra_space_loss(_variance(head, features))
    return loss


def _variance(head: SpaceHead, features: TokenFeatures) -> Tensor:
    offsets = features.offsets
    values = features.values[: int(offsets[-1])]
    spaces = head.spaces(values.to(head.classifier.weight.dtype))
    several = (offsets.diff() > 1).nonzero().squeeze(1)
    variance = segment_variance(spaces, offsets)
    return variance[several] if len(several) else variance

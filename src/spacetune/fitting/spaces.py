"""Fit space heads on token features: many candidates in one pass, no padding, no Python per text."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from spacetune.encoders import Adapter, TokenFeatures
from spacetune.encoders.ragged import segment_variance, widened
from spacetune.fitting.candidate import Candidate
from spacetune.fitting.checkpoint import Checkpoint
from spacetune.fitting.data import Batch, FitData
from spacetune.fitting.history import History
from spacetune.fitting.inputs import CHUNK_TOKENS, Inputs, text_chunks
from spacetune.fitting.loop import fit_parameters
from spacetune.fitting.memory import TRAINED
from spacetune.fitting.schedule import Schedule
from spacetune.fitting.tasks import Task
from spacetune.heads import ConceptSpaces, SpaceHead
from spacetune.heads.spaces import ROWS, InterVariant, fused_centroids, inter_space_loss, intra_space_loss

__all__ = [
    "HeadSettings",
    "TunedSpaces",
    "dropped",
    "fit_heads",
    "head_bytes",
    "head_loss",
    "new_heads",
    "starts_of",
    "token_statistics",
]

CACHED_TOKENS = 2_048
"""Tokens whose states in float32 stay in a processor's cache while they are read twice."""


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


def head_bytes(
    shape: tuple[int, int], lengths: Tensor, batch_size: int, n_latent: int, n_outputs: int, n_vertices: int
) -> int:
    """Return about how much memory training such heads takes: what is trained, and the tokens in all spaces.

    A batch is counted three times, for its spaces and what comes with them on the way back, a part of dev once.

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


def new_heads(
    inputs: Inputs,
    prior: Tensor,
    starts: Sequence[tuple[int, torch.Generator]],
    *,
    adapter: Adapter | None = None,
    dtype: torch.dtype | None = None,
) -> list[SpaceHead]:
    """Make heads with random starts that read standardised features; the bias starts at the best guess without a text.

    Parameters
    ----------
    inputs
        What the standardisation is taken from.
    prior
        That guess, ``(output,)``.
    starts
        The width of a space and the source of the start, one pair a head.
    adapter
        What the texts are read under.
    dtype
        Of the heads; None is float64 where a matrix of that is read, else float32.
    """
    n_layers, dim = inputs.shape
    mean, scale = token_statistics(inputs, adapter)
    heads: list[SpaceHead] = []
    for n_latent, generator in starts:
        spaces = ConceptSpaces(
            dim, n_latent, max(1, len(prior)), n_layers=n_layers, generator=generator, dtype=dtype or _dtype(inputs)
        )
        spaces.standardise(mean, scale)
        heads.append(SpaceHead(spaces, len(prior), generator))
        with torch.no_grad():
            heads[-1].classifier.bias.copy_(prior)
    return heads


def starts_of(settings: Sequence[HeadSettings]) -> list[tuple[int, torch.Generator]]:
    """Return the start of every head by its own seed."""
    return [(each.n_latent, torch.Generator().manual_seed(each.seed)) for each in settings]


def _dtype(inputs: Inputs) -> torch.dtype:
    """Return float64 where a matrix of that is read, else float32."""
    given = inputs.take(torch.tensor([0])).values.dtype
    return torch.float64 if given == torch.float64 else torch.float32


def token_statistics(inputs: Inputs, adapter: Adapter | None = None) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of every feature over all tokens, ``(layer, dim)``, in one pass."""
    n_layers, dim = inputs.shape
    count, sums, near = 0, torch.zeros(2, n_layers * dim).double(), None
    for rows in text_chunks(inputs.lengths, CACHED_TOKENS):
        with torch.no_grad():
            flat = widened(inputs.take(rows, adapter).values).flatten(1)
            near = flat.mean(0) if near is None and len(flat) else near  # far from 0 squares would lose what differs
            flat = flat if near is None else flat - near
        ones = flat.new_ones(1, len(flat))
        count += len(flat)
        sums[0] += (ones @ flat).squeeze(0)
        sums[1] += (ones @ flat.square_()).squeeze(0)
    total, squares = sums.view(2, n_layers, dim)
    apart = total / count
    scale = (squares / count - apart.square()).clamp(min=0).sqrt()
    mean = apart if near is None else apart + near.view(n_layers, dim)
    return mean, torch.where(scale > 1e-6, scale, torch.ones_like(scale))


def fit_heads(
    data: FitData,
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
    heads = new_heads(data.train, data.prior(task), starts_of(settings))
    candidates = [Candidate(h, s.learning_rate, s.weight_decay) for h, s in zip(heads, settings, strict=True)]
    spaces = [head.spaces for head in heads]

    def losses(rows: Tensor, generator: torch.Generator) -> list[Tensor]:
        features = data.train.take(rows)
        pooled = fused_centroids(spaces, features, compute_dtype, ROWS)
        batch = data.batch(rows)
        return [
            head_loss(head, centroids, features, batch, task, s, generator)
            for head, centroids, s in zip(heads, pooled, settings, strict=True)
        ]

    def validate() -> list[dict[str, float]]:
        with torch.inference_mode():
            read = map(data.dev.take, text_chunks(data.dev.lengths, CACHED_TOKENS))
            pooled = [fused_centroids(spaces, features, compute_dtype, ROWS) for features in read]
            logits = [h.classify(torch.cat([part[i] for part in pooled])) for i, h in enumerate(heads)]
        return [task.scores(each.double().numpy(), *data.dev_truth) for each in logits]

    histories = fit_parameters(
        candidates, schedule, losses=losses, validate=validate, checkpoint=checkpoint, progress=progress
    )
    return heads, histories


def head_loss(
    head: SpaceHead,
    centroids: Tensor,
    features: TokenFeatures,
    batch: Batch,
    task: Task,
    settings: HeadSettings,
    generator: torch.Generator,
) -> Tensor:
    """Return ``task loss + inter_weight · inter + intra_weight · intra`` of a batch's targets, each by its weight.

    The auxiliary losses are of the spaces, not of single texts: there all texts count alike. Dropout falls on the
    components of the centroids, scaled so that their expectation stays.
    """
    loss = task.loss(head.classify(dropped(centroids, settings.dropout, generator)), *batch)
    if settings.inter_weight:
        own = None if settings.inter_variant == "label-free-2023" else batch[0]
        loss = loss + settings.inter_weight * inter_space_loss(centroids, own, variant=settings.inter_variant)
    if settings.intra_weight:
        loss = loss + settings.intra_weight * intra_space_loss(_variance(head, features))
    return loss


class TunedSpaces(nn.Module):
    """A copy of a space head, trained with the layers under it."""

    def __init__(self, head: SpaceHead, settings: HeadSettings, task: Task) -> None:
        super().__init__()
        self.head, self.settings, self.task = copy.deepcopy(head), settings, task

    def logits(self, features: TokenFeatures) -> Tensor:
        """Return logits ``(text, output)``."""
        return self.head.logits(features)

    def loss(self, features: TokenFeatures, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the head's loss of a batch."""
        centroids = self.head.centroids(features)
        return head_loss(self.head, centroids, features, batch, self.task, self.settings, generator)


def dropped(values: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Leave out a share of the values, and scale the others so that the expectation stays."""
    if not share:
        return values
    kept = torch.rand(values.shape, generator=generator) >= share
    return values * kept.to(values.dtype) / (1 - share)


def _variance(head: SpaceHead, features: TokenFeatures) -> Tensor:
    offsets = features.offsets
    spaces = head.spaces(features.values.to(head.classifier.weight.dtype))
    several = (offsets.diff() > 1).nonzero().squeeze(1)
    variance = segment_variance(spaces, offsets)
    return variance[several] if len(several) else variance

"""Fit spaces in which two texts meet, beside the linear head of pairs: they learn what that leaves open."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spacetune.encoders import TokenFeatures
from spacetune.fitting.candidate import Candidate
from spacetune.fitting.checkpoint import Checkpoint
from spacetune.fitting.data import FitData
from spacetune.fitting.history import History
from spacetune.fitting.inputs import compute_dtype_of, text_chunks
from spacetune.fitting.loop import fit_parameters
from spacetune.fitting.pairs import TrainedMeeting, centred_means
from spacetune.fitting.reading import logits_of
from spacetune.fitting.schedule import Schedule
from spacetune.fitting.spaces import HeadSettings, dropped, token_statistics
from spacetune.fitting.tasks import Task
from spacetune.heads import ConceptSpaces, Meeting, PairHead

__all__ = ["fit_pair_spaces"]


DEVIATION = 0.1
"""The standard deviation of what is read of the spaces: the less, the slower the weights over them learn; ours, from
the dev parts of STS-B and MRPC."""


def fit_pair_spaces(
    data: FitData,
    linear: PairHead,
    beside: Tensor,
    symmetric: bool,
    settings: HeadSettings,
    task: Task,
    schedule: Schedule,
    *,
    checkpoint: Checkpoint | None = None,
    progress: bool | None = None,
) -> tuple[PairHead, History]:
    """Train spaces whose logits are added to those of a linear head, from nothing added on.

    While they train, a pair's linear logits should come from heads that were fitted without it: what a head gives to
    the pairs it was fitted on leaves little to learn. Where no epoch does better on dev the linear head is returned.

    Parameters
    ----------
    data
        Pairs and targets.
    linear
        The head that was fitted on all training pairs.
    beside
        The logits of training pairs that the spaces are added to, ``(pair, output)``.
    symmetric
        Whether swapping the texts must change nothing.
    settings
        Of the spaces.
    task
        What is learnt.
    schedule
        Epochs, batches, early stopping.
    checkpoint
        Saved to after every epoch, and gone on from.
    progress
        Whether to show a bar.

    Returns
    -------
    tuple
        The sum of both, and the history.
    """
    added = _Added(data, symmetric, settings, task)
    dev_beside = torch.as_tensor(logits_of(linear, data.dev))

    def losses(rows: Tensor, generator: torch.Generator) -> list[Tensor]:
        logits = added.logits(data.train.take(rows), generator)
        return [task.loss(beside[rows] + logits, *data.batch(rows))]

    def validate() -> list[dict[str, float]]:
        with torch.inference_mode():
            logits = torch.cat([added.logits(data.dev.take(rows)) for rows in text_chunks(data.dev.lengths)])
        return [task.scores((dev_beside + logits).double().numpy(), *data.dev_truth)]

    (history,) = fit_parameters(
        [Candidate(added, settings.learning_rate, settings.weight_decay)], schedule,
        losses=losses, validate=validate, score_start=True, checkpoint=checkpoint, progress=progress,
    )  # fmt: skip
    return (added.to_head(linear) if history.best_epoch else linear), history


class _Added(nn.Module):
    """What two texts' centroids add to the logits, in training."""

    def __init__(self, data: FitData, symmetric: bool, settings: HeadSettings, task: Task) -> None:
        super().__init__()
        n_layers, dim = data.train.shape
        generator = torch.Generator().manual_seed(settings.seed)
        spaces = ConceptSpaces(dim, settings.n_latent, task.n_outputs, n_layers=n_layers, generator=generator)
        spaces.standardise(*token_statistics(data.train))
        text_mean = centred_means(data, spaces)
        text_mean.compute_dtype = compute_dtype_of(data.train)
        nothing = torch.zeros(3, task.n_outputs, *text_mean.mean.shape)
        self.meeting = TrainedMeeting(data, Meeting(text_mean, nothing), symmetric, DEVIATION)
        self.bias = nn.Parameter(torch.zeros(task.n_outputs))
        self.dropout = settings.dropout

    def logits(self, features: TokenFeatures, generator: torch.Generator | None = None) -> Tensor:
        """Return what is added, ``(pair, output)``; with dropout where a generator is given."""
        rows = self.meeting.rows(features)
        if generator is not None:
            rows = dropped(rows, self.dropout, generator)
        return rows @ self.meeting.weight.T + self.bias

    def to_head(self, linear: PairHead) -> PairHead:
        """Return the sum with a linear head, of rows as they are."""
        meeting, shift = self.meeting.finished()
        meeting.text_mean.compute_dtype = None
        return PairHead(linear.bias + self.bias.detach() + shift, [*linear.parts, meeting])

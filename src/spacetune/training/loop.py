"""`fit_parameters`: the one loop. AdamW, warm-up and decay, early stopping on dev, best weights kept.

It trains several candidates (seeds, settings) in one pass over the data: their parameters are disjoint, so the
gradient of the summed loss is each candidate's own. Ctrl-C keeps the best so far. A checkpoint after every
epoch lets a later run go on exactly where this one stopped.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from spacetune.errors import UsageError
from spacetune.progress import progress_bar
from spacetune.training.candidate import Candidate
from spacetune.training.checkpoint import Checkpoint
from spacetune.training.deadline import check_time
from spacetune.training.history import Epoch, History

__all__ = ["Candidate", "Schedule", "fit_parameters"]

log = logging.getLogger("spacetune")

BatchLosses = Callable[[Tensor, torch.Generator], Sequence[Tensor]]
Validate = Callable[[], Sequence[dict[str, float]]]


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long and in what steps to train.

    Parameters
    ----------
    n_examples
        Training texts.
    n_epochs
        Passes over them at most.
    batch_size
        Texts a step.
    warmup
        Share of all steps in which the learning rate rises to its full value; then it falls linearly to 0.
    patience
        Epochs without a better dev score after which to stop; None never stops early.
    monitor
        The dev score to watch; higher is better.
    seed
        Decides the order of the texts in every epoch.
    stop_after
        The epoch after which to stop, chosen before: nothing is scored on the way. None lets dev choose the epoch.
    """

    n_examples: int
    n_epochs: int
    batch_size: int
    warmup: float = 0.1
    patience: int | None = 4
    monitor: str = "macro_f1"
    seed: int = 0
    stop_after: int | None = None

    @property
    def last_epoch(self) -> int:
        """The epoch that training goes to at most."""
        return self.n_epochs if self.stop_after is None else min(self.stop_after, self.n_epochs)

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in one pass."""
        return math.ceil(self.n_examples / self.batch_size)

    def rate(self, step: int) -> float:
        """Return the learning rate at this step as a share of the full one."""
        total = self.steps_per_epoch * self.n_epochs
        rising = (step + 1) / max(1.0, self.warmup * total)
        falling = (total - step) / max(1.0, (1 - self.warmup) * total)
        return min(1.0, rising, falling)

    def generator(self, epoch: int) -> torch.Generator:
        """Return the source of an epoch's randomness: the same however often training was resumed."""
        return torch.Generator().manual_seed((self.seed * 1_000_003 + epoch) % (1 << 63))


def fit_parameters(
    candidates: Sequence[Candidate],
    schedule: Schedule,
    *,
    losses: BatchLosses,
    validate: Validate,
    score_start: bool = False,
    checkpoint: Checkpoint | None = None,
    progress: bool | None = None,
) -> list[History]:
    """Train every candidate, and leave each with the parameters of its best epoch on dev (or of the last one).

    Parameters
    ----------
    candidates
        What to train; parameters are disjoint.
    schedule
        Epochs, batches and when to stop, shared by all.
    losses
        From text positions and a generator to one loss a candidate.
    validate
        Gives the dev scores of every candidate as it is now.
    score_start
        Score the parameters as given too, as epoch 0, and keep them where no epoch does better: for a good start.
    checkpoint
        Saved to after every epoch, and gone on from where its file exists.
    progress
        True or False to force the progress bar on or off.

    Returns
    -------
    list of History
        One a candidate.

    Raises
    ------
    UsageError
        If the monitored score is not among those `validate` gives.
    OutOfTime
        If it runs inside `time_limit` and does not end within it.
    KeyboardInterrupt
        If Ctrl-C comes before the first epoch has ended, or before the one to stop after: there is nothing to keep.
    """
    score = validate if schedule.stop_after is None else lambda: [{} for _ in candidates]
    start = 0 if checkpoint is None else checkpoint.load(candidates)
    began = time.perf_counter() - (candidates[0].epochs[-1].seconds if candidates[0].epochs else 0.0)
    if not start:
        _announce(candidates, schedule, losses)
    if score_start and not candidates[0].epochs:
        for candidate in candidates:
            candidate.module.eval()
        _record(candidates, schedule, 0, [math.nan] * len(candidates), score(), 0.0)
    epoch, interrupted = start, False
    with progress_bar(schedule.last_epoch * schedule.steps_per_epoch, "fitting", "steps", show=progress) as bar:
        bar.update(start * schedule.steps_per_epoch)
        try:
            for epoch in range(start + 1, schedule.last_epoch + 1):
                if all(c.waited(schedule.patience) for c in candidates):
                    break
                means = _one_epoch(candidates, schedule, losses, epoch, bar.update)
                _record(candidates, schedule, epoch, means, score(), time.perf_counter() - began)
                if checkpoint is not None:
                    checkpoint.save(candidates)
        except KeyboardInterrupt as stop:
            if schedule.stop_after is not None or not any(e.epoch for e in candidates[0].epochs):
                raise
            interrupted = True
            log.warning(
                "stopped by %s in epoch %d; the best so far, epoch %d, is kept",
                str(stop) or "Ctrl-C",
                epoch,
                candidates[0].best_epoch,
            )
    return [_finish(candidate, schedule, interrupted) for candidate in candidates]


def _announce(candidates: Sequence[Candidate], schedule: Schedule, losses: BatchLosses) -> None:
    """Time one probe batch (no step is taken) and say how long the whole fit will take at most."""
    size = min(schedule.batch_size, schedule.n_examples)
    began = time.perf_counter()
    for _ in range(2):
        began = time.perf_counter()
        sum(losses(torch.arange(size), schedule.generator(0)), torch.zeros(())).backward()
    seconds = (time.perf_counter() - began) * schedule.steps_per_epoch * schedule.last_epoch
    for candidate in candidates:
        candidate.optimizer.zero_grad()
    log.info(
        "fitting %s texts, at most %d epochs of %d steps: about %s on this machine",
        f"{schedule.n_examples:,}",
        schedule.last_epoch,
        schedule.steps_per_epoch,
        f"{seconds:.1f} s" if seconds < 90 else f"{seconds / 60:.0f} min",
    )


def _one_epoch(
    candidates: Sequence[Candidate],
    schedule: Schedule,
    losses: BatchLosses,
    epoch: int,
    advance: Callable[[int], object],
) -> list[float]:
    generator = schedule.generator(epoch)
    order = torch.randperm(schedule.n_examples, generator=generator)
    totals = [torch.zeros(()) for _ in candidates]
    for candidate in candidates:
        candidate.module.train()
    for i, batch in enumerate(order.split(schedule.batch_size)):
        check_time()
        step_losses = losses(batch, generator)
        torch.stack(list(step_losses)).sum().backward()
        rate = schedule.rate((epoch - 1) * schedule.steps_per_epoch + i)
        for candidate, total, loss in zip(candidates, totals, step_losses, strict=True):
            candidate.step(rate)
            total += loss.detach().float() * len(batch)
        advance(1)
    for candidate in candidates:
        candidate.module.eval()
    return [total.item() / schedule.n_examples for total in totals]


def _record(
    candidates: Sequence[Candidate],
    schedule: Schedule,
    epoch: int,
    means: Sequence[float],
    scores: Sequence[dict[str, float]],
    seconds: float,
) -> None:
    for candidate, mean, score in zip(candidates, means, scores, strict=True):
        if schedule.stop_after is None and schedule.monitor not in score:
            raise UsageError(f"monitor must be one of {', '.join(score)}, got {schedule.monitor!r}")
        if not candidate.waited(schedule.patience):
            candidate.record(Epoch(epoch, mean, dict(score), seconds), schedule.monitor)


def _finish(candidate: Candidate, schedule: Schedule, interrupted: bool) -> History:
    candidate.restore_best()
    early = candidate.epochs[-1].epoch < schedule.last_epoch
    ended: Literal["finished", "early", "interrupted"] = (
        "interrupted" if interrupted else "early" if early else "finished"
    )
    return History(tuple(candidate.epochs), candidate.best_epoch, schedule.monitor, ended)

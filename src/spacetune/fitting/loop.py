"""`fit_parameters`: the one loop. AdamW, warm-up and decay, early stopping on dev, best weights kept.

It trains several candidates (seeds, settings) in one pass over the data: their parameters are disjoint, so the
gradient of the summed loss is each candidate's own. Ctrl-C keeps the best so far. A checkpoint after every
epoch lets a later run go on exactly where this one stopped.
"""

# The types of torch are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false

from __future__ import annotations

import functools
import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from spacetune.encoders.loading.kept_blocks import blocks_kept
from spacetune.errors import UsageError, counted
from spacetune.fitting.candidate import Candidate
from spacetune.fitting.checkpoint import Checkpoint
from spacetune.fitting.deadline import check_time
from spacetune.fitting.history import Epoch, History
from spacetune.fitting.schedule import Schedule
from spacetune.fitting.threads import Threads
from spacetune.progress import progress_bar

__all__ = ["fit_parameters"]

log = logging.getLogger("spacetune")

BatchLosses = Callable[[Tensor, torch.Generator], Sequence[Tensor]]
Validate = Callable[[], Sequence[dict[str, float]]]


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
        If Ctrl-C comes before anything was scored, or before the epoch to stop after: there is nothing to keep.
    """
    nothing: list[dict[str, float]] = [{} for _ in candidates]
    score = validate if schedule.stop_after is None else lambda: nothing
    start = 0 if checkpoint is None else checkpoint.load(candidates)
    began = time.perf_counter() - (candidates[0].epochs[-1].seconds if candidates[0].epochs else 0.0)
    probe = functools.partial(_probe, candidates, schedule, losses)
    if not start and schedule.last_epoch:
        _announce(schedule, probe)
    if score_start and not candidates[0].epochs:
        for candidate in candidates:
            candidate.module.eval()
        _record(candidates, schedule, 0, [math.nan] * len(candidates), score(), 0.0)
    epoch, interrupted = start, False
    n_steps = schedule.last_epoch * schedule.steps_per_epoch
    with (
        progress_bar(n_steps, "fitting", "steps", show=progress) as bar,
        Threads(probe) as threads,
        blocks_kept(),
    ):
        bar.update(start * schedule.steps_per_epoch)
        try:
            for epoch in range(start + 1, schedule.last_epoch + 1):
                if all(c.waited(schedule.patience) for c in candidates):
                    break
                means = _one_epoch(candidates, schedule, losses, epoch, threads, bar.update)
                _record(candidates, schedule, epoch, means, score(), time.perf_counter() - began)
                if checkpoint is not None:
                    checkpoint.save(candidates)
        except KeyboardInterrupt as stop:
            if schedule.stop_after is not None or not candidates[0].epochs:
                raise
            interrupted = True
            log.warning(
                "stopped by %s in epoch %d; the best so far, epoch %d, is kept",
                str(stop) or "Ctrl-C",
                epoch,
                candidates[0].best_epoch,
            )
    return [_finish(candidate, schedule, interrupted) for candidate in candidates]


def _probe(candidates: Sequence[Candidate], schedule: Schedule, losses: BatchLosses) -> list[Tensor]:
    """Return the gradients of one batch; no step is taken."""
    size = min(schedule.batch_size, schedule.n_examples)
    sum(losses(torch.arange(size), schedule.generator(0)), torch.zeros(())).backward()
    found = [p.grad for c in candidates for p in c.optimizer.parameters if p.grad is not None]
    for candidate in candidates:
        candidate.optimizer.zero_grad()
    return found


def _announce(schedule: Schedule, probe: Callable[[], object]) -> None:
    """Time one probe batch and say how long the whole fit will take at most."""
    probe()
    began = time.perf_counter()
    probe()
    seconds = (time.perf_counter() - began) * schedule.steps_per_epoch * schedule.last_epoch
    log.info(
        "fitting %s, at most %s of %s: about %s on this machine",
        counted(schedule.n_examples, "text"),
        counted(schedule.last_epoch, "epoch"),
        counted(schedule.steps_per_epoch, "step"),
        f"{seconds:.1f} s" if seconds < 90 else f"{seconds / 60:.0f} min",
    )


def _one_epoch(
    candidates: Sequence[Candidate],
    schedule: Schedule,
    losses: BatchLosses,
    epoch: int,
    threads: Threads,
    advance: Callable[[int], object],
) -> list[float]:
    generator = schedule.generator(epoch)
    order = torch.randperm(schedule.n_examples, generator=generator)
    totals = [torch.zeros(()) for _ in candidates]
    for candidate in candidates:
        candidate.module.train()
    for i, batch in enumerate(order.split(schedule.batch_size)):
        check_time()
        rate = schedule.rate((epoch - 1) * schedule.steps_per_epoch + i)
        with threads.step():
            step_losses = losses(batch, generator)
            torch.stack(list(step_losses)).sum().backward()
            for candidate in candidates:
                candidate.step(rate)
        for total, loss in zip(totals, step_losses, strict=True):
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

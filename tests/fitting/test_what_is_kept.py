"""Which epoch's parameters are kept, also over a resume, and in what order the texts come."""

from __future__ import annotations

from pathlib import Path

import torch
from tests.fitting.test_loop import Run, weights
from torch import Tensor

from spacetune.fitting import Schedule, fit_parameters


def after_epoch(n_epochs: int) -> list[Tensor]:
    """Return the weights after so many epochs of six."""
    run = Run()
    schedule = Schedule(40, 6, 8, monitor="score", seed=5, stop_after=n_epochs)
    fit_parameters(run.candidates, schedule, losses=run.losses, validate=run.validate)
    return weights(run)


def test_a_resumed_run_keeps_the_best_epoch_of_before(tmp_path: Path) -> None:
    first = Run(scores=iter([0.9, 0.1, 0.2, 0.3]))
    first.stop_after = 4
    assert first.fit(6, tmp_path / "c")[0].ended == "interrupted"
    second = Run(scores=iter([0.4, 0.5]))
    history = second.fit(6, tmp_path / "c")[0]
    assert history.best_epoch == 1
    assert all(torch.equal(a, b) for a, b in zip(after_epoch(1), weights(second), strict=True))
    assert not torch.equal(after_epoch(4)[0], after_epoch(1)[0])


def test_of_equal_epochs_the_first_is_kept() -> None:
    run = Run(scores=iter([0.1, 0.5, 0.5, 0.5]))
    assert run.fit(4)[0].best_epoch == 2


def test_every_epoch_has_an_order_of_its_own_and_the_seed_decides_it() -> None:
    run, seen = Run(), list[Tensor]()

    def losses(rows: Tensor, generator: torch.Generator) -> list[Tensor]:
        seen.append(rows)
        return run.losses(rows, generator)

    schedule = Schedule(40, 2, 40, monitor="score", seed=5)
    fit_parameters(run.candidates, schedule, losses=losses, validate=run.validate)
    first, second = seen[-2:]
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(40))
    assert first.tolist() != second.tolist()
    again = [torch.randperm(40, generator=Schedule(40, 2, 40, seed=seed).generator(1)).tolist() for seed in (5, 6)]
    assert again[0] == first.tolist() != again[1]

"""The one loop: exact resume, Ctrl-C, early stopping, candidates side by side."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from spacetune.errors import ModelFileError, UsageError
from spacetune.fitting import Candidate, Checkpoint, History, Schedule, fit_parameters, loop

X = torch.linspace(-1, 1, 40).unsqueeze(1)
Y = 3 * X.squeeze(1) + 0.5


class Run:
    """A tiny regression whose dev score can be scripted."""

    def __init__(self, seeds: tuple[int, ...] = (0,), scores: Iterator[float] | None = None) -> None:
        self.modules = [nn.Linear(1, 1) for _ in seeds]
        for seed, module in zip(seeds, self.modules, strict=True):
            generator = torch.Generator().manual_seed(seed)
            for parameter in module.parameters():
                parameter.data.uniform_(-1, 1, generator=generator)
        self.candidates = [Candidate(module, 0.05, 0.01) for module in self.modules]
        self.scripted = scores
        self.about = {"labels": "these"}
        self.stop_after: int | None = None

    def losses(self, rows: Tensor, generator: torch.Generator) -> list[Tensor]:
        noise = 0.01 * torch.randn(len(rows), generator=generator)
        return [(m(X[rows]).squeeze(1) - Y[rows] + noise).square().mean() for m in self.modules]

    def validate(self) -> list[dict[str, float]]:
        if self.stop_after is not None:
            self.stop_after -= 1
            if self.stop_after < 0:
                raise KeyboardInterrupt
        with torch.no_grad():
            errors = [float((m(X).squeeze(1) - Y).square().mean()) for m in self.modules]
        return [{"score": next(self.scripted) if self.scripted else -error} for error in errors]

    def fit(self, n_epochs: int, file: Path | None = None, patience: int | None = None) -> list[History]:
        schedule = Schedule(len(X), n_epochs, 8, patience=patience, monitor="score", seed=5)
        return fit_parameters(
            self.candidates,
            schedule,
            losses=self.losses,
            validate=self.validate,
            checkpoint=None if file is None else Checkpoint(file, self.about),
        )


def weights(run: Run) -> list[Tensor]:
    return [p.detach().clone() for module in run.modules for p in module.parameters()]


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = Run()
    whole_history = whole.fit(6)[0]
    first, second = Run(), Run(seeds=(9,))
    first.stop_after = 3
    assert first.fit(6, tmp_path / "c")[0].ended == "interrupted"
    history = second.fit(6, tmp_path / "c")[0]
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(second), strict=True))
    assert [e.loss for e in history.epochs] == [e.loss for e in whole_history.epochs]
    assert history.best_epoch == whole_history.best_epoch


def test_freed_memory_is_kept_while_it_trains_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    @contextmanager
    def noted() -> Iterator[None]:
        seen.append("kept")
        yield
        seen.append("given back")

    monkeypatch.setattr(loop, "blocks_kept", noted)
    run = Run([0])
    taken, given = run.losses, run.validate
    monkeypatch.setattr(run, "losses", lambda *a: (seen.append("step"), taken(*a))[1])
    monkeypatch.setattr(run, "validate", lambda: (seen.append("scores"), given())[1])
    run.fit(1)
    inside = seen[seen.index("kept") :]
    assert inside[-2:] == ["scores", "given back"]
    assert inside.count("step") >= len(X) // 8


def test_ctrl_c_keeps_the_best_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    run = Run(scores=iter([0.1, 0.9, 0.2, 0.3]))
    run.stop_after = 3
    with caplog.at_level(logging.WARNING, logger="spacetune"):
        history = run.fit(10)[0]
    assert history.ended == "interrupted"
    assert history.best_epoch == 2
    assert "stopped by Ctrl-C in epoch 4; the best so far, epoch 2, is kept" in caplog.text


def test_ctrl_c_before_any_epoch_is_passed_on() -> None:
    run = Run()
    run.stop_after = 0
    with pytest.raises(KeyboardInterrupt):
        run.fit(3)


def test_ctrl_c_in_the_first_epoch_keeps_a_start_that_was_scored(caplog: pytest.LogCaptureFixture) -> None:
    run = Run()
    run.stop_after = 1
    start = weights(run)
    schedule = Schedule(len(X), 3, 8, monitor="score", seed=5)
    with caplog.at_level(logging.WARNING, logger="spacetune"):
        [history] = fit_parameters(run.candidates, schedule, losses=run.losses, validate=run.validate, score_start=True)
    assert (history.ended, history.best_epoch, [e.epoch for e in history.epochs]) == ("interrupted", 0, [0])
    assert all(torch.equal(a, b) for a, b in zip(weights(run), start, strict=True))
    assert "stopped by Ctrl-C in epoch 1; the best so far, epoch 0, is kept" in caplog.text


def test_early_stopping_restores_the_best() -> None:
    run = Run(scores=iter([0.5, 0.7, 0.6, 0.6, 0.6, 0.6]))
    kept: list[list[Tensor]] = []
    original = run.validate

    def watch() -> list[dict[str, float]]:
        kept.append(weights(run))
        return original()

    run.validate = watch  # type: ignore[method-assign]
    history = run.fit(20, patience=2)[0]
    assert history.ended == "early"
    assert len(history.epochs) == 4
    assert all(torch.equal(a, b) for a, b in zip(kept[1], weights(run), strict=True))


def test_candidates_side_by_side_equal_candidates_alone() -> None:
    both = Run(seeds=(1, 2))
    both.fit(4)
    alone = [Run(seeds=(1,)), Run(seeds=(2,))]
    for run in alone:
        run.fit(4)
    together = weights(both)
    separate = [w for run in alone for w in weights(run)]
    for a, b in zip(together, separate, strict=True):
        torch.testing.assert_close(a, b)


def test_a_foreign_or_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"not a checkpoint")
    with pytest.raises(ModelFileError, match="remove it to restart"):
        Run().fit(2, tmp_path / "c")
    Run(seeds=(1, 2)).fit(1, tmp_path / "d")
    with pytest.raises(ModelFileError, match="it holds 2 candidates, this run has 1"):
        Run().fit(2, tmp_path / "d")


def test_another_runs_checkpoint_is_refused_and_stays(tmp_path: Path) -> None:
    Run().fit(1, tmp_path / "c")
    other = Run()
    other.about = {"labels": "those", "seed": "1"}
    with pytest.raises(UsageError, match="made by another run: other labels, seed"):
        other.fit(2, tmp_path / "c")
    assert Run().fit(2, tmp_path / "c")[0].epochs[0].epoch == 1


def test_every_flipped_bit_of_a_checkpoint_is_found(tmp_path: Path) -> None:
    Run().fit(2, tmp_path / "c")
    whole = (tmp_path / "c").read_bytes()
    expected = Run()
    expected.fit(3, tmp_path / "c")
    for bit in random.Random(0).sample(range(8 * len(whole)), 100):
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        (tmp_path / "c").write_bytes(content)
        run = Run()
        try:
            run.fit(3, tmp_path / "c")
        except (ModelFileError, UsageError):
            continue
        assert all(torch.equal(a, b) for a, b in zip(weights(run), weights(expected), strict=True))


def test_a_full_disk_costs_the_checkpoint_and_not_the_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("spacetune.fitting.checkpoint.write_file", full)
    assert len(Run().fit(3, tmp_path / "c")[0].epochs) == 3
    assert [r.message.count("no checkpoint is kept") for r in caplog.records] == [1]


def test_a_checkpoint_is_one_runs_at_a_time(tmp_path: Path) -> None:
    again = Checkpoint.held(tmp_path / "c", {})
    with Checkpoint.held(tmp_path / "c", {}), pytest.raises(UsageError, match="another run writes to"), again:
        pass
    assert not list(tmp_path.iterdir())


def test_the_monitored_score_must_exist() -> None:
    run = Run()
    schedule = Schedule(len(X), 1, 8, monitor="f1")
    with pytest.raises(UsageError, match="monitor must be one of score, got 'f1'"):
        fit_parameters(run.candidates, schedule, losses=run.losses, validate=run.validate)


def test_the_rate_rises_then_falls() -> None:
    schedule = Schedule(100, 10, 10)
    rates = [schedule.rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == 1.0
    assert rates[-1] < 0.02
    assert rates.index(max(rates)) == 9


def test_equal_scores_are_told_apart_by_the_log_loss() -> None:
    run = Run()
    losses = iter([-0.9, -0.4, -0.6, -0.1])
    history = fit_parameters(
        run.candidates,
        Schedule(len(X), 4, 8, monitor="score"),
        losses=run.losses,
        validate=lambda: [{"score": 0.5, "neg_log_loss": next(losses)}],
    )[0]
    assert history.best_epoch == 4
    losses = iter([-0.1, -0.4, -0.6, -0.9])
    scores = iter([0.5, 0.5, 0.6, 0.5])
    history = fit_parameters(
        Run().candidates,
        Schedule(len(X), 4, 8, monitor="score"),
        losses=Run().losses,
        validate=lambda: [{"score": next(scores), "neg_log_loss": next(losses)}],
    )[0]
    assert history.best_epoch == 3


def test_an_epoch_chosen_before_is_gone_to_and_nothing_is_scored() -> None:
    whole, part = Run(), Run()
    whole.scripted = iter([0.1, 0.2, 0.9, 0.3, 0.4])
    whole.fit(5)
    schedule = Schedule(len(X), 5, 8, monitor="score", seed=5, stop_after=3)

    def never() -> list[dict[str, float]]:
        raise AssertionError("scored")

    history = fit_parameters(part.candidates, schedule, losses=part.losses, validate=never)[0]
    assert [e.epoch for e in history.epochs] == [1, 2, 3]
    assert (history.best_epoch, history.ended) == (3, "finished")
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(part), strict=True))


def test_ctrl_c_before_the_epoch_chosen_is_passed_on() -> None:
    run = Run()
    calls = iter(range(100))

    def losses(rows: Tensor, generator: torch.Generator) -> list[Tensor]:
        if next(calls) > 12:
            raise KeyboardInterrupt
        return run.losses(rows, generator)

    with pytest.raises(KeyboardInterrupt):
        fit_parameters(
            run.candidates, Schedule(len(X), 9, 8, monitor="score", stop_after=5), losses=losses, validate=run.validate
        )

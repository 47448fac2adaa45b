"""A step's threads: the faster number by its own steps, judged again, and a choice only where results are the same."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from spacetune.fitting import threads
from spacetune.fitting.threads import KEPT, TRIED, Threads


@pytest.fixture(autouse=True)
def three() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def same() -> list[Tensor]:
    return [torch.ones(2)]


def by_number() -> list[Tensor]:
    return [torch.full((2,), 1.0 / torch.get_num_threads())]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(threads.time, "perf_counter", lambda: now[0])
    return now


def run(chosen: Threads, n_steps: int, clock: list[float], seconds: dict[int, float]) -> list[int]:
    numbers: list[int] = []
    for _ in range(n_steps):
        with chosen.step():
            numbers.append(torch.get_num_threads())
            clock[0] += seconds[numbers[-1]]
    return numbers


@pytest.mark.parametrize("faster", [1, 3])
def test_the_faster_number_is_taken_after_a_few_steps_of_both(faster: int, clock: list[float]) -> None:
    with Threads(same) as chosen:
        numbers = run(chosen, 50, clock, {1: 1.0, 3: 1.0, faster: 0.5})
        assert sorted(numbers[: 2 * TRIED]) == [1] * TRIED + [3] * TRIED
        assert set(numbers[2 * TRIED :]) == {faster}
    assert torch.get_num_threads() == 3


def test_it_is_judged_again(clock: list[float]) -> None:
    with Threads(same) as chosen:
        assert run(chosen, KEPT, clock, {1: 1.0, 3: 0.5})[-1] == 3
        assert run(chosen, KEPT, clock, {1: 1.0, 3: 2.0})[-1] == 1


def test_one_slow_step_does_not_decide(clock: list[float]) -> None:
    with Threads(same) as chosen:
        run(chosen, 1, clock, {1: 100.0, 3: 100.0})
        assert run(chosen, 50, clock, {1: 1.0, 3: 0.5})[-1] == 3


def test_there_is_no_choice_where_gradients_differ_or_there_is_one_thread(clock: list[float]) -> None:
    with Threads(by_number) as chosen:
        assert set(run(chosen, 30, clock, {1: 0.1, 3: 1.0})) == {3}
    torch.set_num_threads(1)
    with Threads(lambda: pytest.fail("nothing to compare")) as chosen:
        assert set(run(chosen, 30, clock, {1: 1.0})) == {1}


def test_an_error_leaves_torchs_number_behind() -> None:
    def stopped(chosen: Threads) -> None:
        for _ in range(30):
            with chosen.step():
                time.sleep(0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Threads(same) as chosen:
        stopped(chosen)
    assert torch.get_num_threads() == 3

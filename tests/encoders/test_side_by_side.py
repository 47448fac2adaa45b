"""Pieces in threads of their own give what they give one after the other, and leave torch's threads as they were."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

import spacetune.encoders.passes.side_by_side as apart
from spacetune import Encoder
from spacetune.encoders.loading import machine
from spacetune.encoders.passes import frozen
from spacetune.encoders.passes.side_by_side import side_by_side


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def threads_of_a_new_thread() -> int:
    told: list[int] = []
    new = threading.Thread(target=lambda: told.append(torch.get_num_threads()))
    new.start()
    new.join()
    return told[0]


def test_every_piece_is_done_once_with_one_thread_each(threads: int) -> None:
    found = list(side_by_side(lambda piece: (piece, torch.get_num_threads()), iter(range(20)), 20))
    assert sorted(piece for piece, _ in found) == list(range(20))
    assert {n for _, n in found} == {1}
    assert torch.get_num_threads() == threads == threads_of_a_new_thread()


def test_of_many_threads_every_piece_gets_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "MOST", 2)
    before = torch.get_num_threads()
    torch.set_num_threads(5)
    try:
        assert set(side_by_side(lambda _: torch.get_num_threads(), range(9), 9)) == {2}
    finally:
        torch.set_num_threads(before)


def test_few_pieces_get_all_threads(threads: int) -> None:
    assert list(side_by_side(lambda _: torch.get_num_threads(), [0, 0], 2)) == [threads, threads]


def test_no_more_pieces_are_made_than_threads_can_take(threads: int) -> None:
    made: list[int] = []
    pieces = (made.append(i) or i for i in range(100))
    found = side_by_side(lambda piece: piece, pieces, 100)
    next(found)
    found.close()
    assert len(made) <= threads + 3
    assert torch.get_num_threads() == threads == threads_of_a_new_thread()


def test_an_error_comes_out(threads: int) -> None:
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda piece: 1 / piece, [1, 1, 1, 0, 1, 1], 6))
    assert torch.get_num_threads() == threads


def test_states_are_the_same_to_the_bit(tiny_encoder: Encoder, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"text number {i} " + "word " * (i % 50) for i in range(200)]
    monkeypatch.setattr(frozen, "TOKEN_BUDGET", 256)
    features = tiny_encoder.encode(texts)
    monkeypatch.setattr(frozen, "side_by_side", lambda work, pieces, _: map(work, pieces))
    assert torch.equal(features.values, tiny_encoder.encode(texts).values)


def test_bfloat16_is_judged_by_the_time_of_one_thread(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, object]] = []

    def rate(dtype: torch.dtype, rows: int, clock: object) -> float:
        asked.append((torch.get_num_threads(), clock))
        return {torch.bfloat16: 0.49, torch.float32: 1.0}[dtype]

    monkeypatch.setattr(machine, "linear_rate", rate)
    assert machine._bfloat16_crawls.__wrapped__()
    assert asked == 2 * [(1, machine.time.thread_time)]
    assert torch.get_num_threads() == threads

"""The queue in front of the model: order, batches, refusals."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from spacetune.web import Limits
from spacetune.web.batching import Batcher
from spacetune.web.limits import Refused
from spacetune.web.models import ServedModel
from spacetune.web.service import Service


def test_requests_run_together_and_are_not_mixed_up() -> None:
    gate, seen = threading.Event(), []

    def run(texts: list[Any]) -> list[str]:
        gate.wait(30)
        seen.append(len(texts))
        return [text.upper() for text in texts]

    batcher = Batcher(Limits(batch_texts=8))
    futures = [batcher.submit("a", run, [f"text {i}", f"more {i}"]) for i in range(9)]
    gate.set()
    assert [list(f.result(30)) for f in futures] == [[f"TEXT {i}", f"MORE {i}"] for i in range(9)]
    assert max(seen) == 8
    assert len(seen) <= 4
    batcher.close()


def test_a_full_queue_refuses_at_once_and_a_failure_reaches_its_requests_only() -> None:
    gate = threading.Event()

    def run(texts: list[Any]) -> list[Any]:
        gate.wait(30)
        if "bad" in texts:
            raise ValueError("bad")
        return texts

    batcher = Batcher(Limits(max_waiting=3))
    first = batcher.submit("a", run, ["x"])
    while batcher.n_waiting:
        pass
    second = batcher.submit("b", run, ["bad", "y"])
    with pytest.raises(Refused) as refused:
        batcher.submit("a", run, ["x", "y"])
    assert refused.value.status == 429
    third = batcher.submit("a", run, ["z"])
    gate.set()
    assert first.result(30) == ["x"]
    with pytest.raises(ValueError, match="bad"):
        second.result(30)
    assert third.result(30) == ["z"]
    batcher.close()
    with pytest.raises(Refused) as stopping:
        batcher.submit("a", run, ["x"])
    assert stopping.value.status == 503


def test_the_queue_is_first_in_first_out_with_mixed_kinds() -> None:
    gate, order = threading.Event(), []

    def run(texts: list[Any]) -> list[Any]:
        gate.wait(30)
        order.extend(texts)
        return texts

    batcher = Batcher(Limits(batch_texts=2))
    futures = [batcher.submit("first", run, ["first"])]
    while batcher.n_waiting:
        pass
    kinds = ["b1", "c1", "d1", "c2", "b2", "d2", "e1", "b3"]
    futures += [batcher.submit(name[0], run, [name]) for name in kinds]
    gate.set()
    for future in futures:
        future.result(30)
    assert order == ["first", "b1", "b2", "c1", "c2", "d1", "d2", "e1", "b3"]
    batcher.close()


def test_a_long_request_takes_turns_with_others_and_is_not_refused_halfway() -> None:
    gate, order = threading.Event(), []

    def run(texts: list[Any]) -> list[Any]:
        gate.wait(30)
        order.extend(texts)
        return texts

    batcher = Batcher(Limits(max_waiting=1))
    first = batcher.submit("a", run, ["long 1"])
    while batcher.n_waiting:
        pass
    other = batcher.submit("b", run, ["other"])
    second = batcher.submit("a", run, ["long 2"], begun=True)
    gate.set()
    assert [first.result(30), other.result(30), second.result(30)] == [["long 1"], ["other"], ["long 2"]]
    assert order == ["long 1", "other", "long 2"]
    batcher.close()


def test_a_request_given_up_harms_no_other() -> None:
    gate = threading.Event()

    def run(texts: list[Any]) -> list[Any]:
        gate.wait(30)
        return texts

    batcher = Batcher(Limits())
    first = batcher.submit("a", run, ["x"])
    while batcher.n_waiting:
        pass
    given_up, kept = batcher.submit("a", run, ["y"]), batcher.submit("a", run, ["z"])
    assert given_up.cancel()
    gate.set()
    assert first.result(30) == ["x"]
    assert kept.result(30) == ["z"]
    assert batcher.alive
    batcher.close()


def test_waiting_too_long_is_answered_503() -> None:
    gate = threading.Event()
    batcher = Batcher(Limits(max_seconds=0.05))

    def run(texts: list[Any]) -> list[Any]:
        gate.wait(30)
        return texts

    first = batcher.submit("a", run, ["x"])
    while batcher.n_waiting:
        pass
    late = batcher.submit("a", run, ["y"])
    threading.Event().wait(0.2)
    gate.set()
    assert first.result(30) == ["x"]
    with pytest.raises(Refused, match="waited over"):
        late.result(30)
    batcher.close()


def test_what_was_let_in_is_answered_however_late() -> None:
    gate = threading.Event()
    batcher = Batcher(Limits(max_seconds=0.05))
    first = batcher.submit("a", lambda texts: gate.wait(30) and texts, ["x"])
    while batcher.n_waiting:
        pass
    further, new = (
        batcher.submit(key, lambda texts: texts, [key], begun=key == "further") for key in ("further", "new")
    )
    time.sleep(0.1)
    gate.set()
    assert first.result(30) == ["x"]
    assert further.result(30) == ["further"]
    with pytest.raises(Refused, match="waited over"):
        new.result(30)
    batcher.close()


def test_a_request_is_told_in_time_that_the_model_is_busy() -> None:
    gate, service = threading.Event(), Service([ServedModel("m", None)], Limits(max_seconds=0.2))  # type: ignore[arg-type]
    busy = service.batcher.submit("a", lambda texts: gate.wait(30) and texts, ["x"])
    waiting = service.batcher.submit("b", lambda texts: texts, ["y"])
    began = time.monotonic()
    with pytest.raises(Refused, match=r"waited over 0\.2 s"):
        asyncio.run(service._answered(waiting, begun=False))
    assert time.monotonic() - began < 5
    assert not gate.is_set()
    gate.set()
    assert busy.result(30) == ["x"]
    service.batcher.close()

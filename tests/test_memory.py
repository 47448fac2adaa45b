"""What a process may hold: sizes as people write them, less kept in memory, and work that ends as by Ctrl-C."""

from __future__ import annotations

import builtins
import mmap
import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spacetune import memory
from spacetune.encoders.store.settings import IN_MEMORY, in_memory
from spacetune.errors import Terminated, TooMuchMemory, UsageError
from spacetune.memory import ended_beyond, held_bytes, max_memory, read_size


@pytest.mark.parametrize(
    ("given", "n_bytes"),
    [("2", 2e9), ("1.5GB", 1.5e9), ("800MB", 8e8), (" 800 mb ", 8e8), (".5", 5e8), ("3.", 3e9)],
)
def test_sizes_are_read_as_people_write_them(given: str, n_bytes: float) -> None:
    assert read_size(given) == n_bytes


@pytest.mark.parametrize("given", ["", "0", "-1", "x", "1TB", "1 2", "nan", "inf", "0.00MB"])
def test_what_is_no_size_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="must be a number of gigabytes"):
        read_size(given)


def test_features_beyond_a_share_of_the_bound_stay_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(memory.VARIABLE, raising=False)
    assert (max_memory(), in_memory()) == (None, IN_MEMORY)
    with ended_beyond("1600MB"):
        assert (max_memory(), in_memory()) == (1.6e9, 1e8)
    with ended_beyond("100"):
        assert in_memory() == IN_MEMORY
    assert max_memory() is None
    monkeypatch.setenv(memory.VARIABLE, "3")
    with ended_beyond("1"):
        assert max_memory() == 1e9
    assert max_memory() == 3e9


def test_work_beyond_the_bound_ends_once_and_keeps_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    before, held, usual = signal.getsignal(signal.SIGINT), [1], signal.default_int_handler
    monkeypatch.setattr(memory, "held_bytes", lambda: held[0])
    signal.signal(signal.SIGINT, usual)  # a shell's background job ignores it
    with ended_beyond("1GB") as came:
        time.sleep(3 * memory.EVERY)
        assert came == []
        held[0] = 1_234_000_000
        with pytest.raises(TooMuchMemory, match=r"--max-memory \(1\.23 GB are held, 1 allowed\)"):
            time.sleep(5)
        time.sleep(3 * memory.EVERY)  # once is enough
        assert came == ["--max-memory (1.23 GB are held, 1 allowed)"]
        with pytest.raises(KeyboardInterrupt) as stop:
            signal.raise_signal(signal.SIGINT)
        assert not isinstance(stop.value, Terminated)
    assert signal.getsignal(signal.SIGINT) is usual
    signal.signal(signal.SIGINT, before)


def test_an_ignored_ctrl_c_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "held_bytes", lambda: 1)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with ended_beyond("1GB") as came:
            signal.raise_signal(signal.SIGINT)
        assert came == []
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_is_held_is_read_from_the_system() -> None:
    before = held_bytes()
    with mmap.mmap(-1, 64 << 20) as block:  # a bytearray may lie in memory that was freed, and is held already
        block.write(os.urandom(1 << 20) * 64)
        assert held_bytes() - before > 0.8 * len(block)


def test_elsewhere_psutil_tells_or_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def none(name: str, *rest: Any, **named: Any) -> Any:
        if name == "psutil":
            raise ImportError(name)
        return real(name, *rest, **named)

    def nothing(self: Path) -> str:
        raise FileNotFoundError(self)

    monkeypatch.setattr(Path, "read_text", nothing)
    monkeypatch.setattr(builtins, "__import__", none)
    with pytest.raises(UsageError, match="pip install psutil"), ended_beyond("1GB"):
        pass
    monkeypatch.setattr(builtins, "__import__", real)
    process = SimpleNamespace(memory_info=lambda: SimpleNamespace(rss=7))
    monkeypatch.setitem(sys.modules, "psutil", SimpleNamespace(Process=lambda: process))
    assert held_bytes() == 7

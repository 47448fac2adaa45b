"""What a container may compute with: its quota of CPUs, whichever way the kernel tells it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from spacetune.encoders.loading.machine import cpu_quota, heed_quota


@pytest.mark.parametrize(
    ("told", "quota"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, math.inf),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, math.inf),
        ({"cpu.max": "\n"}, math.inf),
        ({}, math.inf),
    ],
)
def test_the_quota_of_a_control_group(told: dict[str, str], quota: float, tmp_path: Path) -> None:
    for name, content in told.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    assert cpu_quota(tmp_path) == quota


@pytest.mark.parametrize(("quota", "chosen", "threads"), [("250000", None, 2), ("50000", None, 1), ("250000", "4", 4)])
def test_threads_stay_within_the_quota_unless_chosen(
    quota: str, chosen: str | None, threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota} 100000")
    now = [4]
    monkeypatch.setattr(torch, "get_num_threads", lambda: now[-1])
    monkeypatch.setattr(torch, "set_num_threads", now.append)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if chosen is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", chosen)
    assert heed_quota.__wrapped__(tmp_path) == threads == now[-1]

"""A forked child answers as its parent does, whatever threads the parent used."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CHILD_ANSWERS = """
import multiprocessing as mp, torch
from spacetune import Encoder
encoder = Encoder.from_pretrained(dtype="float32")
texts = [f"text number {i} about parcels and refunds" for i in range(40)]
before = encoder.encode(texts).values
assert torch.get_num_threads() == 2
def work(_):
    return torch.get_num_threads(), bool(torch.allclose(encoder.encode(texts).values, before, atol=1e-5))
with mp.get_context("fork").Pool(2) as pool:
    print(pool.map_async(work, range(2)).get(timeout=30))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_encodes() -> None:
    surroundings = {**os.environ, "OMP_NUM_THREADS": "2", "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(
        [sys.executable, "-c", CHILD_ANSWERS], capture_output=True, text=True, timeout=90, env=surroundings, check=False
    )
    assert ran.stdout == "[(1, True), (1, True)]\n", ran.stderr

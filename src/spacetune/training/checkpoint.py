"""A run's state after an epoch, in one safetensors file, replaced whole."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from spacetune.errors import ModelFileError
from spacetune.training.candidate import Candidate
from spacetune.training.history import Epoch

__all__ = ["load_checkpoint", "save_checkpoint"]


def save_checkpoint(path: Path, candidates: Sequence[Candidate]) -> None:
    """Write the state of every candidate; the old file stays until the new one is whole."""
    tensors = {f"{i}.{k}": v.contiguous().clone() for i, c in enumerate(candidates) for k, v in c.state().items()}
    story = [{"best_epoch": c.best_epoch, "epochs": [e.to_dict() for e in c.epochs]} for c in candidates]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".writing")
    safetensors.torch.save_file(tensors, unfinished, metadata={"story": json.dumps(story)})
    os.replace(unfinished, path)


def load_checkpoint(path: Path, candidates: Sequence[Candidate]) -> int:
    """Take up the saved state where there is one; return the epochs already done.

    Raises
    ------
    ModelFileError
        If the file is damaged or belongs to another run.
    """
    if not path.exists():
        return 0
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            story = json.loads((file.metadata() or {}).get("story", "[]"))
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if len(story) != len(candidates):
            raise ValueError(f"it holds {len(story)} candidates, this run has {len(candidates)}")
        for i, (candidate, told) in enumerate(zip(candidates, story, strict=True)):
            mark = f"{i}."
            candidate.load_state({k.removeprefix(mark): v for k, v in tensors.items() if k.startswith(mark)})
            candidate.best_epoch = told["best_epoch"]
            candidate.epochs = [Epoch(**epoch) for epoch in told["epochs"]]
    except (safetensors.SafetensorError, KeyError, ValueError, RuntimeError, OSError) as error:
        raise ModelFileError(
            f"the checkpoint {path} does not fit this run ({error}); remove it to start over"
        ) from error
    return max((c.epochs[-1].epoch for c in candidates if c.epochs), default=0)

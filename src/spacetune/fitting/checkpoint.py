"""A run's state after an epoch, in one safetensors file, replaced whole, and restored by that run alone."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from spacetune.errors import ModelFileError, UsageError
from spacetune.files import Busy, lock, write_file
from spacetune.fitting.candidate import Candidate
from spacetune.fitting.history import Epoch

__all__ = ["Checkpoint"]

log = logging.getLogger("spacetune")

UNFIT = (safetensors.SafetensorError, AttributeError, KeyError, RuntimeError, TypeError, ValueError)


class Checkpoint:
    """A file that one run saves its state to after every epoch, and goes on from.

    Parameters
    ----------
    path
        The file.
    run
        What makes the run what it is, by name: digests of its texts, labels and settings, its encoder, the versions.
    """

    def __init__(self, path: Path, run: Mapping[str, str] | None = None) -> None:
        self.path = path
        self.run = dict(run or {})
        self._failed = False

    @classmethod
    @contextlib.contextmanager
    def held(cls, path: Path, run: Mapping[str, str]) -> Generator[Self]:
        """Give a checkpoint that no other run writes to meanwhile.

        Raises
        ------
        UsageError
            If another run does, or the place cannot be written to.
        """
        with contextlib.ExitStack() as stack:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(lock(path.with_name(f".{path.name}.lock")))
            except Busy as error:
                raise UsageError(
                    f"another run writes to the checkpoint {path}; wait for it, or name another"
                ) from error
            except OSError as error:
                raise UsageError(
                    f"a checkpoint cannot be written to {path}: {error.strerror}; name another place"
                ) from error
            yield cls(path, run)

    def save(self, candidates: Sequence[Candidate]) -> None:
        """Write the state of every candidate; the old file stays until the new one is whole.

        Where it cannot be written the run goes on without, and says so once.
        """
        tensors = {f"{i}.{k}": v.contiguous() for i, c in enumerate(candidates) for k, v in c.state().items()}
        story = [{"best_epoch": c.best_epoch, "epochs": [e.to_dict() for e in c.epochs]} for c in candidates]
        about = {"story": json.dumps(story), "run": json.dumps(self.run)}
        about["digest"] = _digest(about, tensors)
        try:
            write_file(self.path, safetensors.torch.save(tensors, about))
        except OSError as error:
            if not self._failed:
                log.warning("no checkpoint is kept (%s: %s); the fit goes on", self.path, error.strerror or error)
            self._failed = True

    def load(self, candidates: Sequence[Candidate]) -> int:
        """Restore the saved state where there is one; return the epochs already done.

        Raises
        ------
        UsageError
            If another run made the file: what differs is named.
        ModelFileError
            If it is damaged.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise ModelFileError(f"the checkpoint {self.path} cannot be read: {error.strerror}") from error
        try:
            about, tensors = _parsed(content)
            self._check_run(json.loads(about["run"]))
            self._restore(json.loads(about["story"]), tensors, candidates)
        except UNFIT as error:
            if isinstance(error, UsageError):
                raise
            raise ModelFileError(f"the checkpoint {self.path} is damaged ({error}); remove it to restart") from error
        return max((c.epochs[-1].epoch for c in candidates if c.epochs), default=0)

    def _check_run(self, run: Mapping[str, str]) -> None:
        other = [name for name in {**self.run, **run} if self.run.get(name) != run.get(name)]
        if other:
            raise UsageError(
                f"the checkpoint {self.path} was made by another run: other {', '.join(other)}; go on with those it "
                "was made with, or remove it to restart"
            )

    def _restore(self, story: list[Any], tensors: dict[str, Tensor], candidates: Sequence[Candidate]) -> None:
        if len(story) != len(candidates):
            raise ValueError(f"it holds {len(story)} candidates, this run has {len(candidates)}")
        for i, (candidate, told) in enumerate(zip(candidates, story, strict=True)):
            mark = f"{i}."
            candidate.load_state({k.removeprefix(mark): v for k, v in tensors.items() if k.startswith(mark)})
            candidate.best_epoch = told["best_epoch"]
            candidate.epochs = [Epoch.from_dict(epoch) for epoch in told["epochs"]]


def _parsed(content: bytes) -> tuple[dict[str, str], dict[str, Tensor]]:
    tensors = safetensors.torch.load(content)
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    about: dict[str, str] = header.get("__metadata__", {})
    if about.pop("digest", None) != _digest(about, tensors):
        raise ValueError("its digest is not that of its content")
    return about, tensors


def _digest(about: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of everything that a run goes on from."""
    found = hashlib.sha256(json.dumps(dict(sorted(about.items()))).encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().contiguous()
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()

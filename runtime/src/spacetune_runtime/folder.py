"""What an exported folder says beside its graph and tokenizer."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["ExportError", "Facts"]

FORMAT = 1


class ExportError(Exception):
    """A folder is no export that this version reads; the message says why."""


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the graph does not say of the model.

    Parameters
    ----------
    kind
        ``single``, ``multi`` or ``regression``.
    classes
        Names of the outputs, in order.
    temperature
        What logits are divided by before they become probabilities.
    threshold
        Logit from which one of several labels is given.
    bias
        What every logit starts with.
    pairs
        Whether it reads pairs of texts.
    max_windows
        How many windows of a long text are read.
    seam
        What the lexicon gives to the two special tokens where windows meet; None without a lexicon.
    reserved
        What stands before the names of special tokens in the tokenizer.
    """

    kind: str
    classes: list[Any]
    temperature: float
    threshold: float
    bias: np.ndarray
    pairs: bool
    max_windows: int
    seam: np.ndarray | None
    reserved: str

    @classmethod
    def read(cls, folder: Path) -> Facts:
        """Read ``spacetune.json``.

        Raises
        ------
        ExportError
            If it is not there, damaged, or of another format.
        """
        try:
            told = json.loads((folder / "spacetune.json").read_text(encoding="utf-8"))
            if told.pop("format") != FORMAT:
                raise ExportError(f"{folder} is of another format than this runtime reads; install a newer one")
            told["bias"] = np.asarray(told["bias"], dtype=np.float64)
            told["seam"] = None if told["seam"] is None else np.asarray(told["seam"], dtype=np.float32)
            return cls(**told)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ExportError(f"{folder} must be a folder that spacetune exported to ONNX: {error}") from error

"""The linear probe: logistic or ridge regression on mean states."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor

from spacetune.fitting.data import FitData
from spacetune.fitting.inputs import Inputs, mean_rows
from spacetune.fitting.learnt import Learnt
from spacetune.fitting.linear import STRENGTHS, choose_linear, fit_linear, spread
from spacetune.fitting.methods.method import Array, Method, Reading, Run
from spacetune.heads import LinearHead, Model

__all__ = ["ProbeMethod"]


@dataclasses.dataclass(frozen=True)
class ProbeMethod(Method):
    """A linear head, fitted on standardised mean states at the strength that dev chooses."""

    C: float | None = None

    @property
    def reading(self) -> Reading:
        """It reads all windows, and learns nothing inside."""
        return Reading(windows=True)

    def learns_again(self, n_texts: int) -> bool:
        """Tell yes: a second fit costs nothing."""
        del n_texts
        return True

    def conflict(self) -> str | None:
        """Say nothing: every strength goes."""
        return None

    def learn(self, data: FitData, run: Run) -> tuple[Learnt, Array]:
        """Fit at every strength, keep the best on dev."""
        rows, targets = mean_rows(data.train).numpy(), data.targets.numpy()
        dev_rows = mean_rows(data.dev).numpy() if data.has_dev else rows
        mean, scale = spread(rows)
        parts = ((rows - mean) / scale, targets), ((dev_rows - mean) / scale, data.dev_targets.numpy())
        found = choose_linear(run.task, *parts, STRENGTHS if self.C is None else (self.C,))
        head = _folded(mean, scale, found.weight, found.bias)
        logits = dev_rows @ head.weight.numpy().T + head.bias.numpy()
        return Learnt.of(Model(head), chosen=found.strength, facts={"C": found.strength}), logits

    def learn_again(self, inputs: Inputs, targets: Tensor, run: Run, before: Learnt) -> Learnt:
        """Fit at the strength that was chosen."""
        rows = mean_rows(inputs).numpy()
        mean, scale = spread(rows)
        weight, bias = fit_linear(run.task, (rows - mean) / scale, targets.numpy(), before.chosen)
        return Learnt.of(Model(_folded(mean, scale, weight, bias)), chosen=before.chosen, facts=before.facts)


def _folded(mean: Array, scale: Array, weight: Array, bias: Array) -> LinearHead:
    """Return the head of rows as they are."""
    own = weight / scale
    return LinearHead(torch.from_numpy(own), torch.from_numpy(np.asarray(bias - own @ mean)))

"""How much two ways to read a text weigh: by their loss on dev."""

# The types of torch, NumPy and SciPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from spacetune.fitting.data import FitData
from spacetune.fitting.tasks import Task

__all__ = ["shares"]

Array = np.ndarray[Any, Any]

PULL = 1.0


def shares(head: Tensor, other: Tensor, data: FitData, task: Task) -> tuple[float, float, float]:
    r"""Weigh two kinds of logits by the task's own loss on dev, with a pull towards the first alone.

    .. math:: \min_{a, b \ge 0} \sum_{dev} loss(a\,S + b\,P) + (a - 1)^2 + b^2

    Parameters
    ----------
    head
        ``(dev text, output)``: S.
    other
        P, of the same shape.
    data
        Of which dev is read.
    task
        Whose loss it is.

    Returns
    -------
    tuple of float
        a, b, and the least loss.
    """

    def objective(point: Array) -> tuple[float, Array]:
        p = torch.as_tensor(point).requires_grad_()
        loss = task.loss(p[0] * head + p[1] * other, *data.dev_batch) * len(data.dev_targets)
        total = loss + PULL * ((p[0] - 1).square() + p[1].square())
        total.backward()
        assert p.grad is not None
        return float(total.detach()), p.grad.numpy()

    found = minimize(objective, [1.0, 0.3], jac=True, method="L-BFGS-B", bounds=[(0.05, 20), (0, 20)])
    return float(found.x[0]), float(found.x[1]), float(found.fun)

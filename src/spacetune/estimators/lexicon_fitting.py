"""Fit a lexicon beside a trained head, and keep it only where it helps on dev."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression, Ridge
from torch import Tensor

from spacetune.encoders import FeatureSource
from spacetune.estimators.space_training import SpaceData
from spacetune.spaces import Lexicon
from spacetune.training import Task

__all__ = ["Words", "fit_lexicon"]

Array = np.ndarray[Any, Any]

STRENGTH = 3.0
SCALE = 4.0
PULL = 1.0


@dataclasses.dataclass(frozen=True)
class Words:
    """A lexicon worth having: its weight is in it; the head's logits are to be multiplied by `share`.

    Parameters
    ----------
    lexicon
        Scores a token.
    share
        What the head's logits keep.
    bias
        ``(output,)``: added to the scaled bias.
    gain
        By how much the dev score rose.
    """

    lexicon: Lexicon
    share: float
    bias: Tensor
    gain: float


def fit_lexicon(data: SpaceData, head_logits: Tensor, task: Task) -> Words | None:
    r"""Fit logistic (or ridge) regression on shares of token ids, and weigh it against the head on dev.

    .. math:: \min_{a, b \ge 0} \sum_{dev} loss(a\,S + b\,L) + (a - 1)^2 + b^2

    S are the head's logits and L the lexicon's, which was fitted on the training texts alone. The pull towards the
    head alone matters for small dev parts only. The mixture is taken if both the loss and the dev score improve by it.
    Strength, scale and this rule are our choice, made on the dev parts of six data sets.

    Parameters
    ----------
    data
        Features and targets.
    head_logits
        ``(dev text, output)``.
    task
        What is learnt.

    Returns
    -------
    Words or None
        None where it does not help, or where the features carry no token ids.
    """
    train, dev = _shares(data.train), _shares(data.dev)
    if train is None or dev is None or data.train is data.dev:
        return None
    known = np.flatnonzero(np.diff(train.tocsc().indptr))
    known = known[known < dev.shape[1]] if dev.shape[1] < train.shape[1] else known
    weights, bias = _solve(train[:, known], data.targets.numpy(), task)
    lexical = torch.from_numpy(_columns(dev, known) @ weights.T + bias)
    a, b = _mixture(head_logits.double(), lexical, data.dev_targets, task)
    mixed = (a * head_logits.double() + b * lexical).numpy()
    targets = data.dev_targets.numpy()
    before, after = (task.scores(z, targets)[task.monitor] for z in (head_logits.double().numpy(), mixed))
    if b == 0 or after <= before:
        return None
    lexicon = Lexicon(torch.from_numpy(known), torch.from_numpy(b * SCALE * weights.T).float())
    return Words(lexicon, a, torch.from_numpy(b * bias), after - before)


def _shares(source: FeatureSource) -> Any:
    """Return the share of every token id in every text, times 4, ``(text, id)``, sparse."""
    ids = source.take_ids(torch.arange(len(source)))
    if ids is None or not len(ids):
        return None
    lengths = source.lengths.numpy()
    values = np.repeat(SCALE / np.maximum(lengths, 1), lengths)
    edges = np.concatenate([[0], np.cumsum(lengths)])
    rows = csr_matrix((values, ids.numpy().astype(np.int64), edges), shape=(len(lengths), int(ids.max()) + 1))
    rows.sum_duplicates()
    return rows


def _columns(rows: Any, known: Array) -> Any:
    missing = int(known.max()) + 1 - rows.shape[1]
    if missing > 0:
        rows = csr_matrix((rows.data, rows.indices, rows.indptr), shape=(rows.shape[0], rows.shape[1] + missing))
    return rows[:, known]


def _solve(rows: Any, targets: Array, task: Task) -> tuple[Array, Array]:
    """Return weights ``(output, id)`` and biases ``(output,)`` of the task's own linear model."""
    if task.kind == "regression":
        standard = (targets - task.mean) / task.scale  # pyright: ignore[reportAttributeAccessIssue]
        ridge = Ridge(alpha=1 / STRENGTH).fit(rows, standard)
        return ridge.coef_[None], np.array([ridge.intercept_])
    if task.kind == "multi":
        each = [_binary(rows, targets[:, k]) for k in range(task.n_outputs)]
        return np.stack([w for w, _ in each]), np.array([b for _, b in each])
    fitted = LogisticRegression(C=STRENGTH, max_iter=300).fit(rows, targets)
    weights, bias = np.zeros((task.n_outputs, rows.shape[1])), np.full(task.n_outputs, fitted.intercept_.min() - 5)
    if len(fitted.classes_) == 2:
        weights[fitted.classes_] = np.concatenate([-fitted.coef_, fitted.coef_]) / 2
        bias[fitted.classes_] = np.array([-1, 1]) * fitted.intercept_ / 2
    else:
        weights[fitted.classes_], bias[fitted.classes_] = fitted.coef_, fitted.intercept_
    return weights, bias


def _binary(rows: Any, targets: Array) -> tuple[Array, float]:
    if targets.min() == targets.max():
        return np.zeros(rows.shape[1]), 5.0 if targets.max() else -5.0
    fitted = LogisticRegression(C=STRENGTH, solver="liblinear").fit(rows, targets)
    return fitted.coef_[0], float(fitted.intercept_[0])


def _mixture(head: Tensor, lexical: Tensor, targets: Tensor, task: Task) -> tuple[float, float]:
    """Weigh the two by the task's own loss on dev."""

    def objective(point: Array) -> tuple[float, Array]:
        p = torch.from_numpy(point).requires_grad_()
        loss = task.loss(p[0] * head + p[1] * lexical, targets) * len(targets)
        total = loss + PULL * ((p[0] - 1).square() + p[1].square())
        total.backward()
        assert p.grad is not None
        return float(total.detach()), p.grad.numpy()

    found = minimize(objective, [1.0, 0.3], jac=True, method="L-BFGS-B", bounds=[(0.05, 20), (0, 20)])
    return float(found.x[0]), float(found.x[1])

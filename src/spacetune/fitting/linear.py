"""Linear models of a task: logistic or ridge regression as rows of weights, and the strength that dev chooses."""

# The types of NumPy, SciPy and scikit-learn are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import issparse
from scipy.special import expit
from sklearn.linear_model import LogisticRegression, Ridge
from threadpoolctl import threadpool_limits

from spacetune.fitting.scores import standing
from spacetune.fitting.tasks import Regression, Task

__all__ = [
    "STRENGTHS",
    "LinearFit",
    "Spread",
    "choose_linear",
    "fit_linear",
    "logistic",
    "logistic_each",
    "spread",
    "unlogged",
]

Array = np.ndarray[Any, Any]

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
"""Inverse regularisation strengths tried where the user names none, chosen on dev (ours)."""


@dataclasses.dataclass(frozen=True)
class LinearFit:
    """A linear model of rows at the strength that dev chose.

    Parameters
    ----------
    strength
        Inverse strength of the penalty.
    weight
        ``(output, feature)``.
    bias
        ``(output,)``.
    dev_logits
        ``(dev text, output)``.
    """

    strength: float
    weight: Array
    bias: Array
    dev_logits: Array


def choose_linear(
    task: Task,
    train: tuple[Any, Array, Array | None],
    dev: tuple[Any, Array, Array | None],
    strengths: Sequence[float] = STRENGTHS,
) -> LinearFit:
    """Fit a task's linear model at every strength, and return the one that is best on dev.

    Parameters
    ----------
    task
        What is learnt.
    train
        Rows ``(text, feature)``, standardised or sparse; targets; and the texts' weights, or None.
    dev
        The same of the texts to choose by.
    strengths
        Inverse strengths, at least one.
    """
    (rows, targets, weights), (dev_rows, dev_targets, dev_weights) = train, dev
    tried = [(C, *fit_linear(task, rows, targets, C, weights)) for C in strengths]
    fits = [LinearFit(C, weight, bias, dev_rows @ weight.T + bias) for C, weight, bias in tried]
    return max(fits, key=lambda fit: standing(task.scores(fit.dev_logits, dev_targets, dev_weights), task.monitor))


class Spread(NamedTuple):
    """Mean and standard deviation of every feature."""

    mean: Array
    scale: Array

    def standard(self, rows: Array) -> Array:
        """Return rows standardised."""
        return (rows - self.mean) / self.scale

    def folded(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """Return what a linear model of standardised rows is of rows as they are."""
        own = weight / self.scale
        return own, np.asarray(bias - own @ self.mean)


def spread(rows: Array, weights: Array | None = None) -> Spread:
    """Return mean and standard deviation of every feature; a constant one has deviation 1."""
    mean = np.average(rows, axis=0, weights=weights)
    scale = np.sqrt(np.average((rows - mean) ** 2, axis=0, weights=weights))
    scale[scale < 1e-6] = 1.0
    return Spread(mean, scale)


def fit_linear(task: Task, rows: Any, targets: Array, C: float, weights: Array | None = None) -> tuple[Array, Array]:
    """Fit a task's own linear model at one inverse strength: weights ``(output, feature)`` and biases ``(output,)``.

    Logistic regression with the classes' weights, one for each of several labels, or ridge regression of standardised
    numbers. A text's own weight is multiplied by that of its class. A class without a text is put far behind the
    others. Rows may be sparse: a solver's short steps between products that know no threads take longer with several.
    """
    with threadpool_limits(1 if issparse(rows) else None, "blas"):
        return _fit_linear(task, rows, targets, C, weights)


def _fit_linear(task: Task, rows: Any, targets: Array, C: float, weights: Array | None) -> tuple[Array, Array]:
    if isinstance(task, Regression):
        with unlogged():
            ridge = Ridge(alpha=0.5 / C).fit(rows, (targets - task.mean) / task.scale, weights)
        return ridge.coef_[None, :], np.array([ridge.intercept_])
    of_classes = None if task.weights is None else task.weights.astype(np.float64)
    if task.kind == "multi":
        return logistic_each(rows, targets, C, of_classes, weights)
    named = None if of_classes is None else dict(enumerate(of_classes.tolist()))
    weight, bias = logistic(rows, targets, C, named, weights)
    missing = task.n_outputs - len(bias)
    return np.pad(weight, ((0, missing), (0, 0))), np.pad(bias, (0, missing), constant_values=bias.min() - 8)


def logistic_each(
    rows: Any, targets: Array, C: float, of_labels: Array | None = None, weights: Array | None = None
) -> tuple[Array, Array]:
    """Fit one logistic regression a label (L-BFGS).

    Of dense rows all labels are fitted in the same passes, which are products of matrices then. Of sparse rows each is
    fitted by itself: a pass costs as much a label, each takes as many as it needs, and the solver's memory stays small.
    A text that carries a label weighs what the label weighs; one that does not weighs 1; both times the text's own
    weight.
    """
    n_labels = targets.shape[1]
    weighed = np.ones(targets.shape) if of_labels is None else np.where(targets > 0, of_labels, 1.0)
    weighed = weighed if weights is None else weighed * weights[:, None]
    together = 1 if issparse(rows) else n_labels
    runs = [slice(first, first + together) for first in range(0, n_labels, together)]
    fits = [_summed(rows, targets[:, run], C, weighed[:, run]) for run in runs]
    return np.concatenate([weight for weight, _ in fits]), np.concatenate([bias for _, bias in fits])


def _summed(rows: Any, targets: Array, C: float, weighed: Array) -> tuple[Array, Array]:
    """Minimise the sum of the objectives of some labels; `weighed` is what each text weighs for each."""
    n_labels, dim = targets.shape[1], rows.shape[1]

    def objective(flat: Array) -> tuple[float, Array]:
        weight, bias = flat[:-n_labels].reshape(n_labels, dim), flat[-n_labels:]
        logits = rows @ weight.T + bias
        error = weighed * (expit(logits) - targets)
        loss = np.sum(weighed * (np.logaddexp(0, logits) - targets * logits))
        slope = np.append((C * error.T @ rows + weight).ravel(), C * error.sum(0))
        return C * loss + 0.5 * np.sum(weight**2), slope

    start = np.zeros(n_labels * (dim + 1))
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 100, "ftol": 1e-6})
    return found.x[:-n_labels].reshape(n_labels, dim), found.x[-n_labels:]


def logistic(
    rows: Any, targets: Array, C: float, of_classes: dict[int, float] | None = None, weights: Array | None = None
) -> tuple[Array, Array]:
    """Fit multinomial logistic regression; return a row of weights and a bias for every class, 0 upwards.

    For two classes scikit-learn gives one row; it is shared out to both with opposite signs.
    """
    if len(np.unique(targets)) < 2:
        only = int(targets[0]) if targets.size else 0
        bias = np.full(max(2, only + 1), -4.0)
        bias[only] = 4.0
        return np.zeros((len(bias), rows.shape[1])), bias
    with unlogged():
        model = LogisticRegression(C=C, max_iter=400, tol=1e-3, class_weight=of_classes).fit(rows, targets, weights)
    if len(model.classes_) == 2:
        weight, bias = (
            np.concatenate([-model.coef_, model.coef_]) / 2,
            np.append(-model.intercept_, model.intercept_) / 2,
        )
    else:
        weight, bias = model.coef_, model.intercept_
    n_classes = int(max(targets.max() + 1, len(model.classes_)))
    if len(model.classes_) == n_classes:
        return weight, bias
    full, base = np.zeros((n_classes, rows.shape[1])), np.full(n_classes, bias.min() - 8.0)
    full[model.classes_], base[model.classes_] = weight, bias
    return full, base


def unlogged() -> contextlib.AbstractContextManager[None]:
    """Return a context in which MLflow's autologging does not take a part of a model that is fitted for the model.

    MLflow's switch is the process's (a module's global): what other threads fit meanwhile is not logged either.
    """
    mlflow = sys.modules.get("mlflow.utils.autologging_utils")
    return contextlib.nullcontext() if mlflow is None else mlflow.disable_autologging()

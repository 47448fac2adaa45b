"""Correlation with intervals, partial correlation, and linear regression with errors out of sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

RESAMPLES = 2000


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Return the correlation of two columns."""
    x, y = x - x.mean(), y - y.mean()
    return float(x @ y / np.sqrt((x @ x) * (y @ y)))


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Return the correlation of ranks."""
    return pearson(rankdata(x), rankdata(y))


def partial(x: np.ndarray, y: np.ndarray, given: np.ndarray) -> float:
    """Return the correlation of what a third column leaves of both."""
    third = given - given.mean()
    left = [column - column.mean() - third * (third @ column) / (third @ third) for column in (x, y)]
    return pearson(*left)


def within(x: np.ndarray, y: np.ndarray, groups: np.ndarray) -> float:
    """Return the pooled correlation within groups: each column less its group's mean."""
    _, numbers = np.unique(groups, return_inverse=True)
    sizes = np.bincount(numbers)
    left = [column - (np.bincount(numbers, column) / sizes)[numbers] for column in (x, y)]
    return pearson(*left)


def left_out(y: np.ndarray, groups: np.ndarray, *columns: np.ndarray) -> float:
    """Return R² of a line's predictions, each for a group of rows that it was not fitted on.

    1 less squared error over that of the overall mean: 0 is no better than the mean, and it may be less.
    """
    design, guessed = np.column_stack([np.ones_like(y), *columns]), np.empty_like(y)
    for group in np.unique(groups):
        out = groups == group
        guessed[out] = design[out] @ np.linalg.lstsq(design[~out], y[~out], rcond=None)[0]
    return 1 - float(np.sum((y - guessed) ** 2) / np.sum((y - y.mean()) ** 2))


def interpolated(y: np.ndarray, x: np.ndarray) -> float:
    """Return R² of predictions for each value of x by interpolation between the means of y at its neighbours.

    The least and the greatest are predicted as their one neighbour. Unlike a line this follows any curve.
    """
    values = np.unique(x)
    means = np.array([y[x == value].mean() for value in values])
    guessed = np.empty_like(y)
    for i, value in enumerate(values):
        guessed[x == value] = np.interp(value, np.delete(values, i), np.delete(means, i))
    return 1 - float(np.sum((y - guessed) ** 2) / np.sum((y - y.mean()) ** 2))


def interval(
    statistic: Callable[..., float], *columns: np.ndarray, groups: np.ndarray | None = None, seed: int = 0
) -> list[float]:
    """Return the 95 % percentile bootstrap interval over rows, or over groups of rows that are drawn whole."""
    rng, numbers = np.random.default_rng(seed), np.arange(len(columns[0]))
    parts = [numbers[groups == group] for group in np.unique(groups)] if groups is not None else numbers[:, None]
    draws = []
    for _ in range(RESAMPLES):
        rows = np.concatenate([parts[i] for i in rng.integers(len(parts), size=len(parts))])
        if all(np.ptp(column[rows]) > 0 for column in columns):
            draws.append(statistic(*[column[rows] for column in columns]))
    return [float(end) for end in np.quantile(draws, [0.025, 0.975])]


@dataclass(frozen=True)
class Line:
    """An ordinary least squares fit, with an intercept for each family where families are given."""

    families: tuple[str, ...]
    coefficients: np.ndarray
    r2: float
    leave_one_out_mse: float

    def predict(self, x: np.ndarray, family: tuple[str, ...]) -> np.ndarray:
        """Return predictions; a family that was not seen raises."""
        return _design(x, family, self.families) @ self.coefficients


def _design(x: np.ndarray, family: tuple[str, ...], families: tuple[str, ...]) -> np.ndarray:
    columns = [np.ones_like(x), x]
    columns += [np.array([float(f == other) for f in family]) for other in families[1:]]
    if families and not set(family) <= set(families):
        raise ValueError(f"families must be among {families}, got {sorted(set(family))}")
    return np.column_stack(columns)


def fit_line(x: np.ndarray, y: np.ndarray, family: tuple[str, ...] | None = None) -> Line:
    """Fit y on x, and on the family where given; the first family by name is the reference."""
    families = tuple(sorted(set(family))) if family else ()
    design = _design(x, family or (), families) if family else np.column_stack([np.ones_like(x), x])
    coefficients = np.linalg.lstsq(design, y, rcond=None)[0]
    residuals = y - design @ coefficients
    leverage = np.einsum("ij,ji->i", design, np.linalg.pinv(design))
    r2 = 1 - float(residuals @ residuals) / float(np.sum((y - y.mean()) ** 2))
    return Line(families, coefficients, r2, float(np.mean((residuals / (1 - leverage)) ** 2)))

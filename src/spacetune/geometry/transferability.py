r"""How well labels can be read off points, without training anything: LogME, the H-score, the silhouette.

Both look at texts' vectors and labels at once, where the other measures look at vectors alone.
"""

# The types of NumPy, SciPy and scikit-learn are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import svd
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.metrics import silhouette_score

from spacetune.errors import DataError

__all__ = ["h_score", "log_me", "silhouette"]

Array = np.ndarray[Any, Any]

STEPS = 100
"""Of the search for the two precisions, at most; it ends where their ratio changes by less than `CHANGE`."""
CHANGE = 1e-6
LEAST = 1e-9
"""Share of the texts, and of the targets' squares, that stays for noise: without one, points that give every target
away have no greatest evidence.
"""


def log_me(points: ArrayLike, targets: ArrayLike) -> float:
    r"""Return the logarithm of the maximum evidence of linear models of the targets, a text and column.

    .. math:: \max_{\alpha,\beta} \frac1n \log \int p(y \mid F, w, \beta)\, p(w \mid \alpha)\, dw

    with a Gaussian prior of precision α on the weights w and Gaussian noise of precision β on targets; mean over the
    columns of the targets (You et al. 2021, arXiv 2102.11005). Greater is better. One singular value decomposition
    serves all columns.

    Parameters
    ----------
    points
        ``(text, dim)``: F.
    targets
        ``(text,)`` or ``(text, column)``: numbers; of classes one column a class, 1 for texts that are of it.

    Raises
    ------
    DataError
        If they are not of one length, or there are no texts.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> points = rng.normal(size=(200, 4))
    >>> log_me(points, points[:, 0] > 0) > log_me(points, rng.random(200) > 0.5)
    True
    """
    rows, columns = _checked(points, targets)
    left, scale, _ = svd(rows, full_matrices=False)
    return float(np.mean([_evidence(left, scale, rows.shape[1], column) for column in columns.T]) / len(rows))


def _evidence(left: Array, scale: Array, dim: int, target: Array) -> float:
    """Return the logarithm of the greatest evidence for one column, by the fixed point of MacKay 1992."""
    n, squares, along = len(target), scale**2, (left.T @ target) ** 2
    beside = max(float(target @ target - along.sum()), 0.0)

    def fitted(ratio: float) -> tuple[float, float, float]:
        """Return what is fitted of the directions, the squared residual and the squared length of the weights."""
        residual = (ratio / (squares + ratio)) ** 2 @ along + beside
        return (
            float((squares / (squares + ratio)).sum()),
            float(residual),
            float(squares / (squares + ratio) ** 2 @ along),
        )

    alpha = beta = 1.0
    for _ in range(STEPS):
        used, residual, length = fitted(ratio := alpha / beta)
        free, noise = max(n - used, LEAST * n), max(residual, LEAST * float(target @ target), 1e-300)
        alpha, beta = used / max(length, 1e-300), free / noise
        if abs(alpha / beta - ratio) <= CHANGE * ratio:
            break
    _, residual, length = fitted(alpha / beta)
    volume = np.log(alpha + beta * squares).sum() + (dim - len(squares)) * np.log(alpha)
    fit = n * np.log(beta) + dim * np.log(alpha) - n * np.log(2 * np.pi) - beta * residual - alpha * length
    return float(fit - volume) / 2


def h_score(points: ArrayLike, labels: ArrayLike, shrinkage: float | None = None) -> float:
    r"""Return how far classes' means lie apart, measured by the spread of all points.

    .. math:: H = (1 - \lambda)\, \mathrm{tr}(\Sigma_\lambda^{-1}\, \Sigma_{E[f|y]}), \qquad
        \Sigma_\lambda = (1 - \lambda)\, \Sigma + \lambda\, \tfrac{\mathrm{tr}\,\Sigma}{d}\, I

    Between 0 and the number of classes less one; greater is better. Without shrinkage (λ = 0) it is that of Bao et al.
    2019, which grows with the width where texts are few; with it that of Ibrahim et al. 2022 (arXiv 2110.06893).

    Parameters
    ----------
    points
        ``(text, dim)``.
    labels
        One class a text.
    shrinkage
        λ; None is Ledoit and Wolf's.

    Raises
    ------
    DataError
        If they are not of one length, or there are no texts.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> apart = np.repeat(np.eye(2) * 9, 50, axis=0) + rng.normal(size=(100, 2))
    >>> round(h_score(apart, [0] * 50 + [1] * 50), 1)
    1.0
    """
    rows, labels = _labelled(points, labels)
    rows = rows - rows.mean(0)
    n, dim = rows.shape
    share = float(ledoit_wolf_shrinkage(rows, assume_centered=True)) if shrinkage is None else shrinkage
    covariance = rows.T @ rows / n
    wide = (1 - share) * covariance + share * np.trace(covariance) / dim * np.eye(dim)
    names, classes = np.unique(labels, return_inverse=True)
    sizes = np.bincount(classes, minlength=len(names))
    sums = np.zeros((len(names), dim))
    np.add.at(sums, classes, rows)
    means = sums / np.sqrt(sizes[:, None] * n)
    return float((1 - share) * np.sum(means * (means @ np.linalg.pinv(wide, rcond=1e-10, hermitian=True))))


def silhouette(points: ArrayLike, labels: ArrayLike, *, sample: int = 5_000, seed: int = 0) -> float:
    r"""Return how much nearer points are to their own class than to the nearest other, by cosine.

    .. math:: \frac1n \sum_i \frac{b_i - a_i}{\max(a_i, b_i)}

    with aᵢ the mean distance of point i to the others of its class and bᵢ the least mean distance to another class
    (Rousseeuw 1987; scikit-learn's `silhouette_score`). From -1 to 1; above 0 classes are clusters. A probe can tell
    classes apart that are none.

    Parameters
    ----------
    points
        ``(text, dim)``.
    labels
        One class a text.
    sample
        Points drawn where there are more, since every pair counts.
    seed
        Of the draw.

    Raises
    ------
    DataError
        If they are not of one length, or there are fewer than 2 classes, or as many as points.

    Examples
    --------
    >>> apart = np.repeat(np.eye(2), 3, axis=0)
    >>> silhouette(apart, ["a"] * 3 + ["b"] * 3)
    1.0
    """
    rows, labels = _labelled(points, labels)
    if len(rows) > sample:
        drawn = np.sort(np.random.default_rng(seed).choice(len(rows), sample, replace=False))
        rows, labels = rows[drawn], labels[drawn]
    n_classes = len(np.unique(labels))
    if not 2 <= n_classes < len(rows):
        raise DataError(
            f"a silhouette needs 2 classes or more and more points than classes, got {n_classes} of {len(rows)}"
        )
    return float(silhouette_score(rows, labels, metric="cosine"))


def _labelled(points: ArrayLike, labels: ArrayLike) -> tuple[Array, Array]:
    named = np.asarray(labels)
    return _checked(points, np.zeros(len(named)))[0], named


def _checked(points: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    rows, columns = np.asarray(points, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    columns = columns[:, None] if columns.ndim == 1 else columns
    if rows.ndim != 2 or not len(rows) or len(rows) != len(columns):
        raise DataError(f"points must be (text, dim) with one target per text, got {rows.shape} and {len(columns)}")
    return rows, columns

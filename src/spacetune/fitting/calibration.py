"""Are the probabilities true: expected calibration error, and one temperature that mends most of it."""

# The types of NumPy and SciPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar, root_scalar
from scipy.special import expit, log_expit, log_softmax, softmax

__all__ = ["calibration_error", "calibration_errors", "fit_temperature", "probabilities", "reliability"]

Array = np.ndarray[Any, Any]
SPREAD = 0.5
"""Of log T before a dev text was seen: two temperatures of three between 0.6 and 1.6."""


def probabilities(logits: Array, temperature: float, kind: str) -> Array:
    """Return softmax (single labels) or sigmoid (multi-label) of ``logits / temperature``."""
    scaled = logits / temperature
    return expit(scaled) if kind == "multi" else softmax(scaled, axis=1)


def fit_temperature(logits: Array, targets: Array, kind: str, weights: Array | None = None) -> float:
    r"""Find the temperature that minimises the log loss on dev logits (Guo et al. 2017), held near 1 where n is small.

    .. math:: T = \arg\min_T \; \tfrac1n \sum_i \ell_i(T) + \frac{(\log T)^2}{2 n \sigma^2}

    The second term is a normal prior on log T with deviation `SPREAD`: a dozen dev texts are often fitted best by a
    temperature that makes all probabilities alike, or all certain. Where all n are right, T is also at least that at
    which the mean probability of what is right is ``(n + 1)/(n + 2)``, Laplace's rule of succession. Of several labels,
    n are the texts times the labels. Both choices are ours.

    Parameters
    ----------
    logits
        ``(text, class)``.
    targets
        Class numbers ``(text,)``, or for multi-label zeros and ones ``(text, label)``.
    kind
        ``single`` or ``multi``.
    weights
        Of the texts, ``(text,)``; None counts all alike; else they are ``(Σw)²/Σw²`` texts in effect.

    Returns
    -------
    float
        Between 0.05 and 20; above 1 softens, below 1 sharpens.
    """

    def of_truth(log_temperature: float) -> Array:
        scaled = logits / np.exp(log_temperature)
        if kind == "multi":
            return np.where(targets == 1, log_expit(scaled), log_expit(-scaled))
        return log_softmax(scaled, axis=1)[np.arange(len(targets)), targets][:, None]

    def loss_with_prior(log_temperature: float) -> float:
        loss = -float(np.average(of_truth(log_temperature).mean(1), weights=weights))
        return loss + log_temperature**2 / (2 * n * SPREAD**2)

    def beyond_succession(log_temperature: float) -> float:
        chances = np.exp(of_truth(log_temperature))
        return float(np.average(chances.mean(1), weights=weights)) - (n + 1) / (n + 2)

    n = targets.size if weights is None else targets.size / len(targets) * weights.sum() ** 2 / np.square(weights).sum()
    low, high = float(np.log(0.05)), float(np.log(20.0))
    best: Any = minimize_scalar(loss_with_prior, bounds=(low, high), method="bounded")
    found = float(best.x)
    if _all_right(logits, targets, kind) and beyond_succession(found) > 0:
        found = high if beyond_succession(high) >= 0 else root_scalar(beyond_succession, bracket=(found, high)).root
    return float(np.exp(found))


def _all_right(logits: Array, targets: Array, kind: str) -> bool:
    said = logits > 0 if kind == "multi" else logits.argmax(1)
    return bool((said == targets).all())


def calibration_error(confidence: Array, correct: Array, n_bins: int = 15) -> float:
    """Return the expected calibration error: ``Σ_b (n_b/n)·|accuracy_b - mean confidence_b|`` over equal bins.

    Parameters
    ----------
    confidence
        Probability given to each prediction.
    correct
        Whether it was right.
    n_bins
        Bins of equal width in [0, 1]; 15 is usual.

    Returns
    -------
    float
        In [0, 1]; 0 is perfectly calibrated.

    Examples
    --------
    >>> round(calibration_error(np.array([0.9, 0.9]), np.array([True, False])), 6)
    0.4
    """
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = [abs(np.sum(correct[bins == b]) - np.sum(confidence[bins == b])) for b in np.unique(bins)]
    return float(np.sum(gaps) / len(confidence))


def calibration_errors(logits: Array, targets: Array, temperature: float, kind: str) -> dict[str, float]:
    """Return the expected calibration error before (``ece_raw``) and after (``ece``) the temperature."""
    found: dict[str, float] = {}
    for name, divisor in (("ece_raw", 1.0), ("ece", temperature)):
        p = probabilities(logits, divisor, kind)
        if kind == "multi":
            found[name] = calibration_error(p.ravel(), targets.ravel() == 1)
        else:
            found[name] = calibration_error(p.max(1), p.argmax(1) == targets)
    return found


def reliability(confidence: Array, correct: Array, n_bins: int = 15) -> list[dict[str, float]]:
    """Return the calibration curve: in every bin that holds predictions, how sure they were and how often right.

    Parameters
    ----------
    confidence
        Probability given to each prediction.
    correct
        Whether it was right.
    n_bins
        Bins of equal width in [0, 1], as in `calibration_error`.

    Returns
    -------
    list of dict
        ``low`` and ``high`` ends of the bin, ``n``, mean ``confidence``, and ``accuracy``.

    Examples
    --------
    >>> reliability(np.array([0.9, 0.9]), np.array([True, False]), n_bins=2)
    [{'low': 0.5, 'high': 1.0, 'n': 2, 'confidence': 0.9, 'accuracy': 0.5}]
    """
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    return [
        {
            "low": float(b / n_bins),
            "high": float((b + 1) / n_bins),
            "n": int(np.sum(bins == b)),
            "confidence": float(confidence[bins == b].mean()),
            "accuracy": float(correct[bins == b].mean()),
        }
        for b in np.unique(bins)
    ]

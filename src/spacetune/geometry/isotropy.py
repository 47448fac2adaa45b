"""Spread measures that are functions of the covariance spectrum alone: exact, cheap, and able to stream.

All take points (n, d), a `PointCloud`, or `Moments`. All raise `DataError` for one point and for constant
points, and are invariant to rotation, shift and global scale.
"""

# The types of NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import numpy as np

from spacetune.errors import DataError
from spacetune.geometry.cloud import Points, as_cloud
from spacetune.geometry.moments import Moments
from spacetune.geometry.points import SPECTRAL, Variant, check_variant
from spacetune.geometry.spectrum import FloatArray, Spectrum

__all__ = [
    "eee",
    "eee_of_spectra",
    "effective_rank",
    "isoscore",
    "kl_gaussian",
    "participation_ratio",
    "pc_ratio",
]

SpectralPoints = Points | Moments


def _spectrum(points: SpectralPoints, measure: str) -> Spectrum:
    if isinstance(points, Moments):
        SPECTRAL.check(points.n, points.dim, measure)
        return points.spectrum
    return as_cloud(points, measure, SPECTRAL).spectrum


def eee_of_spectra(values: FloatArray) -> FloatArray:
    """Return EEE of eigenvalues (…, p), descending along the last axis; see `eee`.

    >>> eee_of_spectra(np.array([[4.0, 3, 2, 1], [1, 1, 0, 0], [1, 0, 0, 0]])).round(4).tolist()
    [0.2125, 0.4375, 0.5625]
    """
    p = values.shape[-1]
    cumulative = np.cumsum(values, axis=-1)
    excess = cumulative - cumulative[..., -1:] * np.arange(1, p + 1) / p
    return np.trapezoid(excess, axis=-1) / (cumulative[..., -1] * p / 2)


def eee(points: SpectralPoints, *, variant: Variant = "exact") -> float:
    """Eigenvalue Early Enrichment: how early the sorted variances are used up.

    With λ the variances along the p = min(n, d) principal axes, S = cumsum(λ) and a uniform reference
    S_p·i/p, EEE = ∫(S − reference) / (S_p·p/2), by trapezoids over 0..p−1.

    - Range: 0 to ((p−1)/p)², not 1. Direction: 0 is isotropic, larger is more concentrated.
    - Invariant to rotation, shift and global scale.
    - Source: Marbut et al., "Reliable Measures of Spread", ICML 2023.
    - Sample size: about .58·√(d/n) on isotropic points, so n >= 50 d. Cost: O(n d² + d³).
    - One dimension gives 0. Official variant: rounded to 4 decimals.

    >>> import numpy as np
    >>> square = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    >>> round(eee(square), 12), round(eee(square * [10, 1]), 4)
    (0.0, 0.245)
    """
    value = float(eee_of_spectra(_spectrum(points, "eee").spread("eee")))
    return round(value, 4) if check_variant(variant) else value


def pc_ratio(points: SpectralPoints, *, variant: Variant = "exact") -> float:
    """PC ratio: the smallest principal variance over the largest, λ_p / λ_1 with p = min(n, d).

    - Range: 0 to 1. Direction: 1 is isotropic. 0 whenever n <= d, since the points then miss a direction.
    - Invariant to rotation, shift and global scale.
    - Source: Marbut et al., ICML 2023.
    - Sample size: reads ((1−√(d/n)) / (1+√(d/n)))² on isotropic points: .88 at n = 1,000 d, .57 at n = 50 d.
      Cost: O(n d² + d³). Official variant: rounded to 4 decimals.

    >>> import numpy as np
    >>> round(pc_ratio(np.array([[2.0, 0], [-2, 0], [0, 1], [0, -1]])), 4)
    0.25
    """
    values = _spectrum(points, "pc_ratio").spread("pc_ratio")
    value = float(values[-1] / values[0])
    return round(value, 4) if check_variant(variant) else value


def participation_ratio(points: SpectralPoints) -> float:
    """Participation ratio: the number of directions that share the variance, (Σλ)² / Σλ².

    - Range: 1 to d. Direction: d is isotropic. Invariant to rotation, shift and global scale.
    - Source: Gao et al., "A theory of multineuronal dimensionality", 2017.
    - Sample size: reads d·n/(n+d) on isotropic points, so n >= 50 d. Cost: O(n d² + d³).

    >>> import numpy as np
    >>> round(participation_ratio(np.array([[2.0, 0], [-2, 0], [0, 1], [0, -1]])), 4)
    1.4706
    """
    values = _spectrum(points, "participation_ratio").spread("participation_ratio")
    shares = values / values.sum()
    return float(1.0 / (shares @ shares))


def isoscore(points: SpectralPoints) -> float:
    """IsoScore: how evenly variance uses the dimensions.

    With λ̂ = λ√d/‖λ‖ and δ = ‖λ̂ − 1‖ / √(2(d−√d)): ((d − δ²(d−√d))² − d) / (d(d−1)). This simplifies to
    (PR − 1) / (d − 1) with PR the participation ratio: the two carry the same information.

    - Range: 0 (one direction) to 1 (isotropic). Invariant to rotation, shift and global scale.
    - Source: Rudman et al., "IsoScore", Findings of ACL 2022; equal to the package IsoScore 2.0.1.
    - Sample size: reads about n/(n+d) on isotropic points (.928 at n = 5,000, d = 384): n >= 50 d.
      Cost: O(n d² + d³). One dimension raises `DataError`: the score divides by d − 1.

    >>> import numpy as np
    >>> round(isoscore(np.array([[2.0, 0], [-2, 0], [0, 1], [0, -1]])), 4)
    0.4706
    """
    spectrum = _spectrum(points, "isoscore")
    if spectrum.dim < 2:
        raise DataError("isoscore needs at least 2 dimensions, got 1: it compares variances between dimensions")
    values = spectrum.spread("isoscore")
    shares = values / values.sum()
    return float((1.0 / (shares @ shares) - 1.0) / (spectrum.dim - 1))


def effective_rank(points: SpectralPoints) -> float:
    """Effective rank: exp of the entropy of the normalised singular values of the centred points.

    With σ = √λ and p = σ/Σσ, exp(−Σ p log p).

    - Range: 1 to d. Direction: d is isotropic. Invariant to rotation, shift and global scale.
    - Source: Roy & Vetterli, "The effective rank", EUSIPCO 2007 (there of the matrix; we centre it, our
      choice).
    - Sample size: n >= 50 d. Cost: O(n d² + d³).

    >>> import numpy as np
    >>> round(effective_rank(np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])), 4)
    2.0
    """
    sigma = np.sqrt(_spectrum(points, "effective_rank").spread("effective_rank"))
    shares = sigma[sigma > 0] / sigma.sum()
    return float(np.exp(-(shares @ np.log(shares))))


def kl_gaussian(points: SpectralPoints, *, variant: Variant = "exact", seed: int = 0) -> float:
    """Gaussian KL: divergence of the fitted normal from the isotropic one of equal total variance.

    With λ' = λ·d/Σλ: ½(Σλ' − d − Σ log λ') = −½ Σ log λ'.

    - Range: 0 (isotropic) to infinity; infinite when a direction has no variance (always when n <= d).
    - Invariant to rotation, shift and global scale.
    - Source: Marbut et al., ICML 2023. Sample size: reads about d²/(4n) on isotropic points. Cost: O(n d² +
      d³).
    - Official variant: scaled to the variance of a random normal sample (drawn with `seed`) instead of d;
      1e-16 added to the determinant, which caps the value near 18.42; rounded to 4 decimals.

    >>> import numpy as np
    >>> round(kl_gaussian(np.array([[2.0, 0], [-2, 0], [0, 1], [0, -1]])), 4)
    0.2231
    """
    spectrum = _spectrum(points, "kl_gaussian")
    values = spectrum.spread("kl_gaussian")
    total = float(spectrum.dim)
    if check_variant(variant):
        # the total variance of n standard normal points of d dimensions follows χ² with (n − 1) d degrees
        freedom = (spectrum.n - 1) * spectrum.dim
        total = float(np.random.default_rng(seed).chisquare(freedom)) / (spectrum.n - 1)
    scaled = np.zeros(spectrum.dim)
    scaled[: len(values)] = values * total / values.sum()
    with np.errstate(divide="ignore"):
        log_det = float(np.log(scaled).sum())
    if check_variant(variant):
        return round(0.5 * (total - spectrum.dim - float(np.log(np.exp(log_det) + 1e-16))), 4)
    return -0.5 * log_det

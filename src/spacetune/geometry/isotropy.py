"""Spread measures that are functions of the covariance spectrum alone: exact, cheap, and able to stream.

All take points (n, d), a `PointCloud`, or `Moments`. All raise `DataError` for one point and for constant
points, and are invariant to rotation, shift and global scale.
"""

# The types of NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import numpy as np

from spacetune.geometry.cloud import SpectralPoints, as_spectral
from spacetune.geometry.points import Variant, check_variant
from spacetune.geometry.spectrum import FloatArray

__all__ = [
    "alpha_req",
    "eee",
    "eee_of_spectra",
    "effective_rank",
    "kl_gaussian",
    "participation_ratio",
    "pc_ratio",
]


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
    value = float(eee_of_spectra(as_spectral(points, "eee").spectrum.spread("eee")))
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
    values = as_spectral(points, "pc_ratio").spectrum.spread("pc_ratio")
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
    values = as_spectral(points, "participation_ratio").spectrum.spread("participation_ratio")
    shares = values / values.sum()
    return float(1.0 / (shares @ shares))


def alpha_req(points: SpectralPoints) -> float:
    """α-ReQ: how fast the sorted variances fall, as the exponent of a power law λ_i ∝ i^−α.

    Least squares of log λ_i on −log i over ranks i = 4 to 100 (or to the last with variance), each weighted by 1/i;
    where fewer than two of these have variance, over all ranks.

    - Range: 0 (isotropic) to infinity (variance along one direction only). The paper finds encoders best near 1.
    - Invariant to rotation, shift and global scale.
    - Source: Agrawal et al., "α-ReQ", NeurIPS 2022. The ranks and the weights are those of the authors' code (after
      Stringer et al. 2019); the text names neither.
    - Sample size: n >= 50 d. Cost: O(n d² + d³).

    >>> import numpy as np
    >>> exact = np.diag(np.arange(1.0, 9) ** -1.0)
    >>> round(alpha_req(np.concatenate([exact, -exact])), 6)
    2.0
    """
    values = as_spectral(points, "alpha_req").spectrum.spread("alpha_req")
    ranks = np.arange(1, np.count_nonzero(values) + 1)
    ranks = ranks[3:100] if len(ranks) >= 5 else ranks
    if len(ranks) < 2:
        return float("inf")
    x, y, weights = -np.log(ranks), np.log(values[ranks - 1]), 1.0 / ranks
    x, y = x - np.average(x, weights=weights), y - np.average(y, weights=weights)
    return float(weights @ (x * y) / (weights @ (x * x)))


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
    sigma = np.sqrt(as_spectral(points, "effective_rank").spectrum.spread("effective_rank"))
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
    spectrum = as_spectral(points, "kl_gaussian").spectrum
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

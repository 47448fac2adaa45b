"""What a measure accepts: a table of finite numbers with enough rows.

Floors raise `DataError`; the advice, below which a value is mostly noise or bias, warns with `SampleSizeWarning`. The
figures are ours, taken from how far each measure is off on isotropic normal points (IsoScore reads n / (n + d) there
instead of 1: .928 at n = 5,000 and d = 384, and within 2 % from n = 50 d).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from spacetune.errors import DataError, UsageError, did_you_mean, name_rows
from spacetune.geometry.spectrum import FloatArray

__all__ = [
    "NEIGHBOURS",
    "PAIRS",
    "QUANTIZER",
    "SPECTRAL",
    "SampleAdvice",
    "SampleSizeWarning",
    "Variant",
    "check_variant",
    "read_points",
]

Variant = Literal["exact", "official"]


def read_points(points: ArrayLike) -> FloatArray:
    """Return points as a finite float64 array (n, d).

    >>> read_points([[1, 2], [3, 4]]).dtype.name
    'float64'

    Raises `DataError` if the points are not a non-empty table of finite real numbers.
    """
    array = np.asarray(points)
    if array.ndim != 2 or 0 in array.shape:
        raise DataError(
            f"points must be a table (n, d) with n >= 1 and d >= 1, got shape {array.shape}: one row per point"
        )
    if array.dtype.kind not in "fiub":
        raise DataError(f"points must be real numbers, got dtype {array.dtype}: convert them to float first")
    values = np.ascontiguousarray(array, dtype=np.float64)
    if not np.isfinite(values.sum()) and not np.isfinite(values).all():
        rows = np.flatnonzero(~np.isfinite(values).all(axis=1)).tolist()
        raise DataError(f"points must be finite, got NaN or infinity in {name_rows(rows)}: drop or repair them")
    return values


def check_variant(variant: Variant) -> bool:
    """Return whether the official variant was asked for.

    Raises `UsageError` if the variant is neither "exact" nor "official".
    """
    if variant not in ("exact", "official"):
        near = did_you_mean(str(variant), ["exact", "official"])
        hint = f"did you mean '{near}'?" if near else "leave it out for the exact form"
        raise UsageError(f"variant must be 'exact' or 'official', got {variant!r}: {hint}")
    return variant == "official"


class SampleSizeWarning(UserWarning):
    """There are too few points for the dimension; the value says more of the sample than of the space."""


@dataclass(frozen=True)
class SampleAdvice:
    """The fewest points a measure accepts, and the fewest it should be trusted on.

    Attributes
    ----------
    at_least
        Below this many points the measure raises `DataError`.
    points
        Advised number of points, whatever the dimension.
    per_dimension
        Advised number of points per dimension.

    Examples
    --------
    >>> SPECTRAL.advised(384)
    19200
    """

    at_least: int
    points: int = 0
    per_dimension: int = 0

    def advised(self, dim: int) -> int:
        """Return the advised number of points for points of `dim` dimensions."""
        return max(self.at_least, self.points, self.per_dimension * dim)

    def check(self, n: int, dim: int, measure: str) -> None:
        """Raise where `n` points cannot give a value, and warn where they give a poor one.

        Raises `DataError` if there are fewer than `at_least` points.
        """
        if n < self.at_least:
            raise DataError(
                f"{measure} needs at least {self.at_least} points, got {n}: pass more points "
                "(repeated points may have been counted once)"
            )
        if n < self.advised(dim):
            message = f"{measure}: {n} points of {dim} dimensions; {self.advised(dim)} or more are advised"
            warnings.warn(message, SampleSizeWarning, stacklevel=4)


SPECTRAL = SampleAdvice(at_least=2, per_dimension=50)
NEIGHBOURS = SampleAdvice(at_least=3, points=1000)
QUANTIZER = SampleAdvice(at_least=256, points=10_000)
PAIRS = SampleAdvice(at_least=2, points=100)

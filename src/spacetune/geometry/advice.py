"""How many points a measure needs: a floor, and the number below which it is mostly noise or bias.

The floors raise `DataError`; the advice warns with `SampleSizeWarning`. The figures are ours, taken from how
far each measure is off on isotropic normal points (IsoScore reads n / (n + d) there instead of 1: .928 at n =
5,000 and d = 384, and within 2 % from n = 50 d).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from spacetune.errors import DataError

__all__ = ["NEIGHBOURS", "PAIRS", "QUANTIZER", "SPECTRAL", "SampleAdvice", "SampleSizeWarning"]


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

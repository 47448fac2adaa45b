"""Some of a source's texts, without copying their features."""

from __future__ import annotations

from torch import Tensor

from spacetune.encoders import FeatureSource, TokenFeatures

__all__ = ["view"]


def view(source: FeatureSource, rows: Tensor) -> FeatureSource:
    """Return some of a source's texts without copying them."""
    return _View(source, rows)


class _View:
    """Some texts of a source, in an order of their own."""

    def __init__(self, source: FeatureSource, rows: Tensor) -> None:
        self._source, self._rows = source, rows
        self.provenance = getattr(source, "provenance", None)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def lengths(self) -> Tensor:
        return self._source.lengths[self._rows]

    @property
    def shape(self) -> tuple[int, int]:
        return self._source.shape

    def take(self, texts: Tensor, multiple: int = 1) -> TokenFeatures:
        return self._source.take(self._rows[texts], multiple)

    def take_ids(self, texts: Tensor) -> Tensor | None:
        return self._source.take_ids(self._rows[texts])

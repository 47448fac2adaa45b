"""From passes over tokens to values: what streams from moments and cell counts, the rest from the sample, intervals."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np

from spacetune.geometry import (
    Measured,
    Moments,
    PointCloud,
    SampleSizeWarning,
    compute,
    draw_halves,
    find_measure,
    half_sample_interval,
    list_measures,
)
from spacetune.progress import progress_bar
from spacetune.studies.geometry.cell_streams import CellStream, LayerCells
from spacetune.studies.geometry.measure_table import LayerValue
from spacetune.studies.geometry.token_streams import GROUPS, LayerStream, TokenStream

__all__ = ["STREAMED", "layer_values"]

Variant = Literal["exact", "official"]
STREAMED = (*(m.name for m in list_measures(sets=1, needs="moments")), "average_cosine")
OF_MOMENTS = frozenset(m.name for m in list_measures(needs="moments"))
HALVES = {True: 40, False: 20}
"""Halves drawn for measures that stream, and for those on the sample."""


def layer_values(
    stream: TokenStream,
    cells: CellStream,
    layers: Sequence[int],
    names: Sequence[str],
    *,
    variant: Variant,
    seed: int,
    intervals: bool,
    progress: bool | None,
) -> list[LayerValue]:
    """Return every measure of every layer, in this order."""
    tokens, groups = stream.sample()
    halves = draw_halves(GROUPS, max(HALVES.values()), seed) if intervals else None
    found: list[LayerValue] = []
    with progress_bar(len(layers), "measuring", "layers", show=progress) as bar:
        for i, layer in enumerate(layers):
            work = _Layer(stream.layers[i], cells.layers[i], tokens[:, i], groups, tuple(names), variant, seed)
            values = work.values()
            ranges = {} if halves is None else work.intervals(values, halves)
            for entry in values:
                low, high = ranges.get(entry.measure, (None, None))
                found.append(
                    LayerValue(layer, entry.measure, entry.value, entry.n, entry.advised, low, high, entry.problem)
                )
            bar.update(1)
    return found


class _Layer:
    """One layer's accumulators and sampled tokens, and the measures asked for."""

    def __init__(
        self,
        stream: LayerStream,
        cells: LayerCells,
        tokens: np.ndarray,
        groups: np.ndarray,
        names: tuple[str, ...],
        variant: Variant,
        seed: int,
    ) -> None:
        self.stream, self.cells, self.tokens, self.groups = stream, cells, tokens, groups
        self.names, self.seed = names, seed
        self.variant: Variant = variant
        self.streamed = [name for name in names if self._streams(name)]
        self.sampled = [name for name in names if not self._streams(name) and name not in cells.names]

    def _streams(self, name: str) -> bool:
        return name in (*STREAMED, "prompt_entropy") and (self.variant == "exact" or name != "average_cosine")

    def values(self) -> list[Measured]:
        """Return the measures on all tokens, and on the whole sample, in the order asked for."""
        entries = self._from_stream() + self.cells.measured()
        if self.sampled:
            cloud = PointCloud(self.tokens)
            if any(find_measure(name).needs == "quantizer" for name in self.sampled):
                for quantizer in self.cells.quantizers.values():
                    cloud.quantize_with(quantizer)
            entries += self._compute(cloud, self.sampled)
        found = {entry.measure: entry for entry in entries}
        return [found[name] for name in self.names]

    def intervals(self, values: Sequence[Measured], halves: np.ndarray) -> dict[str, tuple[float, float]]:
        """Return an interval for every measure that has a value on each half of the groups of texts."""
        draws: dict[str, list[float]] = {}
        for number, half in enumerate(halves):
            entries: list[Measured] = []
            if number < HALVES[True]:
                entries += self._from_stream(half) if self.streamed else []
                entries += self.cells.measured(half)
            if number < HALVES[False] and self.sampled and half[self.groups].any():
                entries += self._compute(PointCloud(self.tokens[half[self.groups]]), self.sampled)
            for entry in entries:
                draws.setdefault(entry.measure, []).append(np.nan if entry.value is None else entry.value)
        found: dict[str, tuple[float, float]] = {}
        for entry in values:
            drawn = draws[entry.measure]
            if entry.value is not None and np.isfinite([entry.value, *drawn]).all():
                found[entry.measure] = half_sample_interval(entry.value, drawn)
        return found

    def _from_stream(self, half: np.ndarray | None = None) -> list[Measured]:
        moments, directions = self.stream.merged(half)
        found = self._compute(moments, [name for name in self.streamed if name in OF_MOMENTS])
        if "prompt_entropy" in self.streamed:
            found.append(self.stream.prompt_entropy(half))
        if "average_cosine" in self.streamed:
            advised = find_measure("average_cosine").advice.advised(directions.dim)
            found.append(Measured("average_cosine", directions.average_cosine, directions.n, advised))
        return found

    def _compute(self, points: PointCloud | Moments, names: list[str]) -> list[Measured]:
        if not names:
            return []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SampleSizeWarning)
            return list(compute(points, names, variant=self.variant, sample=1 << 62, seed=self.seed).measured)

"""What `measure` finds: a value a layer and measure, with what it was worked out on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from spacetune.encoders import Provenance
from spacetune.errors import DataError, UsageError
from spacetune.results import RecordResult, TableResult

__all__ = ["LayerValue", "MeasureTable", "few_tokens_notes"]


@dataclasses.dataclass(frozen=True)
class LayerValue(RecordResult):
    """One measure of one layer.

    Parameters
    ----------
    layer
        The layer; 0 is the embeddings.
    measure
        Name in the catalogue.
    value
        The value, or None where there is none.
    n
        Tokens it was worked out on: all, or the sample.
    advised
        Tokens advised for this measure and dimension; below, the value says more of the sample than of the space.
    low
        Lower end of the 95 % interval, or None where none was asked for.
    high
        Upper end.
    problem
        Why there is no value, or None.
    """

    layer: int
    measure: str
    value: float | None
    n: int
    advised: int
    low: float | None = None
    high: float | None = None
    problem: str | None = None


@dataclasses.dataclass(frozen=True)
class MeasureTable(TableResult):
    """Measures of the token states of texts, layer by layer.

    Parameters
    ----------
    provenance
        The encoder, its weights' SHA-256, layers, dtype, length limit, how many texts were cut.
    n_texts
        Number of texts.
    n_tokens
        Number of tokens, special tokens included, padding never.
    dim
        Width of a state.
    n_sample
        Tokens in the sample, for the measures that need more than moments; the same tokens at every layer.
    seed
        Of the sample.
    variant
        ``exact`` or ``official``.
    values
        Layer by layer, in the order of the measures.
    notes
        Warnings: too few tokens, texts that were cut, what has no value.
    spectra
        ``(layer, dim)``: the eigenvalues of every layer's covariance over all tokens, largest first; for drawing, and
        not in `to_dict`.
    """

    provenance: Provenance
    n_texts: int
    n_tokens: int
    dim: int
    n_sample: int
    seed: int
    variant: str
    values: tuple[LayerValue, ...]
    notes: tuple[str, ...] = ()
    spectra: np.ndarray[Any, Any] = dataclasses.field(
        default_factory=lambda: np.zeros((0, 0)), repr=False, compare=False
    )

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers measured."""
        return self.provenance.layers

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures, in the order asked for."""
        return tuple(dict.fromkeys(entry.measure for entry in self.values))

    def __getitem__(self, place: tuple[int, str]) -> float:
        """Return the value at a layer and measure, as ``table[6, "eee"]``; a negative layer counts from the last.

        Raises `DataError` if there is no value, with the reason, and `UsageError` if it was not measured.
        """
        layer, measure = place
        wanted = self.layers[layer] if layer < 0 else layer
        for entry in self.values:
            if (entry.layer, entry.measure) == (wanted, measure):
                if entry.value is None:
                    raise DataError(f"{measure} has no value at layer {wanted}: {entry.problem}")
                return entry.value
        raise UsageError(
            f"{measure!r} at layer {wanted} was not measured; layers {self.layers} and {', '.join(self.measures)} were"
        )

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a layer and measure."""
        return [entry.to_dict() for entry in self.values]

    def wide(self) -> list[dict[str, Any]]:
        """Return one row a layer and one column a measure."""
        found: dict[int, dict[str, Any]] = {layer: {"layer": layer} for layer in self.layers}
        for entry in self.values:
            found[entry.layer][entry.measure] = entry.value
        return list(found.values())


def few_tokens_notes(values: Sequence[LayerValue], dim: int) -> list[str]:
    """Return a note a number of tokens that is too small for some measure of `dim` dimensions."""
    found: dict[int, dict[str, int]] = {}
    for entry in values:
        if entry.value is not None and entry.n < entry.advised:
            found.setdefault(entry.n, {})[entry.measure] = entry.advised
    return [
        f"{n:,} tokens of {dim} dimensions are fewer than advised for "
        + ", ".join(f"{name} ({advised:,})" for name, advised in few.items())
        for n, few in found.items()
    ]

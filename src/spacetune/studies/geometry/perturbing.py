"""How an encoder's geometry changes as noise is mixed into its weights: the perturbation ladder, measured."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any

from spacetune.data import LabelledTexts
from spacetune.encoders import Provenance, Texts, perturbation_ladder
from spacetune.errors import UsageError
from spacetune.geometry import SampleSizeWarning
from spacetune.progress import progress_bar
from spacetune.results import RecordResult, TableResult
from spacetune.studies.geometry.measuring import EncoderLike, choose_measures, measure, open_encoder, read_inputs

__all__ = ["ALPHAS", "LadderValue", "PerturbationLadder", "measure_ladder"]

ALPHAS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Shares of noise in percent, each twice the one before (our choice, within the paper's range)."""


@dataclasses.dataclass(frozen=True)
class LadderValue(RecordResult):
    """One measure of one perturbed encoder; the value is None where there is none."""

    alpha: float
    seed: int
    measure: str
    value: float | None


@dataclasses.dataclass(frozen=True)
class PerturbationLadder(TableResult):
    """Measures of one layer's states, over the share of noise in the encoder's weights.

    Parameters
    ----------
    provenance
        The encoder without noise, and the layer read.
    n_texts
        Number of texts.
    n_tokens
        Number of tokens.
    dim
        Width of a state.
    alphas
        Shares of noise in percent, ascending; the first is 0, the encoder as it is.
    seeds
        Of the noise.
    values
        One a share, seed and measure.
    notes
        Warnings of the measures.
    """

    provenance: Provenance
    n_texts: int
    n_tokens: int
    dim: int
    alphas: tuple[float, ...]
    seeds: tuple[int, ...]
    values: tuple[LadderValue, ...]
    notes: tuple[str, ...]

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures, in the order asked for."""
        return tuple(dict.fromkeys(entry.measure for entry in self.values))

    def at(self, measure: str, alpha: float) -> list[float]:
        """Return a measure's values at this share of noise, one a seed."""
        return [v.value for v in self.values if (v.measure, v.alpha) == (measure, alpha) and v.value is not None]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a perturbed encoder and one column a measure."""
        found: dict[tuple[float, int], dict[str, Any]] = {}
        for entry in self.values:
            row = found.setdefault((entry.alpha, entry.seed), {"alpha": entry.alpha, "seed": entry.seed})
            row[entry.measure] = entry.value
        return list(found.values())


def measure_ladder(
    encoder: EncoderLike,
    texts: Texts | LabelledTexts,
    *,
    alphas: Sequence[float] = ALPHAS,
    seeds: Sequence[int] = (0, 1, 2),
    layer: int = -1,
    measures: str | Sequence[str] = "default",
    sample: int = 5_000,
    progress: bool | None = None,
) -> PerturbationLadder:
    r"""Measure an encoder's states with more and more noise in its weights.

    .. math:: \theta' = (1 - \alpha/100)\,\theta + (\alpha/100)\,\varepsilon, \quad \varepsilon \sim N(0, 1)

    as in Marbut et al. 2024 (arXiv 2406.12159); see `perturb`. What a measure says of a noisy encoder says nothing of
    what can be learnt from it: that is `papers/latent_geometry`.

    Parameters
    ----------
    encoder
        An `Encoder`, a folder or hub name, or None for the default encoder.
    texts
        Strings, pairs of strings, or `LabelledTexts`.
    alphas
        Shares of noise in percent, above 0 up to 100; the encoder without noise is measured too.
    seeds
        Seeds of the noise; every share is measured once per seed.
    layer
        The layer whose states are measured.
    measures
        Names from the catalogue, or a group, as in `measure`.
    sample
        Tokens for the measures that need more than moments; the same tokens on every rung.
    progress
        True or False to force the progress bar on or off.

    Returns
    -------
    PerturbationLadder
        A value a share, seed and measure.

    Raises
    ------
    UsageError
        If no share or seed is given, a share is not in range, or a measure is unknown.
    DataError
        If there are no texts.

    Examples
    --------
    >>> found = measure_ladder(None, ["Two hours I will not get back."] * 2, alphas=[5], seeds=[0], measures=["eee"])
    >>> found.alphas, len(found.values), found.measures
    ((0.0, 5.0), 2, ('eee',))
    """
    shares, given = sorted({float(alpha) for alpha in alphas}), tuple(dict.fromkeys(seeds))
    if not shares or not given or not all(0 < alpha <= 100 for alpha in shares):
        raise UsageError(f"a ladder needs a seed, and shares of noise above 0 up to 100, got {list(alphas)}")
    if not all(0 <= seed < 2**32 for seed in given):
        raise UsageError(f"seeds must lie between 0 and {2**32 - 1}, got {list(given)}")
    names, inputs, opened = choose_measures(measures), read_inputs(texts), open_encoder(encoder)
    [place] = opened.resolve_layers([layer])
    values: list[LadderValue] = []
    notes: dict[str, None] = {}
    whole = None
    with progress_bar(1 + len(shares) * len(given), "perturbing", "encoders", show=progress) as bar:
        for rung in perturbation_ladder(opened, [0, *shares], given):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SampleSizeWarning)
                found = measure(
                    rung.encoder, inputs, layers=[place], measures=names, sample=sample, store=None, progress=False
                )
            whole = whole or found
            values += [LadderValue(float(rung.alpha), rung.seed, v.measure, v.value) for v in found.values]
            notes |= dict.fromkeys(found.notes)
            bar.update(1)
    assert whole is not None
    return PerturbationLadder(
        provenance=opened.provenance((place,), whole.provenance.n_truncated),
        n_texts=whole.n_texts,
        n_tokens=whole.n_tokens,
        dim=whole.dim,
        alphas=(0.0, *shares),
        seeds=given,
        values=tuple(values),
        notes=tuple(notes),
    )

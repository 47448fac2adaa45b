"""Compare two encoders, or one before and after fine-tuning, on the same texts: the study behind ``compare``."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from spacetune.data import LabelledTexts
from spacetune.encoders import Encoder, FeatureStore, Layers, TextInput, Texts
from spacetune.errors import DataError, UsageError
from spacetune.geometry import (
    PointCloud,
    SampleSizeWarning,
    linear_cka,
    neighbour_overlap,
    principal_angles,
    procrustes,
)
from spacetune.results import TableResult
from spacetune.studies.geometry.measure_table import MeasureTable
from spacetune.studies.geometry.measuring import EncoderLike, choose_measures, measure, open_encoder, read_inputs
from spacetune.studies.geometry.token_states import TokenStates
from spacetune.studies.geometry.token_streams import TokenStream

__all__ = ["EncoderComparison", "compare", "paired_layers"]


@dataclasses.dataclass(frozen=True)
class EncoderComparison(TableResult):
    """Two encoders on the same texts.

    Parameters
    ----------
    pairs
        One row a pair of layers: ``layer_a``, ``layer_b``, ``debiased_cka`` (1: equal up to rotation and scale, 0:
        unrelated), ``procrustes`` (0: equal up to rotation and scale), ``neighbour_overlap`` (share of the 10 nearest
        that are the same), and where the widths agree ``mean_angle`` and ``largest_angle``, the principal angles in
        degrees between the directions that hold 90 % of A's variance and as many of B's.
    differences
        One row a pair of layers and measure: the values ``a`` and ``b``, and ``difference`` (b - a).
    unit
        ``token`` where both cut the texts into the same tokens, else ``text``: mean states are then compared.
    n_points
        Tokens or texts compared, a sample.
    a
        Measures of the first encoder.
    b
        Measures of the second.
    notes
        Warnings.
    """

    pairs: tuple[dict[str, Any], ...]
    differences: tuple[dict[str, Any], ...]
    unit: Literal["token", "text"]
    n_points: int
    a: MeasureTable
    b: MeasureTable
    notes: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a pair of layers."""
        return list(self.pairs)


def compare(
    a: EncoderLike,
    b: EncoderLike,
    texts: Texts | LabelledTexts,
    *,
    layers: Layers = "all",
    measures: str | Sequence[str] = "streamed",
    sample: int = 4_000,
    seed: int = 0,
    store: FeatureStore | Literal["auto"] | None = "auto",
    progress: bool | None = None,
) -> EncoderComparison:
    """Compare two encoders layer by layer: similarity of their states, and the difference of their measures.

    Layers are compared at equal depth: where both have equally many, layer i with layer i; else each layer of A with
    the layer of B at the nearest share of the depth. Tokens are compared where both encoders cut these texts alike,
    else the texts' mean states (our choice).

    Parameters
    ----------
    a
        An `Encoder`, a folder or hub name, or None for the default encoder.
    b
        The other; the same encoder after fine-tuning, say.
    texts
        Strings, pairs of strings, or `LabelledTexts`.
    layers
        Layers of A.
    measures
        Measures of both, for the differences; as in `measure`.
    sample
        Maximum number of tokens or texts to compare, the same in both.
    seed
        Seed of the sample.
    store
        Where features are kept between calls; None keeps none.
    progress
        True or False to force the progress bars on or off.

    Returns
    -------
    EncoderComparison
        Similarities, differences, and both tables.

    Raises
    ------
    DataError
        If there are fewer than 4 points to compare.
    UsageError
        If a measure or a layer is unknown.

    Examples
    --------
    >>> same = compare(None, None, ["Good fun.", "A bore, really.", "So dull!"], layers=-1)
    >>> round(same.pairs[0]["debiased_cka"], 6), same.pairs[0]["neighbour_overlap"]
    (1.0, 1.0)
    """
    names, inputs = choose_measures(measures), read_inputs(texts)
    encoders = open_encoder(a), open_encoder(b)
    paired = paired_layers(encoders[0], encoders[1], layers)
    chosen = tuple(tuple(sorted({pair[side] for pair in paired})) for side in (0, 1))
    options: dict[str, Any] = {"measures": names, "sample": sample, "seed": seed, "store": store, "progress": progress}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SampleSizeWarning)
        tables = [measure(e, inputs, layers=list(own), **options) for e, own in zip(encoders, chosen, strict=True)]
    by_token = _same_tokens(encoders[0], encoders[1], inputs)
    read = _sampled_tokens if by_token else _text_means
    states = [TokenStates(e, inputs, own, store, progress) for e, own in zip(encoders, chosen, strict=True)]
    points = [read(each, sample, seed) for each in states]
    if len(points[0]) < 4:
        raise DataError(f"a comparison needs at least 4 points, got {len(points[0])}: pass more texts")
    rows = [_similarity(points[0][:, chosen[0].index(i)], points[1][:, chosen[1].index(j)], i, j) for i, j in paired]
    unit: Literal["token", "text"] = "token" if by_token else "text"
    notes = [f"A: {note}" for note in tables[0].notes] + [f"B: {note}" for note in tables[1].notes]
    if unit == "text":
        notes.append("the encoders cut these texts into different tokens, so the texts' mean states were compared")
    if len(points[0]) < 1000:
        notes.append(f"{len(points[0])} points: neighbour_overlap is advised from 1,000, angles from 50 a dimension")
    return EncoderComparison(
        pairs=tuple(rows),
        differences=_differences(tables[0], tables[1], paired, names),
        unit=unit,
        n_points=len(points[0]),
        a=tables[0],
        b=tables[1],
        notes=tuple(notes),
    )


def paired_layers(a: Encoder, b: Encoder, layers: Layers) -> list[tuple[int, int]]:
    """Return each chosen layer of A with the layer of B at the same share of the depth (rounded half up)."""
    return [(i, int(i * b.n_layers / a.n_layers + 0.5)) for i in a.resolve_layers(layers)]


def _same_tokens(a: Encoder, b: Encoder, inputs: list[TextInput]) -> bool:
    if (a.max_length, a.max_windows) == (b.max_length, b.max_windows) and (
        a.tokenizing.fingerprint == b.tokenizing.fingerprint
    ):
        return True
    one, two = a.tokenize(inputs), b.tokenize(inputs)
    return np.array_equal(one.token_ids, two.token_ids) and np.array_equal(one.lengths, two.lengths)


def _sampled_tokens(states: TokenStates, sample: int, seed: int) -> np.ndarray:
    stream = TokenStream(len(states.layers), states.encoder.dim, sample=sample, seed=seed, moments=False)
    states.feed(stream.update)
    return stream.sample()[0]


def _text_means(states: TokenStates, sample: int, seed: int) -> np.ndarray:
    chosen = np.random.default_rng(seed).permutation(len(states.inputs))[:sample]
    means: list[np.ndarray] = []
    some = dataclasses.replace(states, inputs=[states.inputs[i] for i in np.sort(chosen)])
    some.feed(lambda part: means.append(part.means().numpy()))
    return np.concatenate(means)


def _similarity(x: np.ndarray, y: np.ndarray, i: int, j: int) -> dict[str, Any]:
    left, right = PointCloud(x), PointCloud(y)
    row: dict[str, Any] = {"layer_a": i, "layer_b": j}
    scored: dict[str, Callable[[], float]] = {
        "debiased_cka": lambda: linear_cka(left, right, debiased=True),
        "procrustes": lambda: procrustes(left, right),
        "neighbour_overlap": lambda: neighbour_overlap(left, right, k=min(10, left.n - 1)),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SampleSizeWarning)
        row |= {name: _or_none(score) for name, score in scored.items()}
        if left.dim == right.dim:
            angles = _or_none(lambda: np.degrees(principal_angles(left, right)))
            row["mean_angle"] = None if angles is None else float(angles.mean())
            row["largest_angle"] = None if angles is None else float(angles.max())
    return row


def _or_none(score: Callable[[], Any]) -> Any:
    try:
        return score()
    except (DataError, UsageError):
        return None


def _differences(
    a: MeasureTable, b: MeasureTable, paired: list[tuple[int, int]], names: Sequence[str]
) -> tuple[dict[str, Any], ...]:
    one, two = ({(v.layer, v.measure): v.value for v in table.values} for table in (a, b))
    rows: list[dict[str, Any]] = []
    for i, j in paired:
        for name in names:
            x, y = one[i, name], two[j, name]
            gap = None if x is None or y is None else 0.0 if x == y else y - x
            rows.append({"layer_a": i, "layer_b": j, "measure": name, "a": x, "b": y, "difference": gap})
    return tuple(rows)

"""Measure how an encoder's token states fill their space, layer by layer: the study behind ``measure``."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np

from spacetune.bridges.ray import check_engine
from spacetune.data import LabelledTexts, TextBlocks
from spacetune.data.block_reader import BlockReader
from spacetune.encoders import Encoder, FeatureStore, Layers, TextInput, Texts, as_inputs, shared_encoder
from spacetune.errors import DataError, UsageError
from spacetune.geometry import OFFICIAL_SET, SampleSizeWarning, find_measure, list_measures
from spacetune.studies.geometry.cell_streams import COUNTED, CellStream
from spacetune.studies.geometry.layer_values import STREAMED, Variant, layer_values
from spacetune.studies.geometry.measure_table import LayerValue, MeasureTable, few_tokens_notes
from spacetune.studies.geometry.token_states import BlockStates, States, TokenStates, inputs_of
from spacetune.studies.geometry.token_streams import GROUPS, TokenStream
from spacetune.studies.streaming import look_over

__all__ = ["MEASURE_GROUPS", "EncoderLike", "choose_measures", "measure", "open_encoder", "read_inputs"]

EncoderLike = Encoder | str | os.PathLike[str] | None
MEASURE_GROUPS: dict[str, tuple[str, ...]] = {
    "default": (
        "eee", "vrm", "isoscore", "participation_ratio", "effective_rank", "average_cosine", "uniformity",
        "two_nn", "hubness",
    ),
    "streamed": STREAMED,
    "official": OFFICIAL_SET,
    "all": tuple(m.name for m in list_measures(sets=1)),
}  # fmt: skip
"""Names for sets of measures; the additive quantizer, in ``official`` and ``all``, takes most of the time."""


def measure(
    encoder: EncoderLike,
    texts: Texts | LabelledTexts | TextBlocks,
    *,
    layers: Layers = "all",
    measures: str | Sequence[str] = "default",
    sample: int = 5_000,
    intervals: bool = False,
    variant: Variant = "exact",
    seed: int = 0,
    store: FeatureStore | Literal["auto"] | None = "auto",
    progress: bool | None = None,
    engine: str = "local",
    workers: int | None = None,
) -> MeasureTable:
    """Measure the token states of texts at several layers of an encoder.

    What moments are enough for (EEE, IsoScore, participation ratio, …) and the average cosine is worked out over all
    tokens, in one pass and constant memory. The rest is worked out on a sample of tokens, the same at every layer. The
    sample also trains the quantizers; where it is not all tokens, a second pass counts all of them into the cells (for
    RE, RS, PC_var, PC_kl, PP). All real tokens count, special tokens included; padding never does.

    Parameters
    ----------
    encoder
        An `Encoder`, a folder or hub name, or None for the default encoder.
    texts
        Strings, pairs of strings, or `LabelledTexts` (the labels are not looked at). `TextBlocks` of more than one
        block are read, encoded and forgotten block by block: their tokens are counted first, and nothing is kept.
    layers
        Which layers: a number, several, or ``all``.
    measures
        Names from the catalogue, or a group: ``default``, ``streamed``, ``official``, ``all``.
    sample
        Number of tokens for the measures that need more than moments (mean and covariance).
    intervals
        Add 95 % intervals, from values on random halves of 16 groups of texts (tokens of one text are not
        independent, so whole texts are drawn). They cover the choice of texts, not the bias of too few tokens. Takes
        some twenty times as long.
    variant
        ``official`` for the published forms, where a measure has one. The average cosine and all quantizer measures are
        then those of the sample.
    seed
        Seed of the sample, and of the random references of official forms.
    store
        Where features are kept between calls; None keeps none and holds a bounded number of texts at a time (a second
        pass then encodes the texts again).
    progress
        True or False to force the progress bars on or off.
    engine, workers
        For `TextBlocks`: what encodes the blocks, as in `predict_file`. The result is that of ``local``, bit for bit.

    Returns
    -------
    MeasureTable
        One value per layer and measure, with the number of tokens that it was computed on.

    Warns
    -----
    SampleSizeWarning
        Where there are too few tokens for the dimension; the table's notes say the same.

    Raises
    ------
    DataError
        If there are no texts, or fewer than two tokens.
    UsageError
        If a measure or a layer is unknown, or an engine is asked for a list of texts.

    Examples
    --------
    >>> import warnings; warnings.simplefilter("ignore")
    >>> table = measure(None, ["Two hours I will not get back."] * 2, layers=[0, 6], measures=["eee"])
    >>> table.layers, table.n_tokens, 0 < table[6, "eee"] < 1
    ((0, 6), 20, True)
    """
    names = choose_measures(measures)
    if sample < 2:
        raise UsageError(f"sample must be at least 2 tokens, got {sample}")
    check_engine(engine, workers)
    source = texts if isinstance(texts, TextBlocks) else read_inputs(texts)
    opened = open_encoder(encoder)
    chosen = opened.resolve_layers(layers)
    states = _states(opened, source, chosen, store, engine, workers, progress)
    n_groups = GROUPS if intervals and states.n_texts > 1 else 1
    prompts = "prompt_entropy" in names
    empty = functools.partial(
        TokenStream, len(chosen), opened.dim, sample=sample, seed=seed, n_groups=n_groups, prompts=prompts
    )
    stream, n_cut = states.gather(empty)
    if stream.n_tokens < 2:
        raise DataError(f"measures need at least 2 tokens, got {stream.n_tokens}: pass more texts")
    cells = _count(states, stream, names if variant == "exact" else ())
    values = layer_values(
        stream, cells, chosen, names, variant=variant, seed=seed, intervals=n_groups > 1, progress=progress
    )
    few = few_tokens_notes(values, opened.dim)
    if few:
        warnings.warn("; ".join(few), SampleSizeWarning, stacklevel=2)
    return MeasureTable(
        provenance=opened.provenance(chosen, n_cut),
        n_texts=stream.n_texts,
        n_tokens=stream.n_tokens,
        dim=opened.dim,
        n_sample=min(sample, stream.n_tokens),
        seed=seed,
        variant=variant,
        values=tuple(values),
        notes=(*few, *_counting_notes(cells, len(stream.sample()[0])), *_cut_notes(states, n_cut), *_gaps(values)),
        spectra=np.stack([layer.merged()[0].spectrum.values for layer in stream.layers]),
    )


def _states(
    encoder: Encoder,
    source: list[TextInput] | TextBlocks,
    layers: tuple[int, ...],
    store: FeatureStore | Literal["auto"] | None,
    engine: str,
    workers: int | None,
    progress: bool | None,
) -> States:
    """Read one block as a list of texts, and more of them block by block."""
    if isinstance(source, TextBlocks):
        reader = BlockReader(source, look_over(source, progress))
        if len(reader.survey.sizes) > 1 or engine != "local":
            return BlockStates(encoder, reader, layers, engine, workers, progress)
        source = inputs_of(reader, 0)
    if engine != "local":
        raise UsageError("workers of Ray read texts of files: pass TextBlocks of one, or leave engine out")
    if not source:
        raise DataError("there are no texts to measure")
    return TokenStates(encoder, source, layers, store, progress)


def _count(states: States, stream: TokenStream, names: Sequence[str]) -> CellStream:
    """Count all tokens into the cells of quantizers trained on the sample, unless the sample is all tokens."""
    tokens, _ = stream.sample()
    cells = CellStream(tokens, [n for n in names if n in COUNTED and len(tokens) < stream.n_tokens], stream.n_groups)
    return states.gather(cells.empty)[0] if cells.names else cells


def _counting_notes(cells: CellStream, n_sample: int) -> list[str]:
    if not cells.names:
        return []
    advised = max(find_measure(name).advice.points for name in cells.names)
    few = f" ({advised:,} or more are advised)" if n_sample < advised else ""
    return [f"{', '.join(cells.names)}: all tokens, in the cells of a quantizer trained on {n_sample:,} of them{few}"]


def _cut_notes(states: States, n_cut: int) -> list[str]:
    limit = states.encoder.provenance(()).cut_at(states.first)
    return [f"{n_cut:,} of {states.n_texts:,} texts were cut at {limit:,} tokens"] if n_cut else []


def _gaps(values: Sequence[LayerValue]) -> list[str]:
    """Return why measures have no value, each reason once."""
    return list(dict.fromkeys(f"{entry.measure} has no value: {entry.problem}" for entry in values if entry.problem))


def choose_measures(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return names of measures of one set, from a group's name or names; each once.

    >>> choose_measures("streamed")[:2], choose_measures(["eee", "eee"])
    (('eee', 'isoscore'), ('eee',))

    Raises `UsageError` if one is unknown, or compares two sets.
    """
    names = MEASURE_GROUPS.get(given, (given,)) if isinstance(given, str) else tuple(given)
    if not names:
        raise UsageError(f"no measure was asked for: name some, or one of the groups {', '.join(MEASURE_GROUPS)}")
    if between := [name for name in names if find_measure(name).sets != 1]:
        raise UsageError(f"measure looks at one encoder, and {between[0]} compares two: see compare")
    return tuple(dict.fromkeys(names))


def read_inputs(texts: Texts | LabelledTexts) -> list[TextInput]:
    """Return the texts of `LabelledTexts`, strings or pairs.

    Raises `DataError` if there are none.
    """
    inputs = as_inputs(texts.inputs if isinstance(texts, LabelledTexts) else texts)
    if not inputs:
        raise DataError("there are no texts to measure")
    return inputs


def open_encoder(encoder: EncoderLike) -> Encoder:
    """Return the encoder itself, or the one of that name, loaded once per process."""
    if isinstance(encoder, Encoder):
        return encoder
    return shared_encoder(None if encoder is None else str(encoder), None, None)

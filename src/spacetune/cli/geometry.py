"""The commands that look at the geometry of an encoder's states: ``measure``, ``compare`` and ``perturb``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spacetune.cli.guarded import AsJson, Report, guarded, hand_over, write_place
from spacetune.cli.loading import EncoderName, load, named_encoder
from spacetune.cli.reading import COLUMNS, TEXT_FILE, Columns, parse_layers, read, read_unlabelled, reads
from spacetune.cli.streaming import BLOCKS, Blocks, file_blocks
from spacetune.errors import UsageError

if TYPE_CHECKING:
    from spacetune.data import LabelledTexts

__all__ = ["compare", "measure", "perturb"]

LAYERS = "Layers to read: a number, several as 2,4,6, or 'all'."
SAMPLE, N_TEXTS = 4_000, 1_000
MEASURES = "Names of measures, separated by commas, or a group: default, streamed, official, all."


@guarded
@reads
def measure(
    texts: Annotated[str, typer.Argument(help=TEXT_FILE)],
    encoder: EncoderName = None,
    layers: Annotated[str, typer.Option(help=LAYERS)] = "all",
    measures: Annotated[str, typer.Option(help=MEASURES)] = "default",
    intervals: Annotated[bool, typer.Option("--intervals", help="Add 95 % intervals (some 20 times slower).")] = False,
    official: Annotated[
        bool, typer.Option("--official", help="Use the published forms of the measures, quirks included.")
    ] = False,
    rank: Annotated[
        bool, typer.Option("--rank", help="Say which layer to read instead, and how far to trust that.")
    ] = False,
    model: Annotated[str | None, typer.Option(help="A saved model: measure its concept spaces instead.")] = None,
    sample: Annotated[
        int, typer.Option(help="Number of tokens for measures that need more than mean and covariance.")
    ] = 5_000,
    seed: Annotated[int, typer.Option(help="Seed of the sample.")] = 0,
    how: Blocks = BLOCKS,
    out: Report = None,
    columns: Columns = COLUMNS,
    as_json: AsJson = False,
) -> None:
    """Measure how token states fill their space at every layer of an encoder."""
    out = write_place(out, inputs=(texts, model))
    if rank and model is not None:
        raise UsageError("--rank looks at an encoder's layers and --model at a model's spaces: choose one")
    if rank or model is not None:
        how.refuse("measures of an encoder; --rank and --model read all texts at once")
        if (layers, measures, intervals, official) != ("all", "default", False, False):
            raise UsageError("--layers, --measures, --intervals and --official are for measures of an encoder alone")
    from spacetune import studies

    if model is not None:
        data = read_unlabelled(texts, columns)
        hand_over(studies.class_geometry(load(model, encoder), data), as_json, out)
    elif rank:
        data = read_unlabelled(texts, columns)
        ranking = studies.rank_layers(encoder, data, sample=min(sample, 2_000), seed=seed)
        hand_over(ranking, as_json, out)
    else:
        table = studies.measure(
            encoder,
            file_blocks(texts, columns, how),
            layers=parse_layers(layers),
            measures=_measures(measures),
            sample=sample,
            intervals=intervals,
            variant="official" if official else "exact",
            seed=seed,
            **how.by,
        )
        hand_over(table, as_json, out)


@guarded
@reads
def compare(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="ENCODERS... TEXTS",
            help="Two encoders, or with --label two or more (folder, hub name, 'default', or a saved model's folder), "
            "then the file of texts to compare them on.",
        ),
    ],
    label: Annotated[
        list[str] | None,
        typer.Option(help="Column of classes: rank the encoders by how well a probe predicts these from their states."),
    ] = None,
    n_texts: Annotated[
        int, typer.Option("--n-texts", "-n", help="With --label: maximum number of texts to look at.", min=2)
    ] = N_TEXTS,
    layers: Annotated[str, typer.Option(help=LAYERS)] = "all",
    measures: Annotated[str, typer.Option(help=MEASURES)] = "streamed",
    sample: Annotated[int, typer.Option(help="Maximum number of tokens or texts to compare.")] = SAMPLE,
    seed: Annotated[int, typer.Option(help="Seed of the sample.", min=0)] = 0,
    out: Report = None,
    columns: Columns = COLUMNS,
    as_json: AsJson = False,
) -> None:
    """Compare two encoders, or one before and after fine-tuning, on the same texts; or rank several for labels."""
    *names, texts = places
    out = write_place(out, inputs=places)
    if label:
        if (layers, measures, sample) != ("all", "streamed", SAMPLE):
            raise UsageError("--label ranks encoders by probes; leave out --layers, --measures and --sample")
        _rank(names, read(texts, columns, labelled=True, label=label), n_texts, seed, as_json, out)
        return
    if n_texts != N_TEXTS:
        raise UsageError("--n-texts goes with --label; without it --sample says how many tokens are compared")
    if len(names) != 2:
        raise UsageError(
            f"compare takes two encoders and a file of texts, got {len(names)} before {texts!r}; "
            "to rank more by labels, add --label COLUMN"
        )
    data = read_unlabelled(texts, columns)
    from spacetune import studies

    found = studies.compare(
        named_encoder(names[0]),
        named_encoder(names[1]),
        data,
        layers=parse_layers(layers),
        measures=_measures(measures),
        sample=sample,
        seed=seed,
    )
    hand_over(found, as_json, out)


def _rank(names: list[str], data: LabelledTexts, n_texts: int, seed: int, as_json: bool, out: Path | None) -> None:
    """Rank encoders for labels, and show it."""
    from spacetune.studies import choose_encoder

    found = choose_encoder([named_encoder(name) for name in names], data, n_texts=n_texts, seed=seed)
    hand_over(found, as_json, out)


@guarded
@reads
def perturb(
    texts: Annotated[str, typer.Argument(help=TEXT_FILE)],
    encoder: EncoderName = None,
    alphas: Annotated[str, typer.Option(help="Shares of noise in percent, separated by commas.")] = "0.5,1,2,4,8,16,32",
    seeds: Annotated[str, typer.Option(help="Seeds of the noise, separated by commas.")] = "0,1,2",
    layer: Annotated[int, typer.Option(help="The layer to measure; -1 is the last.")] = -1,
    measures: Annotated[str, typer.Option(help=MEASURES)] = "default",
    sample: Annotated[
        int, typer.Option(help="Number of tokens for measures that need more than mean and covariance.")
    ] = 5_000,
    out: Report = None,
    columns: Columns = COLUMNS,
    as_json: AsJson = False,
) -> None:
    """Measure an encoder's states with more and more noise in its weights."""
    out = write_place(out, inputs=(texts,))
    shares = [_number(each, float, "--alphas") for each in alphas.split(",")]
    drawn = [_number(each, int, "--seeds") for each in seeds.split(",")]
    data = read_unlabelled(texts, columns)
    from spacetune import studies

    found = studies.measure_ladder(
        encoder, data, alphas=shares, seeds=drawn, layer=layer, measures=_measures(measures), sample=sample
    )
    hand_over(found, as_json, out)


def _number(given: str, kind: type[float], option: str) -> Any:
    try:
        return kind(given)
    except ValueError:
        raise UsageError(f"{option} must be numbers separated by commas, got {given!r}") from None


def _measures(given: str) -> str | list[str]:
    from spacetune.studies import MEASURE_GROUPS

    return given if given in MEASURE_GROUPS else [name.strip().replace("-", "_") for name in given.split(",")]

"""The commands ``dissect``, which takes hidden states apart, and ``terms …``, which ask about the parts.

Which terms a model uses, a task needs, shape a space, and move in training.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from spacetune.cli.guarded import AsJson, Report, guarded, quiet_libraries, show, write_place
from spacetune.cli.loading import EncoderName, ModelEncoder, load, named_encoder
from spacetune.cli.reading import (
    COLUMNS,
    LABEL,
    TEXT_FILE,
    TEXTS,
    Columns,
    LabelColumn,
    TextColumn,
    parse_layers,
    read,
    read_unlabelled,
    reads,
    texts_or_file,
)

__all__ = ["dissect", "terms"]

terms = typer.Typer(name="terms", help="Questions about the four terms of a dissection.", no_args_is_help=True)
Layer = Annotated[int, typer.Option(help="Layer whose hidden states are read; -1 is the last.")]


@guarded
def dissect(
    texts: Annotated[list[str], typer.Argument(help=TEXTS)],
    encoder: Annotated[
        str | None, typer.Option(help="Folder or hub name of the encoder; by default all-MiniLM-L6-v2.")
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(help="Layers: a number, several as 2,4,6, or 'all'; by default all, with --split the last."),
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="Finer parts of one layer: layer, head, attended or bias.")
    ] = None,
    out: Report = None,
    text: TextColumn = "text",
    dtype: Annotated[str, typer.Option(help="Precision to compute in: float32 or float64.")] = "float32",
    as_json: AsJson = False,
) -> None:
    """Take hidden states apart: how much of each is input, attention, feed-forward and correction."""
    out = write_place(out, inputs=texts)
    chosen = parse_layers(layers or ("-1" if split else "all"))
    quiet_libraries()
    from spacetune.dissection import dissect as take_apart

    given = texts_or_file(texts, Columns(text=text))
    splits: Any = split or []
    found = take_apart(encoder, given, chosen, splits=splits, dtype=dtype)
    show(found, as_json, out)


@terms.command()
@guarded
@reads
def use(
    model: Annotated[str, typer.Argument(help="Folder of a saved Space Model.")],
    texts: Annotated[list[str], typer.Argument(help=TEXTS)],
    out: Report = None,
    encoder: ModelEncoder = None,
    columns: Columns = COLUMNS,
    as_json: AsJson = False,
) -> None:
    """Show which terms of which layers a Space Model's predictions are made of."""
    out = write_place(out, inputs=(model, *texts))
    quiet_libraries()
    given = texts_or_file(texts, columns)
    from spacetune.studies import term_use

    show(term_use(load(model, encoder), given), as_json, out)


@terms.command()
@guarded
@reads
def subsets(
    train: Annotated[str, typer.Argument(help="Labelled texts to train on.")],
    test: Annotated[str, typer.Argument(help="Labelled texts to score on.")],
    encoder: EncoderName = None,
    layer: Layer = -1,
    method: Annotated[Literal["probe", "space"], typer.Option(help="Linear probe, or Space Model.")] = "probe",
    seeds: Annotated[int, typer.Option(help="Number of fits per subset, with seeds from 0 on.", min=1, max=1000)] = 1,
    label: LabelColumn = LABEL,
    out: Report = None,
    columns: Columns = COLUMNS,
    as_json: AsJson = False,
) -> None:
    """Train a classifier on each of the 15 subsets of the terms, and score it on test."""
    out = write_place(out, inputs=(train, test))
    data = [read(source, columns, labelled=True, label=label) for source in (train, test)]
    from spacetune.studies import score_term_subsets

    show(
        score_term_subsets(*data, encoder=encoder, layer=layer, method=method, seeds=tuple(range(seeds))),
        as_json,
        out,
    )


@terms.command()
@guarded
@reads
def geometry(
    texts: Annotated[str, typer.Argument(help=TEXT_FILE)],
    encoder: EncoderName = None,
    layer: Layer = -1,
    max_tokens: Annotated[int, typer.Option(help="About how many tokens to measure.")] = 20_000,
    out: Report = None,
    columns: Columns = COLUMNS,
    as_json: AsJson = False,
) -> None:
    """Measure each term as a set of points of its own, to see which one makes the space anisotropic."""
    out = write_place(out, inputs=(texts,))
    data = read_unlabelled(texts, columns)
    from spacetune.studies import term_geometry

    show(term_geometry(encoder, data.inputs, layer, max_tokens=max_tokens), as_json, out)


@terms.command()
@guarded
@reads
def shift(
    before: Annotated[str, typer.Argument(help="Encoder: folder, hub name, 'default', or a saved model's folder.")],
    after: Annotated[str, typer.Argument(help="The other encoder, with the same number of layers.")],
    texts: Annotated[str, typer.Argument(help=TEXT_FILE)],
    out: Report = None,
    columns: Columns = COLUMNS,
    as_json: AsJson = False,
) -> None:
    """Compare the terms' importances in two encoders, as before and after fine-tuning."""
    out = write_place(out, inputs=(texts, before, after))
    data = read_unlabelled(texts, columns)
    from spacetune.studies import term_shift

    show(term_shift(named_encoder(before), named_encoder(after), data.inputs), as_json, out)

"""The commands that use a saved model: ``score``, ``predict``, ``spaces``, ``simplex``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spacetune.cli.guarded import (
    NAMED,
    AsJson,
    Report,
    guarded,
    hand_over,
    heeding_sigterm,
    quiet_libraries,
    show,
    write_place,
)
from spacetune.cli.loading import ModelEncoder, load
from spacetune.cli.reading import COLUMNS, LABEL, TEXTS, Columns, LabelColumn, Separator, read, reads, texts_or_table
from spacetune.cli.streaming import STREAMING, Streaming, blocks_of, is_stream, say_written, stream_place
from spacetune.errors import UsageError

if TYPE_CHECKING:
    from spacetune.studies import Thresholds

__all__ = ["predict", "score", "simplex", "spaces"]

WRITTEN = f"File for the predictions: {NAMED}; or a folder for Parquet parts, which --resume continues."


@guarded
@reads
def score(
    model: Annotated[str, typer.Argument(help="Folder of a saved model.")],
    data: Annotated[str, typer.Argument(help="Labelled texts.")],
    label: LabelColumn = LABEL,
    label_separator: Separator = None,
    against: Annotated[str | None, typer.Option(help="Another saved model to compare it with.")] = None,
    encoder: ModelEncoder = None,
    columns: Columns = COLUMNS,
    out: Report = None,
    as_json: AsJson = False,
) -> None:
    """Score a saved model on labelled texts, beside the majority baseline or another model."""
    out = write_place(out, inputs=(model, data, against))
    texts = read(data, columns, labelled=True, label=label, label_separator=label_separator)
    if against is not None:
        from spacetune.studies import compare_models

        found = compare_models(load(model, encoder), load(against, encoder), texts, names=_apart(model, against))
        show(found, as_json, out)
        return
    from spacetune.studies import score_model

    show(score_model(load(model, encoder), texts), as_json, out)


@guarded
@reads
def predict(
    model: Annotated[str, typer.Argument(help="Folder of a saved model.")],
    texts: Annotated[list[str], typer.Argument(help=TEXTS)],
    out: Annotated[Path | None, typer.Option("--out", "-o", help=WRITTEN)] = None,
    top: Annotated[int | None, typer.Option(help="Name only this many of the likeliest classes.", min=1)] = None,
    how: Streaming = STREAMING,
    abstain: Annotated[
        str | None,
        typer.Option(help="Say 'unsure' below this probability, or below those in a file of 'spacetune thresholds'."),
    ] = None,
    encoder: ModelEncoder = None,
    columns: Columns = COLUMNS,
    as_json: AsJson = False,
) -> None:
    """Predict texts given here, or all texts of a file; its own columns stay beside the predictions."""
    out = stream_place(out, inputs=(model, *(() if abstain is None else (abstain,)), *texts), resume=how.resume)
    streamed = is_stream(out, as_json, how)
    quiet_libraries()
    from spacetune.studies import predict_file, predict_texts

    unless = None if abstain is None else _abstention(abstain)
    if out is not None and streamed:
        blocks = blocks_of(texts, columns, how)
        with heeding_sigterm():
            found = predict_file(load(model, encoder), blocks, out, top=top, abstain=unless, **how.by)
        say_written(found, "predictions", as_json)
    else:
        given = texts_or_table(texts, columns, keep_columns=as_json or out is not None)
        result = predict_texts(load(model, encoder), given, top=top, abstain=unless)
        hand_over(result, as_json, out, f"{len(result.texts):,} predictions ")


def _abstention(given: str) -> float | Thresholds:
    """Read a probability, or the file of thresholds that is named."""
    from spacetune.studies import read_thresholds

    try:
        return float(given)
    except ValueError:
        if not Path(given).is_file():
            raise UsageError(f"--abstain must be a probability, or a file of thresholds; got {given!r}") from None
        return read_thresholds(Path(given))


def _apart(first: str, second: str) -> tuple[str, str]:
    """Return the models' names, short where that tells them apart."""
    names = Path(first).name, Path(second).name
    return names if names[0] != names[1] else (first, second)


@guarded
@reads
def spaces(
    model: Annotated[str, typer.Argument(help="Folder of a saved classifier.")],
    data: Annotated[str, typer.Argument(help="Labelled texts to place in its spaces.")],
    out: Report = None,
    n_texts: Annotated[int, typer.Option(help="Maximum number of texts on the map.")] = 600,
    seed: Annotated[int, typer.Option(help="Seed of the choice of texts.")] = 0,
    label: LabelColumn = LABEL,
    encoder: ModelEncoder = None,
    columns: Columns = COLUMNS,
    as_json: AsJson = False,
) -> None:
    """Show where texts lie in a model's concept spaces, and how far apart the spaces are."""
    out = write_place(out, inputs=(model, data))
    texts = read(data, columns, labelled=True, label=label)
    from spacetune.studies import map_spaces

    show(map_spaces(load(model, encoder), texts, n_texts=n_texts, seed=seed), as_json, out)


@guarded
@reads
def simplex(
    model: Annotated[str, typer.Argument(help="Folder of a saved model fitted with a simplex (--n-vertices).")],
    data: Annotated[str, typer.Argument(help="Labelled texts to score it on; not those kept for a final test.")],
    out: Report = None,
    points: Annotated[
        int, typer.Option(help="Number of random points; each costs a pass over the texts.", max=100_000)
    ] = 30,
    seed: Annotated[int, typer.Option(help="Seed of the random points.")] = 0,
    label: LabelColumn = LABEL,
    label_separator: Separator = None,
    encoder: ModelEncoder = None,
    columns: Columns = COLUMNS,
    as_json: AsJson = False,
) -> None:
    """Score a simplex at its vertices, its centroid and random points, and show how its training went."""
    out = write_place(out, inputs=(model, data))
    texts = read(data, columns, labelled=True, label=label, label_separator=label_separator)
    from spacetune.studies import score_simplex

    show(score_simplex(load(model, encoder), texts, n_points=points, seed=seed), as_json, out)

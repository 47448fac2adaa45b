"""The command that takes embeddings apart."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from spacetune.cli.guarded import ENDINGS, AsJson, Report, guarded, quiet_libraries, show, write_place
from spacetune.cli.reading import TEXTS, Columns, TextColumn, parse_layers, texts_or_file

__all__ = ["dissect"]


@guarded
def dissect(
    texts: Annotated[list[str], typer.Argument(help=TEXTS)],
    encoder: Annotated[str | None, typer.Option(help="Folder or hub name; default all-MiniLM-L6-v2.")] = None,
    layers: Annotated[
        str | None, typer.Option(help="A number, several with commas, or 'all' (usual; with --split: the last).")
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="Finer parts of one layer: layer, head, attended or bias.")
    ] = None,
    out: Report = None,
    text: TextColumn = "text",
    dtype: Annotated[str, typer.Option(help="float32 or float64.")] = "float32",
    as_json: AsJson = False,
) -> None:
    """Take hidden states apart: how much of each is input, attention, feed-forward and correction."""
    out = write_place(out, *ENDINGS, inputs=texts)
    chosen = parse_layers(layers or ("-1" if split else "all"))
    quiet_libraries()
    from spacetune.dissection import dissect as take_apart
    from spacetune.reports.dissections import draw_dissection

    given = texts_or_file(texts, Columns(text=text))
    splits: Any = split or []
    found = take_apart(encoder, given, chosen, splits=splits, dtype=dtype)
    show(found, as_json, draw_dissection, out)

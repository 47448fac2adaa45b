"""The command that takes embeddings apart."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from spacetune.cli.doors import ENDINGS, AsJson, Report, TextColumn, guarded, quiet_libraries, show, write_place
from spacetune.cli.use import texts_or_file
from spacetune.errors import UsageError

__all__ = ["dissect"]


@guarded
def dissect(
    texts: Annotated[list[str], typer.Argument(help="A text, several, or one file of texts.")],
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
    out = write_place(out, *ENDINGS)
    chosen = parse_layers(layers or ("-1" if split else "all"))
    quiet_libraries()
    from spacetune.dissection import dissect as take_apart
    from spacetune.reports.dissections import draw_dissection

    given = texts_or_file(texts, text=text, text_pair=None, delimiter=None, encoding="utf-8", split=None)
    splits: Any = split or []
    found = take_apart(encoder, given, chosen, splits=splits, dtype=dtype)
    show(found, as_json, draw_dissection, out)


def parse_layers(words: str) -> Any:
    """Read a layer choice as the command line has it.

    >>> parse_layers("all"), parse_layers("-1"), parse_layers("2,4")
    ('all', -1, [2, 4])

    Raises
    ------
    UsageError
        If it is none.
    """
    if words == "all":
        return "all"
    try:
        numbers = [int(word) for word in words.split(",")]
    except ValueError:
        raise UsageError(f"--layers must be a number, several with commas, or 'all', got {words!r}") from None
    return numbers[0] if len(numbers) == 1 else numbers

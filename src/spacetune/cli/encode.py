"""The command ``encode``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from spacetune.cli.guarded import AsJson, guarded, heeding_sigterm, quiet_libraries
from spacetune.cli.loading import EncoderName, named_encoder
from spacetune.cli.reading import COLUMNS, TEXTS, Columns, parse_layers, reads
from spacetune.cli.streaming import STREAMING, Streaming, blocks_of, say_written, stream_place
from spacetune.errors import UsageError

__all__ = ["encode"]


@guarded
@reads
def encode(
    texts: Annotated[list[str], typer.Argument(help=TEXTS)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the parts, or a .parquet file.")],
    encoder: EncoderName = None,
    layers: Annotated[str, typer.Option(help="Layers: a number, several as 2,4,6, or 'all'; -1 is the last.")] = "-1",
    tokens: Annotated[
        bool, typer.Option("--tokens", help="Write the states of every token instead of their mean.")
    ] = False,
    form: Annotated[Literal["parquet", "safetensors"], typer.Option(help="File format of the parts.")] = "parquet",
    how: Streaming = STREAMING,
    columns: Columns = COLUMNS,
    as_json: AsJson = False,
) -> None:
    """Write an encoder's features of texts, with where they come from, for other programs."""
    if out.suffix == ".safetensors" and not out.is_dir():
        raise UsageError(f"--out must be a folder for safetensors, got {out.name}: --out {out.stem} --form safetensors")
    stream_place(out, inputs=texts, resume=how.resume)
    quiet_libraries()
    from spacetune.studies import encode_file

    blocks = blocks_of(texts, columns, how)
    with heeding_sigterm():
        opened, chosen = named_encoder("default" if encoder is None else encoder), parse_layers(layers)
        found = encode_file(opened, blocks, out, layers=chosen, tokens=tokens, form=form, **how.by)
    say_written(found, "texts' features", as_json)

"""What the commands share whose results are written block by block: options, places, texts, a last sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from spacetune.cli.guarded import quiet_libraries, say, tell
from spacetune.cli.places import write_folder, write_place
from spacetune.cli.reading import Columns, as_typed, named_file, read_unlabelled
from spacetune.cli.streams import print_json
from spacetune.errors import UsageError, agreed

if TYPE_CHECKING:
    from spacetune.data import TextBlocks
    from spacetune.studies import Streamed

__all__ = [
    "BLOCKS", "STREAMING", "Blocks", "Resume", "Streaming", "blocks_of", "file_blocks", "is_stream", "say_written",
    "stream_place",
]  # fmt: skip

TABLES = (".csv", ".jsonl", ".parquet")
Kept = Annotated[
    str | None,
    typer.Option("--columns", help="Columns of the file to keep in the output, separated by commas; by default all."),
]
OnError = Annotated[
    Literal["stop", "keep"] | None,
    typer.Option(
        help="What a row without a text does. stop: a number or a list ends the run, and a missing text counts as "
        "empty; keep: both are kept, marked and counted."
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Continue from the parts that an interrupted run left in the folder --out.")
]
Rows = Annotated[int | None, typer.Option("--block", help="Number of rows to read and process at a time.", min=1)]
Engine = Annotated[
    str | None, typer.Option(help="What processes the blocks: local, ray, or the ray:// address of a cluster.")
]
Workers = Annotated[
    int | None, typer.Option(help="Number of Ray processes; by default all of Ray's CPUs but one.", min=1)
]


@dataclasses.dataclass(frozen=True)
class Streaming:
    """How results are written block by block: fields that `reads` makes options of."""

    keep: Kept = None
    on_error: OnError = None
    block: Rows = None
    resume: Resume = False
    engine: Engine = None
    workers: Workers = None

    @property
    def by(self) -> dict[str, Any]:
        """Who writes, and whether on from what is there, as `predict_file` and its like take it."""
        return {"resume": self.resume, "engine": self.engine or "local", "workers": self.workers}


@dataclasses.dataclass(frozen=True)
class Blocks:
    """How a large file is worked on block by block, and by whom."""

    block: Rows = None
    engine: Engine = None
    workers: Workers = None

    @property
    def by(self) -> dict[str, Any]:
        """Who works, as `measure` and `explain_file` take it."""
        return {"engine": self.engine or "local", "workers": self.workers}

    def refuse(self, kept_for: str) -> None:
        """Raise `UsageError` where something was asked for that has a use for something else alone."""
        for name, value in vars(self).items():
            if value is not None:
                raise UsageError(f"--{name} is for {kept_for}")


STREAMING = Streaming()
BLOCKS = Blocks()


def stream_place(out: Path | None, *, inputs: Sequence[str | Path], resume: bool) -> Path | None:
    """Return the file or the folder of parts to write, or say before the work that nothing can be written there."""
    if out is not None and _is_folder(out):
        return write_folder(out, inputs=inputs, resume=resume)
    if resume:
        raise UsageError("--resume goes on from the parts in a folder: name one with --out")
    return write_place(out, inputs=inputs)


def is_stream(out: Path | None, as_json: bool, how: Streaming = STREAMING) -> bool:
    """Tell whether a result is written block by block; raise `UsageError` for options that only then have a use."""
    if out is not None and (_is_folder(out) or (out.suffix in TABLES and not as_json)):
        return True
    options = {"--columns": how.keep, "--on-error": how.on_error, "--block": how.block}
    options |= {"--engine": how.engine, "--workers": how.workers}
    unused = [name for name, value in options.items() if value is not None]
    if unused:
        raise UsageError(f"{unused[0]} is for --out with a folder, or {' or '.join(TABLES)} without --json")
    return False


def _is_folder(out: Path) -> bool:
    return out.is_dir() or not out.suffix


def blocks_of(given: list[str], columns: Columns, how: Streaming = STREAMING) -> TextBlocks:
    """Return texts typed on the command line, of a file, a folder or standard input, to be read block by block."""
    from spacetune.data import TextBlocks
    from spacetune.data.lines import read_lines

    kept = None if how.keep is None else how.keep.split(",")
    wanted = {"columns": kept, "on_error": how.on_error, "size": how.block}
    chosen: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    named = named_file(given)
    if named is None:
        return TextBlocks({"text": as_typed(given)}, **chosen)
    lines = read_lines(named, columns.text, columns.delimiter, columns.encoding)
    if lines is None:
        return TextBlocks(named, **vars(columns), **chosen)
    say(f"! {lines.notes[0]}")
    return TextBlocks({"text": lines.texts}, **chosen)


def file_blocks(file: str, columns: Columns, how: Blocks) -> TextBlocks:
    """Return the texts of a file, a folder or standard input, to be read block by block.

    Raises `DataError` if there is no such file.
    """
    if named_file([file]) is None:
        read_unlabelled(file, columns)  # says what is wrong
    quiet_libraries()
    return blocks_of([file], columns, Streaming(block=how.block))


def say_written(found: Streamed, what: str, as_json: bool) -> None:
    """Say what was written, and print the summary where JSON is asked for."""
    more = [
        f"{found.n_skipped:,} were there already" if found.n_skipped else "",
        agreed(found.n_errors, "row{s} without a text {are} marked") if found.n_errors else "",
        agreed(found.n_truncated, "text{s} {were} cut at the encoder's limit") if found.n_truncated else "",
    ]
    told = "; ".join(each for each in more if each)
    tell(f"{found.n_rows:,} {what} written to {found.out}" + (f" ({told})" if told else ""))
    if as_json:
        print_json(found)

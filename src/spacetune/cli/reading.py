"""What the commands that read texts share: the options that say how, texts or a file of them, a choice of layers."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from spacetune.cli.doors import people, quiet_libraries
from spacetune.errors import DataError, UsageError

if TYPE_CHECKING:
    from spacetune.data import LabelledTexts

__all__ = [
    "COLUMNS",
    "Columns",
    "LabelColumn",
    "Separator",
    "Task",
    "TextColumn",
    "parse_layers",
    "read",
    "read_unlabelled",
    "reads",
    "texts_or_file",
]

TextColumn = Annotated[str, typer.Option("--text", help="Column that holds the texts.")]
LabelColumn = Annotated[str, typer.Option("--label", help="Column that holds the labels.")]
PairColumn = Annotated[str | None, typer.Option("--text-pair", help="Column with the second text of a pair.")]
Separator = Annotated[
    str | None,
    typer.Option(
        "--label-separator", help="Splits several labels in one cell; 'list': a cell is a list, as ['a', 'b']."
    ),
]
Delimiter = Annotated[str | None, typer.Option("--delimiter", help="CSV delimiter, as in ';'.")]
Encoding = Annotated[str, typer.Option("--encoding", help="Encoding of text files.")]
Quotes = Annotated[
    Literal["auto", "double", "none"],
    typer.Option("--quoting", help="Double quotes in CSV, TSV: they keep a cell together, or are characters."),
]
Task = Annotated[Literal["auto", "classification", "regression"], typer.Option("--task", help="What the labels are.")]
Split = Annotated[str | None, typer.Option("--split", help="Split of a datasets folder.")]
FILE_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".gz")


@dataclasses.dataclass(frozen=True)
class Columns:
    """How a file of texts is read: a command with a parameter of this type gets its fields as options."""

    text: TextColumn = "text"
    text_pair: PairColumn = None
    delimiter: Delimiter = None
    encoding: Encoding = "utf-8"
    quoting: Quotes = "auto"
    split: Split = None


COLUMNS = Columns()


def reads(command: Callable[..., None]) -> Callable[..., None]:
    """Put the fields of `Columns` as options in the place of a command's parameter ``columns``."""
    hints = get_type_hints(Columns, include_extras=True)
    option = functools.partial(inspect.Parameter, kind=inspect.Parameter.KEYWORD_ONLY)
    options = [option(f.name, default=f.default, annotation=hints[f.name]) for f in dataclasses.fields(Columns)]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        command(columns=Columns(**{field.name: given.pop(field.name) for field in options}), **given)

    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        keyword = parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        parameters += options if name == "columns" else [keyword]
    run.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportAttributeAccessIssue]
    return run


def read(
    source: str,
    columns: Columns,
    *,
    labelled: bool | None = None,
    label: str = "label",
    label_separator: str | None = None,
    task: Literal["auto", "classification", "regression"] = "auto",
) -> LabelledTexts:
    """Read texts for a command; the notes are shown with the result, so the warnings stay silent.

    Raises
    ------
    DataError
        If the command needs labels and they are missing or of several types: said before the work starts.
    """
    from spacetune.data import label_kind, read_texts

    quiet_libraries()
    data = read_texts(
        source, labelled=labelled, label=label, label_separator=label_separator, task=task, **vars(columns)
    )
    if labelled:
        try:
            label_kind(data.labels or [])
        except DataError as error:
            raise DataError(f"{data.source}: {error}") from error
    return data


def read_unlabelled(source: str, columns: Columns) -> LabelledTexts:
    """Read texts for a command whose result has no place for notes on them: they go to stderr."""
    data = read(source, columns, labelled=False)
    for note in data.notes:
        people(True).print(f"! {note}", highlight=False, markup=False)
    return data


def texts_or_file(given: list[str], columns: Columns) -> Any:
    """Take texts as they are, or one file of texts; a missing file is an error, not a text."""
    if len(given) == 1 and (given[0].lower().endswith(FILE_ENDINGS) or _is_folder(given[0])):
        return read_unlabelled(given[0], columns).inputs
    return [text.encode("utf-8", "replace").decode("utf-8") for text in given]


def _is_folder(given: str) -> bool:
    return 0 < len(given) < 200 and "\n" not in given and Path(given).is_dir()


def parse_layers(given: str, *, auto: bool = False) -> Any:
    """Read a layer choice: ``all``, a number, numbers with commas, and ``auto`` where that is possible.

    >>> parse_layers("2,4,-1"), parse_layers("3"), parse_layers("all")
    ([2, 4, -1], 3, 'all')

    Raises
    ------
    UsageError
        If it is none of these.
    """
    if given == "all" or (auto and given == "auto"):
        return given
    try:
        numbers = [int(part) for part in given.split(",")]
    except ValueError:
        words = "'all' or 'auto'" if auto else "or 'all'"
        raise UsageError(f"--layers must be a number, numbers as 2,4,6, {words}, got {given!r}") from None
    return numbers[0] if len(numbers) == 1 else numbers

"""What the commands that read texts share: the options that say how, texts or a file of them, a choice of layers."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from spacetune.cli.guarded import quiet_libraries, say
from spacetune.errors import DataError, UsageError

if TYPE_CHECKING:
    from spacetune.data import LabelledTexts

__all__ = [
    "COLUMNS",
    "LABEL",
    "TEXTS",
    "TEXT_FILE",
    "Columns",
    "LabelColumn",
    "Separator",
    "Task",
    "TextColumn",
    "as_typed",
    "named_file",
    "parse_layers",
    "read",
    "read_unlabelled",
    "reads",
    "texts_or_file",
    "texts_or_table",
]

TextColumn = Annotated[str, typer.Option("--text", help="Column that holds the texts.")]
LabelColumn = Annotated[
    list[str],
    typer.Option(
        "--label", help="Column that holds the labels; given several times: columns of 0 and 1, one for every label."
    ),
]
LABEL = ["label"]
PairColumn = Annotated[str | None, typer.Option("--text-pair", help="Column with the second text of a pair.")]
Separator = Annotated[
    str | None,
    typer.Option(
        "--label-separator", help="What separates several labels in one cell; 'list': a cell is a list, as ['a', 'b']."
    ),
]
Delimiter = Annotated[str | None, typer.Option("--delimiter", help="CSV delimiter, such as ';'.")]
Encoding = Annotated[str, typer.Option("--encoding", help="Encoding of text files.")]
Quotes = Annotated[
    Literal["auto", "double", "none"],
    typer.Option(
        "--quoting", help="Double quotes in CSV and TSV: they keep a cell together (double), or are characters (none)."
    ),
]
Task = Annotated[
    Literal["auto", "classification", "regression"],
    typer.Option("--task", help="What the labels are: classes, or numbers to predict; 'auto' tells by their type."),
]
Split = Annotated[str | None, typer.Option("--split", help="Which split of a datasets folder to read.")]
TEXTS = "One or more texts, one file of texts, or - for standard input with one text per line."
TEXT_FILE = (
    "Texts: CSV, TSV, JSONL, TXT with a text per line (all also .gz), Parquet, datasets folder, or - (standard input)."
)
AS_TEXT = "words that are also a file's name can be sent as a text through standard input: -"
FILE_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".gz", ".txt")


@dataclasses.dataclass(frozen=True)
class Columns:
    """How a file of texts is read: fields that `reads` makes options of."""

    text: TextColumn = "text"
    text_pair: PairColumn = None
    delimiter: Delimiter = None
    encoding: Encoding = "utf-8"
    quoting: Quotes = "auto"
    split: Split = None


COLUMNS = Columns()


def reads(command: Callable[..., None]) -> Callable[..., None]:
    """Put options in the place of each parameter whose default is a dataclass, such as `Columns`: one a field."""
    signature = inspect.signature(command, eval_str=True)
    defaults = {name: parameter.default for name, parameter in signature.parameters.items()}
    groups: dict[str, type[Any]] = {n: type(given) for n, given in defaults.items() if dataclasses.is_dataclass(given)}

    @functools.wraps(command)
    def run(**given: Any) -> None:
        made = {
            name: kind(**{field.name: given.pop(field.name) for field in dataclasses.fields(kind)})
            for name, kind in groups.items()
        }
        command(**made, **given)

    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        own = parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        parameters += _options(groups[name]) if name in groups else [own]
    run.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportAttributeAccessIssue]
    return run


def _options(kind: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    option = functools.partial(inspect.Parameter, kind=inspect.Parameter.KEYWORD_ONLY)
    return [option(f.name, default=f.default, annotation=hints[f.name]) for f in dataclasses.fields(kind)]


def read(
    source: str,
    columns: Columns,
    *,
    labelled: bool | None = None,
    label: Sequence[str] = LABEL,
    label_separator: str | None = None,
    task: Literal["auto", "classification", "regression"] = "auto",
    weight: str | None = None,
    keep_columns: bool = False,
) -> LabelledTexts:
    """Read texts for a command; the notes are shown with the result, so the warnings stay silent.

    Raises `DataError` if the command needs labels and they are missing or of several types: said before the work
    starts.
    """
    from spacetune.data import label_kind, read_texts
    from spacetune.data.lines import read_lines

    quiet_libraries()
    lines = read_lines(source, columns.text, columns.delimiter, columns.encoding)
    if lines is not None and labelled:
        raise DataError(
            f"{lines.source} is read as one text per line, and labels are needed; give a table whose first line names "
            f"its columns, such as {','.join([columns.text, *label])}"
        )
    if lines is not None:
        return lines
    data = read_texts(
        source, labelled=labelled, label=label, label_separator=label_separator, task=task,
        weight=weight, keep_columns=keep_columns, **vars(columns),
    )  # fmt: skip
    if labelled:
        try:
            label_kind(data.labels or [])
        except DataError as error:
            raise DataError(f"{data.source}: {error}") from error
    return data


def read_unlabelled(
    source: str,
    columns: Columns,
    *,
    keep_columns: bool = False,
    label: Sequence[str] | None = None,
    label_separator: str | None = None,
) -> LabelledTexts:
    """Read texts for a command whose result has no place for notes on them: they go to stderr.

    With `label` the labels of that column are read too, where it is there.
    """
    labelled = False if label is None else None
    data = read(
        source, columns, labelled=labelled, label=label or LABEL, label_separator=label_separator,
        keep_columns=keep_columns,
    )  # fmt: skip
    for note in data.notes:
        say(f"! {note}")
    return data


def texts_or_file(given: list[str], columns: Columns) -> Any:
    """Take texts as they are, or one file of texts, or standard input: see `texts_or_table`."""
    return texts_or_table(given, columns).inputs


def texts_or_table(
    given: list[str],
    columns: Columns,
    *,
    keep_columns: bool = False,
    label: Sequence[str] | None = None,
    label_separator: str | None = None,
) -> LabelledTexts:
    """Take texts as they are, or one file of texts, or standard input.

    What names a file is never taken for a text: a path that exists is read or refused, and so is one word that ends as
    a file does where there is no such file.

    Raises `DataError` if it is a file that cannot be read as texts; `UsageError` if a file comes beside other texts.
    """
    named = named_file(given)
    if named is None:
        from spacetune.data import LabelledTexts

        return LabelledTexts(as_typed(given))
    try:
        return read_unlabelled(named, columns, keep_columns=keep_columns, label=label, label_separator=label_separator)
    except DataError as error:
        if named == "-" or (os.path.lexists(named) and named.lower().endswith(FILE_ENDINGS)):  # no words, surely
            raise
        raise DataError(f"{error} ({AS_TEXT})") from error


def named_file(given: list[str]) -> str | None:
    """Return the file or folder that is named, or None where these are texts.

    Raises `UsageError` if it comes beside other texts.
    """
    named = next((each for each in given if _names_a_file(each)), None)
    if named is not None and len(given) > 1:
        raise UsageError(f"texts come as words or from one file, and {named!r} names a file beside others; {AS_TEXT}")
    return named


def as_typed(words: list[str]) -> list[str]:
    """Return texts from the command line, with ? for bytes that are no UTF-8."""
    return [text.encode("utf-8", "replace").decode("utf-8") for text in words]


def _is_tables_address(given: str) -> bool:
    """Tell an address of tables, one word; a page's may be a text."""
    if "://" not in given or len(given.split()) > 1 or given.lower().startswith("http"):
        return False
    from spacetune.data.remote import is_address

    return is_address(given)


def _names_a_file(given: str) -> bool:
    """Tell a file's name from a text; a text that only ends as a file's name does is pointed out."""
    if given == "-" or (given and os.path.exists(given)) or _is_tables_address(given):
        return True
    ends = given.lower().endswith(FILE_ENDINGS)
    if ends and len(given.split()) > 1:
        say(f"! {given!r} is taken as a text: there is no such file")
        return False
    return ends


def parse_layers(given: str, *, auto: bool = False) -> Any:
    """Read a layer choice: ``all``, a number, numbers with commas, and ``auto`` where that is possible.

    >>> parse_layers("2,4,-1"), parse_layers("3"), parse_layers("all")
    ([2, 4, -1], 3, 'all')

    Raises `UsageError` if it is none of these.
    """
    if given == "all" or (auto and given == "auto"):
        return given
    try:
        numbers = [int(part) for part in given.split(",")]
    except ValueError:
        words = "'all' or 'auto'" if auto else "or 'all'"
        raise UsageError(f"--layers must be a number, numbers as 2,4,6, {words}, got {given!r}") from None
    return numbers[0] if len(numbers) == 1 else numbers

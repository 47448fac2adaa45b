"""`read_texts`: one door for every place where labelled texts come from."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

from spacetune.data import sources
from spacetune.data.delimited import Quoting, delimiter_hint
from spacetune.data.label_column import LabelColumn, Task, read_label_column
from spacetune.data.label_columns import indicator_columns, read_label_columns
from spacetune.data.labelled_texts import DataNote, LabelledTexts, warn_of
from spacetune.data.labels import is_missing
from spacetune.data.weights import read_weights
from spacetune.errors import DataError, UsageError, counted, did_you_mean, printable

__all__ = ["as_strings", "read_texts", "text_columns"]


def read_texts(
    source: object,
    *,
    text: str = "text",
    label: str | Sequence[str] = "label",
    text_pair: str | None = None,
    weight: str | None = None,
    labelled: bool | None = None,
    label_separator: str | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    quoting: Quoting = "auto",
    split: str | None = None,
    task: Task = "auto",
    keep_columns: bool = False,
) -> LabelledTexts:
    r"""Read labelled texts from a file, a folder, a table in memory or a list.

    Parameters
    ----------
    source
        A path (.csv, .tsv, .jsonl, .json, each also .gz, .parquet, or a folder saved by Hugging Face
        `datasets`), the address of such a file (``s3://…``, ``hf://…``: copied by fsspec), a `datasets.Dataset`, a
        pandas or polars frame, a pyarrow table, a mapping of columns, or a list of strings.
    text
        Name of the column that holds the texts.
    label
        Name of the column that holds the labels; or names of several columns that hold 0 and 1, one a label: a text
        then has those whose column says 1.
    text_pair
        Name of the column with the second text of a pair; a column called ``text_pair`` is used by default.
    weight
        Name of the column with the weight of every text; None weighs all alike.
    labelled
        True: the label column must be there; False: ignore it; None: use it where it is there.
    label_separator
        What separates several labels in one cell, for multi-label CSV, as in ``joy|love``; ``list`` where every cell
        is a list as Python or JSON writes it, as in ``['joy', 'love']``.
    delimiter
        The CSV delimiter where it is not the one its ending says.
    encoding
        The encoding of a text file.
    quoting
        What double quotes are in CSV and TSV: ``double``: they keep a cell together; ``none``: plain characters;
        ``auto``: the first, except in a file with tabs where that would join or break rows, which a note says.
    split
        Which split of a `datasets` folder to read.
    task
        What the labels are for: with ``classification`` a label such as 1.10 stays text, and is not read as a number.
    keep_columns
        Keep all columns of the table, in `LabelledTexts.columns`.

    Returns
    -------
    LabelledTexts
        The rows in their order, none left out; what was noticed is in its `notes` and warned of.

    Raises
    ------
    DataError
        If the source is missing, empty, damaged, lacks a column, or weights are not numbers of at least 0; the message
        says what to do.
    UsageError
        If the label separator, the delimiter or the quoting is not allowed.

    Examples
    --------
    >>> read_texts({"text": ["fine", "awful"], "label": ["good", "bad"]})
    LabelledTexts(2 labelled texts from memory)
    """
    if label_separator == "":
        raise UsageError("--label-separator must be at least one character such as '|', got none")
    named = _label_names(label)
    table = sources.open_table(source, sources.TextFormat(delimiter, encoding, quoting), split)
    texts, pairs = text_columns(table, text, text_pair)
    asked = True if labelled is None and len(named) > 1 else labelled
    labels = [_column(table, name, "label", labelled=asked) for name in named]
    weights = None if weight is None else _column(table, weight, "weight", labelled=True)
    if not texts:
        raise DataError(f"{table.name} names its columns ({table.listed}) but holds no rows; add some")
    notes: list[DataNote] = list(table.notes)
    near = did_you_mean(named[0], table.columns) if labels == [None] and labelled is None else None
    if near not in (None, text):
        said = f"no column {named[0]!r}, hence no labels; did you mean --label {printable(near):.80}?"
        notes.append(DataNote("label", (), said))
    found = {name: column for name, column in zip(named, labels, strict=True) if column is not None}
    read = _labels(found, table, label_separator, task) if found else None
    notes += () if read is None else read.notes
    data = LabelledTexts(
        texts=as_strings(texts, text, notes),
        labels=None if read is None else read.labels,
        cells=None if read is None else read.cells,
        pairs=None if pairs is None else as_strings(pairs, text_pair or "text_pair", notes),
        names=table.class_names.get(named[0]) if len(named) == 1 else None,
        source=table.name,
        columns=table.columns if keep_columns else {},
        weights=None if weights is None else read_weights(weights, len(texts), f"column {weight!r}"),
    )
    data = dataclasses.replace(data, notes=tuple(notes))
    warn_of(data.notes)
    return data


def _label_names(label: str | Sequence[str]) -> list[str]:
    """Return the names of the label columns, as a table has them: as text, also where a frame has numbers."""
    named = list(map(str, label)) if isinstance(label, list | tuple) else [str(label)]
    twice = [name for name in dict.fromkeys(named) if named.count(name) > 1]
    if twice or not named:
        what = f"column {printable(twice[0]):.80} is named {named.count(twice[0])} times" if twice else "none is named"
        raise UsageError(f"--label must name the column of the labels, or several, each once; {what}")
    return named


def _labels(columns: dict[str, list[Any]], table: sources.Table, separator: str | None, task: Task) -> LabelColumn:
    if len(columns) > 1:
        if separator is not None:
            raise UsageError("--label-separator is for one column of labels, and several are named with --label")
        return read_label_columns(columns)
    [(name, column)] = columns.items()
    return read_label_column(column, untyped=table.untyped, separator=separator, task=task, name=name)


def text_columns(table: sources.Table, text: str, text_pair: str | None) -> tuple[list[Any], list[Any] | None]:
    """Return the columns of a table that hold its texts, and its second texts where there are such.

    Raises `DataError` if one that is named lacks.
    """
    texts = _column(table, text, "text", labelled=True)
    if text_pair is None:
        return texts or [], table.columns.get("text_pair")
    return texts or [], _column(table, text_pair, "text_pair", labelled=True)


def _column(table: sources.Table, name: str, option: str, labelled: bool | None) -> list[Any] | None:
    if labelled is False or (labelled is None and name == "label" and name not in table.columns):
        return None
    if name in table.columns:
        return table.columns[name]
    columns = table.listed or "none"
    delimited = delimiter_hint(table.names) if table.untyped else None
    if delimited is not None:
        raise DataError(f"column {name!r} is not in {table.name}: {delimited}")
    near = did_you_mean(name, table.names) or (did_you_mean(option, table.names) if name != option else None)
    flag = option.replace("_", "-")
    hint = f"; did you mean --{flag} {printable(near):.80}?" if near else f"; say which with --{flag}"
    several = indicator_columns(table.columns) if option == "label" and not near else []
    if len(several) > 1:
        each = " ".join(f"--label {printable(one):.80}" for one in several[:8])
        hint = f"; columns of 0 and 1 are read as several labels a text by {each}{' …' if len(several) > 8 else ''}"
    raise DataError(f"column {name!r} is not in {table.name} (columns: {columns}){hint}")


def as_strings(
    column: Sequence[Any], name: str, notes: list[DataNote], before: int = 0, passed_over: Collection[int] = ()
) -> list[str]:
    """Return a column of texts as strings, and note what was done to them.

    `before` rows stand before it; places in it that are `passed_over` are given as empty texts without a word.

    Raises `DataError` if a cell is of another type.
    """
    rows = [i for i in range(len(column)) if i not in passed_over] if passed_over else range(len(column))
    wrong = [i for i in rows if not isinstance(column[i], str) and not is_missing(column[i])]
    if wrong:
        first = type(column[wrong[0]]).__name__
        raise DataError(
            f"column {name!r} must hold text, and not in {counted(len(wrong), 'row')}: the first is row "
            f"{before + wrong[0] + 1} ({first}); turn them into strings, or name another column with --text"
        )
    texts = [v if isinstance(v, str) else "" for v in column]
    empty = [before + i + 1 for i in rows if not texts[i].strip()]
    if empty:
        notes.append(
            DataNote.of("empty", empty, "text{s} in column {name!r} {are} empty; kept as empty text{s}", name=name)
        )
    nul = [before + i + 1 for i, v in enumerate(texts) if "\x00" in v]
    if nul:
        notes.append(
            DataNote.of("nul", nul, "text{s} in column {name!r} hold{v} NUL characters; read as spaces", name=name)
        )
        texts = [v.replace("\x00", " ") for v in texts]
    halves = [before + i + 1 for i, v in enumerate(texts) if not _is_unicode(v)]
    if halves:
        what = "text{s} in column {name!r} hold{v} half a character; read as '?'"
        notes.append(DataNote.of("unicode", halves, what, name=name))
        texts = [v.encode("utf-8", "replace").decode("utf-8") for v in texts]
    return texts


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair, as in a text cut by a program that counts UTF-16
        return False
    return True

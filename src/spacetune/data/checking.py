"""What is wrong with my data: the report behind ``spacetune check``."""

# What a file or a request holds is of any type until it has been checked.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from spacetune.data.label_matching import label_key
from spacetune.data.labelled_texts import DataNote, LabelledTexts, normalised
from spacetune.data.labels import (
    LabelKind,
    class_counts,
    classes_of_rows,
    has_no_label,
    is_indicator,
    label_kind,
)
from spacetune.errors import DataError, counted
from spacetune.results import RecordResult

__all__ = ["DataReport", "check_texts", "overlap_note", "unknown_notes"]

COMMA = re.compile(r"[-+]?\d+(,\d+)?")
JOINED = 3
"""Classes with a mark in their names from which on it may be what separates labels."""
TINY_CLASS = 10
MANY_TINY = 50
"""Tiny classes above which one note tells of all of them."""
MANY_UNKNOWN = 0.01
"""Share of texts with a token that the encoder does not know from which that is worth a note."""


@dataclasses.dataclass(frozen=True)
class DataReport(RecordResult):
    """Counts and notes on a data set: what a person should look at before training on it."""

    source: str
    n_texts: int
    kind: LabelKind | None
    classes: dict[str, int]
    words_median: float
    words_longest: int
    notes: tuple[DataNote, ...]
    pairs: bool = False


def check_texts(
    data: LabelledTexts,
    count_tokens: Callable[[list[Any]], Sequence[int]] | None = None,
    max_length: int = 0,
    unknown: Callable[[list[Any]], Sequence[Sequence[str]]] | None = None,
) -> DataReport:
    """Look for duplicates, conflicting labels, empty texts, tiny classes, long texts and unknown tokens.

    Parameters
    ----------
    data
        The texts to look at, labelled or not.
    count_tokens
        Gives the number of tokens of each input; None leaves the length check out.
    max_length
        The number of tokens above which a text is cut.
    unknown
        Gives the pieces of each input that an encoder has no token for; None leaves this check out.

    Returns
    -------
    DataReport
        The counts, and one note for everything found.

    Examples
    --------
    >>> report = check_texts(LabelledTexts(["a", "A ", "b"], ["x", "y", "y"]))
    >>> [note.kind for note in report.notes]
    ['duplicates', 'conflicts', 'tiny', 'tiny']
    """
    notes = [*data.notes, *_duplicate_notes(data)]
    told = {row: label for row, label in enumerate(data.labels or [], start=1) if not has_no_label(label)}
    missing = [row for row in range(1, len(data.labels or []) + 1) if row not in told]
    if missing:
        what = "text{s} {have} no label; label them or take them out before a fit"
        notes.append(DataNote.of("labels", missing, what))
    kind = None
    try:
        kind = label_kind(list(told.values()), list(told)) if told else None
    except DataError as error:
        notes.append(DataNote("labels", (), str(error)))
    counts = class_counts(list(told.values()), kind) if kind in ("single", "multi") else {}
    notes += _class_notes(told, counts, kind)
    lengths = None if count_tokens is None else count_tokens(data.inputs)
    if lengths is not None:
        over = [i + 1 for i, n in enumerate(lengths) if n > max_length]
        if over:
            what = "text{s} {are} longer than {limit:,} tokens and {are} cut there"
            notes.append(DataNote.of("long", over, what, limit=max_length))
    if unknown is not None:
        notes += unknown_notes(unknown(data.inputs), lengths)
    words = sorted(len(text.split()) for text in data.texts)
    return DataReport(
        source=data.source,
        n_texts=len(data),
        kind=kind,
        classes={str(name): count for name, count in counts.items()},
        words_median=float(words[len(words) // 2]) if words else 0.0,
        words_longest=words[-1] if words else 0,
        notes=tuple(notes),
        pairs=data.pairs is not None,
    )


def overlap_note(train_keys: set[Any], test_keys: Sequence[Any], unit: str = "row") -> DataNote | None:
    """Say how many test rows repeat a training text, which flatters the score; None where none does."""
    rows = [i + 1 for i, key in enumerate(test_keys) if key in train_keys]
    what, of = "of {of} repeat{v} a training text", counted(len(test_keys), unit)
    return DataNote.of("overlap", rows, what, of=of) if rows else None


def unknown_notes(pieces: Sequence[Sequence[str]], counts: Sequence[int] | None = None) -> list[DataNote]:
    """Say how many texts hold what an encoder has no token for: it reads all of that as one and the same.

    `pieces` are for every text those without a token; `counts`, for their share, the number of tokens of every text.
    """
    rows = [i + 1 for i, found in enumerate(pieces) if found]
    if not rows or len(rows) < MANY_UNKNOWN * len(pieces):
        return []
    often = Counter(piece for found in pieces for piece in found)
    total = sum(often.values())
    share = f", {total / max(sum(counts), 1):.1%} of all" if counts is not None else ""
    named = ", ".join(f"{piece!r:.40}" for piece, _ in often.most_common(3))
    what = "text{s} hold{v} tokens that the encoder does not know and reads alike: {told}"
    return [DataNote.of("unknown", rows, what, told=f"{total:,}{share}, most often {named}")]


def _duplicate_notes(data: LabelledTexts) -> list[DataNote]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(data.keys, start=1):
        rows[key].append(row)
    repeats = sorted(row for group in rows.values() for row in group[1:])
    labels = data.labels or []
    alike = repr if is_indicator(labels) else label_key  # an indicator's places are its labels
    told = {row: alike(label) for row, label in enumerate(labels, start=1) if not has_no_label(label)}
    conflicts = sorted(
        row for group in rows.values() if len({told[row] for row in group if row in told}) > 1 for row in group
    )
    notes: list[DataNote] = []
    if repeats:
        notes.append(DataNote.of("duplicates", repeats, "row{s} repeat{v} an earlier text"))
    if conflicts:
        notes.append(DataNote.of("conflicts", conflicts, "row{s} share{v} a text but not its label"))
    return notes


def _class_notes(told: Mapping[int, Any], counts: Mapping[Any, int], kind: LabelKind | None) -> list[DataNote]:
    """Look at the classes of the rows that have one, by the row's number."""
    single = list(counts) if kind == "single" else []
    notes = [*_twin_notes(list(counts)), *_comma_notes(single), *_joined_notes(single)]
    rows: dict[Any, list[int]] = defaultdict(list)
    of_rows = classes_of_rows(list(told.values()), kind) if kind and counts else []
    for row, names in zip(told, of_rows, strict=False):
        for name in names:
            rows[name].append(row)
    tiny = {name: rows.get(name, []) for name, count in counts.items() if count < TINY_CLASS}
    if len(tiny) > MANY_TINY:
        has = sorted({row for found in tiny.values() for row in found})
        what = f"text{{s}} {{are}} of {len(tiny):,} classes with fewer than {TINY_CLASS} texts each"
        return [*notes, DataNote.of("tiny", has, what)]
    for name, found in tiny.items():
        none = DataNote("tiny", (), f"no text is of class {name!r}")
        notes.append(DataNote.of("tiny", found, "text{s} only of class {name!r:.80}", name=name) if found else none)
    return notes


def _joined_notes(names: Sequence[Any]) -> list[DataNote]:
    """Tell of classes that look like several labels in one cell: few parts make up many of them."""
    for mark in "|;,":
        joined = [name for name in names if isinstance(name, str) and mark in name]
        parts = {part.strip() for name in names for part in str(name).split(mark)}
        if len(joined) >= JOINED and len(parts) < len(names):
            told = f"{len(joined)} classes such as {joined[0]!r:.60} look like several labels in one cell"
            return [DataNote("labels", (), f"{told}: say what separates them with --label-separator '{mark}'")]
    return []


def _comma_notes(names: Sequence[Any]) -> list[DataNote]:
    """Say where classes look like numbers that are written with a comma."""
    told = [name for name in names if isinstance(name, str) and COMMA.fullmatch(name)]
    with_comma = [name for name in told if "," in name]
    if not with_comma or len(told) < len(names):
        return []
    what = f"labels such as {with_comma[0]!r} are read as classes; to learn them as numbers write a decimal point"
    return [DataNote("labels", (), what)]


def _twin_notes(names: Sequence[Any]) -> list[DataNote]:
    """Say which classes have one name but for case and spaces."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if isinstance(name, str):
            alike[normalised(name)].append(name)
    return [
        DataNote("twins", (), f"classes {' and '.join(f'{n!r:.80}' for n in twins)} differ in case or spaces alone")
        for twins in alike.values()
        if len(twins) > 1
    ]

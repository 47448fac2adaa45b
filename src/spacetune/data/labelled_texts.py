"""The type that leaves this room: texts with their labels, and what was noticed while reading them."""

from __future__ import annotations

import dataclasses
import unicodedata
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from spacetune.data.label_matching import match_labels
from spacetune.data.labels import by_its_own_way, parse_text_labels
from spacetune.data.weights import read_weights
from spacetune.errors import DataError, agreed, name_rows

__all__ = ["DataNote", "DataWarning", "LabelledTexts", "joined_notes", "normalised", "warn_of"]

Label = Any  # str, int, float, or a list of str for multi-label


class DataWarning(UserWarning):
    """Something in the data that a person should know of; nothing was dropped."""


@dataclasses.dataclass(frozen=True)
class DataNote:
    """One thing noticed in the data: its kind, the rows it concerns (counted from 1) and a sentence."""

    kind: str
    rows: tuple[int, ...]
    message: str
    told: tuple[str, Mapping[str, object]] | None = dataclasses.field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, kind: str, rows: Sequence[int], what: str, unit: str = "row", **names: object) -> DataNote:
        """Make a note whose sentence starts with the count and ends with the rows, or lines where these are counted.

        `what` is a template for `agreed`, and `names` what it names.
        """
        named = name_rows(rows).replace("row", unit, 1)
        return cls(kind, tuple(rows), f"{agreed(len(rows), what, **names)} ({named})", (what, {"unit": unit, **names}))

    def __str__(self) -> str:
        return self.message

    def at(self, rows: Sequence[int]) -> DataNote:
        """Return the note with the rows' own numbers, where it was made of some rows of a table.

        >>> print(DataNote.of("empty", [1], "text{s} {are} empty").at([5, 6]))
        1 text is empty (row 5)
        """
        if not self.rows or self.told is None:
            return self
        what, named = self.told
        return DataNote.of(self.kind, [rows[row - 1] for row in self.rows], what, **dict[str, Any](named))


def joined_notes(notes: Iterable[DataNote]) -> list[DataNote]:
    """Join the notes on several blocks: what was noticed in more than one is counted together.

    >>> found = [DataNote.of("empty", [row], "text{s} {are} empty") for row in (3, 12)]
    >>> print(*joined_notes(found))
    2 texts are empty (rows 3, 12)
    """
    groups: dict[tuple[str, str], list[DataNote]] = {}
    for note in notes:
        groups.setdefault((note.kind, str(note.told or note.message)), []).append(note)
    return [_joined(group) for group in groups.values()]


def _joined(group: list[DataNote]) -> DataNote:
    """Join notes that say the same of different rows; one that counts none, or is alone, stays as it is."""
    first = group[0]
    if len(group) == 1 or first.told is None:
        return first
    what, named = first.told
    return DataNote.of(first.kind, [row for note in group for row in note.rows], what, **dict[str, Any](named))


def warn_of(notes: Sequence[DataNote]) -> None:
    """Raise each note as a `DataWarning`."""
    for note in notes:
        warnings.warn(note.message, DataWarning, stacklevel=3)


def normalised(text: str, pair: str | None = None) -> str:
    r"""Return the form in which two texts count as the same: case, space and Unicode form folded.

    >>> normalised("Two  Hours\n") == normalised("two hours")
    True
    """
    parts = (text,) if pair is None else (text, pair)
    return "\x1f".join(" ".join(unicodedata.normalize("NFKC", part).casefold().split()) for part in parts)


@dataclasses.dataclass(frozen=True, repr=False)
class LabelledTexts:
    """Texts, their labels, and for pair tasks the second texts.

    Parameters
    ----------
    texts
        One string per row.
    labels
        One label per row: a string or integer (classes), a float (regression) or a list of strings
        (multi-label); None where the texts carry no labels.
    pairs
        The second text of every row, or None.
    names
        The class names in the order of the source, where it states one.
    source
        Where the rows came from, for messages and model cards.
    notes
        What was noticed while reading: counted, with row numbers.
    cells
        The labels as a file spells them, where it knows nothing but text; None elsewhere.
    columns
        All columns of the table they came from, unchanged, where these were asked for; else none.
    weights
        What every text counts for, ``(text,)`` numbers of at least 0; None where all count alike.
    """

    texts: list[str]
    labels: list[Label] | None = None
    pairs: list[str] | None = None
    names: tuple[str, ...] | None = None
    source: str = "memory"
    notes: tuple[DataNote, ...] = ()
    cells: list[str] | None = None
    columns: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict[str, Sequence[Any]])
    weights: np.ndarray[Any, Any] | None = dataclasses.field(default=None, compare=False)

    def __post_init__(self) -> None:
        for name in ("texts", "labels", "pairs"):  # arrays, series and tuples are taken as lists
            if (column := getattr(self, name)) is not None and not isinstance(column, list):
                object.__setattr__(self, name, list(by_its_own_way(column)))
        if self.weights is not None:
            object.__setattr__(self, "weights", read_weights(self.weights, len(self.texts), "weights"))
        for what, column in (("labels", self.labels), ("text pairs", self.pairs)):
            if column is not None and len(column) != len(self.texts):
                raise DataError(f"{what} must be one per text: {len(self.texts)} texts, {len(column)} {what}")

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        what = "unlabelled" if self.labels is None else "labelled"
        pairs = " pairs" if self.pairs is not None else ""
        return f"LabelledTexts({len(self)} {what} texts{pairs} from {self.source})"

    @property
    def inputs(self) -> list[str] | list[tuple[str, str]]:
        """What an estimator takes: the texts, or (text, pair) tuples."""
        return self.texts if self.pairs is None else list(zip(self.texts, self.pairs, strict=True))

    @property
    def keys(self) -> list[str]:
        """The form of every row in which equal rows are equal strings."""
        pairs = self.pairs or [None] * len(self.texts)
        return [normalised(text, pair) for text, pair in zip(self.texts, pairs, strict=True)]

    def take(self, rows: Sequence[int]) -> LabelledTexts:
        """Return the rows at these positions (counted from 0), in this order; the notes stay behind."""
        pick = [int(row) for row in rows]
        return dataclasses.replace(
            self,
            texts=[self.texts[i] for i in pick],
            labels=None if self.labels is None else [self.labels[i] for i in pick],
            pairs=None if self.pairs is None else [self.pairs[i] for i in pick],
            notes=(),
            cells=None if self.cells is None else [self.cells[i] for i in pick],
            columns={name: [values[i] for i in pick] for name, values in self.columns.items()},
            weights=None if self.weights is None else self.weights[pick],
        )

    def followed_by(self, other: LabelledTexts) -> LabelledTexts:
        """Return these rows and then the other's; the notes stay behind, and rows without a weight weigh 1.

        >>> LabelledTexts(["a"], [0]).followed_by(LabelledTexts(["b"], [1])).labels
        [0, 1]
        """
        if (self.pairs is None) != (other.pairs is None) or (self.labels is None) != (other.labels is None):
            raise DataError(f"{self!r} and {other!r} do not go together: one has text pairs or labels, the other not")
        return dataclasses.replace(
            self,
            texts=[*self.texts, *other.texts],
            labels=None if self.labels is None else [*self.labels, *(other.labels or [])],
            pairs=None if self.pairs is None else [*self.pairs, *(other.pairs or [])],
            source=f"{self.source} and {other.source}",
            notes=(),
            cells=None if self.cells is None or other.cells is None else [*self.cells, *other.cells],
            columns={},
            weights=None if self.weights is other.weights is None else np.append(_weights(self), _weights(other)),
        )

    def labelled_as(self, classes: Sequence[Label]) -> LabelledTexts:
        """Return the same texts, their labels written as known classes are where nothing is lost by it.

        Where a file spells its labels as text, the spelling is matched first: 1.10 is no 1.1.

        >>> LabelledTexts(["a"], [10]).labelled_as(["01", "10"]).labels
        ['10']
        """
        if self.labels is None:
            return self
        labels = match_labels(classes, self.labels)
        if self.cells is not None:
            spelled = match_labels(classes, self.cells)
            known = set(classes)
            for i, (cell, label) in enumerate(zip(self.cells, self.labels, strict=True)):
                if spelled[i] in known and label in (cell, *parse_text_labels([cell])):
                    labels[i] = spelled[i]
        return dataclasses.replace(self, labels=labels)


def _weights(data: LabelledTexts) -> np.ndarray[Any, Any]:
    return np.ones(len(data)) if data.weights is None else data.weights

"""Several columns of 0 and 1, one a label, become one column of lists of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spacetune.data.label_column import LabelColumn
from spacetune.data.labelled_texts import DataNote
from spacetune.errors import DataError, name_rows

__all__ = ["indicator_columns", "read_label_columns"]

TRUTH = {"0": False, "1": True, "0.0": False, "1.0": True, "false": False, "true": True}


def read_label_columns(columns: Mapping[str, Sequence[Any]]) -> LabelColumn:
    """Read labels from columns named after them: a text has those that its row says 1 of.

    >>> read_label_columns({"rude": ["1", "0"], "false": [True, False]}).labels
    [['rude', 'false'], []]

    Raises `DataError` if a cell says neither 0 nor 1.
    """
    said: dict[str, list[bool]] = {}
    notes: list[DataNote] = []
    for name, cells in columns.items():
        read = [_truth(cell) for cell in cells]
        wrong = [i + 1 for i, value in enumerate(read) if value is None]
        if wrong:
            raise DataError(
                f"column {name!r} must hold 0 or 1 where several columns are named with --label, and "
                f"{name_rows(wrong)} {'do' if len(wrong) > 1 else 'does'} not: {cells[wrong[0] - 1]!r:.80}"
            )
        said[name] = [bool(value) for value in read]
        if not any(said[name]):
            notes.append(DataNote("label", (), f"no text has the label {name!r}: column {name!r} holds 0 alone"))
    rows = zip(*said.values(), strict=True)
    labels = [[name for name, has in zip(said, row, strict=True) if has] for row in rows]
    return LabelColumn(labels, None, tuple(notes))


def indicator_columns(columns: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the names of the columns that hold 0 and 1 alone, both of them.

    >>> indicator_columns({"text": ["a", "b"], "rude": ["1", "0"], "n": [1, 1]})
    ['rude']
    """
    return [name for name, cells in columns.items() if {_truth(cell) for cell in cells} == {False, True}]


def _truth(cell: object) -> bool | None:
    return TRUTH.get(str(cell).strip().lower())

"""What every result object can do: become JSON, a data frame, the text that its command prints.

A result is a frozen dataclass. `to_dict` is what `--json` prints and what the server answers, so the three
doors (Python, command line, web) show the same thing.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from typing import Any, cast

import numpy as np

from spacetune.errors import STEERING

__all__ = ["RecordResult", "Result", "TableResult", "class_columns", "json_text", "jsonable", "shown_fields"]


def jsonable(value: object) -> Any:
    """Turn a value made of dataclasses, arrays and plain containers into what JSON can hold.

    Infinite and missing numbers become None, since JSON has no word for them.

    >>> jsonable({"a": np.float32(0.5), "b": np.arange(2), "c": float("nan")})
    {'a': 0.5, 'b': [0, 1], 'c': None}
    """
    if isinstance(value, Result):
        return value.to_dict()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return shown_fields(value)
    if isinstance(value, np.ndarray | np.generic):
        return jsonable(cast("Any", value).tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): jsonable(v) for k, v in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(v) for v in cast("list[Any]", value)]
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def json_text(value: object, indent: int | None = None) -> str:
    r"""Write plain containers as JSON that can be shown and stored anywhere: nothing in it steers a terminal.

    >>> print(json_text("ü \x9b31m"))
    "ü \u009b31m"
    """
    lines = json.dumps(value, ensure_ascii=False, indent=indent).split("\n")
    return "\n".join(STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", line) for line in lines)


class Result(ABC):
    """What a study returns: plain containers, JSON, table rows, a data frame."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain containers, ready for JSON."""

    @abstractmethod
    def rows(self) -> list[dict[str, Any]]:
        """Return the result as table rows, one dict a row."""

    def to_json(self, indent: int | None = None) -> str:
        """Return the result as a JSON text."""
        return json_text(self.to_dict(), indent)

    def to_frame(self) -> Any:
        """Return the result as a pandas data frame.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        return pd.DataFrame(self.rows())

    def __str__(self) -> str:
        """Return what the command prints; the root of the package finds who draws it."""
        return importlib.import_module("spacetune").draw_as_text(self)

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return importlib.import_module("spacetune").draw_in_notebook(self)


class TableResult(Result):
    """A result dataclass with a natural table: all its fields are its plain containers."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain containers, ready for JSON."""
        return shown_fields(self)


class RecordResult(Result):
    """A result dataclass that is one row of a table."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain containers, ready for JSON."""
        return shown_fields(self)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row: the fields."""
        return [self.to_dict()]


def class_columns(classes: Iterable[object], others: Collection[str]) -> list[str]:
    """Return the columns of classes beside others: one that is called as one of these has ``class`` before its name.

    >>> class_columns(["good", 1, "total"], ["total"])
    ['good', '1', 'class total']
    """
    return [f"class {name}" if name in others else name for name in map(str, classes)]


def shown_fields(result: object) -> dict[str, Any]:
    """Return a dataclass's fields as plain containers, those out of its repr left out."""
    fields = dataclasses.fields(cast("Any", result))
    return {f.name: jsonable(getattr(result, f.name)) for f in fields if f.repr}

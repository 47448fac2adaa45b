"""When labels of different files say the same: numbers and their text, true and True, several in any order."""

# The types of NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from spacetune.data.labels import WHOLE, fits_int64

__all__ = ["label_key", "match_labels"]


def match_labels(classes: Sequence[Any], labels: Sequence[Any]) -> list[Any]:
    """Write labels as known classes are written, where nothing is lost by it; other labels stay as they are.

    A file of test texts may hold the number 10 where the training file, for one more label, held the text '10'.
    Lists of labels are matched one by one.

    >>> match_labels(["01", "10"], [10, 1]), match_labels([1, 4], ["4", 1.0, "01"])
    (['10', 1], [4, 1, '01'])
    """
    known = [c.item() if isinstance(c, np.generic) else c for c in classes]
    place = {c: i for i, c in enumerate(known)}
    spelled = {str(c): c for c in known}
    unlike_text = {text: c for text, c in spelled.items() if not isinstance(c, str)}

    def match(label: object) -> object:
        if isinstance(label, list | tuple | set):
            return [match(name) for name in label]
        label = label.item() if isinstance(label, np.generic) else label
        if isinstance(label, Hashable) and label in place:
            return known[place[label]]
        options = unlike_text if isinstance(label, str) else spelled
        return next((options[text] for text in _spellings(label) if text in options), label)

    return [match(label) for label in labels]


def label_key(label: object) -> Hashable:
    """Return the form in which two labels of different files are the same: of several the order does not count.

    >>> label_key(["b", "a"]) == label_key(["a", "b"]), label_key(1.0) == label_key("1"), label_key("1.10")
    (True, True, '1.10')
    """
    if isinstance(label, list | tuple | set):
        return frozenset(label_key(name) for name in label)
    label = label.item() if isinstance(label, np.generic) else label
    if isinstance(label, bool) or (isinstance(label, float) and label.is_integer() and fits_int64(label)):
        return str(label).lower() if isinstance(label, bool) else str(int(label))
    return str(label).lower() if str(label).lower() in ("true", "false") else str(label)


def _spellings(label: object) -> list[str]:
    """Return how a label may be written as text: its own way first."""
    if isinstance(label, bool) or (isinstance(label, str) and label.lower() in ("true", "false")):
        return [str(label), str(label).capitalize(), str(label).lower(), str(label).upper()]
    if isinstance(label, str):
        whole = label.removesuffix(".0")
        return [label, whole, f"{whole}.0"] if WHOLE.fullmatch(whole) and whole != "-0" else [label]
    if isinstance(label, int):
        return [str(label), f"{label}.0"] if fits_int64(label) else []
    if isinstance(label, float) and label.is_integer() and fits_int64(label):
        return [str(label), str(int(label))]
    return [str(label)] if isinstance(label, float) else []

"""Near duplicates across two sets of texts: whose embeddings point the same way."""

# The types of NumPy are partial.
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from spacetune.data import LabelledTexts, is_indicator
from spacetune.data.label_matching import label_key
from spacetune.data.labels import has_no_label
from spacetune.encoders import Encoder, TextInput, as_line
from spacetune.errors import DataError, UsageError
from spacetune.results import TableResult
from spacetune.studies.arguments import checked_arguments
from spacetune.studies.geometry.measuring import open_encoder

__all__ = ["NearDuplicate", "NearDuplicates", "find_near_duplicates"]

Array = np.ndarray[Any, Any]
CHUNK = 512


@dataclasses.dataclass(frozen=True)
class NearDuplicate:
    """A text, and the text of the other set that is nearest to it; rows are counted from 1.

    Parameters
    ----------
    row, label, text
        Of the first set; a label is None where there are none.
    other_row, other_label, other_text
        Of the other set.
    similarity
        The cosine of their embeddings.
    exact
        Whether they are one text but for case, spaces and Unicode form.
    """

    row: int
    label: Any
    text: TextInput
    other_row: int
    other_label: Any
    other_text: TextInput
    similarity: float
    exact: bool


@dataclasses.dataclass(frozen=True)
class NearDuplicates(TableResult):
    """Texts that stand in both of two sets, or nearly; the nearest first.

    Parameters
    ----------
    source, other_source
        Where the texts came from.
    n_texts, n_other
        How many.
    threshold
        The similarity from which texts are near.
    encoder
        Whose embeddings were compared.
    found
        One a text that has a near one in the other set.
    """

    source: str
    other_source: str
    n_texts: int
    n_other: int
    threshold: float
    encoder: str
    found: tuple[NearDuplicate, ...]

    @property
    def conflicts(self) -> int:
        """How many of these carry another label in the other set."""
        told = [
            (e.label, e.other_label) for e in self.found if not (has_no_label(e.label) or has_no_label(e.other_label))
        ]
        several = is_indicator([label for pair in told for label in pair])
        return sum(one != other if several else label_key(one) != label_key(other) for one, other in told)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a text found."""
        lines = ("text", "other_text")
        return [{**vars(each), **{name: as_line(getattr(each, name)) for name in lines}} for each in self.found]


@checked_arguments
def find_near_duplicates(
    data: LabelledTexts, other: LabelledTexts, encoder: str | Encoder | None = None, *, threshold: float = 0.95
) -> NearDuplicates:
    """Find the texts of one set that are near to a text of another: what leaks from training into test.

    Parameters
    ----------
    data
        Texts or pairs.
    other
        The set they are held against.
    encoder
        Folder or hub name, an `Encoder`, or None for the default; its embeddings are compared.
    threshold
        The cosine from which texts are near, above 0 and at most 1.

    Returns
    -------
    NearDuplicates
        Every text with its nearest one in the other set, where that is near.

    Raises
    ------
    DataError
        If one set holds pairs and the other does not, or one holds no texts.
    UsageError
        If the threshold is not above 0 and at most 1.

    Examples
    --------
    >>> train = LabelledTexts(["the parcel came late", "a fine coat"])
    >>> test = LabelledTexts(["The parcel came late.", "who are you"])
    >>> [(each.row, each.other_row) for each in find_near_duplicates(test, train).found]
    [(1, 1)]
    """
    if not 0 < threshold <= 1:
        raise UsageError(f"threshold must be above 0 and at most 1, got {threshold!r}")
    if not len(data) or not len(other) or (data.pairs is None) != (other.pairs is None):
        raise DataError(f"two sets of texts, or two of pairs, are compared; got {data!r} and {other!r}")
    read_by = open_encoder(encoder)
    ours, others = (read_by.embed(each.inputs, normalize=True) for each in (data, other))
    nearest, similarity = _nearest(ours, others)
    near = np.flatnonzero(similarity >= threshold - 1e-6)
    order = near[np.argsort(-similarity[near], kind="stable")]
    keys, other_keys, cosines = data.keys, other.keys, np.minimum(similarity, 1).tolist()
    rows, other_rows = _numbered(data), _numbered(other)
    return NearDuplicates(
        source=data.source,
        other_source=other.source,
        n_texts=len(data),
        n_other=len(other),
        threshold=threshold,
        encoder=read_by.name,
        found=tuple(
            NearDuplicate(*rows[i], *other_rows[j], similarity=cosines[i], exact=keys[i] == other_keys[j])
            for i, j in zip(order.tolist(), nearest[order].tolist(), strict=True)
        ),
    )


def _nearest(ours: Array, others: Array) -> tuple[Array, Array]:
    """Return for every vector the place of the nearest other one and their cosine, some vectors at a time."""
    place, cosine = np.zeros(len(ours), dtype=int), np.zeros(len(ours))
    for start in range(0, len(ours), CHUNK):
        part = ours[start : start + CHUNK] @ others.T
        place[start : start + CHUNK], cosine[start : start + CHUNK] = part.argmax(1), part.max(1)
    return place, cosine


def _numbered(data: LabelledTexts) -> list[tuple[int, Any, TextInput]]:
    labels = data.labels or [None] * len(data)
    return list(zip(range(1, len(data) + 1), labels, data.inputs, strict=True))

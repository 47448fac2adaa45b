"""Stratified draws: a dev part, and few-shot samples, by seed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np

from spacetune.data.labelled_texts import LabelledTexts
from spacetune.data.labels import classes_of_rows, label_kind
from spacetune.errors import DataError, UsageError

__all__ = ["few_shot", "few_shot_split", "split_dev"]


def few_shot(
    data: LabelledTexts, n: int | None = None, *, per_class: int | None = None, seed: int = 0
) -> LabelledTexts:
    """Draw a small stratified sample: `n` texts in the classes' proportions, or `per_class` of each.

    Parameters
    ----------
    data
        Labelled texts with one class a row.
    n
        How many texts in all; every class keeps at least one.
    per_class
        How many texts of each class.
    seed
        Seed of the draw; the same seed gives the same texts.

    Returns
    -------
    LabelledTexts
        The drawn rows in the order of the data.

    Raises
    ------
    UsageError
        If not exactly one of `n` and `per_class` is given, or it is below 1.
    DataError
        If there are too few texts.

    Examples
    --------
    >>> data = LabelledTexts(["a", "b", "c", "d"], ["x", "x", "y", "y"])
    >>> few_shot(data, per_class=1).labels
    ['x', 'y']
    """
    if (n is None) == (per_class is None):
        raise UsageError("few_shot takes either n or per_class: give exactly one of them")
    if (n or per_class or 0) < 1:
        raise UsageError(f"few_shot draws at least 1 text, got n={n}, per_class={per_class}")
    labels = _single_labels(data)
    groups = _rows_by_class(labels)
    wanted = (
        dict.fromkeys(groups, per_class or 0) if n is None else _proportional({c: len(r) for c, r in groups.items()}, n)
    )
    small = [f"{c!r} ({len(groups[c])})" for c, k in wanted.items() if k > len(groups[c])]
    if small:
        raise DataError(f"too few texts of {', '.join(small)} for {per_class} of each class; draw fewer")
    rng = _generator(seed)
    drawn = [row for c, rows in groups.items() for row in rng.permutation(rows)[: wanted[c]]]
    return data.take(sorted(drawn))


def few_shot_split(
    data: LabelledTexts, n: int, *, dev_fraction: float = 0.25, seed: int = 0
) -> tuple[LabelledTexts, LabelledTexts]:
    """Draw `n` texts and split them: everything that is learnt and chosen comes out of these n.

    Parameters
    ----------
    data
        Labelled texts with one class a row.
    n
        Training and dev texts together.
    dev_fraction
        The share of them for dev.
    seed
        Seed of the draw and of the split.

    Returns
    -------
    tuple of LabelledTexts
        The training part and the dev part; both hold every class.

    Raises
    ------
    DataError
        If n is too small for every class to be in both parts.

    Examples
    --------
    >>> data = LabelledTexts([f"text {i}" for i in range(40)], ["x", "y"] * 20)
    >>> train, dev = few_shot_split(data, 16)
    >>> len(train), sorted(dev.labels)
    (12, ['x', 'x', 'y', 'y'])
    """
    drawn = few_shot(data, n, seed=seed)
    train, dev = split_dev(drawn.labels or [], drawn.keys, dev_fraction, seed)
    parts = drawn.take(train.tolist()), drawn.take(dev.tolist())
    classes = set(drawn.labels or [])
    absent = sorted(str(c) for part in parts for c in classes - set(part.labels or []))
    if absent:
        raise DataError(
            f"{n} texts are too few to have each of {len(classes)} classes in training and in dev: "
            f"{absent[0]!r} is missing in one; draw more texts"
        )
    return parts


def split_dev(
    labels: Sequence[object], keys: Sequence[Hashable], fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Set a stratified part aside; equal texts stay together, so no dev text was trained on.

    A class of the dev part, or one label of a list, is in training too; a class with a single distinct text has none
    in dev.

    Parameters
    ----------
    labels
        One label a row; anything but single classes is split without strata.
    keys
        Equal for rows with equal texts.
    fraction
        The share of rows to set aside, between 0 and 1.
    seed
        Seed of the draw.

    Returns
    -------
    tuple of numpy.ndarray
        Row positions of the training and of the dev part, each ascending.

    Raises
    ------
    UsageError
        If the fraction or the seed is out of range.
    """
    if not 0 < fraction < 1:
        raise UsageError(f"the share set aside for dev must lie between 0 and 1, got {fraction}")
    first: dict[Hashable, int] = {}
    members: dict[int, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        members[first.setdefault(key, row)].append(row)
    leaders = list(members)
    strata = [labels[i] for i in leaders] if label_kind(labels) == "single" else [0] * len(leaders)
    groups = _rows_by_class(strata)
    rng = _generator(seed)
    drawn: list[int] = []
    for group in groups.values():
        n_dev = min(round(fraction * len(group)) or (1 if len(group) >= 4 else 0), len(group) - 1)
        drawn += [leaders[i] for i in rng.permutation(group)[:n_dev]]
    classes = classes_of_rows(labels, label_kind(labels))
    held = _without_unseen(drawn, {i: set[Hashable]().union(*(classes[r] for r in members[i])) for i in leaders})
    chosen = np.zeros(len(labels), dtype=bool)
    chosen[[row for leader in held for row in members[leader]]] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def _without_unseen(drawn: list[int], classes: dict[int, set[Hashable]]) -> list[int]:
    """Return what was drawn without the texts that the rest needs to hold every class."""
    held = set(drawn)
    seen = set[Hashable]().union(*(names for leader, names in classes.items() if leader not in held))
    for leader in drawn:
        if not classes[leader] <= seen:
            seen |= classes[leader]
            held.remove(leader)
    return [leader for leader in drawn if leader in held]


def _generator(seed: int) -> np.random.Generator:
    if seed < 0:
        raise UsageError(f"seed must be 0 or more, got {seed}")
    return np.random.default_rng(seed)


def _single_labels(data: LabelledTexts) -> list[Hashable]:
    if data.labels is None:
        raise DataError(f"{data.source} carries no labels; say which column holds them with --label")
    if label_kind(data.labels) != "single":
        raise DataError("a stratified sample needs one class per text, not numbers or lists")
    return data.labels


def _rows_by_class(labels: Sequence[Hashable]) -> dict[Hashable, list[int]]:
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for row, label in enumerate(labels):
        groups[label].append(row)
    return dict(sorted(groups.items(), key=lambda item: str(item[0])))


def _proportional(sizes: dict[Hashable, int], n: int) -> dict[Hashable, int]:
    """Share n by class size (largest remainders), at least one each, never more than there are."""
    total = sum(sizes.values())
    if n > total or n < len(sizes):
        raise DataError(f"n must lie between the number of classes ({len(sizes)}) and of texts ({total}), got {n}")
    exact = {c: n * size / total for c, size in sizes.items()}
    share = {c: max(1, int(x)) for c, x in exact.items()}
    while (left := n - sum(share.values())) != 0:
        step = 1 if left > 0 else -1
        open_classes = [c for c in share if (share[c] < sizes[c] if step > 0 else share[c] > 1)]
        best = max(open_classes, key=lambda c: step * (exact[c] - share[c]))
        share[best] += step
    return share

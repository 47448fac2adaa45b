"""Texts of a data set drawn by fixed seeds, and a study that keeps each data set as soon as it is done."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from papers.keeping import keep

from spacetune import read_texts
from spacetune.data import LabelledTexts
from spacetune.progress import progress_bar


def drawn(place: Path, names: tuple[str, str | None], n_train: int, n_test: int) -> tuple[LabelledTexts, LabelledTexts]:
    """Return training texts, drawn by seed 0, and test texts: those after them, or of a part of their own by seed 1."""
    train, test = names
    first, rows = _shuffled(place / f"{train}.jsonl.gz", 0)
    if test is None:
        return first.take(rows[:n_train]), first.take(rows[n_train : n_train + n_test])
    second, chosen = _shuffled(place / f"{test}.jsonl.gz", 1)
    return first.take(rows[:n_train]), second.take(chosen[:n_test])


def _shuffled(file: Path, seed: int) -> tuple[LabelledTexts, list[int]]:
    data = read_texts(file)
    rows = list(range(len(data)))
    random.Random(seed).shuffle(rows)
    return data, rows


def sets_done(path: Path) -> dict[str, Any]:
    """Return the data sets that a study's file holds already."""
    return json.loads(path.read_text())["sets"] if path.is_file() else {}


def run_missing(
    path: Path, found: dict[str, Any], missing: Sequence[str], run: Callable[[str], Any], what: str, n_sets: int
) -> None:
    """Run a study's missing data sets, and keep the file after each."""
    sets = found["sets"]
    with progress_bar(n_sets, what, "data sets") as bar:
        bar.update(n_sets - len(missing))
        for name in missing:
            sets[name] = run(name)
            keep(path, found)
            bar.update(1)

"""How many wrong labels `check --labels` finds: in one text of twenty the label is replaced, and looked for.

At most 10,000 training texts per set, seeds 0 to 2. The new class is drawn evenly from the others; in a set of labels,
one is replaced by one that the text does not carry. A data set's own wrong labels count as falsely listed, so the
precisions are lower bounds; a random list would have a precision of one twentieth. `first` is the precision of as many
of the first listed as half of those that were made.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.common import circumstances, split, write
from spacetune import Encoder, LabelledTexts
from spacetune.studies import find_label_errors

SETS = ("sma", "subj", "hatexplain", "banking77", "goemotions")
WHOLE = ("subj",)
MEASURES = ("found", "precision", "first")
MOST, SHARE, SEEDS = 10_000, 0.05, range(3)


def main() -> None:
    encoder = Encoder.from_pretrained()
    rows = [row for name in SETS for row in _rows(name, encoder)]
    means = {
        name: {key: float(np.mean([r[key] for r in rows if r["set"] == name])) for key in MEASURES} for name in SETS
    }
    write("label_errors", {"what": __doc__, "share": SHARE, "means": means, "rows": rows, **circumstances()})


def _rows(name: str, encoder: Encoder) -> list[dict[str, Any]]:
    whole = split(name, "all" if name in WHOLE else "train")
    rng = np.random.default_rng(0)
    data = whole.take(rng.permutation(len(whole))[:MOST].tolist())
    return [_row(name, data, encoder, seed) for seed in SEEDS]


def _row(name: str, data: LabelledTexts, encoder: Encoder, seed: int) -> dict[str, Any]:
    labels, changed = _spoilt(list(data.labels or []), np.random.default_rng(seed))
    report = find_label_errors(LabelledTexts(data.texts, labels), encoder, seed=seed)
    listed = [error.row - 1 for error in report.errors]
    hits = np.isin(listed, list(changed))
    half = len(changed) // 2
    told = {
        "set": name,
        "seed": seed,
        "kind": report.kind,
        "texts": report.n_texts,
        "made": len(changed),
        "listed": len(listed),
        "agrees": report.accuracy,
        "found": float(hits.sum() / len(changed)),
        "precision": float(hits.mean()),
        "first": float(hits[:half].mean()),
    }
    print(told, flush=True)
    return told


def _spoilt(labels: list[Any], rng: np.random.Generator) -> tuple[list[Any], set[int]]:
    """Return the labels with a share of them made wrong, and the rows of those."""
    sets = isinstance(labels[0], (list, tuple, set, frozenset))
    labels = labels if sets else [str(label) for label in labels]
    names = sorted({str(n) for label in labels for n in (label if sets else [label])})
    able = [row for row, label in enumerate(labels) if not sets or 0 < len(label) < len(names)]
    rows = rng.choice(able, round(SHARE * len(labels)), replace=False).tolist()
    for row in rows:
        carried = [str(n) for n in labels[row]] if sets else [str(labels[row])]
        out = rng.choice(carried)
        kept = [n for n in carried if n != out]
        new = str(rng.choice([n for n in names if n not in carried]))
        labels[row] = sorted([*kept, new]) if sets else new
    return labels, set(rows)


if __name__ == "__main__":
    main()

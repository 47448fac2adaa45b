"""Tables of the space head against the linear probe: on other sets, and on less data."""

from __future__ import annotations

from typing import Any

from benchmarks.fine_tuning import FINE_TUNED
from benchmarks.tables import table
from papers.space_model.scores import Cells, gap_text, paired, spread

MEASURES = ("accuracy", "macro_f1")


def constant(accuracy: float) -> str:
    """Return accuracy and macro-F1 of always saying the commoner of two classes, from the accuracy of saying one.

    >>> constant(0.406), constant(0.594)
    ('59.4 / 37.3', '59.4 / 37.3')
    """
    share = max(accuracy, 1 - accuracy)
    return f"{100 * share:.1f} / {100 * share / (1 + share):.1f}"


def generalisation(cells: Cells) -> str:
    scores: list[list[Any]] = []
    gaps: list[list[Any]] = []
    for name, cell in cells.items():
        for test in cell["n_test"]:
            base = constant(cell["majority"][test]["accuracy"])
            for method, own in cell["scores"].items():
                figures = [spread([100 * s[m] for s in own[test]]) for m in MEASURES]
                scores.append([name, test, cell["n_test"][test], method, *figures, base])
            for one in cell["differences"]:
                own, where = one["tests"][test], "in" if test == name else "out"
                seeds = [gap_text([100 * gap[m] for gap in own["seeds"]]) for m in MEASURES]
                low, high = (100 * end for end in own["interval_over_texts"])
                gaps.append([name, test, where, one["method"], one["less"], *seeds, f"[{low:+.1f}, {high:+.1f}]"])
    first = next(iter(cells.values()))
    n_seeds = len(first["scores"]["probe"][next(iter(first["n_test"]))])
    score_head = ["trained on", "tested on", "texts", "method", "accuracy", "macro-F1", "majority of the test part"]
    trained = [len(cell["scores"][FINE_TUNED][name]) for name, cell in cells.items()]
    few = "as many seeds" if min(trained) == n_seeds else f"{min(trained)} to {max(trained)} of the seeds"
    gap_head = ["trained on", "tested on", "domain", "method", "less", "accuracy", "macro-F1", "accuracy, over texts"]
    return f"""## Other data sets of the same task

{first["drawn"]:,} training texts per seed, {n_seeds} seeds, last layer, the library's settings, without the lexicon
unless stated. `fine-tuned`: the encoder trained whole under a linear layer on the same texts (AdamW, 5e-5, batches
of 32, the best of three epochs on dev), {few}. Sentiment: imdb, mr, sst2. Toxic or not: hatexplain
(hatespeech and offensive together), olid. mr and sst2 share texts and are not tested on each other. Per cent, mean ±
standard deviation over seeds:

{table(score_head, scores)}

Differences to another method on the same texts, in points: mean with a 95 % t interval over the seeds that both have
(each seed draws other training texts), and a 95 % bootstrap interval over test texts of the mean over seeds.

{table(gap_head, gaps)}
"""


def data_size(cells: Cells) -> str:
    own = list(cells.values())
    rows: list[list[Any]] = []
    for n in own[0]["scores"]["probe"]:
        found = {m: [[100 * c["scores"][m][n][k] for c in own] for k in MEASURES] for m in ("probe", "space")}
        gaps = [gap_text(paired(a, b)) for a, b in zip(found["space"], found["probe"], strict=True)]
        figures = [spread(values) for method in ("probe", "space") for values in found[method]]
        rows.append([int(n), *figures, *gaps])
    base = " / ".join(f"{100 * own[0]['majority']['test'][m]:.1f}" for m in MEASURES)
    header = ["texts", "probe acc", "F1", "space acc", "F1", "space less probe, acc", "F1"]
    return f"""## Less data

Social Media Attributions, stratified samples, {len(own)} seeds, last layer, the library's settings without the
lexicon. Dev is set aside from the sample; below 2,000 texts, a final training includes it. Majority on test {base}.

{table(header, rows)}
"""

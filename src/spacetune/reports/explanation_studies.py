"""What explanations were used for, drawn: the check, the words of each class, what had to go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spacetune.encoders import as_line
from spacetune.errors import counted
from spacetune.reports.charts import bars, heat_map
from spacetune.reports.document import Document, Figure, Paragraph, Section, Table, named
from spacetune.reports.markup import Markup
from spacetune.reports.terminal import ScoreTable, headed, plain

if TYPE_CHECKING:
    from rich.console import Console

    from spacetune.studies import Counterfactual, ExplanationSummary, Faithfulness, Reach

__all__ = [
    "counterfactual_document",
    "draw_counterfactual",
    "draw_faithfulness",
    "draw_reach",
    "draw_summary",
    "faithfulness_document",
    "reach_document",
    "summary_document",
]

MOST_NAMED = 8

READING = (
    "Comprehensiveness: by how much the answer falls without these words; sufficiency: by how much it falls with these "
    "words alone. The explanation is of use where the strongest words lie well above random ones in the first, and "
    "below them in the second."
)

MOST_WAYS = 12


def faithfulness_document(found: Faithfulness) -> Document:
    """Lay out how far answers rest on the strongest words."""
    names = ("comprehensiveness", "sufficiency")
    figures = [Figure(_erased(found, name), "") for name in names]
    sections = [
        Section("Erased and read again", [*figures, Paragraph(READING)]),
        Section("All numbers", [Table(found.rows())], folded=True),
    ]
    return Document("Do the strongest words carry the predictions?", verdict(found), sections)


def _erased(found: Faithfulness, name: str) -> Markup:
    """Draw by how much the answer falls, a bar a choice of words, with its interval."""
    rows = [(row["words"], row[name], (row[f"{name}_low"], row[f"{name}_high"])) for row in found.rows()]
    return bars(rows, f"{name}: fall of the answer")


def verdict(found: Faithfulness) -> str:
    """Say in a sentence whether the strongest words matter more than random ones."""
    apart = found.scores[-1]
    low, high = apart["comprehensiveness_low"], apart["comprehensiveness_high"]
    how = "more than" if low > 0 else "less than" if high < 0 else "as much as"
    by = f"{apart['comprehensiveness']:+.3f} ({low:+.3f} to {high:+.3f})"
    return (
        f"Without its {found.top} strongest words (at most half of them) the answer of a text falls {how} without "
        f"random ones: by {by}, over {counted(found.n_texts, 'text')}."
    )


def draw_faithfulness(console: Console, found: Faithfulness) -> None:
    """Print how far answers rest on the strongest words."""
    rows = [
        {
            "words": row["words"],
            **{
                name: f"{row[name]:+.3f} ({row[f'{name}_low']:+.3f} to {row[f'{name}_high']:+.3f})"
                for name in ("comprehensiveness", "sufficiency")
            },
        }
        for row in found.rows()
    ]
    console.print(ScoreTable(rows))
    console.print(plain(verdict(found)))
    console.print(plain(READING, "dim"))


def counterfactual_document(found: Counterfactual) -> Document:
    """Lay out what had to go for another prediction."""
    text, left = as_line(found.text), as_line(found.left)
    of = f"probability of {named(found.of)}"
    parts = [Table([{"text": text, "predicted": named(found.before), of: found.answer_before}])]
    if found.found:
        parts.append(Table([{"text": left, "predicted": named(found.after), of: found.answer_after}]))
    return Document("What would change the prediction", changed(found), [Section("Before and after", parts)])


def changed(found: Counterfactual) -> str:
    """Say in a sentence which words had to go."""
    if not found.found:
        if found.n_read == 1:
            return "The text has no words to remove."
        read = counted(found.n_read, "text")
        return f"No few words were found whose removal changes the prediction {named(found.before)} ({read} read)."
    removed = ", ".join(word["word"] for word in found.removed)
    before: Any = found.before
    if isinstance(before, list):
        moved = f"it is {named(found.after)}, not {named(found.before)}: {_moved(before, found.after)}"
        return f"Without {removed} {moved} ({counted(found.n_read, 'text')} read)."
    way = "falls" if found.answer_after < found.answer_before else "goes"
    return (
        f"Without {removed} it is {named(found.after)}, not {named(found.before)}: the probability of "
        f"{named(found.of)} {way} from {found.answer_before:.1%} to {found.answer_after:.1%} "
        f"({counted(found.n_read, 'text')} read)."
    )


def _moved(before: Any, after: Any) -> str:
    """Say which labels are gone, and which are added."""
    gone, added = ([str(x) for x in one if x not in other] for one, other in ((before, after), (after, before)))
    told = [f"{', '.join(labels)} {verb}" for labels, verb in ((gone, "is gone"), (added, "is added")) if labels]
    return " and ".join(told)


def draw_counterfactual(console: Console, found: Counterfactual) -> None:
    """Print which words had to go, and what was left."""
    console.print(plain(changed(found)))
    if found.found:
        console.print(headed("left: ", as_line(found.left)))


REACHED = (
    "A row is a word whose states are read, a column a word as it goes in: what of the row's score the column's word "
    "brought. Rows sum to the scores at the states, columns to those at the input."
)


def reach_document(found: Reach) -> Document:
    """Lay out which word of the input reached the states of which."""
    shades = np.abs(found.scores) / (np.abs(found.scores).max() or 1.0)
    drawing = heat_map(found.scores, found.words, found.words, shades=shades, corner="state of ↓ brought by →")
    total = float(found.scores.sum())
    told = f"All cells sum to the logit of {found.name} less its bias: {total:+.3f}. {REACHED}"
    state, brought = divmod(int(np.abs(found.scores).argmax()), len(found.words))
    where = "its own states" if state == brought else f"the states of “{found.words[state]}”"
    part = f"{found.scores[state, brought]:+.3f}: what “{found.words[brought]}” brought to {where}"
    finding = f"For {found.name} the largest single part is {part}."
    figure = Figure(drawing, told, found.rows())
    return Document("Which word reached which", finding, [Section(f"For {found.name}", [figure])])


def draw_reach(console: Console, found: Reach) -> None:
    """Print the strongest ways from a word to the state of another."""
    order = np.argsort(-np.abs(found.scores), axis=None)[:MOST_WAYS]
    for place in order.tolist():
        state, brought = divmod(place, len(found.words))
        way = "itself" if state == brought else f"the state of {found.words[state]}"
        console.print(plain(f"{found.scores.flat[place]:+.3f}  {found.words[brought]} in {way}"))
    told = "the largest parts, each what an input word brought to the states of a word."
    console.print(plain(f"Of the logit of {found.name}: {told}", "dim"))


def summary_document(found: ExplanationSummary) -> Document:
    """Lay out the words that carry each class."""
    sections: list[Section] = []
    for name, count in found.n_texts.items():
        figures = [
            Figure(bars([(row["words"], row["mean"], None) for row in rows], heading), "", rows)
            for kind, heading in (("word", "words: mean score"), ("neighbours", "side by side: mean score"))
            if (rows := _of(found, name, kind))
        ]
        sections.append(Section(f"{name}: {counted(count, 'text')}", figures))
    about = (
        "Which words speak for each class where it was predicted, and which against it: the mean and the sum of their "
        f"exact scores, {_held(found)}."
    )
    strongest = {
        name: max(_of(found, name, "word"), key=lambda row: row["sum"], default=None) for name in found.n_texts
    }
    told = [f"{name} by “{row['words']}”" for name, row in strongest.items() if row is not None][:MOST_NAMED]
    finding = f"Carried most: {', '.join(told)}." if told else "No word carried any class."
    if found.n_without:
        finding += f" No label was predicted for {counted(found.n_without, 'text')}."
    return Document("What carries each class", finding, sections, about)


def draw_summary(console: Console, found: ExplanationSummary) -> None:
    """Print the words that carry each class."""
    for name, count in found.n_texts.items():
        console.print(headed(f"{name} ", f"({counted(count, 'text')})"))
        for kind, called in (("word", "words"), ("neighbours", "side by side")):
            rows = _of(found, name, kind)
            for sign, way in ((1, "for"), (-1, "against")):
                told = [f"“{r['words']}” {r['mean']:+.2f} ({_often(r)})" for r in rows if sign * r["sum"] > 0]
                if told:
                    console.print(plain(f"  {called} {way} it: {', '.join(told)}"))
    if found.n_without:
        console.print(plain(f"No label was predicted for {counted(found.n_without, 'text')}."))
    told = f"A word's mean score, {_held(found)}, in the texts predicted so; how many of them hold it"
    wrong = " (and of these, where the prediction is wrong)" if any("wrong" in row for row in found.words) else ""
    console.print(plain(f"{told}{wrong}; the largest sums first.", "dim"))


def _held(found: ExplanationSummary) -> str:
    if found.numbers:
        return "in standard deviations of what was learnt"
    return "for the label alone" if found.independent else "for the class against the rest"


def _often(row: dict[str, Any]) -> str:
    return f"{row['texts']}×" + (f", {row['wrong']} wrong" if row.get("wrong") else "")


def _of(found: ExplanationSummary, name: str, kind: str) -> list[dict[str, Any]]:
    rows = [row for row in found.rows() if str(row["class"]) == name and row["kind"] == kind]
    return [{key: value for key, value in row.items() if key not in ("class", "kind")} for row in rows]

"""An explanation as a report: coloured words, a class switch, and the sum that gives the logit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from spacetune.errors import counted
from spacetune.explanations import MEANINGS, Explanation, TextExplanation
from spacetune.reports.document import Document, Figure, Paragraph, Section, Table, named, number
from spacetune.reports.markup import Markup, json_script, tag

__all__ = ["explanation_document", "text_document"]

SPOKEN = 3
SHOWN_WORDS = 12  # as in explanation.js
VIEWS = {"input": "the words as they go in", "both": "every depth", "states": "the states that are read"}  # likewise


def explanation_document(explanation: Explanation) -> Document:
    """Lay out the explanations of one or many texts."""
    several = len(explanation) > 1
    about = "Every word's exact part in the prediction. The parts, the special tokens and the bias add up to the logit."
    sections = [text_section(one, i if several else None) for i, one in enumerate(explanation, start=1)]
    finding = f"{verdict(explanation[0])}. {reason(explanation[0])}"
    if several:
        counts = Counter(_said(one) for one in explanation).most_common(SHOWN_WORDS)
        finding = f"{counted(len(explanation), 'text')}: {', '.join(f'{n:,} {name}' for name, n in counts)}."
    return Document("Why the model predicts so", finding, sections, about)


def reason(one: TextExplanation) -> str:
    """Say which words spoke most for the prediction, and which most against it."""
    name = one.classes[one.column(one.predicted)]
    words = sorted((w for w in one.words(name) if w["part"] >= 0), key=lambda word: word["score"])
    for_it = [f"“{w['word']}” ({signed(w['score'])})" for w in reversed(words[-SPOKEN:]) if w["score"] > 0]
    against = [f"“{w['word']}” ({signed(w['score'])})" for w in words[:1] if w["score"] < 0]
    told = (("Most for it", for_it), ("Most against it", against))
    return " ".join(f"{way}: {', '.join(found)}." for way, found in told if found)


def text_document(one: TextExplanation) -> Document:
    """Lay out the explanation of one text."""
    return explanation_document(Explanation((one,)))


def text_section(one: TextExplanation, number: int | None) -> Section:
    """Lay out one text; where there are several, under its number and what was found."""
    column = one.column(one.predicted)
    rows, scores = one.word_scores()
    listed = terms(rows, scores[:, column], float(one.bias[column]))
    numbers = [{"term": name, "score": score} for name, score, _ in listed]
    numbers.append({"term": _logit_of(one, column), "score": float(one.logits[column])})
    drawing = tag(
        "div",
        tag("p", MEANINGS[one.at], class_="meaning"),
        switches(one, column),
        words(one, rows, scores[:, column]),
        key(),
        sum_table(listed, float(one.logits[column]), _logit_of(one, column)),
        json_script(embedded(one, rows, scores)),
        class_="explanation",
    )
    cut = " The text was cut at the encoder's limit; what is struck through was not read." if one.truncated else ""
    gap = f"Largest gap between the sum and the logit computed apart from it: {one.check():.1e}.{cut}"
    met = [{"first text": m["first"], "second text": m["second"], "score": m["score"]} for m in one.meetings]
    table = [Table(met, f"Words that met most strongly, for {one.classes[column]}")] if met else []
    figure = Figure(drawing, gap, numbers, quoted(one, rows))
    if number is None:
        return Section("Word by word", [figure, *table])
    return Section(f"{number}. {verdict(one)}", [Paragraph(reason(one)), figure, *table])


def quoted(one: TextExplanation, rows: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the text, or both of a pair, each as what was read and what was cut off."""
    found: list[tuple[str, str]] = []
    for part, text in enumerate((one.text,) if isinstance(one.text, str) else one.text):
        end = max((row["stop"] for row in rows if row["part"] == part), default=0) if one.truncated else len(text)
        found.append((text[:end], text[end:]))
    return found


def _said(one: TextExplanation) -> str:
    return number(cast("float", one.predicted)) if one.probabilities is None else named(one.predicted)


def verdict(one: TextExplanation) -> str:
    """Say the prediction and, where there is one, its probability."""
    if one.probabilities is None or one.independent:
        return _said(one)
    return f"{_said(one)} ({one.probabilities[one.column(one.predicted)]:.1%})"


def embedded(one: TextExplanation, rows: Sequence[dict[str, Any]], scores: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return what the script needs to draw another class."""
    return {
        "text": one.text,
        "words": rows,
        "word_scores": scores.tolist(),
        "views": one.word_views(),
        "at": one.at,
        "bias": one.bias.tolist(),
        "logits": one.logits.tolist(),
        "classes": [str(name) for name in one.classes],
        "truncated": one.truncated,
        "independent": one.independent,
    }


def switches(one: TextExplanation, column: int) -> Markup | None:
    """Return the choices of a class, of what it is held against, and of a view, where there are some."""
    choices: list[Markup] = []
    if len(one.classes) > 1:
        chances: Sequence[Any] = [None] * len(one.classes) if one.probabilities is None else one.probabilities.tolist()
        named = [str(name) if p is None else f"{name} ({p:.1%})" for name, p in zip(one.classes, chances, strict=True)]
        others = [(str(i), str(name)) for i, name in enumerate(one.classes) if i != column]
        rest = [("rest", "the rest")] if len(one.classes) > 2 and not one.independent else []
        choices += [
            choice("Class ", "of", [(str(i), name) for i, name in enumerate(named)], str(column)),
            choice("against ", "against", [("", "nothing"), *rest, *others], ""),
        ]
    if one.views:
        choices.append(choice("look at ", "at", [(name, VIEWS[name]) for name in one.views], one.at))
    return tag("p", choices, class_="switch") if choices else None


def choice(label: str, name: str, options: Sequence[tuple[str, str]], chosen: str) -> Markup:
    """Return one choice with its label."""
    drawn = [tag("option", shown, value=value, selected=value == chosen) for value, shown in options]
    return tag("label", label, tag("select", drawn, class_=name), " ")


def words(one: TextExplanation, rows: Sequence[dict[str, Any]], scores: np.ndarray[Any, Any]) -> Markup:
    """Return the text with its words coloured: the stronger the colour, the larger the part."""
    largest = float(np.abs(scores).max()) or 1.0
    lines: list[Markup] = []
    for part, text in enumerate((one.text,) if isinstance(one.text, str) else one.text):
        pieces: list[Any] = []
        at = 0
        for i, (row, score) in enumerate(zip(rows, scores.tolist(), strict=True)):
            if row["part"] != part:
                continue
            pieces += [text[at : row["start"]], word(row["word"], i, score, largest)]
            at = row["stop"]
        rest = text[at:]
        pieces.append(tag("span", rest, class_="cut") if one.truncated and rest.strip() else rest)
        lines.append(tag("div", pieces, dir="auto"))
    return tag("div", lines, class_="words")


def word(text: str, i: int, score: float, largest: float) -> Markup:
    """Return one coloured word; hovering says its score."""
    return tag(
        "span",
        text,
        class_="w against" if score < 0 else "w for",
        data_i=i,
        title=f"{text}: {signed(score)}",
        style=f"--v:{abs(score) / largest:.3f}",
    )


def key() -> Markup:
    """Return what the colours mean."""
    samples = [
        tag("span", "for the class", class_="w for", style="--v:.8"),
        " ",
        tag("span", "against it", class_="w against", style="--v:.8"),
    ]
    return tag("p", samples, " (underlined with dots); hover over a word for its score", class_="key")


def terms(rows: Sequence[dict[str, Any]], scores: np.ndarray[Any, Any], bias: float) -> list[tuple[str, float, bool]]:
    """Return the terms of the sum, strongest words first: name, score, and whether the name is a word."""
    told = [(row["word"], float(s)) for row, s in zip(rows, scores, strict=True) if row["part"] >= 0]
    told.sort(key=lambda pair: -abs(pair[1]))
    listed = [(name, score, True) for name, score in told[:SHOWN_WORDS]]
    others = [score for _, score in told[SHOWN_WORDS:]]
    if others:
        listed.append((counted(len(others), "other word"), sum(others), False))
    special = sum(float(s) for row, s in zip(rows, scores, strict=True) if row["part"] < 0)
    return [*listed, ("special tokens", special, False), ("bias", bias, False)]


def _logit_of(one: TextExplanation, column: int) -> str:
    """Say what the terms sum to; as in explanation.js."""
    if one.unit is not None:
        return str(one.unit)
    return f"logit of {one.classes[column]}"


def sum_table(listed: Sequence[tuple[str, float, bool]], logit: float, name: str) -> Markup:
    """Return the terms as bars, with what they sum to below them."""
    largest = max(abs(score) for _, score, _ in listed) or 1.0
    lines = [
        tag(
            "tr",
            tag("td", term, dir="auto", class_=None if is_word else "faint"),
            tag("td", tag("i", style=f"--v:{abs(score) / largest:.3f}"), class_="bar"),
            tag("td", signed(score), class_="number term", data_exact=score),
            class_="against" if score < 0 else "for",
        )
        for term, score, is_word in listed
    ]
    total = tag("td", signed(logit), class_="number logit", data_exact=logit)
    lines.append(tag("tr", tag("td", f"= {name}"), tag("td"), total, class_="total"))
    return tag("table", tag("tbody", lines), class_="sum")


def signed(value: float) -> str:
    """Write a score with its sign and three decimals.

    >>> signed(0.25), signed(-1.0)
    ('+0.250', '−1.000')
    """
    return f"{'−' if value < 0 else '+'}{abs(value):.3f}"

"""A report before it is HTML or Markdown: what was found, then sections of sentences, warnings, tables and figures."""

# What a result holds is of any type, and becomes text.
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from spacetune.errors import printable
from spacetune.reports.markup import Markup, tag

__all__ = [
    "Document",
    "Figure",
    "Notes",
    "Paragraph",
    "Part",
    "Section",
    "Table",
    "body",
    "first_rows",
    "markdown",
    "named",
    "number",
    "shown",
]

MOST_ROWS = 500
"""Rows that a report shows of a long list."""

LONG = 40
"""Letters from which on a cell's words may be broken anywhere."""

Rows = Sequence[dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """A sentence or a few."""

    text: str


@dataclasses.dataclass(frozen=True)
class Notes:
    """Warnings, one a line; nothing where there are none."""

    lines: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows with the same columns."""

    rows: Rows
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Figure:
    """A drawing, and the numbers behind it: they stand for it in Markdown, and fold out below it in HTML.

    Where the drawing is of texts, `quoted` holds them for Markdown, each as what was read and what was cut off.
    """

    drawing: Markup
    caption: str
    rows: Rows = ()
    quoted: Sequence[tuple[str, str]] = ()


Part = Paragraph | Notes | Table | Figure


@dataclasses.dataclass(frozen=True)
class Section:
    """Some parts under a heading; folded ones are opened by whoever wants to know."""

    title: str
    parts: Sequence[Part]
    folded: bool = False


@dataclasses.dataclass(frozen=True)
class Document:
    """A whole report: the finding in a sentence or two, its sections, what it is about, and warnings."""

    title: str
    finding: str
    sections: Sequence[Section]
    about: str = ""
    notes: Sequence[str] = ()


def first_rows(rows: Rows) -> list[Part]:
    """Return a table of the first rows, and how many there are where that is not all."""
    if not rows:
        return [Paragraph("None.")]
    more = Paragraph(f"The first {MOST_ROWS} of {len(rows):,}; write them as CSV for all.")
    return [Table(rows[:MOST_ROWS]), *([more] if len(rows) > MOST_ROWS else [])]


def shown(value: object) -> str:
    """Write a value for people: four decimals, thousands apart, nothing for None.

    >>> shown(0.5), shown(12345), shown(None), shown(2e-6), shown(["a", "b"])
    ('0.5000', '12,345', '', '2.0e-06', 'a, b')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1e}" if 0 < abs(value) < 5e-5 else f"{value:.4f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def named(label: object) -> str:
    """Write a predicted class, which may be a number and stays whole, or several labels.

    >>> named(2024), named(0.0), named(["a", "b"]), named([])
    ('2024', '0.0', 'a, b', 'no label')
    """
    return ", ".join(map(str, label)) or "no label" if isinstance(label, list) else str(label)


def number(value: float) -> str:
    """Write a number that was predicted: three decimals, or three digits where it is small.

    >>> number(0.5), number(1.7e9), number(0.0123456), number(0.0)
    ('0.500', '1700000000.000', '0.0123', '0.000')
    """
    return f"{value:.3f}" if value == 0 or abs(value) >= 0.1 else f"{value:.3g}"


def body(document: Document) -> Markup:
    """Return the report as HTML, without the page around it."""
    head = [
        tag("h1", document.title),
        tag("p", document.finding, class_="finding") if document.finding else None,
        tag("p", document.about, class_="lead") if document.about else None,
        _part(Notes(document.notes)) if document.notes else None,
    ]
    return tag("article", head, [_section(section) for section in document.sections])


def _section(section: Section) -> Markup:
    heading, parts = tag("h2", section.title), [_part(part) for part in section.parts]
    if section.folded:
        return tag("details", tag("summary", heading), parts, class_="section")
    return tag("section", heading, parts)


def _part(part: Part) -> Markup:
    match part:
        case Paragraph(text):
            return tag("p", text)
        case Notes(lines):
            listed = tag("ul", [tag("li", line) for line in lines], class_="notes")
            return listed if lines else tag("p", "Nothing found that needs a look.")
        case Table(rows, caption):
            return html_table(rows, caption)
        case Figure(drawing, caption, rows, _):
            numbers = tag("details", tag("summary", "The numbers"), html_table(rows, "")) if rows else None
            return tag("figure", drawing, tag("figcaption", caption) if caption else None, numbers)


def html_table(rows: Rows, caption: str) -> Markup:
    """Return rows as a table that scrolls sideways where it is too wide."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    numeric = {name for name in columns if any(isinstance(row.get(name), int | float) for row in rows)}
    head = [tag("th", _heading(name), scope="col", class_="number" if name in numeric else None) for name in columns]
    cells = [[_cell(shown(row.get(name)), name in numeric) for name in columns] for row in rows]
    table = tag(
        "table",
        tag("caption", caption) if caption else None,
        tag("thead", tag("tr", head)),
        tag("tbody", [tag("tr", row) for row in cells]),
    )
    return tag("div", table, class_="wide", tabindex="0", role="group", aria_label=caption or "table")


def _cell(text: str, numeric: bool) -> Markup:
    return tag("td", text, dir="auto", class_="number" if numeric else "long" if len(text) > LONG else None)


def _heading(name: str) -> str:
    return name.replace("_", "-")


def markdown(document: Document) -> str:
    """Return the report as Markdown; a figure is its caption and its numbers."""
    lines = [f"# {_plain(document.title)}", ""]
    for text in filter(None, (document.finding, document.about)):
        lines += [_plain(text), ""]
    lines += [f"- {_plain(note)}" for note in document.notes] + [""] * bool(document.notes)
    for section in document.sections:
        lines += [f"## {_plain(section.title)}", ""]
        for part in section.parts:
            lines += [*_markdown_part(part), ""]
    return "\n".join(lines)


def _markdown_part(part: Part) -> list[str]:
    match part:
        case Paragraph(text):
            return [_plain(text)]
        case Notes(lines):
            return [f"- {_plain(line)}" for line in lines] or ["Nothing found that needs a look."]
        case Table(rows, caption):
            return [*([_plain(caption), ""] if caption else []), *_markdown_table(rows)]
        case Figure(_, caption, rows, quoted):
            lines = [line for read, cut in quoted for line in (_quote(read, cut), "")]
            return [*lines, _plain(caption), "", *_markdown_table(rows)]


def _quote(read: str, cut: str) -> str:
    r"""Write a text as a quotation, with what was cut off struck through.

    >>> print(_quote("a *b*", " c "))
    > a \*b\* ~~c~~
    """
    struck = f" ~~{_plain(cut.strip())}~~" if cut.strip() else ""
    return f"> {_plain(read.strip())}{struck}".rstrip()


def _markdown_table(rows: Rows) -> list[str]:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if not columns:
        return []
    head = [" | ".join(_plain(_heading(name)) for name in columns), " | ".join("---" for _ in columns)]
    cells = [" | ".join(_plain(shown(row.get(name))) for name in columns) for row in rows]
    return [f"| {line} |" for line in [*head, *cells]]


SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_[]<>|#~&"})


def _plain(text: str) -> str:
    r"""Escape what Markdown would read as its own signs.

    >>> print(_plain("a|b <i>"))
    a\|b \<i\>
    """
    return printable(text.replace("\r", " ").replace("\n", " ")).translate(SPECIAL)

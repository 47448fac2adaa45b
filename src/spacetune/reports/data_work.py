"""The data work around a classifier as reports; the terminal shows the same, shorter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spacetune.encoders import as_line
from spacetune.errors import counted
from spacetune.reports.document import Document, Paragraph, Part, Section, Table, first_rows

if TYPE_CHECKING:
    from spacetune.studies import Drift, LabelErrors, ModelComparison, NearDuplicates, Suggestions, Thresholds
    from spacetune.studies.data.near_duplicates import NearDuplicate

__all__ = [
    "drift_document",
    "label_errors_document",
    "models_document",
    "near_duplicates_document",
    "suggestions_document",
    "thresholds_document",
]


def suggestions_document(found: Suggestions) -> Document:
    """Lay out texts to label next."""
    lead = f"{len(found.chosen):,} of {found.n_texts:,} texts of {found.source} to label next."
    return Document("To label next", lead, [Section("In this order", first_rows(found.rows()))], notes=found.notes)


def label_errors_document(found: LabelErrors) -> Document:
    """Lay out labels that are likely wrong."""
    what = "sets of labels" if found.kind == "multi" else "labels"
    lead = (
        f"{len(found.errors):,} of {found.n_texts:,} {what} of {found.source} are worth a look, the first ones most. A "
        f"probe that did not see the text agrees with {found.accuracy:.1%} of all {what} ({found.n_folds} folds)."
    )
    return Document("Label errors", lead, [Section("Likely wrong", first_rows(found.rows()))], notes=found.notes)


def near_duplicates_document(found: NearDuplicates) -> Document:
    """Lay out texts that stand in two sets, or nearly."""
    exact = sum(each.exact for each in found.found)
    lead = (
        f"{len(found.found):,} of {found.n_texts:,} texts of {found.source} have a near text among the "
        f"{found.n_other:,} of {found.other_source} (cosine at least {found.threshold:g}, {found.encoder}): "
        f"{exact:,} are the same text, {found.conflicts:,} carry another label there."
    )
    rows = [row for each in found.found for row in _both(each, found)]
    return Document("Near duplicates", lead, [Section("The nearest first", first_rows(rows))])


def _both(found: NearDuplicate, among: NearDuplicates) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return two rows, the second text under the first, so that they can be read beside each other."""
    alike = "same text" if found.exact else f"{found.similarity:.3f}"
    first = {"file": among.source, "row": found.row, "label": found.label, "text": as_line(found.text)}
    other = {"file": among.other_source, "row": found.other_row, "label": found.other_label,
             "text": as_line(found.other_text)}  # fmt: skip
    return {"cosine": alike, **first}, {"cosine": "", **other}


def drift_document(found: Drift) -> Document:
    """Lay out how new texts differ from reference texts."""
    lead = (
        f"{found.n_texts:,} texts of {found.source} against {found.n_reference:,} of {found.reference}: told apart "
        f"with an AUC of {found.auc:.3f} (95 % interval {found.auc_low:.3f} to {found.auc_high:.3f}; 0.5 is no drift)."
    )
    if found.auc_high < 0.5:
        lead += (
            " Below 0.5 the texts are told apart worse than by chance, as happens where both sets hold the same texts, "
            "or very few: no drift was found."
        )
    parts = {"Predicted classes": found.classes, "Logits": found.logits, "Words": found.words}
    sections = [Section(title, first_rows([vars(each) for each in rows])) for title, rows in parts.items() if rows]
    return Document("Drift", lead, sections, notes=found.notes)


def thresholds_document(found: Thresholds) -> Document:
    """Lay out thresholds below which a model is unsure."""
    lead = f"Unsure below these probabilities: chosen by {found.source}, for {found.asked} {found.level:g}."
    return Document("Thresholds", lead, [Section("Probabilities", first_rows(found.rows()))], notes=found.notes)


def models_document(found: ModelComparison) -> Document:
    """Lay out two models' scores on the same texts, and where they differ."""
    first, second = found.scores
    rows: list[dict[str, Any]] = [
        {"score": name, "first": value, "second": second[name], "difference": found.difference[name]}
        | dict(zip(("low", "high"), found.intervals.get(name, ()), strict=False))
        for name, value in first.items()
    ]
    parts: list[Part] = [Table(rows, "first less second: 95 % bootstrap interval")]
    if found.mcnemar is not None:
        right = found.mcnemar
        told = f"Right: both {right.both:,}, only the first {right.only_first:,}, only the second {right.only_second:,}"
        parts.append(Paragraph(f"{told}, neither {right.neither:,}; McNemar's exact p = {right.p:.3g}."))
    lead = f"{counted(found.n_texts, 'text')} of {found.source}; first: {found.names[0]}, second: {found.names[1]}."
    differ = Section("Where they differ", first_rows(found.rows()))
    return Document("Two models", lead, [Section("Scores", parts), differ], notes=found.notes)

"""What Label Studio exports as JSON: tasks with annotations (JSON), or rows with the choices of several (JSON_MIN)."""

# What a file or a request holds is of any type until it has been checked.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from typing import Any

from spacetune.data.labelled_texts import DataNote
from spacetune.data.writing import columns_of
from spacetune.errors import DataError

__all__ = ["read_export"]

Columns = dict[str, list[Any]]
KINDS = ("choices", "rating", "number")
OWN = {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time"}


def read_export(records: list[dict[str, Any]], name: str) -> tuple[Columns, list[DataNote]] | None:
    """Read the rows of an export as columns: a task's data, and its choices under the name of the question.

    A task that several people answered alike is one row; where they differ, each answer is a row. Returns the columns
    and what was noticed, or None where the rows are no such export. Raises `DataError` if an annotation is of a kind
    that is no label of a whole text.
    """
    if all(isinstance(r.get("data"), dict) and ("annotations" in r or "completions" in r) for r in records):
        return _read_tasks(records, name)
    if all("annotator" in r and "annotation_id" in r for r in records):
        return _read_rows(records, name)
    return None


def _read_tasks(tasks: list[dict[str, Any]], name: str) -> tuple[Columns, list[DataNote]]:
    rows: list[dict[str, Any]] = []
    found: list[dict[str, list[Any]] | None] = []
    split: list[int] = []
    for number, task in enumerate(tasks, start=1):
        given = task.get("annotations") or task.get("completions") or []
        answers = [_answer(a, number, name) for a in (given if isinstance(given, list) else [given])]
        different = {_unordered(a): a for a in reversed(answers) if a is not None}
        if len(different) > 1:
            split.append(number)
        found += list(reversed(different.values())) or [None]
        rows += [task["data"]] * max(len(different), 1)
    columns = {key: [row.get(key) for row in rows] for key in dict.fromkeys(key for row in rows for key in row)}
    asked = list(dict.fromkeys(key for answer in found for key in answer or ()))
    for key in asked:
        columns[key] = _plain([None if answer is None else answer.get(key, []) for answer in found])
    notes: list[DataNote] = []
    if len(asked) == 1 and "label" not in columns:
        columns["label"] = columns[asked[0]]
        notes.append(
            DataNote("export", (), f"{name} is Label Studio's export; answers to {asked[0]!r:.80} are the labels")
        )
    elif asked != ["label"]:
        notes.append(_which(name, asked))
    if split:
        what = "task{s} of {file} {were} answered differently by several people; each answer is a row"
        notes.append(DataNote.of("export", split, what, "task", file=name))
    return columns, notes


def _unordered(answer: dict[str, list[Any]]) -> tuple[Any, ...]:
    """Return the form in which two answers of the same choices are equal."""
    return tuple(sorted((key, *sorted(map(repr, values))) for key, values in answer.items() if values))


def _answer(annotation: object, number: int, name: str) -> dict[str, list[Any]] | None:
    """Return what one person answered, by question; None where the annotation was cancelled."""
    if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
        return None
    answer: dict[str, list[Any]] = {}
    for result in annotation.get("result") or []:
        kind = result.get("type") if isinstance(result, dict) else None
        value = result.get("value") if isinstance(result, dict) else None
        if kind not in KINDS or not isinstance(value, dict) or "start" in value:
            raise DataError(
                f"task {number} of {name}, an export of Label Studio, holds an annotation of type {kind!r:.40}, which "
                "is no label of a whole text; export the choices alone"
            )
        found = value.get(kind)
        answer.setdefault(str(result.get("from_name")), []).extend(found if isinstance(found, list) else [found])
    return answer


def _read_rows(records: list[dict[str, Any]], name: str) -> tuple[Columns, list[DataNote]]:
    columns = columns_of(records)
    for key, column in columns.items():
        if any(isinstance(v, dict) and set(v) == {"choices"} for v in column):
            columns[key] = [_choices(v) for v in column]
    asked = [key for key in columns if key not in OWN and key != "text"]
    return columns, [] if "label" in columns or not asked else [_which(name, asked)]


def _choices(value: object) -> object:
    if isinstance(value, dict):
        return value.get("choices")
    return [value] if isinstance(value, str) else value


def _plain(column: list[Any]) -> list[Any]:
    """Return one answer a row where nobody gave several, else lists; None where nobody was asked."""
    if any(v is not None and len(v) > 1 for v in column):
        return column
    return [None if not v else v[0] for v in column]


def _which(name: str, asked: list[str]) -> DataNote:
    which = ", ".join(f"{key!r:.80}" for key in asked[:20]) or "none"
    return DataNote("export", (), f"{name} is Label Studio's export; say with --label which column to learn: {which}")

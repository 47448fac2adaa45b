"""Labels have one type, whichever file they came from."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacetune import read_texts
from spacetune.data import is_indicator, label_kind, match_labels
from spacetune.data.labels import class_counts, parse_text_labels
from spacetune.errors import DataError

COLUMNS: dict[str, tuple[list[Any], str]] = {
    "strings": (["spam", "ham", "spam"], "single"),
    "integers": ([0, 1, -2], "single"),
    "floats": ([0.5, 3.0, 4.25], "regression"),
    "whole floats": ([1.0, 2.0, 1.0], "single"),
    "exponents": ([1e-7, 2.5e20, 0.1], "regression"),
    "numbers and words": (["1", "two", "3"], "single"),
    "leading zeros": (["01", "02", "10"], "single"),
    "underscores": (["1_1", "11", "1_0"], "single"),
    "signs": (["--1", "+2", "-"], "single"),
    "a missing label": (["spam", None, "ham"], ""),
    "a missing number": ([1, None, 3], ""),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_csv_and_json_lines_give_equal_labels(name: str, tmp_path: Path) -> None:
    labels, kind = COLUMNS[name]
    with (tmp_path / "data.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["text", "label"], *([f"t{i}", c] for i, c in enumerate(labels))])
    rows = [json.dumps({"text": f"t{i}", "label": c}) for i, c in enumerate(labels)]
    (tmp_path / "data.jsonl").write_text("\n".join(rows))
    from_csv, from_json = (read_texts(tmp_path / f"data.{ending}").labels for ending in ("csv", "jsonl"))
    assert from_csv == from_json == labels
    assert [type(c) for c in from_csv or []] == [type(c) for c in labels]
    if kind:
        assert label_kind(labels) == kind


def test_labels_keep_no_spaces_at_their_edges(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("text,label\na, x \n")
    assert read_texts(tmp_path / "data.csv").labels == read_texts({"text": ["a"], "label": [" x "]}).labels == ["x"]


def test_several_labels_in_one_cell(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("text,label\na,joy | love\nb,\nc,joy\n")
    data = read_texts(tmp_path / "data.csv", label_separator="|")
    assert data.labels == [["joy", "love"], [], ["joy"]]
    assert label_kind(data.labels or []) == "multi"


def test_a_separator_makes_no_label_of_missing_cells() -> None:
    cells = {"text": ["a", "b", "c", "d"], "label": ["x|y", None, float("nan"), 0]}
    assert read_texts(cells, label_separator="|").labels == [["x", "y"], [], [], ["0"]]


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ([True, False], "single"),
        ([np.int64(1), 2], "single"),
        ([1, 2.5], "regression"),
        ([np.float32(0.5)], "regression"),
        ([["a"], ("b", "c"), []], "multi"),
        ([], "single"),
    ],
)
def test_kinds(labels: list[Any], kind: str) -> None:
    assert label_kind(labels) == kind


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_integers_survive_csv(numbers: list[int]) -> None:
    assert parse_text_labels([str(n) for n in numbers]) == numbers


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_floats_survive_csv(numbers: list[float]) -> None:
    assert parse_text_labels([repr(n) for n in numbers]) == numbers


@given(st.lists(st.text(), min_size=1))
def test_parsing_never_fails_and_never_joins_two_names(column: list[str]) -> None:
    parsed = parse_text_labels(column)
    assert len(parsed) == len(column)
    if all(isinstance(label, str) for label in parsed):
        assert parsed == column


def test_counts() -> None:
    assert dict(class_counts(["b", "a", "b"], "single")) == {"b": 2, "a": 1}
    assert list(class_counts(["b", "a", "a"], "single")) == ["a", "b"]
    assert dict(class_counts([["a", "b"], ["a"], []], "multi")) == {"a": 2, "b": 1}
    assert dict(class_counts([[1, 0, 0], [1, 0, 1]], "multi")) == {0: 2, 1: 0, 2: 1}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([[1, 0, 1], [0, 1, 0]], True),
        ([(True, False), [0.0, 1.0]], True),
        ([np.array([1, 0]), np.array([0, 0])], True),
        ([[1, 0], [1]], False),
        ([[1], [0]], False),
        ([[1, 2], [0, 1]], False),
        ([["0", "1"], ["1", "0"]], False),
        ([{0, 1}, {0, 1}], False),
        ([[[1, 0], [0, 1]]], False),
        ([0, 1], False),
        ([], False),
    ],
)
def test_lists_of_zeros_and_ones_of_one_length_are_an_indicator(labels: list[Any], expected: bool) -> None:
    assert is_indicator(labels) is expected


@pytest.mark.parametrize(
    ("classes", "labels", "expected"),
    [
        (["01", "02", "10"], [10, "01", 2], ["10", "01", 2]),
        (["1", "3", "5", "unknown"], [5, 1.0], ["5", "1"]),
        ([1, 4], ["4", "1.0", "01", "4.00", "-0"], [4, 1, "01", "4.00", "-0"]),
        ([1.0, 4.0], ["4", 1, "4.0"], [4.0, 1.0, 4.0]),
        ([True, False], ["True", "false", "yes"], [True, False, "yes"]),
        (["true", "false"], [True, False], ["true", "false"]),
        (["4", "4.0"], [4, 4.0], ["4", "4.0"]),
        (["4.0", "x"], [4], ["4.0"]),
        (["4.0", "True"], ["4", "true"], ["4", "true"]),
        (["1", "b"], [[1, "b"], []], [["1", "b"], []]),
        (np.array([1, 2]), np.array(["1", "3"]), [1, "3"]),
        (["a"], [None, 10**400, {"a": 1}, b"a", 0.5], [None, 10**400, {"a": 1}, b"a", 0.5]),
    ],
)
def test_labels_are_written_as_known_classes_are_where_nothing_is_lost(
    classes: Any, labels: Any, expected: list[Any]
) -> None:
    matched = match_labels(classes, labels)
    assert matched == expected
    assert [type(c) for c in matched] == [type(c) for c in expected]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", "b\0"], "a label must not end in the character NUL; it does at row 2"),
        ([["a"], ["b", "c\0"]], "a label must not end in the character NUL; it does at row 2"),
        ([10**400, 1.5], "labels to predict must be finite numbers; infinite at row 1"),
        (
            [0.5, -1e31, 2.0],
            "labels to predict must lie within ±1e+30, since their squares are summed; beyond it at row 2",
        ),
        ([1, -(10**30)], "must fit in 64 bits; 1 do not (row 2); write them as strings"),
        ([["a"], [{}]], "and 1 hold other things (row 2)"),
        ([["a"], [None]], "and 1 hold lists or nothing (row 2)"),
        ([["a"], [""]], "and 1 hold lists or nothing (row 2)"),
        ([["a"], [["b"]]], "and 1 hold lists or nothing (row 2)"),
        ([[0.5, 0.25]], "and 1 hold fractions (row 1)"),
        ([[10**30]], "and 1 hold numbers beyond 64 bits (row 1)"),
        ([["a", "b"], [1]], "labels in lists must be of one type, got str, int; int at row 2"),
        ([{"a": 1}], "labels must be strings, integers, floats or lists of strings, got dict"),
        ([b"a"], "labels must be strings, integers, floats or lists of strings, got bytes"),
    ],
)
def test_labels_that_nothing_can_be_learnt_from_say_why(labels: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        label_kind(labels)

"""What a report says first: honest about intervals, about what was chosen by, and about random spaces."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import scipy.linalg

from spacetune.heads.spaces import SpaceOverlap
from spacetune.reports.findings import fit_findings
from spacetune.reports.rendering import document_of
from spacetune.reports.spaces import overlap_finding
from spacetune.results import Result


def row(method: str, accuracy: float, ahead: tuple[float, float] | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {"intervals": {"accuracy": (0.82, 0.93)}} if method == "space" else {}
    told |= {} if ahead is None else {"ahead": {"accuracy": ahead}}
    return {"method": method, "split": "dev", "n": 120, "accuracy": accuracy, **told}


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        ((0.01, 0.09), "the model is better on the same texts (95 % interval of the difference 0.010 to 0.090)."),
        ((-0.02, 0.09), "120 texts do not settle which is better (95 % interval of the difference -0.020 to 0.090)."),
        ((-0.09, -0.01), "the model is worse on the same texts (95 % interval of the difference -0.090 to -0.010)."),
    ],
)
def test_a_fit_is_held_against_the_best_baseline_on_the_same_texts(
    results: dict[str, Result], ahead: tuple[float, float], said: str
) -> None:
    table = (row("majority", 0.125), row("linear probe", 0.85, ahead), row("space", 0.88))
    report: Any = dataclasses.replace(results["fit"], table=table, scored={"dev": results["scores"]})  # type: ignore[type-var]
    good, against = fit_findings(report)
    assert good == ("space: accuracy 0.880 (95 % interval 0.820 to 0.930) on 120 texts of dev, by which it was chosen.")
    assert against == (
        f"The best of the baselines, linear probe, has accuracy 0.850: {said} The best constant guess reaches 0.125."
    )


def test_probabilities_of_a_dev_that_is_all_right_are_not_to_be_trusted(results: dict[str, Result]) -> None:
    scored: Any = results["scores"]
    scored = dataclasses.replace(scored, scores={**scored.scores, "accuracy": 1.0})
    *_, last = fit_findings(dataclasses.replace(results["fit"], scored={"dev": scored}))  # type: ignore[type-var]
    assert last.startswith("No dev text is predicted wrongly, so nothing tells how sure to be")


def overlap_of(bases: list[np.ndarray], share: float) -> SpaceOverlap:
    angles = [[np.degrees(scipy.linalg.subspace_angles(a, b)) for b in bases] for a in bases]
    mean, least = (np.array([[f(each) for each in line] for line in angles]) for f in (np.mean, np.min))
    shared = np.array([[np.mean(np.cos(np.radians(each)) ** 2) for each in line] for line in angles])
    return SpaceOverlap(("a", "b", "c"), mean, least, shared, share)


def test_random_spaces_are_said_to_be_random() -> None:
    draw = np.random.default_rng(0)
    spaces = [draw.standard_normal((256, 16)) for _ in range(3)]
    assert "this is what random spaces have" in overlap_finding(overlap_of(spaces, 16 / 256))
    spaces[1][:, :8] = spaces[0][:, :8]
    told = overlap_finding(overlap_of(spaces, 16 / 256))
    assert told.endswith("most of all a and b.")


def test_every_report_begins_with_a_finding(results: dict[str, Result]) -> None:
    for kind, result in results.items():
        if kind != "doctor":
            finding = document_of(result).finding
            assert finding.endswith("."), kind
            assert " 1 texts" not in finding

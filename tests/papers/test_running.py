"""`python -m papers` finds studies by scanning and runs all in spite of a failure; the ladder goes on from its file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

papers = pytest.importorskip("papers.__main__", reason="run from the root of the checkout")


def test_studies_are_found_by_scanning(tmp_path: Path) -> None:
    assert "latent_geometry" in papers.studies()
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "reproduce.py").touch()
    (tmp_path / "notes").mkdir()
    assert papers.studies(tmp_path) == ["a", "b"]
    with pytest.raises(SystemExit, match="there is no study 'x': choose from a, b"):
        papers.chosen(["x"], ["a", "b"])


def test_a_failure_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []

    def fake(name: str) -> ModuleType:
        module = ModuleType(name)
        module.main = lambda: ran.append(name) if name != "a" else 1 / 0  # type: ignore[attr-defined]
        return module

    for name in ("a", "b"):
        monkeypatch.setitem(sys.modules, f"papers.{name}.reproduce", fake(name))
    monkeypatch.setattr(papers, "studies", lambda: ["a", "b"])
    assert papers.main([]) == 1
    assert ran == ["b"]
    assert "failed: a" in capsys.readouterr().err


def rung(alpha: float, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng([int(alpha * 100), seed])
    measures = {name: float(rng.random()) for name in ("aq_pp", "pq_pp", "pq_ri", "eee", "vrm", "isoscore")}
    measures |= {"average_cosine": 0.1 * alpha, "two_nn": float(rng.random())}
    scores = {m: {"sst2": 0.9 - 0.01 * alpha + 0.001 * seed} for m in ("probe", "space head")}
    return {"alpha": alpha, "seed": seed, "n_tokens": 10, "measures": measures, "scores": scores, "seconds": {}}


def test_the_ladder_goes_on_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from papers.latent_geometry import ladder, statistics

    monkeypatch.setattr(statistics, "RESAMPLES", 20)
    assert len(ladder.planned()) == 1 + 3 * 12
    done = [rung(alpha, seed) for alpha, seed in ladder.planned()]
    ladder.keep(tmp_path / "ladder.json", {"about": {"encoder": "e", "dtype": "float32"}, "rungs": done})
    found = ladder.main(tmp_path, tmp_path / "no data")  # nothing is missing: no encoder is loaded, no data set read
    assert found["analysis"]["n"] == 36
    own = found["analysis"]["measures"]["average_cosine"]["probe"]
    assert own["r"] == pytest.approx(-1.0, abs=0.01)
    page, picture = ((tmp_path / f"ladder.{ending}").read_text() for ending in ("md", "svg"))
    assert "| average_cosine | -1.000 |" in page
    assert picture.count("<circle") == 36 * 10
    assert json.loads((tmp_path / "ladder.json").read_text())["rungs"] == done
    assert "Not run to its end" not in page
    ladder.keep(tmp_path / "ladder.json", {"about": found["about"], "rungs": done[:-2]})
    assert ladder.write_up(tmp_path)["missing"] == [[20, 3], [50, 3]]
    assert "missing are α 20 seed 3, α 50 seed 3." in (tmp_path / "ladder.md").read_text()


def test_groups_are_drawn_and_left_out_whole() -> None:
    from papers.latent_geometry import statistics as st

    groups = np.repeat([0.0, 1.0, 2.0, 3.0], 3)
    line = 2 * groups + 1
    assert st.left_out(line, groups, groups) == pytest.approx(1.0)
    assert st.left_out(line, groups) < 0  # the mean of the other groups misses by more than that of all
    noise = np.random.default_rng(0).standard_normal(12)
    assert st.left_out(line, groups, noise) < 0.5
    # every drawn group brings all of its rows, so that means of whole draws are means of group means
    drawn = st.interval(lambda y: float(y.size), line, groups=groups)
    assert drawn == [12.0, 12.0]
    assert st.interval(lambda y: float(np.unique(y).size), line, groups=groups)[1] <= 4


def test_interpolation_follows_a_curve_that_a_line_does_not() -> None:
    from papers.latent_geometry import statistics as st

    x = np.repeat(np.arange(9.0), 2)
    bent = np.minimum(x, 4.0)
    # wrong by 1 at the least x, where there is one neighbour, and by half at the bend: twice each
    expected = 1 - 2 * (1 + 0.25) / float(np.sum((bent - bent.mean()) ** 2))
    assert st.interpolated(bent, x) == pytest.approx(expected)
    assert st.left_out(bent, x, x) < expected

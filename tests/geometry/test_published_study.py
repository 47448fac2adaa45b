"""Facts 42 and 43: the correlations and regressions recomputed from the authors' result files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

reproduce = pytest.importorskip("papers.latent_geometry.reproduce", reason="run from the root of the checkout")

# small, base 9-task, base 8-task, roberta, Spearman small, Spearman roberta
TABLE = """
PQ-RE .420 .398 .430 .001 .004 -.066
PQ-RI .808 .804 .796 .515 .788 .472
PQ-RS -.123 .512 .479 -.184 -.190 -.002
PQ-PC_var .327 -.532 -.505 -.415 .634 -.481
PQ-PC_kl .260 -.638 -.615 -.496 .549 -.531
PQ-CD_var .342 -.594 -.568 -.422 .559 -.417
PQ-PD_EEE -.456 -.868 -.870 -.705 .109 -.185
PQ-PP .326 -.536 -.509 -.419 .633 -.505
AQ-RE .334 .461 .495 .227 -.202 .051
AQ-RI .695 .290 .321 -.051 .765 -.134
AQ-RS .462 .709 .706 .574 .533 .577
AQ-PC_var .901 .487 .476 .652 .931 .594
AQ-PC_kl .890 .183 .157 .228 .917 .328
AQ-CD_var .537 -.148 -.181 -.292 .286 -.286
AQ-PD_EEE -.429 -.880 -.881 -.764 .132 -.371
AQ-PP .902 .473 .461 .640 .930 .588
EEE -.557 -.687 -.715 -.535 -.339 -.231
VRM -.573 -.724 -.750 -.534 -.427 -.283
IsoScore -.078 -.126 -.090 -.398 -.142 -.432
"""
CELLS = ("small", "base 9-task", "base 8-task", "roberta", "Spearman small", "Spearman roberta")
PREDICTIONS = """
chin .5273 .5461
germ .7601 1.0079
shuffle_index .5701 .6309
untrained .6445 .7785
fc .6112 .5529
mlm .7655 .8591
asci .7051 .7391
rand .8866 1.0992
roberta_sinha .6341 .5983
shuffle_corp .6093 .5491
shuffle_sent .5991 .5289
bert-small .5376 .6141
untrained_w_emb .8885 1.2627
"""


@pytest.fixture(scope="module")
def found(golden: Path) -> dict[str, Any]:
    from papers.latent_geometry import statistics

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "RESAMPLES", 300)
        return reproduce.study(golden / "published")


@pytest.mark.slow
@pytest.mark.parametrize("line", TABLE.split("\n")[1:-1], ids=lambda line: line.split()[0])
def test_42_every_cell_of_the_correlation_table(found: dict[str, Any], line: str) -> None:
    name, *expected = line.split()
    row = found["correlations"][name]
    assert [row[cell] for cell in CELLS] == pytest.approx([float(x) for x in expected], abs=5.1e-4)


def test_42_intervals_and_confounding(found: dict[str, Any]) -> None:
    assert found["n"] == {"small": 125, "base": 7, "roberta": 36, "non-standard": 13}
    row = found["correlations"]["AQ-PP"]
    assert row["small interval"] == pytest.approx([0.867, 0.934], abs=0.015)
    assert row["roberta interval"] == pytest.approx([0.303, 0.852], abs=0.06)
    assert row["small given log alpha"] == pytest.approx(0.112, abs=5.1e-4)
    assert row["roberta given log alpha"] == pytest.approx(0.005, abs=5.1e-4)
    small, roberta = found["confounding"]["small"], found["confounding"]["roberta"]
    assert small["r, log alpha and GLUE"] == pytest.approx(-0.956, abs=5.1e-4)
    assert roberta["r, log alpha and GLUE"] == pytest.approx(-0.962, abs=5.1e-4)
    assert small["r, AQ-PP and GLUE within alpha"] == pytest.approx(-0.063, abs=5.1e-4)
    assert small["r for alpha <= 4, EEE"] == pytest.approx(-0.980, abs=5.1e-4)
    assert roberta["r for alpha <= 4, AQ-PP"] == pytest.approx(0.368, abs=5.1e-4)


def test_43_regression(found: dict[str, Any]) -> None:
    fit = found["regressions"]["AQ-PP"]
    assert fit["n"] == 168
    assert fit["r2"] == pytest.approx(0.317, abs=5.1e-4)
    assert fit["r2 with architecture"] == pytest.approx(0.506, abs=5.1e-4)
    assert fit["coefficients"] == pytest.approx([-3.763, 4.198], abs=5.1e-4)
    for line in PREDICTIONS.split("\n")[1:-1]:
        name, plain, with_family = line.split()
        assert fit["predictions"][name] == pytest.approx(float(plain), abs=5.1e-5)
        assert fit["predictions with architecture"][name] == pytest.approx(float(with_family), abs=5.1e-5)
    assert max(found["greatest difference from the authors' predictions"].values()) < 1e-4


def test_43_the_architecture_makes_predictions_of_other_models_worse(found: dict[str, Any]) -> None:
    fit = found["regressions"]["AQ-PP"]
    plain, with_family = (fit["MSE on models not fitted" + ending] for ending in ("", ", with architecture"))
    assert (plain["all 13"], with_family["all 13"]) == pytest.approx((0.0325, 0.0885), abs=5.1e-5)
    assert (plain["10 trained"], with_family["10 trained"]) == pytest.approx((0.0201, 0.0317), abs=5.1e-5)


def test_the_page_is_written(golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from papers.latent_geometry import statistics

    monkeypatch.setattr(statistics, "RESAMPLES", 20)
    reproduce.published_results(golden / "published", tmp_path)
    page = (tmp_path / "results.md").read_text()
    assert "| AQ-PP | 0.902 |" in page
    assert (tmp_path / "results.json").is_file()

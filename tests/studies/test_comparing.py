"""`compare`: an encoder with itself, with a perturbed copy, and with one that cuts texts otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from spacetune import Encoder, compare
from spacetune.encoders import perturb
from spacetune.errors import DataError, UsageError
from spacetune.studies import demo_texts
from spacetune.studies.geometry.comparing import paired_layers

TEXTS = demo_texts("train").texts[:60]


@pytest.mark.slow
def test_an_encoder_equals_itself(shallow: Encoder) -> None:
    found = compare(shallow, shallow, TEXTS, layers=[0, 1])
    assert found.unit == "token"
    assert [(row["layer_a"], row["layer_b"]) for row in found.rows()] == [(0, 0), (1, 1)]
    for row in found.pairs:
        assert row["debiased_cka"] == pytest.approx(1.0)
        assert row["procrustes"] == pytest.approx(0.0, abs=1e-6)
        assert row["neighbour_overlap"] == 1.0
        assert row["largest_angle"] == pytest.approx(0.0, abs=1e-3)
    assert all(row["difference"] == 0 for row in found.differences)


@pytest.mark.slow
def test_noise_shows_in_the_layers_and_grows_with_alpha(shallow: Encoder) -> None:
    slight, strong = (compare(shallow, perturb(shallow, alpha, 1), TEXTS, layers=[0, 1]) for alpha in (1, 20))
    for name in ("debiased_cka", "neighbour_overlap"):
        assert slight.pairs[0][name] == pytest.approx(1.0)  # embeddings are not perturbed
        assert 1 > slight.pairs[1][name] > strong.pairs[1][name]
    assert slight.pairs[1]["procrustes"] < strong.pairs[1]["procrustes"]
    row = next(r for r in strong.differences if (r["layer_a"], r["measure"]) == (1, "isoscore"))
    assert row["difference"] == pytest.approx(row["b"] - row["a"])
    assert row["a"] == strong.a[1, "isoscore"]
    assert "perturbed by 20 %" in strong.b.provenance.encoder


def test_other_tokens_and_another_width_compare_texts(encoder: Encoder, tmp_path: Path) -> None:
    from tests.encoders.conftest import random_model, tokenizer_for

    tokenizer = tokenizer_for("bert")
    random_model("bert", len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    other = Encoder.from_pretrained(tmp_path, dtype="float32")
    assert paired_layers(encoder, other, "all") == [(0, 0), (1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (6, 3)]
    found = compare(encoder, other, TEXTS, layers=-1, measures=["eee"], sample=50)
    assert (found.unit, found.n_points) == ("text", 50)
    assert "mean_angle" not in found.pairs[0]
    assert 0 <= found.pairs[0]["procrustes"] <= 1
    assert any("mean states were compared" in note for note in found.notes)


def test_wrong_calls(shallow: Encoder) -> None:
    with pytest.raises(DataError, match="at least 4 points"):
        compare(shallow, shallow, ["a"], layers=1, measures=["eee"])
    with pytest.raises(UsageError, match="did you mean 'eee'"):
        compare(shallow, shallow, TEXTS, measures=["ee"])

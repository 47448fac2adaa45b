"""`check` finds the one number that does not add up, wherever it stands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spacetune.explanations import Explanation, TextExplanation

rng = np.random.default_rng(0)


def explained(spoilt: tuple[int, int] | None = None, by: float = 0.5, size: float = 1.0) -> TextExplanation:
    """Explain "one two three"; add to one score of a token and class."""
    scores, bias = size * rng.standard_normal((5, 3)), size * rng.standard_normal(3)
    logits = scores.sum(0) + bias
    if spoilt is not None:
        scores[spoilt] += by
    numbers: dict[str, Any] = {"token_scores": scores, "bias": bias, "logits": logits}
    return TextExplanation(
        text="one two three",
        tokens=("[CLS]", "one", "two", "three", "[SEP]"),
        spans=np.array([[-1, -1], [0, 3], [4, 7], [8, 13], [-1, -1]]),
        parts=np.array([-1, 0, 0, 0, -1]),
        probabilities=None,
        classes=("a", "b", "c"),
        predicted="b",
        **numbers,
    )


@pytest.mark.parametrize("token", [0, 2, 4])
@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize("by", [0.5, -0.5])
def test_one_wrong_score_is_found(token: int, column: int, by: float) -> None:
    assert explained().check() < 1e-12
    assert explained((token, column), by).check() == pytest.approx(0.5)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_wrong_text_among_others_is_found(place: int) -> None:
    texts = [explained((1, 1)) if i == place else explained() for i in range(3)]
    scale = max(float(np.abs(text.logits).max()) for text in texts)
    assert Explanation(tuple(texts)).check() == pytest.approx(0.5 / scale)


def test_the_error_is_told_with_the_explanation() -> None:
    assert explained((1, 1)).to_dict()["additivity_error"] == pytest.approx(0.5)


def test_words_add_up_with_the_special_tokens_at_the_end() -> None:
    one = explained()
    rows, scores = one.word_scores()
    assert [row["word"] for row in rows] == ["one", "two", "three", "[special]"]
    np.testing.assert_allclose(scores.sum(0) + one.bias, one.logits)
    np.testing.assert_allclose(scores[3], one.token_scores[0] + one.token_scores[4])
    assert [word["score"] for word in one.words()] == pytest.approx(scores[:, 1].tolist())
    assert [word["score"] for word in one.words("c")] == pytest.approx(scores[:, 2].tolist())
    assert one.column(["a", "c"]) == int(one.logits.argmax())
    np.testing.assert_allclose(one.scores["c"], one.token_scores[:, 2])

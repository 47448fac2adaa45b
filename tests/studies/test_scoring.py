"""What scoring tells: the confusion matrix's rows are true classes, its columns predicted ones."""

from __future__ import annotations

import numpy as np
import pytest

from spacetune import Encoder, LabelledTexts, SpaceClassifier
from spacetune.studies import demo_texts, score_model

TRAIN = demo_texts("train").take(range(60))
FRESH = demo_texts("test").take(range(20))


@pytest.fixture(scope="module")
def model(shallow: Encoder) -> SpaceClassifier:
    return SpaceClassifier(shallow, n_epochs=2, n_latent=4, store=None).fit(TRAIN.texts, TRAIN.labels)


def test_rows_of_the_confusion_matrix_are_true_classes(model: SpaceClassifier) -> None:
    classes, said = model.classes_.tolist(), model.predict(FRESH.texts).tolist()
    scores = score_model(model, LabelledTexts(FRESH.texts, [classes[0]] * 20))
    assert scores.confusion is not None
    assert scores.confusion[0].tolist() == [said.count(name) for name in scores.classes]
    assert scores.confusion[1:].sum() == 0


def test_the_texts_shown_are_the_worst_and_the_closest(model: SpaceClassifier) -> None:
    scores = score_model(model, FRESH)
    table, classes = model.predict_proba(FRESH.texts), model.classes_.tolist()
    given = table[np.arange(20), [classes.index(label) for label in FRESH.labels or []]]
    assert scores.hardest[0]["text"] == FRESH.texts[int(given.argmin())]
    ordered = np.sort(table, axis=1)
    assert scores.least_sure[0]["text"] == FRESH.texts[int((ordered[:, -1] - ordered[:, -2]).argmin())]
    assert scores.ece == pytest.approx(sum(
        row["n"] / 20 * abs(row["accuracy"] - row["confidence"]) for row in scores.calibration
    ))  # fmt: skip

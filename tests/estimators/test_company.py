"""A text's probabilities are its own, alone and in company, within the rounding of what the encoder computes in."""

from __future__ import annotations

import numpy as np
import pytest

from spacetune import Encoder, SpaceClassifier
from spacetune.studies import demo_texts

TRAIN, TEXTS = demo_texts("train").take(range(24)), demo_texts("test").texts[:6]


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 1e-5), pytest.param("bfloat16", 0.02, marks=pytest.mark.slow)]
)
def test_probabilities_alone_and_in_company(dtype: str, tolerance: float) -> None:
    model = SpaceClassifier(Encoder.from_pretrained(dtype=dtype), n_epochs=4).fit(TRAIN.texts, TRAIN.labels)
    together = model.predict_proba(TEXTS)
    alone = np.concatenate([model.predict_proba([text]) for text in TEXTS])
    reversed_ = model.predict_proba(TEXTS[::-1])[::-1]
    assert np.abs(together - alone).max() <= tolerance
    assert np.abs(together - reversed_).max() <= tolerance

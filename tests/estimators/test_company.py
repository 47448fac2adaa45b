"""A text's probabilities are its own, alone and in company, within the rounding of what the encoder computes in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

from spacetune import Encoder, PrefixSimplexClassifier, SpaceClassifier
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


def test_threads_do_not_feel_what_is_added_in_another(tiny_encoder: Encoder) -> None:
    settings: dict[str, Any] = {"encoder": tiny_encoder, "n_epochs": 2}
    low_rank = SpaceClassifier(inside="lora", inside_size=2, n_latent=4, encoder_learning_rate=0.1, **settings)
    prefix = PrefixSimplexClassifier(n_vertices=1, prefix_length=3, start_scale=1.0, **settings)
    models = [each.fit(TRAIN.texts, TRAIN.labels) for each in (low_rank, prefix)] * 2
    expected = [model.predict_proba(TEXTS) for model in models]
    with ThreadPoolExecutor(len(models)) as pool:
        for _ in range(6):
            for found, own in zip(pool.map(lambda model: model.predict_proba(TEXTS), models), expected, strict=True):
                assert np.array_equal(found, own)


def test_what_the_caller_set_in_torch_changes_nothing(tiny_encoder: Encoder) -> None:
    def answers() -> np.ndarray:
        model = SpaceClassifier(tiny_encoder, n_epochs=2, n_latent=4, store=None).fit(TRAIN.texts, TRAIN.labels)
        return model.predict_proba(TEXTS)

    expected = answers()
    for context in (torch.no_grad(), torch.inference_mode(), torch.autocast("cpu", torch.bfloat16)):
        with context:
            assert np.array_equal(answers(), expected)

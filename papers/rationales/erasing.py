"""Explanations by erasing words and asking the model again: LIME, and one word at a time.

LIME follows `lime` 0.2.0.1's explainer of texts (Ribeiro et al., KDD 2016) in sampling, kernel and regression, with
every word position a feature and all features kept. That package has not been released since 2020 and brings
scikit-image and matplotlib; captum's LIME draws and runs its samples one at a time in Python, and fits one class a run,
which would charge LIME for more than its model calls.
"""

from __future__ import annotations

import numpy as np
from papers.rationales.posts import erased
from sklearn.linear_model import Ridge

from spacetune import SpaceClassifier

SAMPLES = 1000
KERNEL_WIDTH = 25.0


def lime(
    model: SpaceClassifier, words: tuple[str, ...], rng: np.random.Generator, samples: int = SAMPLES
) -> dict[str, np.ndarray]:
    """Return weights ``(n_words, n_classes)`` of linear models of the probabilities, and of the logits."""
    kept = sample(len(words), samples, rng)
    logits = model.predict_logits([erased(words, ~row) for row in kept]).astype(float)
    weights = kernel(kept)
    responses = {"probability": softmax(logits / model.temperature_), "logit": logits}
    return {
        name: Ridge(alpha=1.0).fit(kept, values, sample_weight=weights).coef_.T for name, values in responses.items()
    }


def sample(n_words: int, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return which words each sample keeps: all in the first, then as many gone as drawn evenly from 1 to all."""
    gone = np.concatenate([[0], rng.integers(1, n_words + 1, samples - 1)])
    ranks = rng.random((samples, n_words)).argsort(1).argsort(1)
    return ranks >= gone[:, None]


def kernel(kept: np.ndarray) -> np.ndarray:
    """Return ``sqrt(exp(-d² / 25²))`` with d a hundred times the cosine distance to the whole text."""
    distance = 100 * (1 - np.sqrt(kept.mean(1)))
    return np.sqrt(np.exp(-(distance**2) / KERNEL_WIDTH**2))


def one_at_a_time(model: SpaceClassifier, words: tuple[str, ...]) -> np.ndarray:
    """Return by how much every logit falls without each word, the rest read anew, ``(n_words, n_classes)``."""
    gone = np.concatenate([np.zeros((1, len(words)), dtype=bool), np.eye(len(words), dtype=bool)])
    logits = model.predict_logits([erased(words, row) for row in gone]).astype(float)
    return logits[:1] - logits[1:]


def shap_values(model: SpaceClassifier, words: tuple[str, ...]) -> np.ndarray:
    """Return the values of `shap`'s explainer of texts with its own settings, ``(n_words, n_classes)``, of the logits.

    Lundberg and Lee, NeurIPS 2017; the explainer is its partition of the text into a tree, at most 500 calls.
    """
    from shap import Explainer, maskers  # not in what the papers need: it brings numba

    explainer = Explainer(lambda texts: model.predict_logits(list(texts)).astype(float), maskers.Text(r"\s+"))
    [values] = explainer([" ".join(words)], silent=True).values
    return values


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities along the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)

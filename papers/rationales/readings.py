"""From a method's scores to one number a word: which question is asked, and how wordpieces are merged.

A question is a direction in the space of the logits z, with p = softmax(z) and y the predicted class:

- ``predicted``: z_y;
- ``against others``: log p_y, to first order z_y - Σ_c p_c z_c;
- ``against neutral``: log (1 - p_n) - log p_n of the class n that nobody marks words for, to first order.
"""

from __future__ import annotations

import numpy as np
from papers.rationales.erasing import softmax
from papers.rationales.exact import left_out
from papers.rationales.posts import word_sums

Found = dict[str, np.ndarray]
QUESTIONS = ("predicted", "against others", "against neutral")
MERGES = ("sum", "max", "positive")


def direction(question: str, logits: np.ndarray, neutral: int) -> np.ndarray:
    """Return the weights of the classes.

    >>> direction("against neutral", np.log([0.3, 0.5, 0.2]), neutral=1).round(2).tolist()
    [0.6, -1.0, 0.4]
    """
    p, own = softmax(logits), np.eye(len(logits))[logits.argmax()]
    if question == "predicted":
        return own
    if question == "against others":
        return own - p
    other = p / (1 - p[neutral])
    other[neutral] = -1
    return other


def readings(
    method: str, found: Found, logits: np.ndarray, word_of: np.ndarray, n_words: int, neutral: int
) -> dict[str, np.ndarray]:
    """Return every way to read a method's scores: name to ``(n_words,)``."""
    ask = {question: direction(question, logits, neutral) for question in QUESTIONS}
    if method == "random":
        return found
    if method == "attention":
        return {name: word_sums(weights, word_of, n_words, "sum") for name, weights in found.items()}
    if method in ("one word erased", "SHAP"):
        return {question: found["scores"] @ weights for question, weights in ask.items()}
    if method == "LIME":
        column = {
            "predicted": found["probability"][:, logits.argmax()],
            "against neutral": -found["probability"][:, neutral],
        }
        return {
            **{f"probability, {question}": values for question, values in column.items()},
            **{f"logit, {question}": found["logit"] @ weights for question, weights in ask.items()},
        }
    merged = _merged(found["scores"], ask, word_of, n_words)
    return {**merged, **_parts(found, ask, word_of, n_words)} if "head" in found else merged


def _parts(found: Found, ask: Found, word_of: np.ndarray, n_words: int) -> dict[str, np.ndarray]:
    """Read the head alone, the lexicon alone, and the fall without the word's states."""
    left = left_out(found["scores"], word_of, n_words)
    return {
        **{
            f"{part} alone, {question}": word_sums(found[part] @ weights, word_of, n_words, "sum")
            for part in ("head", "lexicon")
            for question, weights in ask.items()
        },
        **{f"{question}, left out": left @ weights for question, weights in ask.items()},
    }


def _merged(scores: np.ndarray, ask: Found, word_of: np.ndarray, n_words: int) -> dict[str, np.ndarray]:
    return {
        f"{question}, {merge}": word_sums(scores @ weights, word_of, n_words, merge)
        for question, weights in ask.items()
        for merge in MERGES
    }

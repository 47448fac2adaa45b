"""Our own scores: what every token adds to every logit, exactly, and what can be read from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from spacetune import SpaceClassifier
from spacetune.explanations import At


def exact_scores(model: SpaceClassifier, texts: Sequence[str]) -> list[dict[str, np.ndarray]]:
    """Return ``(n_tokens, n_classes)`` of the head, of the lexicon, and of both, which sum to the logit less bias."""
    return [
        {"scores": (by_layer.sum(1) + words).numpy(), "head": by_layer.sum(1).numpy(), "lexicon": words.numpy()}
        for by_layer, words in _by_layer(model, texts)
    ]


def carried_back(model: SpaceClassifier, texts: Sequence[str], at: At) -> list[dict[str, np.ndarray]]:
    """Return ``(n_tokens, n_classes)`` at the input or on the mean over every depth, with the same sum."""
    return [{"scores": each.token_scores} for each in model.explain(list(texts), at=at)]


def left_out(scores: np.ndarray, word_of: np.ndarray, n_words: int) -> np.ndarray:
    r"""Return by how much each logit falls when a word's states are left out of the mean, ``(n_words, n_classes)``.

    With S the sum of all T scores, and s the sum of the word's n, the logit less its bias is S before and
    ``(S - s) T / (T - n)`` after, so that it falls by ``(T s - n S) / (T - n)``: exact for the head, the other tokens'
    states as they are.

    >>> left_out(np.array([[1.0], [2.0], [3.0]]), np.array([-1, 0, 1]), 2).tolist()
    [[0.0], [1.5]]
    """
    sums, sizes = np.zeros((n_words, scores.shape[1])), np.zeros((n_words, 1))
    inside = word_of >= 0
    np.add.at(sums, word_of[inside], scores[inside])
    np.add.at(sizes, word_of[inside], 1.0)
    total = len(scores)
    return (total * sums - sizes * scores.sum(0)) / np.maximum(total - sizes, 1)


def _by_layer(model: SpaceClassifier, texts: Sequence[str]) -> list[tuple[Tensor, Tensor]]:
    """Return for every text the head's scores ``(token, layer, class)`` and the lexicon's ``(token, class)``."""
    with torch.inference_mode():
        features = model.features(list(texts), stored=False).take(torch.arange(len(texts)))
        n_layers, head, lexicon = len(model.layers_ or ()), model.space_head, model.lexicon_
        spaces = head.spaces(features.values.to(head.classifier.weight.dtype))
        spaces = spaces.reshape(len(spaces), n_layers, -1)
        weight = head.classifier.weight.unflatten(1, (n_layers, -1))
        lengths = torch.repeat_interleave(features.lengths, features.lengths).double()
        scores = torch.einsum("tlk,clk->tlc", spaces, weight).double() / lengths[:, None, None]
        words = scores.new_zeros(len(scores), scores.shape[2])
        words = words if lexicon is None else lexicon.token_scores(features).double()
    sizes = features.lengths.tolist()
    return list(zip(scores.split(sizes), words.split(sizes), strict=True))

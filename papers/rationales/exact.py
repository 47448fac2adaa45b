"""Our own scores: what every token adds to every logit, exactly, and what can be read from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from spacetune import SpaceClassifier
from spacetune.dissection.splitting import Pairs
from spacetune.encoders.packed import PackedBatch


def exact_scores(model: SpaceClassifier, text: str) -> dict[str, np.ndarray]:
    """Return ``(n_tokens, n_classes)`` of the head, of the lexicon, and of both, which sum to the logit less bias."""
    by_layer, words = _by_layer(model, text)
    head = by_layer.sum(1)
    return {"scores": (head + words).numpy(), "head": head.numpy(), "lexicon": words.numpy()}


def rolled_back(model: SpaceClassifier, text: str) -> np.ndarray:
    r"""Return the exact scores moved from the states to the input tokens, ``(n_tokens, n_classes)``.

    A state at layer l has been mixed from all input tokens. Its score is dealt out to them in the shares

    .. math:: R_l = C_l R_{l-1}, \quad R_0 = I, \quad C_{ij} = \|γ ⊙ \bar t_{ij}\| / \sum_k \|γ ⊙ \bar t_{ik}\|

    where t_ij is what attention brings from token j to token i, the residual stream counting as i's own, the mean over
    dimensions taken off and γ the LayerNorm's gain (Kobayashi et al., EMNLP 2021, arXiv 2109.07152; multiplied over
    layers as in attention rollout, Abnar and Zuidema, ACL 2020, arXiv 2005.00928). Rows of R sum to 1, so the scores
    still sum to the logits. The lexicon reads input tokens already. The shares are a choice, the sum is exact.
    """
    by_layer, words = _by_layer(model, text)
    moved, shares = words, torch.eye(len(words), dtype=torch.float64)
    for layer, mixing in enumerate(token_mixing(model.encoder_, text, max(model.layers_ or (0,))), start=1):
        shares = mixing @ shares
        if layer in (model.layers_ or ()):
            moved = moved + shares.T @ by_layer[:, (model.layers_ or ()).index(layer)]
    return moved.numpy()


def token_mixing(encoder: Any, text: str, n_layers: int) -> list[Tensor]:
    """Return the shares C ``(token, token)`` of each layer, rows summing to 1."""
    ids = encoder.tokenize([text])
    batch = PackedBatch(torch.from_numpy(ids.token_ids), torch.from_numpy(ids.segment_ids).long(), ids.lengths.tolist())
    n, found = len(ids.token_ids), list[Tensor]()
    with torch.inference_mode():
        trace = encoder.tracer("float32").trace(batch, range(n_layers + 1), weights=True)
        pairs = Pairs(trace)
        for layer in range(n_layers):
            addition = trace.additions[2 * layer]
            weights = pairs.gather([span.weights for span in addition.heads.spans]).view(n, n, -1)
            values = addition.heads.values[trace.rows]
            pushed = torch.einsum("jhk,dhk->jhd", values, addition.heads.matrix.unflatten(1, values.shape[1:]))
            brought = torch.einsum("ijh,jhd->ijd", weights, pushed)
            brought[range(n), range(n)] += trace.states[layer][trace.rows]
            norms = ((brought - brought.mean(2, keepdim=True)) * addition.norm.gain).norm(dim=2).double()
            found.append(norms / norms.sum(1, keepdim=True))
    return found


def read_alone(model: SpaceClassifier, words: tuple[str, ...], n_tokens: int) -> np.ndarray:
    """Return ``(n_words, n_classes)``: the exact scores of each word's own wordpieces in a text of that word alone,
    in the measure of a text of `n_tokens` (a token of it counts one part in so many).
    """
    with torch.inference_mode():
        features = model.features(list(words), stored=False).take(torch.arange(len(words)))
        parts = model.scores_of(features).double().split(features.lengths.tolist())
    return np.stack([part[1:-1].sum(0).numpy() * len(part) / n_tokens for part in parts])


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


def _by_layer(model: SpaceClassifier, text: str) -> tuple[Tensor, Tensor]:
    """Return the head's scores ``(token, layer, class)`` and the lexicon's ``(token, class)``."""
    with torch.inference_mode():
        features = model.features([text], stored=False).take(torch.tensor([0]))
        n_layers, head, lexicon = len(model.layers_ or ()), model.head_, model.lexicon_
        spaces = head.spaces(features.values.to(head.classifier.weight.dtype)).reshape(
            len(features.values), n_layers, -1
        )
        weight = head.classifier.weight.unflatten(1, (n_layers, -1))
        scores = torch.einsum("tlk,clk->tlc", spaces, weight).double() / len(spaces)
        words = scores.new_zeros(len(scores), scores.shape[2])
        return scores, words if lexicon is None else lexicon.token_scores(features).double()

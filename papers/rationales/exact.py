"""Our own scores: what every token adds to every logit, exactly, and what can be read from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spacetune import SpaceClassifier
from spacetune.dissection.splitting import Pairs
from spacetune.encoders.passes.packed import PackedBatch


def exact_scores(model: SpaceClassifier, texts: Sequence[str]) -> list[dict[str, np.ndarray]]:
    """Return ``(n_tokens, n_classes)`` of the head, of the lexicon, and of both, which sum to the logit less bias."""
    return [
        {"scores": (by_layer.sum(1) + words).numpy(), "head": by_layer.sum(1).numpy(), "lexicon": words.numpy()}
        for by_layer, words in _by_layer(model, texts)
    ]


def rolled_back(model: SpaceClassifier, texts: Sequence[str]) -> list[dict[str, np.ndarray]]:
    r"""Return the exact scores moved from the states to the input tokens, ``(n_tokens, n_classes)``.

    A state at layer l has been mixed from all input tokens. Its score is dealt out to them in the shares

    .. math:: R_l = C_l R_{l-1}, \quad R_0 = I, \quad C_{ij} = \|γ ⊙ \bar t_{ij}\| / \sum_k \|γ ⊙ \bar t_{ik}\|

    where t_ij is what attention brings from token j to token i, the residual stream counting as i's own, the mean over
    dimensions taken off and γ the LayerNorm's gain (Kobayashi et al., EMNLP 2021, arXiv 2109.07152; multiplied over
    layers as in attention rollout, Abnar and Zuidema, ACL 2020, arXiv 2005.00928). Rows of R sum to 1, so the scores
    still sum to the logits. The lexicon reads input tokens already. The shares are a choice, the sum is exact.
    """
    layers, found = model.layers_ or (), list[dict[str, np.ndarray]]()
    mixings = token_mixing(model.encoder_, texts, max(layers))
    for (by_layer, moved), mixing in zip(_by_layer(model, texts), mixings, strict=True):
        shares = torch.eye(len(moved), dtype=torch.float64)
        for layer, step in enumerate(mixing, start=1):
            shares = step @ shares
            if layer in layers:
                moved = moved + shares.T @ by_layer[:, layers.index(layer)]
        found.append({"scores": moved.numpy()})
    return found


def token_mixing(encoder: Any, texts: Sequence[str], n_layers: int) -> list[list[Tensor]]:
    """Return for every text the shares C ``(token, token)`` of each layer, rows summing to 1."""
    ids = encoder.tokenize(list(texts))
    lengths = ids.lengths.tolist()
    batch = PackedBatch(torch.from_numpy(ids.token_ids), torch.from_numpy(ids.segment_ids).long(), lengths)
    found: list[list[Tensor]] = [[] for _ in lengths]
    with torch.inference_mode():
        trace = encoder.tracer("float32").trace(batch, range(n_layers + 1), weights=True)
        pairs = Pairs(trace)
        for layer in range(n_layers):
            addition = trace.additions[2 * layer]
            values = addition.heads.values[trace.rows]
            pushed = torch.einsum("jhk,dhk->jhd", values, addition.heads.matrix.unflatten(1, values.shape[1:]))
            weights = pairs.gather([span.weights for span in addition.heads.spans])
            parts = weights.split([n * n for n in lengths]), pushed.split(lengths)
            stream = trace.states[layer][trace.rows].split(lengths)
            for text, (attended, values_of, own) in enumerate(zip(*parts, stream, strict=True)):
                found[text].append(_shares(attended, values_of, own, addition.norm.gain))
    return found


def _shares(attended: Tensor, pushed: Tensor, own: Tensor, gain: Tensor) -> Tensor:
    n = len(own)
    brought = torch.einsum("ijh,jhd->ijd", attended.view(n, n, -1), pushed)
    brought[range(n), range(n)] += own
    norms = ((brought - brought.mean(2, keepdim=True)) * gain).norm(dim=2).double()
    return norms / norms.sum(1, keepdim=True)


def read_alone(model: SpaceClassifier, texts: Sequence[Sequence[str]]) -> list[dict[str, np.ndarray]]:
    """Return the exact scores in the text, and ``(n_words, n_classes)`` as `alone`: the exact scores of each word's own
    wordpieces in a text of that word alone, a token counting one part in as many as the whole text has.
    """
    found = exact_scores(model, [" ".join(words) for words in texts])
    known = sorted({word for words in texts for word in words})
    alone = dict(zip(known, exact_scores(model, known), strict=True))
    for words, each in zip(texts, found, strict=True):
        own = [alone[word]["scores"] for word in words]
        each["alone"] = np.stack([part[1:-1].sum(0) * len(part) for part in own]) / len(each["scores"])
    return found


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

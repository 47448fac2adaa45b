"""A text's windows become one text again: scores over all its tokens, as if they had been read at once."""

from __future__ import annotations

import itertools

import numpy as np

__all__ = ["joined"]


def joined(scores: list[np.ndarray], words: list[np.ndarray] | None, seam: np.ndarray | None) -> np.ndarray:
    """Return the token scores of a whole text, ``(token, output)``.

    A window's scores were divided by its own length T_w, those of the lexicon (`words`, a part of them) by its root. Of
    the whole text, of T tokens, both are made; and the two special tokens where windows meet are neighbours there.

    Parameters
    ----------
    scores, words
        ``(token, output)`` a window; `words` is None without a lexicon.
    seam
        The lexicon's scores of that pair of neighbours.

    Examples
    --------
    >>> joined([np.ones((1, 1)), np.ones((3, 1))], None, None).tolist()
    [[0.25], [0.75], [0.75], [0.75]]
    """
    if len(scores) == 1:
        return scores[0]
    n_tokens = sum(map(len, scores))
    parts = [np.zeros_like(each) for each in scores] if words is None else words
    whole = [
        (each - part) * (len(each) / n_tokens) + part * (len(each) / n_tokens) ** 0.5
        for each, part in zip(scores, parts, strict=True)
    ]
    if seam is not None:
        half = seam / 2 / n_tokens**0.5
        for before, after in itertools.pairwise(whole):
            before[-1] += half
            after[0] += half
    return np.concatenate(whole)

"""From wordpieces to the words a person sees."""

# The types of NumPy are partial.
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

import re

import numpy as np

__all__ = ["group_words"]

_WORD = re.compile(r"\w+(?:[-'’]\w+)*|[^\w\s]+")


def group_words(text: str, spans: np.ndarray) -> tuple[list[tuple[int, int]], np.ndarray]:
    """Find the words of a text, and which word every token belongs to.

    Words are runs of letters and digits with inner hyphens and apostrophes; runs of other signs are words of
    their own. So the grouping does not depend on the tokenizer's family.

    Parameters
    ----------
    text
        The original text.
    spans
        ``(n_tokens, 2)`` character spans; ``(-1, -1)`` for tokens that stand for no characters.

    Returns
    -------
    tuple
        The words' character spans, and ``(n_tokens,)`` word numbers, -1 for tokens of no word.

    Examples
    --------
    >>> spans, word_of = group_words("don't go", np.array([[-1, -1], [0, 3], [3, 4], [4, 5], [6, 8]]))
    >>> spans, word_of.tolist()
    ([(0, 5), (6, 8)], [-1, 0, 0, 0, 1])
    """
    words = [match.span() for match in _WORD.finditer(text)]
    starts = np.array([start for start, _ in words], dtype=np.int64)
    word_of = np.full(len(spans), -1)
    for i, (start, stop) in enumerate(spans):
        if start < 0 or stop <= start or not words:
            continue
        lead = len(text[start:stop]) - len(text[start:stop].lstrip())
        found = int(np.searchsorted(starts, start + lead, side="right")) - 1
        if found >= 0 and start + lead < words[found][1]:
            word_of[i] = found
    return words, word_of

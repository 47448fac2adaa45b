"""A made-up set of texts that takes a lexicon: a few words decide, and the states tell little of them."""

from __future__ import annotations

import numpy as np
import torch

from spacetune import LabelledTexts
from spacetune.encoders import TokenFeatures

FILLER = ("the", "of", "a", "in", "to", "and", "we", "it", "is", "on", "as", "by", "for", "this", "that")
MARKS = {"fruit": ("banana", "cherry"), "metal": ("copper", "silver"), "cloth": ("velvet", "linen")}
SHARES = (0.55, 0.3, 0.15)
"""Of the classes: unequal, so that the head's bias is far from 0."""


def marked_texts(n: int = 330, seed: int = 0) -> LabelledTexts:
    """Return texts of four to twelve words; one of a class's two marks stands among words that decide nothing."""
    rng = np.random.default_rng(seed)
    labels = [str(each) for each in rng.choice(list(MARKS), n, p=SHARES)]
    texts: list[str] = []
    for label in labels:
        words = [*rng.choice(FILLER, rng.integers(3, 12)), rng.choice(MARKS[label])]
        texts.append(" ".join(rng.permutation(words)))
    return LabelledTexts(texts, labels)


def marked_features(data: LabelledTexts, dim: int = 6, seed: int = 0) -> TokenFeatures:
    """Return the texts as features that need no encoder: a word is a token, its state is chance with a trace of it."""
    rng = np.random.default_rng(seed)
    words = [text.split() for text in data.texts]
    numbers = {word: 5 + i for i, word in enumerate((*FILLER, *(m for marks in MARKS.values() for m in marks)))}
    trace = np.random.default_rng(99).standard_normal((len(numbers) + 5, dim))
    ids = np.array([numbers[word] for text in words for word in text])
    states = torch.from_numpy(0.4 * trace[ids] + rng.standard_normal((len(ids), dim)) + 0.7).float().unsqueeze(1)
    offsets = torch.tensor([0, *(len(text) for text in words)]).cumsum(0)
    return TokenFeatures(states, offsets, torch.from_numpy(ids))

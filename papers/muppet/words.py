"""The data sets, and the four terms of words: sums over the wordpieces that stand in a word's own characters."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spacetune import Encoder
from spacetune.dissection import dissect_windows

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1].parent / "shared" / "data"


def rows_of(name: str) -> list[dict[str, Any]]:
    """Read one file of the data store, as in ``wnut17/train``."""
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@dataclass(frozen=True)
class Words:
    """Terms ``(n_words, 4, dim)`` of words, and which of the words asked for were cut off or have no wordpiece."""

    terms: torch.Tensor
    missing: np.ndarray


def word_terms(encoder: Encoder, sentences: list[list[str]], wanted: list[list[int]], layer: int = -1) -> Words:
    """Dissect sentences and add up the wordpieces of the words asked for.

    Wordpieces are found by their characters. Special tokens have none, so they belong to no word.
    """
    texts = [" ".join(words) for words in sentences]
    parts: list[torch.Tensor] = []
    found: list[np.ndarray] = []
    at = 0
    for window in dissect_windows(encoder, texts, layer):
        place: list[np.ndarray] = []
        n_words = 0
        for i in range(at, at + len(window)):
            places = word_of(encoder, texts[i], sentences[i])
            number = np.full(len(sentences[i]) + 1, -1)
            number[wanted[i]] = n_words + np.arange(len(wanted[i]))
            n_words += len(wanted[i])
            place.append(number[places])
        at += len(window)
        target = torch.from_numpy(np.concatenate(place))
        kept = (target >= 0).nonzero().squeeze(1)
        total = torch.zeros(n_words, 4, window.terms.shape[-1])
        parts.append(total.index_add_(0, target[kept], window.terms[kept, 0]))
        found.append(np.bincount(target[kept].numpy(), minlength=n_words))
    return Words(torch.cat(parts), np.concatenate(found) == 0)


def word_of(encoder: Encoder, text: str, words: list[str]) -> np.ndarray:
    """Return the word each wordpiece stands in, -1 for special tokens."""
    starts = np.cumsum([0, *(len(word) + 1 for word in words)])[:-1]
    spans = encoder.spans(text)
    word = np.searchsorted(starts, spans.spans[:, 0], side="right") - 1
    return np.where(spans.parts >= 0, word, -1)

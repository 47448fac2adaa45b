"""The data sets whose words people marked: what a model learns from, and what its explanations are held to."""

from __future__ import annotations

import abc
import csv
import functools
import hashlib
import io
import os
import re
from pathlib import Path
from typing import final

import numpy as np
from benchmarks.common import split
from papers.muppet.words import rows_of
from papers.rationales.posts import Post

Learnt = tuple[list[str], list[str]]


class MarkedSet(abc.ABC):
    """Texts for a classifier to learn from, and others in which people marked the reason for the label."""

    name: str
    neutral: str
    """The class that nobody marks words for."""

    @abc.abstractmethod
    def learnt(self, part: str) -> Learnt:
        """Return texts and labels of ``train`` or ``dev``."""

    @abc.abstractmethod
    def posts(self, part: str) -> list[Post]:
        """Return the posts of ``dev`` or ``test`` that have a label other than the neutral one."""


@final
class HateXplain(MarkedSet):
    """Posts from Twitter and Gab, hateful, offensive or normal; three annotators each."""

    name, neutral = "hatexplain", "normal"

    def learnt(self, part: str) -> Learnt:
        data = split(self.name, part)
        return list(data.texts), list(data.labels)

    def posts(self, part: str) -> list[Post]:
        rows = [row for row in rows_of(f"{self.name}/{part}") if row["label"] != self.neutral]
        return [Post(tuple(row["tokens"]), np.array(row["rationales"], dtype=bool)) for row in rows]


@final
class Tweets(MarkedSet):
    """Tweets, positive, negative or neutral, with the words that say so, marked by one annotator each.

    The training file of Kaggle's *Tweet Sentiment Extraction* (2020; CC BY 4.0), which is not in the data store: the
    variable ``SPACETUNE_MARKED_TWEETS`` names it. It has no other parts, so ours are drawn of it with a seed. Tweets
    marked from end to end say nothing about a word; they are learnt from and not explained.
    """

    name, neutral = "tweets", "neutral"
    SHA256 = "192204063468a632b2601f6e833c42d7875b618d1a6e5c9529ad8ca58ee6be75"
    N_TRAIN, N_DEV = 20_000, 1_500

    def learnt(self, part: str) -> Learnt:
        rows = self._rows(part)
        return [" ".join(row["text"].split()) for row in rows], [row["sentiment"] for row in rows]

    def posts(self, part: str) -> list[Post]:
        found = [marked_by(row["text"], row["selected_text"]) for row in self._rows(part, neutral=False)]
        return [post for post in found if 0 < post.majority.sum() < len(post.words)]

    @classmethod
    def file(cls) -> Path | None:
        place = os.environ.get("SPACETUNE_MARKED_TWEETS")
        return None if not place else Path(place)

    def _rows(self, part: str, *, neutral: bool = True) -> list[dict[str, str]]:
        rows = _read(self.file(), self.SHA256)
        order = np.random.default_rng(0).permutation(len(rows))
        ends = {"train": (0, self.N_TRAIN), "dev": (self.N_TRAIN, self.N_TRAIN + self.N_DEV)}
        start, stop = ends.get(part, (self.N_TRAIN + self.N_DEV, len(rows)))
        drawn = [rows[i] for i in order[start:stop]]
        return [row for row in drawn if neutral or row["sentiment"] != self.neutral]


@functools.cache
def _read(file: Path | None, sha256: str) -> list[dict[str, str]]:
    if file is None:
        raise SystemExit("set SPACETUNE_MARKED_TWEETS to train.csv of Tweet Sentiment Extraction")
    if hashlib.sha256(content := file.read_bytes()).hexdigest() != sha256:
        raise SystemExit(f"{file} is not train.csv of Tweet Sentiment Extraction: its SHA-256 is not {sha256}")
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    return [row for row in rows if row["text"].strip()]


def marked_by(text: str, marked: str) -> Post:
    """Return the words of a text, those marked that share a character with the marked piece of it.

    >>> marked_by(" Sooo SAD I will miss you", "Sooo SAD").majority.tolist()
    [True, True, False, False, False, False]
    """
    words = list(re.finditer(r"\S+", text))
    start = text.find(marked.strip())
    stop = start + len(marked.strip())
    marks = [start >= 0 and word.start() < stop and word.end() > start for word in words]
    return Post(tuple(word.group() for word in words), np.array([marks], dtype=bool))

"""Encoders with short names: what to take for a size, a language or a length, and why."""

from __future__ import annotations

import dataclasses

__all__ = ["RECOMMENDED", "Recommended", "named_in_full"]


@dataclasses.dataclass(frozen=True)
class Recommended:
    """One encoder, as its makers describe it.

    Parameters
    ----------
    alias
        Its short name, for ``--encoder`` and ``encoder=``.
    name
        Its name on the hub.
    parameters
        In millions.
    width
        Of a hidden state.
    tokens
        That it reads at a time.
    languages
        That it was made for.
    licence
        Of the weights.
    public_score
        Mean of the eight classification tasks of MTEB (English, v2), worked out from its public results (November
        2026): not measured here, at times with prompts, and how far training met these tests is mostly unknown. None
        where we know of none.
    why
        What speaks for it, and whether we ran it.
    """

    alias: str
    name: str
    parameters: int
    width: int
    tokens: int
    languages: str
    licence: str
    public_score: float | None
    why: str


RECOMMENDED = (
    Recommended(
        "default", "sentence-transformers/all-MiniLM-L6-v2", 23, 384, 256, "English", "Apache-2.0", 69.3,
        "bundled, fast; all figures here are of it where nothing else is said",
    ),
    Recommended(
        "small", "BAAI/bge-small-en-v1.5", 33, 384, 512, "English", "MIT", 76.6,
        "among the best public scores of its size class; not run here",
    ),
    Recommended(
        "base", "sentence-transformers/all-mpnet-base-v2", 110, 768, 384, "English", "Apache-2.0", None,
        "twice as deep and as wide as the default encoder, at 8 times the cost a token; run here",
    ),
    Recommended(
        "multilingual", "intfloat/multilingual-e5-small", 118, 384, 512, "100 languages", "MIT", None,
        "small for what it reads; not run here",
    ),
    Recommended(
        "long", "Alibaba-NLP/gte-modernbert-base", 149, 768, 8192, "English", "Apache-2.0", 80.7,
        "reads 8,192 tokens in one pass; not run here, and its family has no packed pass",
    ),
)  # fmt: skip
"""What the short names stand for. The choice is ours, of November 2026."""


def named_in_full(name: str) -> str:
    """Return what a short name stands for; any other name as it is.

    >>> named_in_full("small"), named_in_full("me/encoder")
    ('BAAI/bge-small-en-v1.5', 'me/encoder')
    """
    return next((each.name for each in RECOMMENDED if each.alias == name), name)

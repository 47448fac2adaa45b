"""Where a score may be looked at, and what becomes of the biases: every rule on dev posts, the model of seed 0."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from papers.muppet.words import word_of
from papers.rationales.eraser import auprc, chosen
from papers.rationales.erasing import softmax
from papers.rationales.marked import MarkedSet
from papers.rationales.posts import Post, erased, word_sums
from papers.rationales.readings import direction

from spacetune import SpaceClassifier
from spacetune.explanations import TextExplanation

TOP = 5
Scores = np.ndarray
Rule = Callable[[TextExplanation], Scores]


def shared(one: TextExplanation, by: str) -> Scores:
    """Deal out what places and biases bring in proportion to the absolute scores of a source, as DecompX does."""
    spread, rest = np.abs(one.sources[by]), one.sources["places"] + one.sources["biases"]
    return words(one) + rest.sum(0) * spread / np.maximum(spread.sum(0), 1e-12)


def words(one: TextExplanation) -> Scores:
    """Return what words bring by themselves: biases and places are a remainder of its own."""
    return one.sources["words"] + one.sources.get("lexicon", 0)


RULES: Mapping[str, Rule] = {
    "at the states": lambda one: one.views["states"],
    "at the input, biases where they were added": lambda one: one.views["input"],
    "at the input, biases in proportion to the words": lambda one: shared(one, "words"),
    "at the input, biases and places apart": words,
    "at the input, biases apart": lambda one: words(one) + one.sources["places"],
    "mean of states and input": lambda one: (one.views["states"] + one.views["input"]) / 2,
    "at every depth": lambda one: one.views["both"],
}


def compared_rules(model: SpaceClassifier, data: MarkedSet, posts: list[Post], few: int) -> dict[str, Any]:
    """Return for every rule AUPRC against the neutral class, and faithfulness of the first few, against others."""
    explained = model.explain([post.text for post in posts])
    places = [word_of(model.encoder_, post.text, list(post.words)) for post in posts]
    neutral, typical = model.classes_.tolist().index(data.neutral), model.predict_logits(data.learnt("dev")[0])
    found: dict[str, Any] = {}
    for name, rule in RULES.items():
        for centre in (None, typical.mean(0)):
            both = [
                _asked(rule(one), one, post, place, neutral, centre)
                for one, post, place in zip(explained, posts, places, strict=True)
            ]
            plausible = [auprc(post.majority, scores) for post, (scores, _) in zip(posts, both, strict=True)]
            falls = _falls(model, posts[:few], [others for _, others in both[:few]])
            found[name + ("" if centre is None else ", against a typical text")] = {
                "AUPRC": float(np.mean(plausible)),
                "comprehensiveness": float(falls[:, 0].mean()),
                "sufficiency": float(falls[:, 1].mean()),
            }
    carried = [np.abs(one.sources["biases"].sum(0)).mean() / np.abs(one.logits).mean() for one in explained]
    return {"posts": len(posts), "posts for faithfulness": few, "rules": found,
            "biases over logits": float(np.mean(carried))}  # fmt: skip


def _asked(
    scores: Scores, one: TextExplanation, post: Post, place: Any, neutral: int, centre: Scores | None
) -> tuple[Scores, Scores]:
    """Return the words' scores for both questions; with a typical text's logits, less what its tokens bring."""
    if centre is not None:
        scores = scores - (centre - one.bias) / len(scores)
    asked = (direction(question, one.logits, neutral) for question in ("against neutral", "against others"))
    plausible, faithful = (word_sums(scores @ weights, place, len(post.words), "sum") for weights in asked)
    return plausible, faithful


def _falls(model: SpaceClassifier, posts: list[Post], scores: list[Scores]) -> Scores:
    texts = [
        text
        for post, each in zip(posts, scores, strict=True)
        for text in (erased(post.words, chosen(each, TOP)), erased(post.words, ~chosen(each, TOP)))
    ]
    before = softmax(model.predict_logits([post.text for post in posts]).astype(float) / model.temperature_)
    own, rows = before.argmax(1), np.arange(len(posts))
    after = softmax(model.predict_logits(texts).astype(float) / model.temperature_).reshape(len(posts), 2, -1)
    return before[rows, own][:, None] - after[rows, :, own]

"""The embedded data sets of the demo, written for this project: 800 support messages in 8 intents, and 300 pairs."""

from __future__ import annotations

from importlib import resources

from spacetune.data import LabelledTexts, read_texts

__all__ = ["demo_pairs", "demo_texts"]


def demo_texts(split: str) -> LabelledTexts:
    """Return the demo's ``train``, ``dev`` or ``test`` texts.

    >>> demo_texts("train")
    LabelledTexts(560 labelled texts from train.jsonl)
    """
    with resources.as_file(resources.files("spacetune.data") / "demo" / f"{split}.jsonl") as path:
        return read_texts(path)


def demo_pairs(split: str) -> LabelledTexts:
    """Return the demo's ``train``, ``dev`` or ``test`` pairs of questions, the ``same`` or ``different``.

    >>> demo_pairs("train")
    LabelledTexts(180 labelled texts pairs from pairs_train.jsonl)
    """
    return demo_texts(f"pairs_{split}")

"""The embedded data set of the demo: 800 support messages in 8 intents, written for this project."""

from __future__ import annotations

from importlib import resources

from spacetune.data import LabelledTexts, read_texts

__all__ = ["demo_texts"]


def demo_texts(split: str) -> LabelledTexts:
    """Return the demo's ``train``, ``dev`` or ``test`` texts.

    >>> demo_texts("train")
    LabelledTexts(560 labelled texts from train.jsonl)
    """
    with resources.as_file(resources.files("spacetune.data") / "demo" / f"{split}.jsonl") as path:
        return read_texts(path)

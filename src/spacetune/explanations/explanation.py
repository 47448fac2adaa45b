"""`Explanation`: why the model predicts so, for many texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, overload

import numpy as np

from spacetune.explanations.asking import At
from spacetune.explanations.text import TextExplanation
from spacetune.results import TableResult

__all__ = ["Explanation"]


@dataclasses.dataclass(frozen=True)
class Explanation(TableResult):
    """Explanations of many texts; index it to get one."""

    texts: tuple[TextExplanation, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[TextExplanation]:
        return iter(self.texts)

    @overload
    def __getitem__(self, i: int) -> TextExplanation: ...
    @overload
    def __getitem__(self, i: slice) -> Explanation: ...
    def __getitem__(self, i: int | slice) -> TextExplanation | Explanation:
        """Return one text's explanation, or some of them."""
        return Explanation(self.texts[i]) if isinstance(i, slice) else self.texts[i]

    def seen(self, at: At) -> Explanation:
        """Return the same with the tokens looked at elsewhere: see `TextExplanation.seen`."""
        return Explanation(tuple(text.seen(at) for text in self.texts))

    def check(self) -> float:
        """Return the largest additivity error over all texts, relative to the largest logit."""
        scale = max(float(np.max(np.abs(t.logits))) for t in self.texts)
        return max(t.check() for t in self.texts) / max(scale, 1e-12)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a token of every text."""
        return [{"text": i, **row} for i, text in enumerate(self.texts) for row in text.rows()]

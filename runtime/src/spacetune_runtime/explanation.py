"""What every token and word of a text brings to every logit."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np

__all__ = ["Explanation"]

WORD = re.compile(r"\w+(?:[-'’]\w+)*|[^\w\s]+")


@dataclasses.dataclass(frozen=True, eq=False)
class Explanation:
    """One text's prediction, taken apart exactly: ``scores.sum(0) + bias`` are the logits.

    A score is what a token's states bring where they are read, other words mixed into them: ``at="states"`` in
    spacetune itself.

    Parameters
    ----------
    text
        The text, or the pair.
    tokens
        Its wordpieces, special tokens included.
    spans
        ``(token, 2)`` characters of the text; ``(-1, -1)`` for special tokens.
    parts
        ``(token,)``: 0 for the text, 1 for the second of a pair, -1 for special tokens.
    scores
        ``(token, output)``.
    bias, logits
        ``(output,)``.
    classes
        Names of the outputs.
    truncated
        Whether the end of the text was not read.
    """

    text: str | tuple[str, str]
    tokens: list[str]
    spans: np.ndarray
    parts: np.ndarray
    scores: np.ndarray
    bias: np.ndarray
    logits: np.ndarray
    classes: list[Any]
    truncated: bool

    def words(self, name: Any = None) -> list[dict[str, Any]]:
        """Return words with their scores for one class, in reading order; None is the one with the largest logit.

        Special tokens stand together at the end as ``[special]``: all scores sum to the logit less the bias.

        Raises
        ------
        ValueError
            If there is no such class.
        """
        if name is not None and name not in self.classes:
            raise ValueError(f"there is no class {name!r}: it must be one of {', '.join(map(repr, self.classes))}")
        column = int(self.logits.argmax()) if name is None else self.classes.index(name)
        scores, left = self.scores[:, column], np.ones(len(self.tokens), dtype=bool)
        rows: list[dict[str, Any]] = []
        for part, text in enumerate((self.text,) if isinstance(self.text, str) else self.text):
            for found in WORD.finditer(text):
                own = (self.parts == part) & self._starts_in(text, found.span())
                if own.any():
                    rows.append({"word": found[0], "start": found.start(), "stop": found.end(), "part": part,
                                 "score": float(scores[own].sum())})  # fmt: skip
                    left &= ~own
        return [*rows, {"word": "[special]", "start": -1, "stop": -1, "part": -1, "score": float(scores[left].sum())}]

    def _starts_in(self, text: str, span: tuple[int, int]) -> np.ndarray:
        """Tell of every token whether its first sign that is no space lies in this span."""
        leads = [len(text[a:b]) - len(text[a:b].lstrip()) for a, b in self.spans]
        starts = self.spans[:, 0] + leads
        return (self.spans[:, 1] > self.spans[:, 0]) & (starts >= span[0]) & (starts < span[1])

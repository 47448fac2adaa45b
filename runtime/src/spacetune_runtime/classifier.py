"""`Classifier`: an exported model, from texts to predictions, probabilities and explanations."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnxruntime
from tokenizers import Encoding, Tokenizer

from spacetune_runtime.explanation import Explanation
from spacetune_runtime.folder import ExportError, Facts
from spacetune_runtime.windows import joined

__all__ = ["Classifier"]

Text = str | tuple[str, str]
BATCH = 16
"""Windows that run at a time."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Read:
    """One text as the graph reads it."""

    windows: list[Encoding]
    truncated: bool
    scores: np.ndarray
    logits: np.ndarray


class Classifier:
    """An exported model: a classifier, or a regressor, whose predictions are numbers.

    Parameters
    ----------
    facts
        What its folder says.
    tokenizer
        Its tokenizer.
    session
        Its graph.
    """

    def __init__(self, facts: Facts, tokenizer: Tokenizer, session: onnxruntime.InferenceSession) -> None:
        self.facts, self.classes = facts, facts.classes
        self._tokenizer, self._session = tokenizer, session
        self._inputs = [each.name for each in session.get_inputs()]
        self._outputs = [each.name for each in session.get_outputs()]

    @classmethod
    def load(cls, folder: str | os.PathLike[str], *, threads: int = 0) -> Self:
        """Load what ``spacetune export --onnx`` wrote.

        Parameters
        ----------
        folder
            Its folder.
        threads
            Threads of a pass; 0 leaves the choice to onnxruntime.

        Raises
        ------
        ExportError
            If it is no such folder, or damaged.
        """
        place = Path(folder)
        facts = Facts.read(place)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            tokenizer = Tokenizer.from_file(str(place / "tokenizer.json"))
            session = onnxruntime.InferenceSession(
                str(place / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # both libraries raise nothing narrower
            raise ExportError(f"{place} must be a folder that spacetune exported to ONNX: {error}") from error
        tokenizer.encode_special_tokens = True  # one that a user types is plain text; not written with it
        return cls(facts, tokenizer, session)

    def predict(self, texts: Sequence[Text]) -> list[Any]:
        """Return the strongest class of every text; for several labels their list, of a regressor the number."""
        logits = self.predict_logits(texts)
        if self.facts.kind == "regression":
            return logits[:, 0].tolist()
        if self.facts.kind == "single":
            return [self.classes[column] for column in logits.argmax(1)]
        return [[self.classes[i] for i in np.flatnonzero(row >= self.facts.threshold)] for row in logits]

    def predict_proba(self, texts: Sequence[Text]) -> np.ndarray:
        """Return calibrated probabilities ``(text, class)``.

        Raises
        ------
        ValueError
            If the model is a regressor.
        """
        if self.facts.kind == "regression":
            raise ValueError("a regressor has no probabilities: use predict")
        scaled = self.predict_logits(texts) / self.facts.temperature
        if self.facts.kind == "multi":
            return 1 / (1 + np.exp(-scaled))
        odds = np.exp(scaled - scaled.max(1, keepdims=True))
        return odds / odds.sum(1, keepdims=True)

    def predict_logits(self, texts: Sequence[Text]) -> np.ndarray:
        """Return logits ``(text, output)``, before any temperature; of a regressor its numbers."""
        return np.stack([read.logits for read in self._read(texts)])

    def explain(self, text: Text) -> Explanation:
        """Return what every token and word of a text brings to every logit."""
        [read] = self._read([text])
        pieces = [(e, i) for e in read.windows for i in range(len(e))]
        parts = np.array([-1 if e.special_tokens_mask[i] else e.sequence_ids[i] for e, i in pieces], dtype=np.int64)
        spans = np.array([e.offsets[i] if part >= 0 else (-1, -1) for (e, i), part in zip(pieces, parts, strict=True)])
        tokens = [e.tokens[i].removeprefix(self.facts.reserved) for e, i in pieces]
        return Explanation(
            text, tokens, spans, parts, read.scores, self.facts.bias, read.logits, self.classes, read.truncated
        )

    def _read(self, texts: Sequence[Text]) -> list[_Read]:
        """Run texts through the graph, shorter windows beside shorter ones.

        Raises
        ------
        ValueError
            If there are no texts, or texts where pairs are read.
        """
        if isinstance(texts, str) or not len(texts):
            raise ValueError(f"texts must be a list of at least one text, got {texts!r}")
        if any(isinstance(text, str) is self.facts.pairs for text in texts):
            raise ValueError(f"this model reads {'pairs of texts' if self.facts.pairs else 'texts, not pairs'}")
        cut = [self._windows(encoding) for encoding in self._tokenizer.encode_batch(list(texts))]
        flat = [window for windows, _ in cut for window in windows]
        order = sorted(range(len(flat)), key=lambda i: len(flat[i]))
        answers = dict(zip(order, self._run([flat[i] for i in order]), strict=True))
        found, first = [], 0
        for windows, truncated in cut:
            own = [answers[i] for i in range(first, first + len(windows))]
            words = [answer["lexicon_scores"] for answer in own] if "lexicon_scores" in self._outputs else None
            scores = joined([answer["token_scores"] for answer in own], words, self.facts.seam)
            logits = own[0]["logits"] if len(own) == 1 else self.facts.bias + scores.sum(0)
            found.append(_Read(windows, truncated, scores, logits))
            first += len(windows)
        return found

    def _windows(self, encoding: Encoding) -> tuple[list[Encoding], bool]:
        """Return the windows of a text that are read, and whether anything is left over."""
        rest = encoding.overflowing
        if self.facts.max_windows == 1 or 1 in encoding.sequence_ids or not rest:
            return [encoding], bool(rest)
        read = [encoding, *rest][: self.facts.max_windows]
        left = (self._tokenizer.truncation or {}).get("direction", "right").lower() == "left"
        return read[::-1] if left else read, len(rest) >= self.facts.max_windows

    def _run(self, windows: Sequence[Encoding]) -> Iterator[dict[str, np.ndarray]]:
        """Yield every window's answers, without padding."""
        for start in range(0, len(windows), BATCH):
            batch = windows[start : start + BATCH]
            shape = len(batch), max(map(len, batch))
            given = {name: np.zeros(shape, dtype=np.int64) for name in self._inputs}
            for row, window in enumerate(batch):
                rows = {"input_ids": window.ids, "attention_mask": 1, "token_type_ids": window.type_ids}
                for name in self._inputs:
                    given[name][row, : len(window)] = rows[name]
            told: Any = self._session.run(self._outputs, given)
            answers: dict[str, np.ndarray] = dict(zip(self._outputs, told, strict=True))
            for row, window in enumerate(batch):
                yield {
                    name: each[row] if name == "logits" else each[row, : len(window)] for name, each in answers.items()
                }

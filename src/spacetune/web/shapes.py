"""Answers in the shapes that other servers' clients read."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from spacetune.encoders import TextInput
from spacetune.studies import Embeddings, Predictions
from spacetune.web.limits import Refused

__all__ = ["classify_answer", "embeddings_answer", "ranked", "tei_answer", "tei_texts"]


def tei_texts(inputs: str | list[str] | list[list[str]]) -> tuple[list[TextInput], bool]:
    """Return the texts of a text-embeddings-inference request, and whether it was a batch.

    >>> tei_texts("a"), tei_texts(["a", "b"]), tei_texts([["a"], ["b", "c"]])
    ((['a'], False), ([('a', 'b')], False), (['a', ('b', 'c')], True))
    """
    if isinstance(inputs, str):
        return [inputs], False
    if inputs and all(isinstance(row, list) for row in inputs):
        return [_one(list(row)) for row in inputs], True
    return [_one([str(part) for part in inputs])], False


def _one(parts: list[str]) -> TextInput:
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        return parts[0], parts[1]
    raise Refused(422, f"an input is one text or a pair of texts, got {len(parts)}; a batch is a list of lists")


def tei_answer(found: Predictions, logits: Sequence[Any], raw: bool, batch: bool) -> Any:
    """Return scores by label, strongest first, one list a text."""
    numbers: Iterable[Iterable[float]] = logits if raw or found.probabilities is None else found.probabilities
    if found.probabilities is None and not raw:
        numbers = np.asarray(found.predicted, dtype=float)[:, None]
    rows = ranked(numbers, found.classes)
    return rows if batch else rows[0]


def ranked(numbers: Iterable[Iterable[float]], classes: Sequence[Any]) -> list[list[dict[str, Any]]]:
    """Return every row's numbers with their labels, strongest first."""
    rows: list[list[dict[str, Any]]] = []
    for line in numbers:
        named = sorted(zip(map(float, line), classes or ("value",), strict=True), key=lambda pair: -pair[0])
        rows.append([{"score": score, "label": str(name)} for score, name in named])
    return rows


def classify_answer(found: Predictions, model: str, n_tokens: int) -> dict[str, Any]:
    """Return the answer of vLLM's classification."""
    if found.probabilities is None:
        raise Refused(422, f"{model} predicts numbers; ask /predict")
    data = [
        {"index": i, "label": str(found.classes[int(row.argmax())]), "probs": row.tolist(), "num_classes": len(row)}
        for i, row in enumerate(found.probabilities)
    ]
    return _listed("classify", model, data, n_tokens)


def embeddings_answer(found: Embeddings, model: str, encoding: str) -> dict[str, Any]:
    """Return the answer of OpenAI's embeddings."""
    data: Sequence[dict[str, Any]] = [
        {"object": "embedding", "index": i, "embedding": row.tolist() if encoding == "float" else _base64(row)}
        for i, row in enumerate(found.vectors)
    ]
    return _listed("embd", model, data, sum(found.n_tokens))


def _base64(row: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(row.astype("<f4").tobytes()).decode("ascii")


def _listed(kind: str, model: str, data: Sequence[dict[str, Any]], n_tokens: int) -> dict[str, Any]:
    return {
        "id": f"{kind}-{uuid.uuid4().hex}",
        "object": "list",
        "created": int(time.time()),
        "model": model,
        "data": data,
        "usage": {"prompt_tokens": n_tokens, "total_tokens": n_tokens, "completion_tokens": 0},
    }

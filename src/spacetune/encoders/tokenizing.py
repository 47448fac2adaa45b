"""Texts become token ids: cut where they are too long (and counted), with character spans on request."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from spacetune.errors import DataError, EncoderError

__all__ = ["TextInput", "TokenSpans", "Tokenized", "Tokenizing", "as_inputs"]

TextInput = str | tuple[str, str]
"""A text, or a pair of texts."""


@dataclasses.dataclass(frozen=True)
class Tokenized:
    """Token ids and segment ids of many texts end to end, their lengths, and which of them were cut."""

    token_ids: np.ndarray
    segment_ids: np.ndarray
    lengths: np.ndarray
    truncated: np.ndarray


@dataclasses.dataclass(frozen=True)
class TokenSpans:
    """One text's tokens as people see them.

    Parameters
    ----------
    tokens
        The wordpieces.
    spans
        ``(n_tokens, 2)``: first and past-the-end character in the text; ``(-1, -1)`` for special tokens.
    parts
        ``(n_tokens,)``: 0 for the text, 1 for the second text of a pair, -1 for special tokens.
    """

    tokens: tuple[str, ...]
    spans: np.ndarray
    parts: np.ndarray


def as_inputs(texts: Any) -> list[TextInput]:
    """Check that these are texts or pairs of texts, and return them as a list.

    Raises
    ------
    DataError
        If something else came; the position is named.
    """
    if isinstance(texts, str):
        raise DataError("texts must be a list of strings, got one string; wrap it: [text]")
    rows = texts.tolist() if hasattr(texts, "tolist") else texts.to_list() if hasattr(texts, "to_list") else texts
    if not isinstance(rows, Iterable) or isinstance(rows, str | bytes | Mapping):
        raise DataError(f"texts must be a list of strings or of pairs of strings, got {texts!r:.80}")
    inputs: list[TextInput] = []
    for i, row in enumerate(rows):
        if isinstance(row, str):
            inputs.append(row)
        elif isinstance(row, list | tuple) and len(row) == 2 and all(isinstance(t, str) for t in row):
            inputs.append((row[0], row[1]))
        else:
            raise DataError(f"every text must be a string or a pair of strings; number {i + 1} is {row!r:.80}")
    if len({isinstance(row, str) for row in inputs}) > 1:
        raise DataError("texts must be all single or all pairs, got both")
    return inputs


class Tokenizing:
    """A fast tokenizer with its length limit.

    Parameters
    ----------
    tokenizer
        A transformers tokenizer backed by the `tokenizers` library.
    max_length
        Tokens above which a text is cut, special tokens included.
    """

    def __init__(self, tokenizer: Any, max_length: int) -> None:
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise EncoderError(f"{type(tokenizer).__name__} is not a fast tokenizer; character spans need one")
        self.max_length = max_length
        described = backend.to_str()
        self.fingerprint = hashlib.sha256(described.encode()).hexdigest()
        self._backend = type(backend).from_str(described)
        self._backend.no_padding()
        self._backend.enable_truncation(max_length, direction=getattr(tokenizer, "truncation_side", "right"))
        self._uses_segments = "token_type_ids" in tokenizer.model_input_names
        self._single_segments = self._uses_segments and any(self._backend.encode("a").type_ids)  # XLNet

    def __call__(self, inputs: Sequence[TextInput]) -> Tokenized:
        """Tokenise many texts."""
        encodings = _encoded(self._backend, inputs)
        lengths = np.fromiter((len(e) for e in encodings), dtype=np.int64, count=len(encodings))
        ids = np.concatenate([np.asarray(e.ids, dtype=np.int32) for e in encodings] or [np.zeros(0, np.int32)])
        pairs = bool(inputs) and not isinstance(inputs[0], str)
        if inputs and (self._uses_segments if pairs else self._single_segments):
            segments = np.concatenate([np.asarray(e.type_ids, dtype=np.int8) for e in encodings])
        else:
            segments = np.zeros(len(ids), dtype=np.int8)
        cut = np.fromiter((len(e) == self.max_length and bool(e.overflowing) for e in encodings), bool, len(encodings))
        return Tokenized(ids, segments, lengths, cut)

    def spans(self, text: TextInput) -> TokenSpans:
        """Return one text's tokens with their character spans."""
        encoding = self._backend.encode(*((text,) if isinstance(text, str) else text))
        parts = [
            -1 if special or part is None else part
            for special, part in zip(encoding.special_tokens_mask, encoding.sequence_ids, strict=True)
        ]
        spans = [span if part >= 0 else (-1, -1) for span, part in zip(encoding.offsets, parts, strict=True)]
        return TokenSpans(tuple(encoding.tokens), np.asarray(spans).reshape(-1, 2), np.asarray(parts))

    def count(self, inputs: Sequence[TextInput]) -> list[int]:
        """Return how many tokens each text has before any cutting."""
        return [len(e) for e in _encoded(self._uncut, inputs)]

    @functools.cached_property
    def _uncut(self) -> Any:  # a copy, since another thread may be cutting with the first
        backend = type(self._backend).from_str(self._backend.to_str())
        backend.no_truncation()
        return backend


def _encoded(backend: Any, inputs: Sequence[TextInput]) -> list[Any]:
    try:
        return backend.encode_batch_fast(list(inputs))
    except TypeError:
        for row in inputs:
            if any(0xD800 <= ord(c) <= 0xDFFF for c in (row if isinstance(row, str) else "".join(row))):
                raise DataError(f"a text holds half a character (a lone surrogate): {row!r:.80}") from None
        raise

"""Texts become token ids: cut where they are too long (and counted), with character spans on request.

Special tokens stand around a text, never in it: one that a user types is plain text.
"""

# The types of NumPy and tokenizers are partial.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from tokenizers import Encoding, Tokenizer, normalizers

from spacetune.encoders.given import TextInput, as_inputs, each_once
from spacetune.encoders.plain_specials import plain_specials
from spacetune.errors import DataError, EncoderError

__all__ = ["FastTokenizer", "TextInput", "TokenSpans", "Tokenized", "Tokenizing", "as_inputs", "each_once"]

AT_A_TIME = 16_384
"""Texts that are only counted, so many at a time."""


@dataclasses.dataclass(frozen=True)
class Tokenized:
    """Token ids and segment ids of many texts end to end, and which of the texts were cut.

    A text is read in one window or, where it is long, in several: `lengths` are those of the windows, and `n_windows`
    says how many follow each other for each text.
    """

    token_ids: np.ndarray
    segment_ids: np.ndarray
    lengths: np.ndarray
    n_windows: np.ndarray
    truncated: np.ndarray

    @property
    def first_windows(self) -> np.ndarray:
        """Position of every text's first window."""
        return np.cumsum(self.n_windows) - self.n_windows

    @property
    def begins(self) -> np.ndarray:
        """1 for every window that begins a text, else 0."""
        begins = np.zeros(len(self.lengths), dtype=np.int64)
        begins[self.first_windows] = 1
        return begins

    @property
    def text_lengths(self) -> np.ndarray:
        """Tokens of every text over all its windows."""
        return np.add.reduceat(self.lengths, self.first_windows) if len(self.n_windows) else self.lengths


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


class FastTokenizer(Protocol):
    """What is asked of a transformers tokenizer that the `tokenizers` library backs."""

    @property
    def backend_tokenizer(self) -> Tokenizer:
        """The tokenizer itself."""
        ...

    @property
    def model_max_length(self) -> float:
        """The longest text that its makers mean it for."""
        ...

    @property
    def model_input_names(self) -> Sequence[str]:
        """What the model takes of it."""
        ...

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """Return how many special tokens stand around a text, or a pair."""
        ...


class Tokenizing:
    """A fast tokenizer with its length limit.

    Parameters
    ----------
    tokenizer
        A transformers tokenizer backed by the `tokenizers` library.
    max_length
        Tokens of a window, special tokens included.
    max_windows
        How many windows of a long text are read; what follows is cut off. Of pairs one is read.
    lowercase
        Put texts in lower case first.
    """

    def __init__(
        self, tokenizer: FastTokenizer, max_length: int, max_windows: int = 1, *, lowercase: bool = False
    ) -> None:
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise EncoderError(f"{type(tokenizer).__name__} is not a fast tokenizer; character spans need one")
        self.max_length, self.max_windows = max_length, max_windows
        described, self._specials = plain_specials(backend.to_str(), getattr(tokenizer, "all_special_tokens", ()))
        self._backend = _built(backend, described)
        if lowercase:
            usual = self._backend.normalizer
            self._backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *([usual] if usual else [])])
        self._backend.no_padding()
        self.side = getattr(tokenizer, "truncation_side", "right")
        self._backend.enable_truncation(max_length, direction=self.side)
        self._uses_segments = "token_type_ids" in tokenizer.model_input_names
        self._single_segments = self._uses_segments and any(self._backend.encode("a").type_ids)  # XLNet
        settings = f"{self.side} {self._uses_segments} {lowercase} {described}"
        self.fingerprint = hashlib.sha256(settings.encode()).hexdigest()

    def __call__(self, inputs: Sequence[TextInput]) -> Tokenized:
        """Tokenise many texts."""
        texts = [self._windows(e) for e in _encoded(self._backend, inputs)]
        encodings = [window for windows, _ in texts for window in windows]
        n_windows = np.fromiter((len(windows) for windows, _ in texts), np.int64, len(texts))
        lengths = np.fromiter((len(e) for e in encodings), dtype=np.int64, count=len(encodings))
        ids = np.concatenate([np.asarray(e.ids, dtype=np.int32) for e in encodings] or [np.zeros(0, np.int32)])
        pairs = bool(inputs) and not isinstance(inputs[0], str)
        if inputs and (self._uses_segments if pairs else self._single_segments):
            segments = np.concatenate([np.asarray(e.type_ids, dtype=np.int8) for e in encodings])
        else:
            segments = np.zeros(len(ids), dtype=np.int8)
        return Tokenized(ids, segments, lengths, n_windows, np.fromiter((cut for _, cut in texts), bool, len(texts)))

    def _windows(self, encoding: Encoding) -> tuple[list[Encoding], bool]:
        """Return the windows of a text that are read, and whether anything is left over."""
        if len(encoding) < self.max_length:
            return [encoding], False
        rest = encoding.overflowing
        if self.max_windows == 1 or 1 in encoding.sequence_ids:
            return [encoding], bool(rest)
        read = [encoding, *rest][: self.max_windows]
        return read if self.side == "right" else read[::-1], len(rest) >= self.max_windows

    def spans(self, text: TextInput) -> TokenSpans:
        """Return one text's tokens with their character spans."""
        encoding = self._backend.encode(text) if isinstance(text, str) else self._backend.encode(*text)
        windows, _ = self._windows(encoding)
        tokens: tuple[str, ...] = tuple(self._specials.get(str(t), str(t)) for e in windows for t in e.tokens)
        parts = np.array([-1 if part is None else part for e in windows for part in e.sequence_ids], dtype=np.int64)
        spans = np.array([span for e in windows for span in e.offsets], dtype=np.int64).reshape(-1, 2)
        parts[np.array([special for e in windows for special in e.special_tokens_mask], dtype=bool)] = -1
        spans[parts < 0] = -1
        return TokenSpans(tokens, spans, parts)

    def described(self) -> str:
        """Return the tokenizer that cuts texts as this one does, as the `tokenizers` library writes it.

        Who reads it sets ``encode_special_tokens``, which is not written with it.
        """
        return self._backend.to_str()

    def special_in(self, text: str) -> str | None:
        """Return a special token whose name stands in a text, if one does."""
        return next((token for token in self._specials.values() if token in text), None)

    def prompt_length(self, prompt: str) -> int:
        """Return how many of a text's first tokens a prompt takes: those of it alone, but a special last one."""
        ids = self([prompt]).token_ids
        special = {self._backend.token_to_id(token) for token in self._specials}
        return len(ids) - (len(ids) > 0 and int(ids[-1]) in special)

    def tokens(self) -> dict[str, int]:
        """Return every token that a text can give, with its number."""
        pieces: dict[str, int] = self._backend.get_vocab(True)
        free = {token: number for token, number in pieces.items() if token not in self._specials}
        around = [self._backend.encode("a"), self._backend.encode("a", "a")]
        return free | {token: number for e in around for token, number in zip(e.tokens, e.ids, strict=True)}

    def count(self, inputs: Sequence[TextInput]) -> list[int]:
        """Return how many tokens each text has before any cutting, special tokens of all its windows included."""
        counts = [len(e) for some in _batched(inputs) for e in _encoded(self._uncut, some)]
        if self.max_windows == 1 or not inputs or not isinstance(inputs[0], str):
            return counts
        special = self._uncut.num_special_tokens_to_add(False)
        room = self.max_length - special
        return [n + special * max(0, -(-(n - special) // room) - 1) for n in counts]

    def unknown(self, inputs: Sequence[TextInput]) -> list[list[str]]:
        """Return the pieces of each text that the tokenizer has no token for, and reads as the unknown one."""
        model = self._backend.model
        name = getattr(model, "unk_token", None)
        unknown = getattr(model, "unk_id", None) if name is None else self._backend.token_to_id(name)
        found: list[list[str]] = []
        read = (e for some in _batched(inputs) for e in self._uncut.encode_batch(list(some)))
        for row, encoding in zip(inputs, read, strict=True):
            parts = (row,) if isinstance(row, str) else row
            pieces = zip(encoding.ids, encoding.sequence_ids, encoding.offsets, strict=True)
            found.append([parts[i][slice(*span)] for number, i, span in pieces if number == unknown and i is not None])
        return found

    @functools.cached_property
    def _uncut(self) -> Tokenizer:  # a copy, since another thread may be cutting with the first
        backend = _built(self._backend, self._backend.to_str())
        backend.no_truncation()
        return backend


def _built(like: Tokenizer, described: str) -> Tokenizer:
    backend = type(like).from_str(described)
    backend.encode_special_tokens = True  # not written with it
    return backend


def _batched(inputs: Sequence[TextInput]) -> Iterator[Sequence[TextInput]]:
    """Yield some of the texts at a time: their encodings take a hundred times their own room."""
    for start in range(0, len(inputs), AT_A_TIME):
        yield inputs[start : start + AT_A_TIME]


def _encoded(backend: Tokenizer, inputs: Sequence[TextInput]) -> list[Encoding]:
    try:
        return backend.encode_batch_fast(list(inputs))
    except TypeError:
        for row in inputs:
            if any(0xD800 <= ord(c) <= 0xDFFF for c in (row if isinstance(row, str) else "".join(row))):
                raise DataError(f"a text holds half a character (a lone surrogate): {row!r:.80}") from None
        raise

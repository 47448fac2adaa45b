"""How much one request may ask for, and how much may wait."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from spacetune.encoders import TextInput

__all__ = ["Limits", "Refused", "check_texts"]


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits of a server.

    Parameters
    ----------
    max_body
        Bytes of a request's body; more is answered 413.
    max_texts
        Texts of a request; more is answered 422.
    max_explained
        Texts of a request to explain, whose answers are long; more is answered 422.
    max_reached
        Words of a text that is asked which word reached which, since nobody else is answered meanwhile; more is
        answered 422.
    max_characters
        Characters of a text (of a pair together); more is answered 422.
    max_waiting
        Texts that may wait for the model; more is answered 429 at once.
    max_seconds
        How long a request may wait; longer is answered 503.
    batch_texts
        Texts that go through the model together at most.
    max_embedded
        Texts of a request to ``/v1/embeddings``; more is answered 422.
    max_connections
        Connections at a time; at this number the one that keeps the server waiting longest is closed for a new one.
    head_seconds
        How long the head of a request may take to come in; longer is answered 408.
    body_seconds
        How long its body may take; longer is answered 408.
    idle_seconds
        How long a connection may stay without a request, or an answer unread; then it is closed.
    """

    max_body: int = 4_000_000
    max_texts: int = 256
    max_explained: int = 32
    max_reached: int = 100
    max_characters: int = 20_000
    max_waiting: int = 512
    max_seconds: float = 10.0
    batch_texts: int = 64
    max_embedded: int = 2048
    max_connections: int = 512
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    idle_seconds: float = 30.0

    def waited(self) -> Refused:
        """Return the answer to a request that the model was not free for in time."""
        return Refused(503, f"waited over {self.max_seconds:g} s for the model", 5.0)


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """A request that is answered with an error, at once."""

    def __init__(self, status: int, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after


def check_texts(texts: Sequence[TextInput], limits: Limits, most: int) -> None:
    """Refuse a request whose texts are too many, too long, or no Unicode text.

    Raises `Refused` with status 422, naming the first text that is wrong (from 0).
    """
    if not texts:
        raise Refused(422, "there must be at least 1 text, got 0")
    if len(texts) > most:
        raise Refused(422, f"at most {most} texts may come in one request here, got {len(texts)}; send several")
    for i, text in enumerate(texts):
        length = len(text) if isinstance(text, str) else sum(map(len, text))
        if length > limits.max_characters:
            raise Refused(422, f"text {i} has {length:,} characters; at most {limits.max_characters:,} are read")
        try:
            (text if isinstance(text, str) else "".join(text)).encode()
        except UnicodeEncodeError:
            raise Refused(422, f"text {i} holds half of a surrogate pair, which is no Unicode character") from None

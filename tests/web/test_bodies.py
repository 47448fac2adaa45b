"""What a body that is too large does: it is let come in and dropped, so that its sender lives to read the answer."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from spacetune.web.bodies import DROPPED_BODIES, Bodies
from spacetune.web.limits import Limits, Refused

LIMITS = dataclasses.replace(Limits(), max_body=1000)


class Sender:
    """Sends parts of 100 bytes, and counts those taken."""

    def __init__(self, n_parts: int) -> None:
        self.n_parts = n_parts
        self.taken = 0

    async def receive(self) -> dict[str, Any]:
        self.taken += 1
        return {"type": "http.request", "body": b"x" * 100, "more_body": self.taken < self.n_parts}


def refused(sender: Sender, headers: dict[bytes, bytes]) -> Refused:
    with pytest.raises(Refused, match=r"over 0\.001 MB") as found:
        asyncio.run(Bodies(LIMITS).read(headers, sender.receive))
    assert found.value.status == 413
    return found.value


@pytest.mark.parametrize("headers", [{b"content-length": b"2000"}, {}])
def test_what_is_too_large_comes_in_whole_before_it_is_refused(headers: dict[bytes, bytes]) -> None:
    sender = Sender(20)
    refused(sender, headers)
    assert sender.taken == 20


def test_who_waits_for_a_word_is_refused_before_it_sends() -> None:
    sender = Sender(20)
    refused(sender, {b"content-length": b"2000", b"expect": b"100-continue"})
    assert sender.taken == 0


@pytest.mark.parametrize("headers", [{b"content-length": b"1" * 19}, {b"content-length": b"9999999"}, {}])
def test_a_body_without_end_is_not_read_for_ever(headers: dict[bytes, bytes]) -> None:
    sender = Sender(10**9)
    refused(sender, headers)
    assert sender.taken <= 10 * DROPPED_BODIES + 12


def test_nothing_is_held_of_what_is_dropped() -> None:
    bodies, sender = Bodies(LIMITS), Sender(50)
    with pytest.raises(Refused):
        asyncio.run(bodies.read({b"content-length": b"5000"}, sender.receive))
    assert bodies.held == 0

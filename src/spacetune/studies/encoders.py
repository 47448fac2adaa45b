"""Which encoders are recommended, which of them are at hand, and what else lies in the hub's cache."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from spacetune.encoders import Encoder
from spacetune.encoders.loading.recommended import RECOMMENDED
from spacetune.encoders.loading.resolving import cached, locate
from spacetune.errors import EncoderError
from spacetune.results import TableResult
from spacetune.studies.demo_data import demo_texts

__all__ = ["EncoderList", "list_encoders"]


@dataclasses.dataclass(frozen=True)
class EncoderList(TableResult):
    """Encoders, one a row.

    Parameters
    ----------
    encoders
        Alias, name, where it is (``bundled``, ``cache``, ``not here``), parameters in millions, width, tokens,
        languages, licence, public score, tokens per second on this machine where that was measured, and why. For
        whatever else is in the hub's cache only name and place.
    """

    encoders: tuple[dict[str, Any], ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows."""
        return [dict(row) for row in self.encoders]


def list_encoders(*, speed: bool = False) -> EncoderList:
    """List recommended encoders and those at hand; nothing is downloaded.

    Parameters
    ----------
    speed
        Measure those at hand on the demo's messages: tokens a second, all layers computed.
    """
    rows = [{**dataclasses.asdict(each), "where": _where(each.name)} for each in RECOMMENDED]
    known = {row["name"] for row in rows}
    rows += [
        {"alias": None, "name": name, "where": "cache"}
        for name in cached()
        if name not in known and _where(name) != "not here"
    ]
    for row in rows if speed else []:
        row["tokens_per_second"] = None if row["where"] == "not here" else _speed(row["name"])
    return EncoderList(tuple(rows))


def _where(name: str) -> str:
    try:
        return locate(name, local_files_only=True).origin
    except EncoderError:
        return "not here"


def _speed(name: str) -> int | None:
    try:
        encoder = Encoder.from_pretrained(name, local_files_only=True)
    except EncoderError:
        return None
    texts = demo_texts("train").texts
    encoder.encode(texts[:20], progress=False)
    began = time.perf_counter()
    features = encoder.encode(texts, progress=False)
    return round(len(features.values) / (time.perf_counter() - began))

"""The log: JSON lines that hold no texts, and faults that come in floods said now and then."""

from __future__ import annotations

import json
import logging
import time

__all__ = ["Faults", "log_lines"]

QUIET_SECONDS = 10.0


class Lines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Join time and level with what the record says, itself JSON or a sentence."""
        text = record.getMessage()
        line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)), "level": record.levelname}
        line |= json.loads(text) if text.startswith("{") else {"event": "message", "message": text}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def log_lines(level: str) -> None:
    """Send the log as JSON lines to stderr; it holds no texts."""
    handler = logging.StreamHandler()
    handler.setFormatter(Lines())
    for name in ("spacetune.web", "uvicorn.error", "asyncio"):
        log = logging.getLogger(name)
        log.handlers[:] = [handler]
        log.setLevel(level.upper())
        log.propagate = False


class Faults:
    """Says a kind of fault at once, and then once in ten seconds at most, with how often it came."""

    def __init__(self) -> None:
        self.log = logging.getLogger("spacetune.web")
        self._said: dict[str, float] = {}
        self._kept: dict[str, int] = {}

    def say(self, kind: str, message: str) -> None:
        """Log one line, or count it."""
        self._kept[kind] = self._kept.get(kind, 0) + 1
        now = time.monotonic()
        if now - self._said.get(kind, -QUIET_SECONDS) >= QUIET_SECONDS:
            line = {"event": "fault", "kind": kind, "message": message, "times": self._kept.pop(kind)}
            self.log.warning("%s", json.dumps(line))
            self._said[kind] = now

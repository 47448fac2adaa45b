"""Run the server: loopback unless told otherwise, one log line a request, a graceful end."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence

import uvicorn

from spacetune.web.app import allow_hosts, make_app
from spacetune.web.limits import Limits
from spacetune.web.models import ServedModel

__all__ = ["serve"]

LOOPBACK = ("127.0.0.1", "localhost")
GRACE = 30


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
    for name in ("spacetune.web", "uvicorn.error"):
        log = logging.getLogger(name)
        log.handlers[:] = [handler]
        log.setLevel(level.upper())
        log.propagate = False


def serve(
    models: Sequence[ServedModel],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: Limits | None = None,
    api_key: str | None = None,
    log_level: str = "info",
) -> None:
    """Serve models until a signal comes; then finish what is under way and stop.

    Parameters
    ----------
    models
        At least one.
    host
        Address to listen on. On loopback, requests that name another host are refused.
    port
        Port.
    limits
        Limits; None takes the defaults.
    api_key
        Key that requests must carry.
    log_level
        ``info`` logs every request, ``warning`` only trouble.
    """
    log_lines(log_level)
    app = make_app(models, limits, api_key=api_key)
    if host in LOOPBACK:
        allow_hosts(app, LOOPBACK)
    uvicorn.run(
        app, host=host, port=port, log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=GRACE, timeout_keep_alive=30,
    )  # fmt: skip

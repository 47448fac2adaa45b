"""What machines ask about the server itself."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, Response

import spacetune
from spacetune.web.limits import Refused
from spacetune.web.metrics import Metrics
from spacetune.web.problems import REFUSALS
from spacetune.web.service import Service

__all__ = ["add_state"]


def add_state(app: FastAPI, service: Service, metrics: Metrics) -> None:
    """Add health, readiness and numbers."""

    @app.get("/health", responses=REFUSALS)
    async def health() -> Response:
        """Answer that the process runs."""
        return JSONResponse({"status": "ok", "version": spacetune.__version__})

    @app.get("/ready", responses=REFUSALS)
    async def ready() -> Response:
        """Answer whether requests are taken."""
        if service.stopping or not service.batcher.alive:
            raise Refused(503, "the server is stopping", 5.0)
        return JSONResponse({"status": "ready", "models": list(service.models)})

    @app.get("/metrics", response_class=PlainTextResponse, responses=REFUSALS)
    async def counted() -> Response:
        """Return counts and times in Prometheus' text format."""
        text = metrics.text(service.batcher.n_waiting, service.batcher.sizes)
        return Response(text, media_type="text/plain; version=0.0.4")

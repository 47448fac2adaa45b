"""What is asked of the server itself: the page and its files, read once; health, readiness and numbers."""

from __future__ import annotations

from importlib.resources import files

from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, Response

import spacetune
from spacetune.reports.page import asset
from spacetune.web.limits import Refused
from spacetune.web.metrics import Metrics
from spacetune.web.problems import REFUSALS
from spacetune.web.service import Service

__all__ = ["add_page", "add_state"]

SCRIPTS = ("server.js", "panel.js", "tried.js", "file.js", "app.js")
STATIC = {"app.css": "text/css"} | dict.fromkeys(SCRIPTS, "text/javascript")
SHARED = {"report.css": "text/css", "explanation.js": "text/javascript"}


def add_page(app: FastAPI) -> None:
    """Add the page and its files."""
    own = files("spacetune.web") / "static"
    page = (own / "index.html").read_text(encoding="utf-8")
    contents = {name: ((own / name).read_text(encoding="utf-8"), kind) for name, kind in STATIC.items()}
    contents |= {name: (asset(name), kind) for name, kind in SHARED.items()}

    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        return Response(page, media_type="text/html")

    @app.get("/static/{name}", include_in_schema=False)
    async def static(name: str) -> Response:
        if name not in contents:
            raise Refused(404, "there is no such file")
        text, kind = contents[name]
        return Response(text, media_type=kind)


def add_state(app: FastAPI, service: Service, metrics: Metrics) -> None:
    """Add health, readiness and numbers."""

    @app.head("/health", include_in_schema=False)
    @app.get("/health", responses=REFUSALS)
    async def health() -> Response:
        """Answer that the process runs."""
        return JSONResponse({"status": "ok", "version": spacetune.__version__})

    @app.head("/ready", include_in_schema=False)
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

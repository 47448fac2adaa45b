"""The page and its files, which are read once."""

from __future__ import annotations

from importlib.resources import files

from fastapi import FastAPI
from fastapi.responses import Response

from spacetune.reports.page import asset
from spacetune.web.limits import Refused

__all__ = ["add_page"]

STATIC = {"app.js": "text/javascript", "app.css": "text/css"}
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

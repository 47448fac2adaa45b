"""The application: what is answered where, behind one guard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

import spacetune
from spacetune.errors import UsageError
from spacetune.web.guard import Guard
from spacetune.web.hosts import Hosts
from spacetune.web.limits import Limits
from spacetune.web.metrics import Metrics
from spacetune.web.models import ServedModel
from spacetune.web.problems import add_problems
from spacetune.web.routes.hugging_face import add_hugging_face
from spacetune.web.routes.openai import add_openai
from spacetune.web.routes.own import add_maps, add_own
from spacetune.web.routes.server import add_page, add_state
from spacetune.web.service import Service

__all__ = ["check_key", "make_app"]

LISTS = ("texts", "inputs", "input")  # the fields that hold texts


def make_app(
    models: Sequence[ServedModel],
    limits: Limits | None = None,
    *,
    api_key: str | None = None,
    aliases: Mapping[str, str] | None = None,
    hosts: Hosts | None = None,
    again: Callable[[], Sequence[ServedModel]] | None = None,
    root_path: str = "",
) -> Any:
    """Build the application.

    Parameters
    ----------
    models
        At least one; requests that name none get the first.
    limits
        Limits; None takes the defaults.
    api_key
        Key that requests must carry; None asks for none.
    aliases
        Further names, each for a model's name; ``*`` stands for every other name.
    hosts
        What ``Host`` may hold; None allows everything.
    root_path
        Path that a proxy puts in front of this server's, and takes off again: what the OpenAPI schema says of it.
    again
        Loads the same models anew, for ``app.state.service.reload()``; None has no such way.

    Returns
    -------
    fastapi.FastAPI
        To be run by uvicorn or any other ASGI server.

    Raises
    ------
    UsageError
        If the key is empty, or an alias stands for no model.
    """
    check_key(api_key)
    service, metrics = Service(models, limits or Limits(), aliases, again), Metrics()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        yield
        await asyncio.to_thread(service.batcher.close)

    about = "Small, explained text models. The page is at /."
    app = FastAPI(
        title="spacetune",
        version=spacetune.__version__,
        description=about,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would lose the path and the scheme of a proxy in front
        servers=[{"url": root_path}] if root_path else None,
        lifespan=lifespan,
    )
    add_problems(app)
    add_own(app, service)
    add_maps(app, service)
    add_hugging_face(app, service)
    add_openai(app, service)
    add_state(app, service, metrics)
    add_page(app)
    app.state.service = service
    limit_schema(app, service.limits)
    paths = frozenset(str(getattr(route, "path", "")) for route in app.routes)
    app.add_middleware(
        Guard,  # pyright: ignore[reportArgumentType]
        service=service,
        metrics=metrics,
        api_key=api_key,
        hosts=hosts,
        paths=paths,
    )
    return app


def check_key(api_key: str | None) -> None:
    """Refuse a key that would let everyone in, or no one.

    Raises `UsageError` if it is empty or holds what a header cannot carry.
    """
    if api_key is None:
        return
    if not api_key.strip():
        raise UsageError("the API key is empty, which would let everyone in; give one, or no key at all")
    if api_key != api_key.strip() or not (api_key.isascii() and api_key.isprintable()):
        raise UsageError("the API key must be printable ASCII without spaces around it, which a header can carry")


def limit_schema(app: FastAPI, limits: Limits) -> None:
    """Write the limits into the OpenAPI schema."""
    build = app.openapi

    def openapi() -> dict[str, Any]:
        schema = build()
        for name, model in schema["components"]["schemas"].items():
            most = limits.max_embedded if name == "EmbeddingsRequest" else limits.max_texts
            for field in LISTS:
                limit_field(model.get("properties", {}).get(field, {}), limits.max_characters, most)
        return schema

    app.openapi = openapi


def limit_field(field: dict[str, Any], max_characters: int, max_texts: int) -> None:
    """Limit a field's lists and strings, at any depth."""
    if field.get("type") == "string":
        field["maxLength"] = max_characters
    if field.get("type") == "array":
        field |= {"minItems": field.get("minItems", 1), "maxItems": field.get("maxItems", max_texts)}
    items = [field["items"]] if "items" in field else []
    for part in (*field.get("anyOf", ()), *field.get("prefixItems", ()), *items):
        limit_field(part, max_characters, max_texts)

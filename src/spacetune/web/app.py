"""The application: what is answered where."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

import spacetune
from spacetune.errors import DataError, UnsupportedByFamily, UsageError
from spacetune.explanations import Explanation
from spacetune.reports.page import asset
from spacetune.results import Result, jsonable
from spacetune.web.batching import Batcher
from spacetune.web.guard import Guard
from spacetune.web.limits import Limits, Refused, check_texts
from spacetune.web.metrics import Metrics
from spacetune.web.models import ServedModel, predictions_of
from spacetune.web.schemas import (
    ClassifyRequest,
    EmbeddingsRequest,
    Problem,
    TeiEmbedRequest,
    TeiRequest,
    TextsRequest,
)
from spacetune.web.shapes import classify_answer, embeddings_answer, tei_answer, tei_texts

__all__ = ["Service", "make_app"]

log = logging.getLogger("spacetune.web")

REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": why}
    for status, why in {
        401: "the key is missing or wrong",
        404: "there is no such model",
        413: "the body is too large",
        422: "the request cannot be read, or is over a limit",
        429: "too many texts are waiting; Retry-After says when to come again",
        503: "waited too long, or the server is stopping",
    }.items()
}
STATIC = {"app.js": "text/javascript", "app.css": "text/css"}
SHARED = {"report.css": "text/css", "explanation.js": "text/javascript"}


class Service:
    """The served models, and the queue before them."""

    def __init__(self, models: Sequence[ServedModel], limits: Limits) -> None:
        self.models = {served.name: served for served in models}
        self.limits = limits
        self.batcher = Batcher(limits)

    def find(self, name: str | None) -> ServedModel:
        """Return a model by name, or the first.

        Raises
        ------
        Refused
            With 404 where there is none of that name.
        """
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            raise Refused(404, f"there is no model of that name; served are {', '.join(self.models)}")
        return self.models[name]

    async def work(self, request: Request, served: ServedModel, kind: str, texts: list[Any]) -> Sequence[Any]:
        """Check texts, send them through the queue, and wait for one answer each."""
        limits = self.limits
        check_texts(texts, limits, limits.max_explained if kind in ("explain", "dissect") else limits.max_texts)
        request.scope["state"]["texts"] = len(texts)
        answers: list[Any] = [None] * len(texts)
        for pairs in (False, True):  # an encoder reads all single texts or all pairs
            rows = [i for i, text in enumerate(texts) if isinstance(text, str) != pairs]
            if rows:
                key = (served.name, kind, pairs)
                future = self.batcher.submit(key, getattr(served, kind), [texts[i] for i in rows])
                for i, answer in zip(rows, await asyncio.wrap_future(future), strict=True):
                    answers[i] = answer
        return answers


def make_app(models: Sequence[ServedModel], limits: Limits | None = None, *, api_key: str | None = None) -> Any:
    """Build the application.

    Parameters
    ----------
    models
        At least one; requests that name none get the first.
    limits
        Limits; None takes the defaults.
    api_key
        Key that requests must carry; None asks for none.

    Returns
    -------
    fastapi.FastAPI
        To be run by uvicorn or any other ASGI server.
    """
    service, metrics = Service(models, limits or Limits()), Metrics()

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
        lifespan=lifespan,
    )
    add_errors(app)
    add_models(app, service)
    add_other_shapes(app, service)
    add_state(app, service, metrics)
    add_page(app)
    app.state.service = service
    limit_schema(app, service.limits)
    paths = frozenset(str(getattr(route, "path", "")) for route in app.routes)
    app.add_middleware(
        Guard,  # pyright: ignore[reportArgumentType]
        limits=service.limits,
        metrics=metrics,
        api_key=api_key,
        paths=paths,
    )
    return app


def allow_hosts(app: FastAPI, hosts: Sequence[str]) -> None:
    """Answer only requests that name one of these hosts, so that no other site's page can reach the server."""
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))


def answer(result: Result) -> Response:
    """Return a result object as it is everywhere: its own JSON."""
    return Response(result.to_json(), media_type="application/json")


def add_models(app: FastAPI, service: Service) -> None:
    """Add spacetune's own requests."""

    @app.post("/predict", responses=REFUSALS)
    async def predict(body: TextsRequest | TeiRequest, request: Request) -> Response:
        """Predict texts; with ``inputs``, in the shape of text-embeddings-inference."""
        if isinstance(body, TextsRequest):
            served = service.find(body.model)
            texts: list[Any] = list(body.texts)
            return answer(predictions_of(served, texts, await service.work(request, served, "predict", texts)))
        served = service.find(None)
        texts, batch = tei_texts(body.inputs)
        rows = await service.work(request, served, "predict", texts)
        refuse_cut([row.truncated for row in rows], body.truncate)
        found = predictions_of(served, texts, rows)
        return JSONResponse(tei_answer(found, [row.logits for row in rows], body.raw_scores, batch))

    @app.post("/explain", responses=REFUSALS)
    async def explain(body: TextsRequest, request: Request) -> Response:
        """Explain predictions: every token's and word's exact part in every logit."""
        rows = await service.work(request, service.find(body.model), "explain", list(body.texts))
        return answer(Explanation(tuple(rows)))

    @app.post("/dissect", responses=REFUSALS)
    async def dissect(body: TextsRequest, request: Request) -> Response:
        """Take every hidden state apart: the share of input, attention, feed-forward and correction by layer."""
        rows = await service.work(request, service.find(body.model), "dissect", list(body.texts))
        return JSONResponse({"texts": [row.to_dict() for row in rows]})

    @app.post("/place", responses=REFUSALS)
    async def place(body: TextsRequest, request: Request) -> Response:
        """Say where texts lie among the example texts, and which of these are nearest."""
        served = service.find(body.model)
        if served.map is None:
            raise Refused(404, "there is no map: start the server with --examples FILE of labelled texts")
        return JSONResponse(jsonable(await service.work(request, served, "place", list(body.texts))))

    @app.get("/map", responses=REFUSALS)
    async def drawn(model: str | None = None) -> Response:
        """Return the map of the example texts."""
        found = service.find(model).map
        if found is None:
            raise Refused(404, "there is no map: start the server with --examples FILE of labelled texts")
        return answer(found)

    @app.get("/models")
    async def models() -> Response:
        """Return what is served: classes, encoder, scores on dev."""
        return JSONResponse(jsonable([served.describe() for served in service.models.values()]))


def add_other_shapes(app: FastAPI, service: Service) -> None:
    """Add the requests that other servers' clients send."""

    @app.post("/embed", responses=REFUSALS)
    async def embed(body: TextsRequest | TeiEmbedRequest, request: Request) -> Response:
        """Embed texts by the encoder; with ``inputs``, in the shape of text-embeddings-inference."""
        if isinstance(body, TextsRequest):
            served = service.find(body.model)
            rows = await service.work(request, served, "embed", list(body.texts))
            return answer(served.embeddings(rows))
        served = service.find(None)
        texts = [body.inputs] if isinstance(body.inputs, str) else body.inputs
        rows = await service.work(request, served, "embed", list(texts))
        refuse_cut([row.truncated for row in rows], body.truncate)
        return JSONResponse(served.embeddings(rows, normalize=body.normalize).vectors.tolist())

    @app.post("/classify", responses=REFUSALS)
    async def classify(body: ClassifyRequest, request: Request) -> Response:
        """Classify texts in the shape of vLLM."""
        served = service.find(body.model)
        texts = [body.input] if isinstance(body.input, str) else body.input
        rows = await service.work(request, served, "predict", list(texts))
        n_tokens = sum(row.n_tokens for row in rows)
        return JSONResponse(classify_answer(predictions_of(served, list(texts), rows), served.name, n_tokens))

    @app.post("/v1/embeddings", responses=REFUSALS)
    async def embeddings(body: EmbeddingsRequest, request: Request) -> Response:
        """Embed texts in the shape of OpenAI; the model is that of a served model's encoder."""
        served = service.find(body.model)
        texts = [body.input] if isinstance(body.input, str) else body.input
        found = served.embeddings(await service.work(request, served, "embed", list(texts)))
        return JSONResponse(embeddings_answer(found, served.name, body.encoding_format))


def refuse_cut(cut: Sequence[bool], allowed: bool) -> None:
    """Refuse texts over the encoder's limit where the request asked for that."""
    if any(cut) and not allowed:
        raise Refused(422, f"input {list(cut).index(True)} is longer than the encoder reads, and truncate is false")


def add_state(app: FastAPI, service: Service, metrics: Metrics) -> None:
    """Add what machines ask about the server itself."""

    @app.get("/health")
    async def health() -> Response:
        """Answer that the process runs."""
        return JSONResponse({"status": "ok", "version": spacetune.__version__})

    @app.get("/ready", responses={503: REFUSALS[503]})
    async def ready() -> Response:
        """Answer whether requests are taken."""
        if not service.batcher.alive:
            raise Refused(503, "the server is stopping", 5.0)
        return JSONResponse({"status": "ready", "models": list(service.models)})

    @app.get("/metrics", response_class=PlainTextResponse)
    async def counted() -> Response:
        """Return counts and times in Prometheus' text format."""
        text = metrics.text(service.batcher.n_waiting, service.batcher.sizes)
        return Response(text, media_type="text/plain; version=0.0.4")


def add_page(app: FastAPI) -> None:
    """Add the page and its files, which are read once."""
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


def add_errors(app: FastAPI) -> None:
    """Turn whatever goes wrong into one sentence under ``detail``."""

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> Response:
        wait = error.retry_after
        headers = None if wait is None else {"Retry-After": str(max(1, math.ceil(wait)))}
        return JSONResponse({"detail": error.message}, error.status, headers)

    @app.exception_handler(RequestValidationError)
    async def unreadable(_: Request, error: RequestValidationError) -> Response:
        errors = [{"at": ".".join(map(str, each["loc"])), "message": each["msg"]} for each in error.errors()]
        first = f"{errors[0]['at']}: {errors[0]['message']}" if errors else "it cannot be read"
        return JSONResponse({"detail": f"the request is not as it should be: {first}", "errors": errors[:20]}, 422)

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> Response:
        return JSONResponse({"detail": str(error.detail)}, error.status_code, error.headers)

    async def unusable(_: Request, error: Exception) -> Response:
        return JSONResponse({"detail": str(error)}, 422)

    for kind in (DataError, UsageError, UnsupportedByFamily):
        app.add_exception_handler(kind, unusable)

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> Response:
        log.error("%s", json.dumps({"event": "error", "kind": type(error).__name__}), exc_info=error)
        return JSONResponse({"detail": f"the server failed ({type(error).__name__}); its log says more"}, 500)


def limit_schema(app: FastAPI, limits: Limits) -> None:
    """Write the limits into the OpenAPI schema."""
    build = app.openapi

    def openapi() -> dict[str, Any]:
        schema = build()
        for name in ("TextsRequest", "TeiRequest", "TeiEmbedRequest", "ClassifyRequest", "EmbeddingsRequest"):
            for field in ("texts", "inputs", "input"):
                limit_field(schema["components"]["schemas"][name]["properties"].get(field, {}), limits)
        return schema

    app.openapi = openapi


def limit_field(field: dict[str, Any], limits: Limits) -> None:
    """Limit a field's lists and strings, at any depth."""
    if field.get("type") == "string":
        field["maxLength"] = limits.max_characters
    if field.get("type") == "array":
        field |= {"minItems": field.get("minItems", 1), "maxItems": field.get("maxItems", limits.max_texts)}
    items = [field["items"]] if "items" in field else []
    for part in (*field.get("anyOf", ()), *field.get("prefixItems", ()), *items):
        limit_field(part, limits)

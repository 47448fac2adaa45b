"""spacetune's own requests; `/predict` and `/embed` also take the shapes of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from spacetune.explanations import Explanation
from spacetune.results import Result, jsonable
from spacetune.studies import SpaceMap, check_reach
from spacetune.web.limits import Refused
from spacetune.web.models import ServedModel
from spacetune.web.problems import REFUSALS
from spacetune.web.routes.hugging_face import pipeline_answer, tei_embedding, tei_prediction
from spacetune.web.schemas import AnyEmbedRequest, AnyPredictRequest, PipelineRequest, TextsRequest
from spacetune.web.service import Service

__all__ = ["add_maps", "add_own"]


def add_own(app: FastAPI, service: Service) -> None:
    """Add the requests that answer with result objects."""

    @app.post("/predict", responses=REFUSALS)
    async def predict(body: AnyPredictRequest, request: Request) -> Response:
        """Predict texts; with ``inputs`` in the shape of text-embeddings-inference or of Hugging Face's pipelines."""
        if isinstance(body, PipelineRequest):
            return await pipeline_answer(service, request, service.find(None), body)
        if not isinstance(body, TextsRequest):
            return await tei_prediction(service, request, service.find(None), body)
        served = service.find(body.model)
        texts: list[Any] = list(body.texts)
        return _result(served.predictions(texts, await service.work(request, served, "predict", texts)))

    @app.post("/embed", responses=REFUSALS)
    async def embed(body: AnyEmbedRequest, request: Request) -> Response:
        """Embed texts by the encoder; with ``inputs``, in the shape of text-embeddings-inference."""
        if not isinstance(body, TextsRequest):
            return await tei_embedding(service, request, service.find(None), body)
        served = service.find(body.model)
        return _result(served.embeddings(await service.work(request, served, "embed", list(body.texts))))

    async def rows_of(kind: str, body: TextsRequest, request: Request) -> Sequence[Any]:
        return await service.work(request, service.find(body.model), kind, list(body.texts))

    @app.post("/explain", responses=REFUSALS)
    async def explain(body: TextsRequest, request: Request) -> Response:
        """Explain predictions: every token's and word's exact part in every logit."""
        return _result(Explanation(tuple(await rows_of("explain", body, request))))

    @app.post("/reach", responses=REFUSALS)
    async def reach(body: TextsRequest, request: Request) -> Response:
        """Say which word, as it goes in, reached the states of which word, for the predicted class."""
        for text in body.texts:
            check_reach(text, service.limits.max_reached)
        return _results(await rows_of("reach", body, request))

    @app.post("/dissect", responses=REFUSALS)
    async def dissect(body: TextsRequest, request: Request) -> Response:
        """Take every hidden state apart: the share of input, attention, feed-forward and correction by layer."""
        return _results(await rows_of("dissect", body, request))


def add_maps(app: FastAPI, service: Service) -> None:
    """Add what the page asks: the map of example texts, and the models."""

    @app.post("/place", responses=REFUSALS)
    async def place(body: TextsRequest, request: Request) -> Response:
        """Say where texts lie among the example texts, and which of these are nearest."""
        served = service.find(body.model)
        _map_of(served)
        return JSONResponse(jsonable(await service.work(request, served, "place", list(body.texts))))

    @app.get("/map", responses=REFUSALS)
    async def drawn(model: str | None = None) -> Response:
        """Return the map of the example texts."""
        return _result(_map_of(service.find(model)))

    @app.get("/models", responses=REFUSALS)
    async def models() -> Response:
        """Return what is served: classes, encoder, scores on dev."""
        return JSONResponse(jsonable([served.describe() for served in service.models.values()]))


def _map_of(served: ServedModel) -> SpaceMap:
    if served.map is None and served.kind != "single":
        raise Refused(404, f"{served.name} has no map: one is drawn of models that give one class a text")
    if served.map is None:
        raise Refused(404, "there is no map: start the server with --examples FILE of labelled texts")
    return served.map


def _results(results: Sequence[Result]) -> Response:
    """Return one result object a text."""
    return JSONResponse({"texts": [result.to_dict() for result in results]})


def _result(result: Result) -> Response:
    """Return a result object as it is everywhere: its own JSON."""
    return Response(result.to_json(), media_type="application/json")

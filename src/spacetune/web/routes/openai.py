"""The shapes of OpenAI and of vLLM."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from spacetune.web.embedding_schemas import EmbeddingsRequest
from spacetune.web.models import predictions_of
from spacetune.web.problems import REFUSALS
from spacetune.web.schemas import ClassifyRequest
from spacetune.web.service import Service
from spacetune.web.shapes import classify_answer, embeddings_answer

__all__ = ["add_openai"]


def add_openai(app: FastAPI, service: Service) -> None:
    """Add embeddings and the list of models, and vLLM's classification."""

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
        served.check_embedding(None, body.dimensions)
        texts = [body.input] if isinstance(body.input, str) else body.input
        rows = await service.work(request, served, "embed", list(texts), most=service.limits.max_embedded)
        found = served.embeddings(rows, dimensions=body.dimensions)
        return JSONResponse(embeddings_answer(found, served.name, body.encoding_format or "float"))

    @app.get("/v1/models", responses=REFUSALS)
    async def models() -> Response:
        """List the names that ``model`` may hold: models and aliases."""
        return JSONResponse({"object": "list", "data": [_model(name) for name in service.names]})

    @app.get("/v1/models/{name:path}", responses=REFUSALS)
    async def model(name: str) -> Response:
        """Return one of them."""
        return JSONResponse(_model(service.find(name).name if name not in service.names else name))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "spacetune"}

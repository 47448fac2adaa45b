"""The shapes of OpenAI and of vLLM."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from spacetune.studies import Embeddings, Predictions
from spacetune.web.limits import Refused
from spacetune.web.problems import REFUSALS
from spacetune.web.schemas import ClassifyRequest, EmbeddingsRequest, listed
from spacetune.web.service import Service

__all__ = ["add_openai"]


def add_openai(app: FastAPI, service: Service) -> None:
    """Add embeddings and the list of models, and vLLM's classification."""

    @app.post("/classify", responses=REFUSALS)
    async def classify(body: ClassifyRequest, request: Request) -> Response:
        """Classify texts in the shape of vLLM."""
        served = service.find(body.model)
        texts = listed(body.input)
        rows = await service.work(request, served, "predict", texts)
        n_tokens = sum(row.n_tokens for row in rows)
        return JSONResponse(classify_answer(served.predictions(texts, rows), served.name, n_tokens))

    @app.post("/v1/embeddings", responses=REFUSALS)
    async def embeddings(body: EmbeddingsRequest, request: Request) -> Response:
        """Embed texts in the shape of OpenAI; the model is that of a served model's encoder."""
        served = service.find(body.model)
        served.check_embedding(None, body.dimensions)
        texts = listed(body.input)
        rows = await service.work(request, served, "embed", texts, most=service.limits.max_embedded)
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


def classify_answer(found: Predictions, model: str, n_tokens: int) -> dict[str, Any]:
    """Return the answer of vLLM's classification."""
    if found.probabilities is None:
        raise Refused(422, f"{model} predicts numbers; ask /predict")
    data = [
        {"index": i, "label": str(found.classes[int(row.argmax())]), "probs": row.tolist(), "num_classes": len(row)}
        for i, row in enumerate(found.probabilities)
    ]
    return _answer("classify", model, data, n_tokens)


def embeddings_answer(found: Embeddings, model: str, encoding: str) -> dict[str, Any]:
    """Return the answer of OpenAI's embeddings."""
    data: Sequence[dict[str, Any]] = [
        {"object": "embedding", "index": i, "embedding": row.tolist() if encoding == "float" else _base64(row)}
        for i, row in enumerate(found.vectors)
    ]
    return _answer("embd", model, data, sum(found.n_tokens))


def _base64(row: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(row.astype("<f4").tobytes()).decode("ascii")


def _answer(kind: str, model: str, data: Any, n_tokens: int) -> dict[str, Any]:
    return {
        "id": f"{kind}-{uuid.uuid4().hex}",
        "object": "list",
        "created": int(time.time()),
        "model": model,
        "data": data,
        "usage": {"prompt_tokens": n_tokens, "total_tokens": n_tokens, "completion_tokens": 0},
    }

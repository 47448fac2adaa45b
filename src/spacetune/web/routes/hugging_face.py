"""The shapes of text-embeddings-inference, and of Hugging Face's `InferenceClient`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

import spacetune
from spacetune.encoders import TextInput
from spacetune.studies import Predictions
from spacetune.web.limits import Refused
from spacetune.web.models import ServedModel
from spacetune.web.problems import REFUSALS
from spacetune.web.schemas import (
    AnyInputsRequest,
    PipelineRequest,
    TeiEmbedRequest,
    TeiRequest,
    TokenizeRequest,
    listed,
)
from spacetune.web.service import Service

__all__ = ["add_hugging_face", "pipeline_answer", "tei_embedding", "tei_prediction"]


def add_hugging_face(app: FastAPI, service: Service) -> None:
    """Add what these clients ask by an address alone, and about the model."""

    async def answered(body: AnyInputsRequest, request: Request, served: ServedModel) -> Response:
        if isinstance(body, PipelineRequest):
            return await pipeline_answer(service, request, served, body)
        return await tei_embedding(service, request, served, body)

    @app.post("/", responses=REFUSALS)
    async def inputs(body: AnyInputsRequest, request: Request) -> Response:
        """Classify texts where ``parameters`` come along, as `InferenceClient` has it; else embed them."""
        return await answered(body, request, service.find(None))

    @app.post("/models/{name:path}", responses=REFUSALS)
    async def named(name: str, body: AnyInputsRequest, request: Request) -> Response:
        """Do the same by the model of this name."""
        return await answered(body, request, service.find(name))

    @app.post("/tokenize", responses=REFUSALS)
    async def tokenize(body: TokenizeRequest, request: Request) -> Response:
        """Cut texts into tokens, as the first model's encoder reads them."""
        texts = listed(body.inputs)
        rows = await service.work(request, service.find(None), "tokenize", texts)
        special = body.add_special_tokens
        return JSONResponse([[token for token in row if special or not token["special"]] for row in rows])

    @app.get("/info", responses=REFUSALS)
    async def info() -> Response:
        """Say what the first model is and how much may be asked."""
        return JSONResponse(_info(service.find(None), service))


async def tei_prediction(service: Service, request: Request, served: ServedModel, body: TeiRequest) -> Response:
    """Answer a prediction in the shape of text-embeddings-inference."""
    texts, batch = tei_texts(body.inputs)
    rows = await service.work(request, served, "predict", texts)
    _refuse_cut([row.truncated for row in rows], body, served)
    found = served.predictions(texts, rows)
    return JSONResponse(tei_answer(found, [row.logits for row in rows], body.raw_scores, batch))


async def pipeline_answer(service: Service, request: Request, served: ServedModel, body: PipelineRequest) -> Response:
    """Answer a prediction in the shape of the inference API: a list of labels for every text, one text too."""
    texts = listed(body.inputs)
    rows = await service.work(request, served, "predict", texts)
    function, most = (body.parameters.function_to_apply, body.parameters.top_k) if body.parameters else (None, None)
    return JSONResponse([row[:most] for row in ranked(served.scores(rows, function), served.classes)])


async def tei_embedding(service: Service, request: Request, served: ServedModel, body: TeiEmbedRequest) -> Response:
    """Answer embeddings in the shape of text-embeddings-inference."""
    served.check_embedding(body.prompt_name, body.dimensions)
    texts = listed(body.inputs)
    rows = await service.work(request, served, "embed", texts, prompt_name=body.prompt_name)
    _refuse_cut([row.truncated for row in rows], body, served)
    found = served.embeddings(rows, normalize=body.normalize is not False, dimensions=body.dimensions)
    return JSONResponse(found.vectors.tolist())


def _refuse_cut(cut: Sequence[bool], body: TeiRequest | TeiEmbedRequest, served: ServedModel) -> None:
    """Refuse texts over the encoder's limit where the request asked for that, or for the other end to be cut."""
    if not any(cut):
        return
    first = f"input {list(cut).index(True)} is longer than the encoder reads"
    if body.truncate is False:
        raise Refused(422, f"{first}, and truncate is false")
    side = body.truncation_direction
    if side is not None and side.lower() != served.cut_side:
        raise Refused(422, f"{first}, which is cut on the {served.cut_side}; truncation_direction asks for the other")


def _info(served: ServedModel, service: Service) -> dict[str, object]:
    encoder, limits = served.model.encoder_, service.limits
    names = {str(i): str(name) for i, name in enumerate(served.classes or ["value"])}
    return {
        "model_id": served.name,
        "model_sha": encoder.source.revision,
        "model_dtype": str(encoder.dtype).removeprefix("torch."),
        "model_type": {"classifier": {"id2label": names, "label2id": {name: int(i) for i, name in names.items()}}},
        "max_concurrent_requests": limits.max_connections,
        "max_input_length": encoder.longest,
        "max_batch_tokens": limits.batch_texts * encoder.longest,
        "max_batch_requests": limits.batch_texts,
        "max_client_batch_size": limits.max_texts,
        "auto_truncate": True,
        "tokenization_workers": 1,
        "version": spacetune.__version__,
        "sha": None,
        "docker_label": None,
    }


def tei_texts(inputs: str | list[str] | list[list[str]]) -> tuple[list[TextInput], bool]:
    """Return the texts of a text-embeddings-inference request, and whether it was a batch.

    >>> tei_texts("a"), tei_texts(["a", "b"]), tei_texts([["a"], ["b", "c"]])
    ((['a'], False), ([('a', 'b')], False), (['a', ('b', 'c')], True))
    """
    if isinstance(inputs, str):
        return [inputs], False
    if inputs and all(isinstance(row, list) for row in inputs):
        return [_one(list(row)) for row in inputs], True
    return [_one([str(part) for part in inputs])], False


def _one(parts: list[str]) -> TextInput:
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        return parts[0], parts[1]
    raise Refused(422, f"an input is one text or a pair of texts, got {len(parts)}; a batch is a list of lists")


def tei_answer(found: Predictions, logits: Sequence[Any], raw: bool, batch: bool) -> Any:
    """Return scores by label, strongest first, one list a text."""
    numbers: Any = logits if raw or found.probabilities is None else found.probabilities
    if found.probabilities is None and not raw:
        numbers = np.asarray(found.predicted, dtype=float)[:, None]
    rows = ranked(numbers, found.classes)
    return rows if batch else rows[0]


def ranked(numbers: Any, classes: Sequence[Any]) -> list[list[dict[str, Any]]]:
    """Return every row's numbers with their labels, strongest first."""
    rows: list[list[dict[str, Any]]] = []
    for line in numbers:
        named = sorted(zip(map(float, line), classes or ("value",), strict=True), key=lambda pair: -pair[0])
        rows.append([{"score": score, "label": str(name)} for score, name in named])
    return rows

"""The shapes of text-embeddings-inference, and of Hugging Face's `InferenceClient`."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

import spacetune
from spacetune.web.embedding_schemas import AnyInputsRequest, TeiEmbedRequest
from spacetune.web.limits import Refused
from spacetune.web.models import ServedModel, predictions_of
from spacetune.web.problems import REFUSALS
from spacetune.web.schemas import PipelineRequest, TeiRequest, TokenizeRequest
from spacetune.web.service import Service
from spacetune.web.shapes import ranked, tei_answer, tei_texts

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
        texts = [body.inputs] if isinstance(body.inputs, str) else body.inputs
        rows = await service.work(request, service.find(None), "tokenize", list(texts))
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
    found = predictions_of(served, texts, rows)
    return JSONResponse(tei_answer(found, [row.logits for row in rows], body.raw_scores, batch))


async def pipeline_answer(service: Service, request: Request, served: ServedModel, body: PipelineRequest) -> Response:
    """Answer a prediction in the shape of the inference API: a list of labels for every text, one text too."""
    texts = [body.inputs] if isinstance(body.inputs, str) else body.inputs
    rows = await service.work(request, served, "predict", list(texts))
    function, most = (body.parameters.function_to_apply, body.parameters.top_k) if body.parameters else (None, None)
    return JSONResponse([row[:most] for row in ranked(served.scores(rows, function), served.classes)])


async def tei_embedding(service: Service, request: Request, served: ServedModel, body: TeiEmbedRequest) -> Response:
    """Answer embeddings in the shape of text-embeddings-inference."""
    served.check_embedding(body.prompt_name, body.dimensions)
    texts = [body.inputs] if isinstance(body.inputs, str) else body.inputs
    rows = await service.work(request, served, "embed", list(texts), prompt_name=body.prompt_name)
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

"""What spacetune's own requests look like, and those to classify that other servers' clients speak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

__all__ = [
    "AnyPredictRequest",
    "Body",
    "ClassifyRequest",
    "PipelineRequest",
    "Problem",
    "Several",
    "Side",
    "TeiRequest",
    "TextsRequest",
    "TokenizeRequest",
]

Pair = tuple[str, str]
OneOrTwo = Annotated[list[str], Field(min_length=1, max_length=2)]
Several = Annotated[list[str], Field(min_length=1)]
Side = Literal["left", "right", "Left", "Right"]


class Body(BaseModel):
    """Unknown names are refused, so that a misspelt one is not silently left out."""

    model_config = ConfigDict(extra="forbid", strict=False)


class TextsRequest(Body):
    """Texts, or pairs of texts, for one of the served models."""

    texts: list[str | Pair] = Field(min_length=1, description="Texts, or pairs [text, second text].")
    model: str | None = Field(default=None, description="Name of a served model; else the first.")


class TeiRequest(Body):
    """The shape of text-embeddings-inference: one text, a pair as a list of two, or a batch as a list of lists."""

    inputs: str | OneOrTwo | Annotated[list[OneOrTwo], Field(min_length=1)]
    raw_scores: bool = Field(default=False, description="Give logits, not probabilities.")
    truncate: bool | None = Field(default=None, description="Cut long texts; false refuses them.")
    truncation_direction: Side | None = Field(default=None, description="The encoder's own, where a text is cut.")


class PipelineParameters(Body):
    """What `InferenceClient.text_classification` may ask for."""

    top_k: int | None = Field(default=None, ge=1, description="So many of the strongest classes; else all.")
    function_to_apply: Literal["softmax", "sigmoid", "none"] | None = None


class PipelineRequest(Body):
    """The shape of Hugging Face's inference API, known by its `parameters`: one text or a list of texts."""

    inputs: str | Several
    parameters: PipelineParameters | None


class ClassifyRequest(Body):
    """The shape of vLLM's classification."""

    input: str | Several
    model: str | None = None
    user: str | None = Field(default=None, description="Without effect.")


class TokenizeRequest(Body):
    """The shape of text-embeddings-inference for tokens: one text or a list of texts."""

    inputs: str | Several
    add_special_tokens: bool = True


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str
    error: object
    errors: list[dict[str, Any]] | None = None


def shape_of(body: object) -> str:
    """Tell a body's shape from the names it holds.

    >>> shape_of({"inputs": "a", "parameters": {}}), shape_of({"inputs": "a"}), shape_of({"texts": ["a"]})
    ('pipeline', 'tei', 'texts')
    """
    names: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    return "pipeline" if "parameters" in names else "tei" if "inputs" in names else "texts"


AnyPredictRequest = Annotated[
    Annotated[TextsRequest, Tag("texts")]
    | Annotated[TeiRequest, Tag("tei")]
    | Annotated[PipelineRequest, Tag("pipeline")],
    Discriminator(shape_of),
]

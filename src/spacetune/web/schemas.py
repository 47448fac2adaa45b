"""What requests look like: spacetune's own shape, and those that other servers' clients speak."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "ClassifyRequest",
    "EmbeddingsRequest",
    "Problem",
    "TeiEmbedRequest",
    "TeiRequest",
    "TextsRequest",
]

Pair = tuple[str, str]
OneOrTwo = Annotated[list[str], Field(min_length=1, max_length=2)]
Several = Annotated[list[str], Field(min_length=1)]


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
    truncate: bool = Field(default=True, description="Cut long texts; false refuses them.")


class TeiEmbedRequest(Body):
    """The shape of text-embeddings-inference for embeddings: one text or a list of texts."""

    inputs: str | Several
    normalize: bool = True
    truncate: bool = Field(default=True, description="Cut long texts; false refuses them.")


class ClassifyRequest(BaseModel):
    """The shape of vLLM's classification; further fields are left out."""

    input: str | Several
    model: str | None = None


class EmbeddingsRequest(BaseModel):
    """The shape of OpenAI's embeddings; further fields are left out."""

    input: str | Several
    model: str | None = None
    encoding_format: Literal["float", "base64"] = "float"


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str
    errors: list[dict[str, Any]] | None = None

"""What requests look like: spacetune's own, and those that other servers' clients speak."""

# What a file or a request holds is of any type until it has been checked.
# pyright: reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator

from spacetune.encoders import TextInput

__all__ = [
    "AnyEmbedRequest",
    "AnyInputsRequest",
    "AnyPredictRequest",
    "ClassifyRequest",
    "EmbeddingsRequest",
    "PipelineRequest",
    "Problem",
    "TeiEmbedRequest",
    "TeiRequest",
    "TextsRequest",
    "TokenizeRequest",
    "listed",
]

Pair = tuple[str, str]
OneOrTwo = Annotated[list[str], Field(min_length=1, max_length=2)]
Several = Annotated[list[str], Field(min_length=1)]
Side = Literal["left", "right", "Left", "Right"]
TOKENS = (
    "token ids are those of another model's tokenizer; send the texts "
    "(LangChain's OpenAIEmbeddings does with check_embedding_ctx_length=False)"
)


class Body(BaseModel):
    """Unknown names are refused, so that a misspelt one is not silently left out."""

    model_config = ConfigDict(extra="forbid", strict=False)


class TextsRequest(Body):
    """Texts, or pairs of texts, for one of the served models."""

    texts: list[str | Pair] = Field(min_length=1, description="Texts, or pairs [text, second text].")
    model: str | None = Field(default=None, description="Name of a served model; by default the first.")


class TeiRequest(Body):
    """The shape of text-embeddings-inference: one text, a pair as a list of two, or a batch as a list of lists."""

    inputs: str | OneOrTwo | Annotated[list[OneOrTwo], Field(min_length=1)]
    raw_scores: bool = Field(default=False, description="Return logits, not probabilities.")
    truncate: bool | None = Field(default=None, description="Cut long texts; false refuses them.")
    truncation_direction: Side | None = Field(default=None, description="The encoder's own, where a text is cut.")


class PipelineParameters(Body):
    """What `InferenceClient.text_classification` may ask for."""

    top_k: int | None = Field(default=None, ge=1, description="Number of the strongest classes; by default all.")
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


class TeiEmbedRequest(Body):
    """The shape of text-embeddings-inference for embeddings, which `InferenceClient.feature_extraction` sends."""

    inputs: str | Several
    normalize: bool | None = Field(default=None, description="Scale vectors to length 1; true by default.")
    truncate: bool | None = Field(default=None, description="Cut long texts; false refuses them.")
    truncation_direction: Side | None = Field(default=None, description="The encoder's own, where a text is cut.")
    prompt_name: str | None = Field(default=None, description="One of the encoder's prompts.")
    dimensions: int | None = Field(default=None, ge=1, description="Length of the vectors, where they can be cut.")
    encoding_format: Literal["float"] | None = Field(default=None, description="base64 is answered at /v1/embeddings.")


class EmbeddingsRequest(Body):
    """The shape of OpenAI's embeddings."""

    input: str | Several
    model: str | None = None
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: int | None = Field(default=None, ge=1, description="Length of the vectors, where they can be cut.")
    user: str | None = Field(default=None, description="Without effect.")

    @field_validator("input", mode="before")
    @classmethod
    def refuse_tokens(cls, given: Any) -> Any:
        """Refuse token ids with a reason."""
        if isinstance(given, list) and any(isinstance(part, int | list) for part in given):
            raise ValueError(TOKENS)
        return given


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


def embed_shape_of(body: Any) -> str:
    """Tell spacetune's own shape from that of others."""
    return "texts" if shape_of(body) == "texts" else "tei"


def inputs_shape_of(body: Any) -> str:
    """Tell a request to classify, by its ``parameters``, from one to embed."""
    return "pipeline" if shape_of(body) == "pipeline" else "tei"


def listed(given: str | list[str]) -> list[TextInput]:
    """Return one text, or several, as a list."""
    return [given] if isinstance(given, str) else list(given)


AnyPredictRequest = Annotated[
    Annotated[TextsRequest, Tag("texts")]
    | Annotated[TeiRequest, Tag("tei")]
    | Annotated[PipelineRequest, Tag("pipeline")],
    Discriminator(shape_of),
]
AnyEmbedRequest = Annotated[
    Annotated[TextsRequest, Tag("texts")] | Annotated[TeiEmbedRequest, Tag("tei")], Discriminator(embed_shape_of)
]
AnyInputsRequest = Annotated[
    Annotated[PipelineRequest, Tag("pipeline")] | Annotated[TeiEmbedRequest, Tag("tei")],
    Discriminator(inputs_shape_of),
]

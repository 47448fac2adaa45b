"""What requests to embed look like in other servers' shapes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, field_validator

from spacetune.web.schemas import Body, PipelineRequest, Several, Side, TextsRequest, shape_of

__all__ = ["AnyEmbedRequest", "AnyInputsRequest", "EmbeddingsRequest", "TeiEmbedRequest"]

TOKENS = (
    "token ids are those of another model's tokenizer; send the texts "
    "(LangChain's OpenAIEmbeddings does with check_embedding_ctx_length=False)"
)


class TeiEmbedRequest(Body):
    """The shape of text-embeddings-inference for embeddings, which `InferenceClient.feature_extraction` sends."""

    inputs: str | Several
    normalize: bool | None = Field(default=None, description="Scale to length 1; true unless told otherwise.")
    truncate: bool | None = Field(default=None, description="Cut long texts; false refuses them.")
    truncation_direction: Side | None = Field(default=None, description="The encoder's own, where a text is cut.")
    prompt_name: str | None = Field(default=None, description="One of the encoder's prompts.")
    dimensions: int | None = Field(default=None, ge=1, description="So many numbers, where the encoder can be cut.")
    encoding_format: Literal["float"] | None = Field(default=None, description="base64 is answered at /v1/embeddings.")


class EmbeddingsRequest(Body):
    """The shape of OpenAI's embeddings."""

    input: str | Several
    model: str | None = None
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: int | None = Field(default=None, ge=1, description="So many numbers, where the encoder can be cut.")
    user: str | None = Field(default=None, description="Without effect.")

    @field_validator("input", mode="before")
    @classmethod
    def refuse_tokens(cls, given: object) -> object:
        """Refuse token ids with a reason."""
        if isinstance(given, list) and any(isinstance(part, int | list) for part in given):
            raise ValueError(TOKENS)
        return given


def embed_shape_of(body: object) -> str:
    """Tell spacetune's own shape from that of others."""
    return "texts" if shape_of(body) == "texts" else "tei"


def inputs_shape_of(body: object) -> str:
    """Tell a request to classify, by its ``parameters``, from one to embed."""
    return "pipeline" if shape_of(body) == "pipeline" else "tei"


AnyEmbedRequest = Annotated[
    Annotated[TextsRequest, Tag("texts")] | Annotated[TeiEmbedRequest, Tag("tei")], Discriminator(embed_shape_of)
]
AnyInputsRequest = Annotated[
    Annotated[PipelineRequest, Tag("pipeline")] | Annotated[TeiEmbedRequest, Tag("tei")],
    Discriminator(inputs_shape_of),
]

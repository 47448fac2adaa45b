"""OpenAI's own client against the server; skipped where it is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from running_server import start_server
from spacetune import Encoder, LinearProbe
from spacetune.studies import embed_texts

openai = pytest.importorskip("openai", reason="openai is not installed")

KEY = "k3y-of-the-test"
ALIAS = "text-embedding-3-small"


@pytest.fixture(scope="module")
def address(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("served")
    LinearProbe(encoder, C=1e-3, layers=-1).fit(["good", "bad"] * 10, ["a", "b"] * 10).save_pretrained(folder / "probe")
    process, address = start_server(folder, "--api-key", KEY, "--alias", ALIAS, names=("probe",))
    yield address
    process.terminate()
    process.communicate(timeout=60)


@pytest.fixture(scope="module")
def client(address: str) -> Any:
    return openai.OpenAI(base_url=f"{address}/v1", api_key=KEY, max_retries=0)


def test_embeddings_are_the_encoders(client: Any) -> None:
    texts, encoder = ["where is my card", "a parcel"], Encoder.from_pretrained()  # in the dtype that the server takes
    for more in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"}, {"user": "u"}, {"dimensions": 384}):
        told = client.embeddings.create(model=ALIAS, input=texts, **more)
        rows = [row.embedding for row in told.data]
        if more.get("encoding_format") != "base64":  # which the client hands on as it came
            assert np.allclose(rows, embed_texts(encoder, texts).vectors, atol=1e-5)
        assert told.usage.prompt_tokens == sum(encoder.count_tokens(texts))


def test_2048_inputs_are_taken(client: Any) -> None:
    told = client.embeddings.create(model=ALIAS, input=[f"text {i}" for i in range(2048)])
    assert [row.index for row in told.data] == list(range(2048))
    with pytest.raises(openai.UnprocessableEntityError, match="at most 2048 texts"):
        client.embeddings.create(model=ALIAS, input=["a"] * 2049)


def test_models_are_listed(client: Any) -> None:
    assert [model.id for model in client.models.list()] == ["probe", ALIAS]
    assert client.models.retrieve(ALIAS).id == ALIAS


def test_refusals_are_errors_with_a_reason(client: Any, address: str) -> None:
    with pytest.raises(openai.NotFoundError, match="there is no model of that name"):
        client.embeddings.create(model="text-embedding-ada-002", input="a")
    with pytest.raises(openai.UnprocessableEntityError, match="was asked for 64; leave dimensions out"):
        client.embeddings.create(model=ALIAS, input="a", dimensions=64)
    with pytest.raises(openai.UnprocessableEntityError, match="token ids"):
        client.embeddings.create(model=ALIAS, input=[[1, 2, 3]])
    with pytest.raises(openai.AuthenticationError, match="needs its key"):
        openai.OpenAI(base_url=f"{address}/v1", api_key="k3y").models.list()

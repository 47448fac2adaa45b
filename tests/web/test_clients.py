"""What other servers' clients send is taken, or refused with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from spacetune import LinearProbe, SpaceClassifier
from spacetune.errors import UsageError
from spacetune.estimators import load_estimator
from spacetune.studies import demo_texts, embed_texts, predict_texts
from spacetune.web import Limits, make_app
from spacetune.web.models import ServedModel

from .conftest import ALIAS

TEXTS = demo_texts("test").texts[:3]
LONG = "a b " * 4_500


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the hub's client speak with this machine, where other tests keep it from the network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


@pytest.fixture(scope="module")
def client(served: list[ServedModel]) -> Iterator[TestClient]:
    aliases = {ALIAS: "probe", "org/model": "space"}
    with TestClient(make_app(served, Limits(max_texts=5, max_embedded=70, batch_texts=32), aliases=aliases)) as opened:
        yield opened


@pytest.fixture(scope="module")
def loaded(folder: Path) -> SpaceClassifier:
    """Return the model as the server loads it: in bfloat16 where this machine has it."""
    return load_estimator(folder / "space")  # type: ignore[return-value]


@pytest.mark.parametrize("path", ["", "/predict", "/models/space"])
def test_inference_client_classifies(address: str, loaded: SpaceClassifier, path: str) -> None:
    client, found = InferenceClient(f"{address}{path}"), predict_texts(loaded, TEXTS[:1])
    assert found.probabilities is not None
    told = client.text_classification(TEXTS[0])
    assert len(told) == len(found.classes)
    assert told[0].label == found.predicted[0]
    assert told[0].score == pytest.approx(found.probabilities.max(), abs=1e-5)
    assert [one.label for one in client.text_classification(TEXTS[0], top_k=2)] == [one.label for one in told[:2]]
    raw = client.text_classification(TEXTS[0], function_to_apply="none")
    assert sum(one.score for one in raw) != pytest.approx(1, abs=1e-3)
    lone = client.text_classification(TEXTS[0], function_to_apply="sigmoid")
    assert all(0 < one.score < 1 for one in lone)
    same = client.text_classification(TEXTS[0], function_to_apply="softmax")
    assert [one.score for one in same] == pytest.approx([one.score for one in told], abs=1e-6)


@pytest.mark.parametrize("path", ["", "/embed", "/models/space"])
def test_inference_client_embeds(address: str, loaded: SpaceClassifier, path: str) -> None:
    client, expected = InferenceClient(f"{address}{path}"), embed_texts(loaded.encoder_, TEXTS).vectors
    near = 1e-5 if loaded.encoder_.dtype == torch.float32 else 5e-3  # of numbers of .05 or so: rounding by neighbours
    assert np.allclose(client.feature_extraction(TEXTS[0]), expected[:1], atol=near)
    assert np.allclose(client.feature_extraction(TEXTS), expected, atol=1e-5)  # pyright: ignore[reportArgumentType]
    told = client.feature_extraction(TEXTS[0], normalize=False, truncate=True, truncation_direction="left")
    assert np.allclose(told / np.linalg.norm(told), expected[:1], atol=near)
    assert client.feature_extraction(TEXTS[0], dimensions=384, encoding_format="float").shape == (1, 384)
    with pytest.raises(HfHubHTTPError, match="has no prompt haiku"):
        client.feature_extraction(TEXTS[0], prompt_name="haiku")
    with pytest.raises(HfHubHTTPError, match="asked for 64"):
        client.feature_extraction(TEXTS[0], dimensions=64)
    with pytest.raises(HfHubHTTPError, match="'float'"):
        client.feature_extraction(TEXTS[0], encoding_format="base64")
    with pytest.raises(HfHubHTTPError, match="cut on the right"):
        client.feature_extraction(LONG, truncation_direction="left")


def test_inference_client_asks_for_health_and_what_is_served(address: str, space: SpaceClassifier) -> None:
    client = InferenceClient(address, provider="hf-inference")
    assert client.health_check()
    told = client.get_endpoint_info()
    assert told["model_id"] == "space"
    assert told["max_input_length"] == space.encoder_.longest
    assert list(told["model_type"]["classifier"]["label2id"]) == space.classes_.tolist()
    assert told["max_client_batch_size"] == 256


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/predict", {"inputs": "a", "parameters": {"topk": 2}}, "parameters.topk: Extra inputs"),
        ("/predict", {"inputs": "a", "parameters": {"top_k": 0}}, "parameters.top_k: Input should be greater"),
        ("/predict", {"inputs": "a", "parameters": {}, "normalize": True}, "normalize: Extra inputs"),
        ("/predict", {"inputs": LONG, "truncation_direction": "left"}, "cut on the right"),
        ("/embed", {"inputs": "a", "parameters": {}}, "parameters: Extra inputs"),
        ("/", {"inputs": "a", "raw_scores": True}, "raw_scores: Extra inputs"),
        ("/v1/embeddings", {"input": "a", "dimensions": 64}, "384 numbers can be cut, and was asked for 64"),
        ("/v1/embeddings", {"input": "a", "truncate_prompt_tokens": 3}, "truncate_prompt_tokens: Extra inputs"),
        ("/v1/embeddings", {"input": [1, 2]}, "token ids are those of another model"),
        ("/v1/embeddings", {"input": [[1, 2], [3]]}, "check_embedding_ctx_length=False"),
        ("/v1/embeddings", {"input": ["a"] * 71}, "at most 70 texts"),
        ("/classify", {"input": "a", "truncate_prompt_tokens": 3}, "truncate_prompt_tokens: Extra inputs"),
    ],
)
def test_what_is_not_taken_is_refused_by_name(client: TestClient, path: str, body: Any, said: str) -> None:
    refused = client.post(path, json=body)
    assert refused.status_code == 422
    assert said in refused.json()["detail"]


def test_many_inputs_are_embedded_in_their_order(client: TestClient, space: SpaceClassifier) -> None:
    assert Limits().max_embedded == 2048
    texts = [f"parcel {i}" for i in range(70)]
    told = client.post("/v1/embeddings", json={"input": texts, "user": "u", "dimensions": 384}).json()["data"]
    vectors = np.array([row["embedding"] for row in told])
    assert np.allclose(vectors, embed_texts(space.encoder_, texts).vectors, atol=1e-5)


def test_a_model_is_found_by_name_alias_or_encoder(client: TestClient, space: SpaceClassifier) -> None:
    listed = client.get("/v1/models").json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["space", "probe", ALIAS, "org/model"]
    assert client.get("/v1/models/org/model").json()["id"] == "org/model"
    for name in ("probe", ALIAS, space.encoder_.name):
        assert client.post("/v1/embeddings", json={"input": "a", "model": name}).status_code == 200
    assert client.post("/v1/embeddings", json={"input": "a", "model": ALIAS}).json()["model"] == "probe"
    for missing in ("no", ""):
        told = client.post("/v1/embeddings", json={"input": "a", "model": missing})
        assert told.status_code == 404
        assert told.json()["error"]["code"] == "model_not_found"
    assert client.get("/v1/models/no").status_code == 404
    assert client.post("/models/no", json={"inputs": "a"}).status_code == 404


def test_a_star_takes_every_name(served: list[ServedModel]) -> None:
    with TestClient(make_app(served, aliases={"*": "probe"})) as client:
        assert client.post("/v1/embeddings", json={"input": "a", "model": "whatever"}).json()["model"] == "probe"
        assert client.post("/v1/embeddings", json={"input": "a", "model": "space"}).json()["model"] == "space"
        assert "*" not in client.get("/v1/models").text


@pytest.mark.parametrize("aliases", [{"a": "no"}, {"probe": "space"}])
def test_an_alias_stands_for_a_served_model(served: list[ServedModel], aliases: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="alias"):
        make_app(served, aliases=aliases)


def test_tokens_are_told_as_they_are_read(client: TestClient, space: SpaceClassifier) -> None:
    text = "Wo ist meine Karte?"
    told = client.post("/tokenize", json={"inputs": text}).json()
    assert len(told[0]) == space.encoder_.count_tokens([text])[0]
    assert [token["id"] for token in told[0]] == space.encoder_.tokenize([text]).token_ids.tolist()
    assert told[0][0] == {"id": 101, "text": "[CLS]", "special": True, "start": None, "stop": None}
    plain = client.post("/tokenize", json={"inputs": [text, "a"], "add_special_tokens": False}).json()
    assert plain == [told[0][1:-1], [{"id": 1037, "text": "a", "special": False, "start": 0, "stop": 1}]]
    assert text[plain[0][0]["start"] : plain[0][0]["stop"]].lower() == plain[0][0]["text"]


def test_a_batch_of_texts_gives_a_list_each(client: TestClient, probe: LinearProbe) -> None:
    told = client.post("/models/probe", json={"inputs": TEXTS, "parameters": {"top_k": 1}}).json()
    assert [[row["label"] for row in rows] for rows in told] == [[name] for name in probe.predict(TEXTS)]

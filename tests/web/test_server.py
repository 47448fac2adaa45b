"""What the server answers: its own shapes and those of others, limits, batching, key, log, end."""

from __future__ import annotations

import base64
import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient

from spacetune import SpaceClassifier
from spacetune.studies import demo_texts, embed_texts, predict_texts
from spacetune.web import Limits, make_app
from spacetune.web.batching import Batcher
from spacetune.web.limits import Refused
from spacetune.web.models import ServedModel

from .conftest import start_server

TEXTS = demo_texts("test").texts[:6]
SMALL = Limits(max_body=5000, max_texts=3, max_explained=2, max_characters=100, max_waiting=4, max_seconds=30)


@pytest.fixture(scope="module")
def client(served: list[ServedModel]) -> Iterator[TestClient]:
    with TestClient(make_app(served)) as opened:
        yield opened


@pytest.fixture(scope="module")
def small(served: list[ServedModel]) -> Iterator[TestClient]:
    with TestClient(make_app(served, SMALL)) as opened:
        yield opened


def test_the_answer_is_the_result_object(client: TestClient, space: SpaceClassifier) -> None:
    told = client.post("/predict", json={"texts": TEXTS}).json()
    expected = predict_texts(space, TEXTS).to_dict()
    assert told["predicted"] == expected["predicted"]
    assert told.keys() == expected.keys()
    assert np.allclose(told["probabilities"], expected["probabilities"], atol=1e-5)
    explained = client.post("/explain", json={"texts": TEXTS[:2], "model": "space"}).json()
    assert explained.keys() == space.explain(TEXTS[:1]).to_dict().keys()
    for one in explained["texts"]:
        gap = np.sum(one["word_scores"], axis=0) + one["bias"] - np.array(one["logits"])
        assert np.abs(gap).max() < 1e-4


def test_single_texts_and_pairs_in_one_request(client: TestClient) -> None:
    texts = [TEXTS[0], [TEXTS[1], TEXTS[2]], TEXTS[3]]
    told = client.post("/predict", json={"texts": texts}).json()
    assert told["texts"] == texts
    alone = [client.post("/predict", json={"texts": [text]}).json()["probabilities"][0] for text in texts]
    assert np.allclose(told["probabilities"], alone, atol=1e-5)


def test_a_dissection_adds_up(client: TestClient) -> None:
    found = client.post("/dissect", json={"texts": TEXTS[:1]}).json()["texts"][0]
    assert found["residual"] < 1e-3
    tokens = client.post("/explain", json={"texts": TEXTS[:1]}).json()["texts"][0]["tokens"]
    assert len(found["rows"]) == len(tokens) * len(found["layers"])
    assert [row["token"] for row in found["rows"][:: len(found["layers"])]] == tokens
    for row in found["rows"]:
        assert sum(row[term] for term in found["terms"]) == pytest.approx(1, abs=1e-4)


def test_models_and_health(client: TestClient) -> None:
    models = client.get("/models").json()
    assert [m["name"] for m in models] == ["space", "probe"]
    assert models[0]["classes"] == sorted(set(demo_texts("train").labels or []))
    assert client.get("/health").json()["status"] == "ok"
    assert client.get("/ready").json()["models"] == ["space", "probe"]
    assert client.post("/predict", json={"texts": ["a"], "model": "no"}).status_code == 404
    assert client.post("/place", json={"texts": ["a"]}).status_code == 404  # no examples were given


def test_the_shape_of_text_embeddings_inference(client: TestClient) -> None:
    one = client.post("/predict", json={"inputs": TEXTS[0]}).json()
    assert one[0]["score"] == max(row["score"] for row in one)
    assert sum(row["score"] for row in one) == pytest.approx(1, abs=1e-5)
    batch = client.post("/predict", json={"inputs": [[TEXTS[0]], [TEXTS[1]]]}).json()
    assert [row["label"] for row in batch[0][:3]] == [row["label"] for row in one[:3]]
    assert len(batch) == 2
    raw = client.post("/predict", json={"inputs": TEXTS[0], "raw_scores": True}).json()
    assert sum(row["score"] for row in raw) != pytest.approx(1, abs=1e-3)
    refused = client.post("/predict", json={"inputs": "a b " * 4_500, "truncate": False})
    assert refused.status_code == 422
    assert "longer than the encoder reads" in refused.json()["detail"]


def test_the_text_that_is_cut_is_named(client: TestClient) -> None:
    long, body = "a b " * 4_500, {"truncate": False}
    for path in ("/predict", "/embed"):
        inputs = [[TEXTS[0]], [long]] if path == "/predict" else [TEXTS[0], long]
        refused = client.post(path, json={**body, "inputs": inputs})
        assert refused.status_code == 422
        assert "input 1 is longer" in refused.json()["detail"]
    assert client.post("/embed", json={"texts": [TEXTS[0], long]}).json()["n_truncated"] == 1


def test_a_text_that_just_fits_is_not_cut(client: TestClient, space: SpaceClassifier) -> None:
    room = space.encoder_.max_windows * (space.encoder_.max_length - 2)
    fits, more = "a " * room, "a " * (room + 1)
    told = client.post("/embed", json={"texts": [fits, more]}).json()
    assert told["n_tokens"] == [space.encoder_.longest] * 2
    assert told["n_truncated"] == 1


def test_the_shape_of_vllm(client: TestClient, space: SpaceClassifier) -> None:
    told = client.post("/classify", json={"model": "space", "input": TEXTS, "user": "someone"}).json()
    assert [row["label"] for row in told["data"]] == space.predict(TEXTS).tolist()
    assert told["data"][0]["num_classes"] == 8
    assert told["usage"]["prompt_tokens"] == sum(space.encoder_.count_tokens(TEXTS))


def test_the_shape_of_openai(client: TestClient, space: SpaceClassifier) -> None:
    expected = embed_texts(space.encoder_, TEXTS).vectors
    told = client.post("/v1/embeddings", json={"model": "space", "input": TEXTS}).json()
    assert np.allclose([row["embedding"] for row in told["data"]], expected, atol=1e-5)
    coded = client.post("/v1/embeddings", json={"input": TEXTS[0], "encoding_format": "base64"}).json()
    vector = np.frombuffer(base64.b64decode(coded["data"][0]["embedding"]), "<f4")
    assert np.allclose(vector, expected[0], atol=1e-5)
    tei = client.post("/embed", json={"inputs": TEXTS[:2]}).json()
    assert np.allclose(tei, expected[:2], atol=1e-5)
    assert np.allclose(client.post("/embed", json={"texts": TEXTS[:1]}).json()["vectors"], expected[:1], atol=1e-5)


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/predict", {"texts": ["a"] * 4}, 422, "at most 3 texts may come in one request here, got 4"),
        ("/explain", {"texts": ["a"] * 3}, 422, "at most 2 texts"),
        ("/predict", {"texts": ["a" * 101]}, 422, "text 0 has 101 characters; at most 100 are read"),
        ("/predict", {"texts": []}, 422, "List should have at least 1 item"),
        ("/classify", {"input": []}, 422, "List should have at least 1 item"),
        ("/predict", {"texts": ["a"], "modell": "x"}, 422, "Extra inputs are not permitted"),
        ("/predict", {"inputs": ["a", "b", "c"]}, 422, "List should have at most 2 items"),
        ("/predict", {"texts": ["a" * 6000]}, 413, "the body is over 0.005 MB"),
    ],
)
def test_over_a_limit(small: TestClient, path: str, body: Any, status: int, said: str) -> None:
    answer = small.post(path, json=body)
    assert answer.status_code == status
    assert said in answer.text


def test_a_body_without_a_length_is_cut_off_too(small: TestClient) -> None:
    answer = small.post("/predict", content=(b"x" * 1000 for _ in range(100)))
    assert answer.status_code == 413


def test_half_a_surrogate_pair_is_refused(client: TestClient) -> None:
    answer = client.post("/predict", content=b'{"texts": ["\\ud800"]}', headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert "surrogate" in answer.json()["detail"]


def test_texts_are_not_echoed_in_errors(client: TestClient) -> None:
    assert "secret" not in client.post("/predict", json={"texts": [["secret"] * 3]}).text


def test_requests_run_together_and_are_not_mixed_up() -> None:
    gate, seen = threading.Event(), []

    def run(texts: list[Any]) -> list[str]:
        gate.wait(30)
        seen.append(len(texts))
        return [text.upper() for text in texts]

    batcher = Batcher(Limits(batch_texts=8))
    futures = [batcher.submit("a", run, [f"text {i}", f"more {i}"]) for i in range(9)]
    gate.set()
    assert [list(f.result(30)) for f in futures] == [[f"TEXT {i}", f"MORE {i}"] for i in range(9)]
    assert max(seen) == 8
    assert len(seen) <= 4
    batcher.close()


def test_a_full_queue_refuses_at_once_and_a_failure_reaches_its_requests_only() -> None:
    gate = threading.Event()

    def run(texts: list[Any]) -> list[Any]:
        gate.wait(30)
        if "bad" in texts:
            raise ValueError("bad")
        return texts

    batcher = Batcher(Limits(max_waiting=3))
    first = batcher.submit("a", run, ["x"])
    while batcher.n_waiting:
        pass
    second = batcher.submit("b", run, ["bad", "y"])
    with pytest.raises(Refused) as refused:
        batcher.submit("a", run, ["x", "y"])
    assert refused.value.status == 429
    third = batcher.submit("a", run, ["z"])
    gate.set()
    assert first.result(30) == ["x"]
    with pytest.raises(ValueError, match="bad"):
        second.result(30)
    assert third.result(30) == ["z"]
    batcher.close()
    with pytest.raises(Refused) as stopping:
        batcher.submit("a", run, ["x"])
    assert stopping.value.status == 503


def test_a_request_given_up_harms_no_other() -> None:
    gate = threading.Event()

    def run(texts: list[Any]) -> list[Any]:
        gate.wait(30)
        return texts

    batcher = Batcher(Limits())
    first = batcher.submit("a", run, ["x"])
    while batcher.n_waiting:
        pass
    given_up, kept = batcher.submit("a", run, ["y"]), batcher.submit("a", run, ["z"])
    assert given_up.cancel()
    gate.set()
    assert first.result(30) == ["x"]
    assert kept.result(30) == ["z"]
    assert batcher.alive
    batcher.close()


def test_waiting_too_long_is_answered_503() -> None:
    gate = threading.Event()
    batcher = Batcher(Limits(max_seconds=0.05))

    def run(texts: list[Any]) -> list[Any]:
        gate.wait(30)
        return texts

    first = batcher.submit("a", run, ["x"])
    while batcher.n_waiting:
        pass
    late = batcher.submit("a", run, ["y"])
    threading.Event().wait(0.2)
    gate.set()
    assert first.result(30) == ["x"]
    with pytest.raises(Refused, match="waited over"):
        late.result(30)
    batcher.close()


def test_overload_over_http_has_retry_after(served: list[ServedModel]) -> None:
    begun, gate = threading.Event(), threading.Event()

    class Slow(ServedModel):
        def predict(self, texts: list[Any]) -> Any:
            begun.set()
            gate.wait(30)
            return super().predict(texts)

    app = make_app([Slow("slow", served[0].model)], Limits(max_waiting=1))
    with TestClient(app) as client:
        ask = {"target": client.post, "args": ("/predict",), "kwargs": {"json": {"texts": ["a"]}}}
        running, waiting = threading.Thread(**ask), threading.Thread(**ask)
        running.start()
        begun.wait(30)
        waiting.start()
        while not app.state.service.batcher.n_waiting:
            waiting.join(0.01)
        answer = client.post("/predict", json={"texts": ["b", "c"]})
        gate.set()
        running.join(30)
        waiting.join(30)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1


def test_the_key(served: list[ServedModel]) -> None:
    with TestClient(make_app(served, api_key="k3y")) as client:
        assert client.get("/").status_code == 200
        assert client.get("/health").status_code == 200
        for headers in ({}, {"X-API-Key": "wrong"}, {"Authorization": "Bearer wrong"}):
            refused = client.post("/predict", json={"texts": ["a"]}, headers=headers)
            assert refused.status_code == 401
        for headers in ({"X-API-Key": "k3y"}, {"Authorization": "Bearer k3y"}):
            assert client.post("/predict", json={"texts": ["a"]}, headers=headers).status_code == 200
        assert client.get("/metrics").status_code == 401


def test_headers_and_metrics(client: TestClient) -> None:
    page = client.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    client.get("/no-such-place")
    client.post("/predict", json={"texts": ["a"]})
    text = client.get("/metrics").text
    assert 'spacetune_requests_total{path="other",status="404"}' in text
    assert 'spacetune_request_seconds_bucket{path="/predict",le="+Inf"}' in text
    parser = pytest.importorskip("prometheus_client.parser", reason="prometheus_client is not installed")
    names = {family.name for family in parser.text_string_to_metric_families(text)}
    assert {"spacetune_requests", "spacetune_request_seconds", "spacetune_waiting_texts"} <= names


def test_the_log_holds_no_texts_and_the_end_is_graceful(folder: Path) -> None:
    process, address = start_server(folder)
    host = httpx.get(f"{address}/health", headers={"Host": "evil.example"})
    answers: list[httpx.Response] = []
    texts = [f"my secret parcel {i}" for i in range(64)]

    def ask() -> None:
        answers.append(httpx.post(f"{address}/predict", json={"texts": texts}, timeout=60))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    threading.Event().wait(0.3)
    process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join()
    _, err = process.communicate(timeout=60)
    assert host.status_code == 400
    assert [a.status_code for a in answers] == [200] * 4
    assert "secret" not in err
    lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    told = [line for line in lines if line.get("path") == "/predict"]
    assert len(told) == 4
    assert told[0]["texts"] == 64
    assert told[0]["status"] == 200

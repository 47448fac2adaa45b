"""What the server answers: its own shapes and those of others, limits, batching, key, log, end."""

from __future__ import annotations

import base64
import json
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from prometheus_client import parser

from running_server import start_server
from spacetune import Encoder, LinearProbe, SpaceClassifier
from spacetune.errors import UsageError
from spacetune.estimators import load_estimator
from spacetune.studies import demo_texts, embed_texts, predict_texts
from spacetune.web import Limits, make_app, serving
from spacetune.web.models import ServedModel, load_models

CARRIERS = (("X-API-Key", ""), ("Authorization", "Bearer "))
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


def test_a_model_of_single_texts_takes_no_pairs(client: TestClient) -> None:
    for texts in ([[TEXTS[1], TEXTS[2]]], [TEXTS[0], [TEXTS[1], TEXTS[2]]]):
        refused = client.post("/predict", json={"texts": texts})
        assert refused.status_code == 422
        assert "trained on single texts, and was given pairs" in refused.json()["error"]


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
    assert [client.head(place).status_code for place in ("/health", "/ready")] == [200, 200]
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
    room = space.encoder_.max_length - 2  # a vector is made of one window
    fits, more = "a " * room, "a " * (room + 1)
    told = client.post("/embed", json={"texts": [fits, more]}).json()
    assert told["n_tokens"] == [space.encoder_.max_length] * 2
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
        wrong = ("wrong", "k3", "k3yy", "K3y", "", " ", "k3y k3y")
        keys = [{name: f"{scheme}{key}"} for key in wrong for name, scheme in CARRIERS]
        for headers in ({}, *keys):
            refused = client.post("/predict", json={"texts": ["a"]}, headers=headers)
            assert refused.status_code == 401
        for headers in ({"X-API-Key": "k3y"}, {"Authorization": "Bearer k3y"}):
            assert client.post("/predict", json={"texts": ["a"]}, headers=headers).status_code == 200
        assert client.get("/metrics").status_code == 401
        assert client.post("/", json={"inputs": "a"}).status_code == 401  # the page is open, the model is not


@pytest.mark.parametrize("key", ["", " ", "\n", "a\n", " a", "k\x00y", "schlüssel"])
def test_a_key_that_lets_everyone_or_no_one_in_is_refused(served: list[ServedModel], key: str) -> None:
    with pytest.raises(UsageError, match="the API key"):
        make_app(served, api_key=key)


def test_edges_of_the_limits(small: TestClient) -> None:
    assert small.post("/predict", json={"texts": ["a" * 100] * 3}).status_code == 200
    assert small.post("/explain", json={"texts": ["a", "b"]}).status_code == 200
    assert small.post("/predict", json={"texts": ["a" * 101]}).status_code == 422
    exact = b'{"texts": ["a"]}'.ljust(5000)
    kind = {"content-type": "application/json"}
    assert small.post("/predict", content=exact, headers=kind).status_code == 200
    assert small.post("/predict", content=exact + b" ", headers=kind).status_code == 413


def test_the_schema_names_the_path_that_a_proxy_takes_off(served: list[ServedModel]) -> None:
    with TestClient(make_app(served, root_path="/shop"), base_url="http://localhost") as client:
        assert client.get("/openapi.json").json()["servers"] == [{"url": "/shop"}]
        assert client.post("/predict", json={"texts": ["a"]}).status_code == 200
        assert 'spacetune_requests_total{path="/predict",status="200"}' in client.get("/metrics").text


def test_headers_and_metrics(client: TestClient) -> None:
    page = client.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    client.get("/no-such-place")
    client.post("/predict", json={"texts": ["a"]})
    text = client.get("/metrics").text
    assert 'spacetune_requests_total{path="other",status="404"}' in text
    assert 'spacetune_request_seconds_bucket{le="+Inf",path="/predict"}' in text
    families = list(parser.text_string_to_metric_families(text))
    names = {family.name for family in families}
    assert len(families) == len(names)
    samples = [(one.name, *sorted(one.labels.items())) for family in families for one in family.samples]
    assert len(samples) == len(set(samples))
    helps = [line for line in text.splitlines() if line.startswith("#")]
    assert len(helps) == len(set(helps))
    assert {"spacetune_requests", "spacetune_request_seconds", "spacetune_waiting_texts"} <= names


@pytest.mark.slow
def test_models_loaded_anew_answer_who_comes_then_and_a_broken_one_changes_nothing(
    space: SpaceClassifier, probe: LinearProbe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "model"
    probe.save_pretrained(place)
    new = predict_texts(load_estimator(place), TEXTS).probabilities
    space.save_pretrained(place)
    loaded = load_estimator(place)
    old = predict_texts(loaded, TEXTS).probabilities
    near = 1e-5 if loaded.encoder_.dtype == torch.float32 else 0.02  # rounding by who asked at the same time
    app = make_app(load_models([place]), again=lambda: load_models([place]))
    assert old is not None
    assert new is not None
    assert np.abs(old - new).max() > 3 * near
    with TestClient(app) as client, ThreadPoolExecutor(8) as clients:

        def ask(_: int) -> list[list[float]]:
            return client.post("/predict", json={"texts": TEXTS}).raise_for_status().json()["probabilities"]

        probe.save_pretrained(place)
        asked = [clients.submit(ask, i) for i in range(12)]
        app.state.service.reload()
        asked += [clients.submit(ask, i) for i in range(12)]
        for each in asked:  # a whole answer of the one model or the other
            assert any(np.allclose(each.result(), by, atol=near) for by in (old, new))
        np.testing.assert_allclose(ask(0), new, atol=near)
        assert client.get("/models").json()[0]["estimator"] == "LinearProbe"
        (place / "config.json").write_text("{")
        app.state.service.reload()
        np.testing.assert_allclose(ask(0), new, atol=near)
    said = [record.message for record in caplog.records if "stay as they were" in record.message]
    assert len(said) == 1
    assert "config.json" in said[0]


def test_the_log_holds_no_texts_and_the_end_is_graceful_among_half_requests(folder: Path) -> None:
    process, address = start_server(folder, descriptors=256)
    port = int(address.rpartition(":")[2])
    halves = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
    for half in halves:
        with suppress(ConnectionError):
            half.sendall(b"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4000\r\n\r\n{")
    host = httpx.get(f"{address}/health", headers={"Host": "evil.example"}, timeout=30)
    body = json.dumps(
        {"texts": [f"my secret parcel {i}" for i in range(16)]}
    ).encode()  # of all asks, and the reload: fewer than may wait
    asks = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(8)]
    for ask in asks:
        ask.sendall(b"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n")
        ask.sendall(b"content-length: %d\r\n\r\n" % len(body) + body)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    answers = [ask.recv(15) for ask in asks]
    for half in halves:
        half.close()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert host.status_code == 400
    assert answers == [b"HTTP/1.1 200 OK"] * 8
    assert "secret" not in err
    assert "raceback" not in err
    assert len(err) < 100_000
    lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    told = [line for line in lines if line.get("path") == "/predict" and line["status"] == 200]
    assert len(told) == 8
    assert told[0]["texts"] == 16
    assert [line["models"] for line in lines if line.get("event") == "reload"] == [["space", "probe"]]


@pytest.mark.parametrize("host", ["127.0.0.2", "::1", "localhost"])
def test_host_is_checked_on_every_loopback_address(
    served: list[ServedModel], monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    made: list[Any] = []
    monkeypatch.setattr(serving, "_until_a_signal", lambda app, *_: made.append(app) or nothing())
    try:
        serving.serve(served, host=host, port=0)
    except UsageError as error:
        pytest.skip(f"{host} is not an address here: {error}")
    with TestClient(made[0]) as client:
        assert client.get("/health", headers={"Host": "evil.example"}).status_code == 400
        for good in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
            assert client.get("/health", headers={"Host": good}).status_code == 200


async def nothing() -> bool:
    return False


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"texts": ["a", 5]}', "every text must be a string or a pair of strings; number 2 is int"),
        (
            b'{"texts": ["a", ["b"]]}',
            "every text must be a string or a pair of strings; number 2 is a list of other things",
        ),
        (b'{"texts": "one"}', "texts must be a list; put a single text in brackets"),
        (b"not json", "the body is not JSON: Expecting value at character 0"),
    ],
)
def test_what_is_wrong_with_a_body_is_said_in_a_sentence(client: TestClient, body: bytes, said: str) -> None:
    answer = client.post("/predict", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (b'{"texts": ["a"]}', {"content-type": "application/x-www-form-urlencoded"}, "must say so: application/json"),
        (b"texts=a", {"content-type": "text/plain"}, "Content-Type must say so: application/json"),
        ('{"texts": ["café"]}'.encode("latin-1"), {"content-type": "application/json"}, "must be JSON in UTF-8"),
        (b"[" * 50_000, {"content-type": "application/json"}, "must be JSON in UTF-8"),
        (b'{"texts": ' + b"1" * 5_000 + b"}", {"content-type": "application/json"}, "must be JSON in UTF-8"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_json_gets_a_sentence(
    client: TestClient, body: bytes, headers: dict[str, str], said: str
) -> None:
    answer = client.post("/predict", content=body, headers=headers)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]


def test_examples_that_a_model_does_not_fit_give_it_no_map(
    tiny_encoder: Encoder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, labels in (("fits", ["a", "b"]), ("other", ["x", "y"])):
        LinearProbe(tiny_encoder, store=None).fit(["good", "bad"] * 4, labels * 4).save_pretrained(tmp_path / name)
    examples = tmp_path / "examples.csv"
    examples.write_text("text,label\n" + "good,a\nbad,b\n" * 3)
    given: Any = {"load": partial(load_estimator, encoder=tiny_encoder)}
    served = load_models([tmp_path / "fits", tmp_path / "other"], str(examples), **given)
    assert [each.map is not None for each in served] == [True, False]
    assert "other has no map of these examples: " in caplog.text
    with pytest.raises(UsageError, match=r"other has no map of these examples: .* 'a'"):
        load_models([tmp_path / "other"], str(examples), **given)


def test_a_slash_too_many_is_no_redirect(tiny_encoder: Encoder) -> None:
    model = LinearProbe(tiny_encoder, store=None).fit(["good", "bad"] * 4, ["a", "b"] * 4)
    with TestClient(make_app([ServedModel("m", model)]), follow_redirects=False) as client:
        assert client.post("/predict/", json={"texts": ["a"]}).status_code == 404
        assert client.post("/reach", json={"texts": ["word " * 101]}).status_code == 422

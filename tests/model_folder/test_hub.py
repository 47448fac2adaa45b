"""A model pushed to a hub is pulled elsewhere, and answers the same; what cannot be done is said in a sentence."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tests.hub import FakeHub, fake_hub

from cli.conftest import run
from spacetune import Encoder, LinearProbe, SpaceClassifier
from spacetune.errors import ModelFileError, SpacetuneError, UsageError
from spacetune.estimators import load_estimator
from spacetune.model_folder import fetch_model, published, without

TEXTS = ["my card was charged twice", "where is my order?", "a fine day, thank you", "the parcel never came"] * 8
LABELS = ["bill", "order", "thanks", "order"] * 8


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with fake_hub() as made:
        for name, value in {
            "ENDPOINT": made.address,
            "HUGGINGFACE_CO_URL_TEMPLATE": made.address + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_OFFLINE": False,
            "HF_HUB_CACHE": str(tmp_path / "cache"),
        }.items():
            monkeypatch.setattr(f"huggingface_hub.constants.{name}", value)
        monkeypatch.setenv("HF_TOKEN", "good")
        yield made


@pytest.fixture(scope="module")
def model(tiny_encoder: Encoder) -> SpaceClassifier:
    return SpaceClassifier(encoder=tiny_encoder, store=None, lexicon=True, n_epochs=2).fit(
        TEXTS, LABELS, progress=False
    )


def test_what_is_pulled_answers_the_same(hub: FakeHub, model: SpaceClassifier, tiny_encoder: Encoder) -> None:
    address = model.push_to_hub("me/clf")
    assert address.startswith(f"{hub.address}/me/clf")
    assert set(hub.repositories["me/clf"]["main"]) == {"README.md", "config.json", "model.safetensors"}
    for load in (SpaceClassifier.from_pretrained, load_estimator):
        pulled: Any = load("me/clf", encoder=tiny_encoder)
        assert np.array_equal(pulled.predict_proba(TEXTS[:6]), model.predict_proba(TEXTS[:6]))
        explained, own = pulled.explain(TEXTS[:2]), model.explain(TEXTS[:2])
        assert np.array_equal(explained[0].token_scores, own[0].token_scores)
    with pytest.raises(ModelFileError, match="holds a SpaceClassifier, not a LinearProbe"):
        LinearProbe.from_pretrained("me/clf", encoder=tiny_encoder)


def test_once_pulled_it_is_there_without_the_hub(
    hub: FakeHub, model: SpaceClassifier, tiny_encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.push_to_hub("me/clf")
    load_estimator("me/clf", encoder=tiny_encoder)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    asked = len(hub.asked)
    assert load_estimator("me/clf", encoder=tiny_encoder).classes_.tolist() == model.classes_.tolist()  # type: ignore[attr-defined]
    assert len(hub.asked) == asked
    with pytest.raises(
        ModelFileError, match="no folder me/other; as a model on the hub 'me/other' is not in the cache"
    ):
        load_estimator("me/other", encoder=tiny_encoder)


def test_a_revision_is_a_branch_of_its_own(hub: FakeHub, model: SpaceClassifier, tiny_encoder: Encoder) -> None:
    model.push_to_hub("me/clf")
    other = LinearProbe(encoder=tiny_encoder, store=None).fit(TEXTS, LABELS, progress=False)
    other.push_to_hub("me/clf", revision="probe")
    assert isinstance(load_estimator("me/clf", encoder=tiny_encoder), SpaceClassifier)
    assert isinstance(load_estimator("me/clf", encoder=tiny_encoder, revision="probe"), LinearProbe)
    with pytest.raises(ModelFileError, match="no model 'me/clf' at revision 'none'"):
        load_estimator("me/clf", encoder=tiny_encoder, revision="none")


def test_what_is_shown_can_be_left_out(hub: FakeHub, model: SpaceClassifier, tiny_encoder: Encoder) -> None:
    saved = model.to_save()
    shown = {row["part"]: row for row in published(saved)}
    assert {"settings", "weights", "hashes"} <= shown.keys()
    assert shown["hashes"]["can be left out as"] == "hashes"
    assert shown["hashes"]["what"].startswith("4 hashes of training texts")
    assert ("lexicon" in shown) == (model.lexicon_ is not None)
    bare = without(saved, ["hashes"])
    assert {row["part"] for row in published(bare)} == shown.keys() - {"hashes"}
    model.push_to_hub("me/bare", leave_out=["hashes"])
    pulled: Any = load_estimator("me/bare", encoder=tiny_encoder)
    assert len(pulled.fitted_.hashes) == 0
    assert pulled.predict(TEXTS[:3]).shape == (3,)
    with pytest.raises(UsageError, match="hashes can be left out, not 'weights'"):
        model.push_to_hub("me/bare", leave_out=["weights"])
    with pytest.raises(UsageError, match="the head was fitted beside it"):
        model.push_to_hub("me/bare", leave_out=["lexicon"])


@pytest.mark.parametrize("gone", [False, True])
def test_a_folder_here_is_named_by_its_last_part(
    hub: FakeHub, tiny_encoder: Encoder, tmp_path: Path, gone: bool
) -> None:
    placed = tmp_path / "secret" / "own-encoder"
    shutil.copytree(tiny_encoder.source.folder, placed)
    probe = LinearProbe(encoder=str(placed), store=None).fit(TEXTS, LABELS, progress=False)
    if gone:
        placed = placed.rename(tmp_path / "own-encoder")
    probe.push_to_hub("me/clf")
    for name in ("README.md", "config.json"):
        told = hub.repositories["me/clf"]["main"][name].decode()
        assert "own-encoder" in told
        assert "secret" not in told
        assert "base_model" not in told
    with pytest.raises(SpacetuneError, match="own-encoder"):
        load_estimator("me/clf")
    assert load_estimator("me/clf", encoder=placed).predict(TEXTS[:2]).shape == (2,)


@pytest.mark.parametrize("name", ["me/a..b", "me/a--b", "me/.."])
def test_names_that_the_hub_refuses_are_said(hub: FakeHub, model: SpaceClassifier, name: str) -> None:
    with pytest.raises(UsageError, match=re.escape(name)):
        model.push_to_hub(name)
    with pytest.raises(ModelFileError, match=re.escape(name)):
        load_estimator(name)


def test_a_hub_that_is_not_there_is_said(hub: FakeHub, model: SpaceClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UsageError, match="the hub cannot be reached for me/clf"):
        model.push_to_hub("me/clf")
    with pytest.raises(ModelFileError, match="the hub cannot be reached"):
        load_estimator("me/clf")


def test_the_card_holds_scores_that_a_hub_can_list(hub: FakeHub, model: SpaceClassifier) -> None:
    model.push_to_hub("me/clf")
    card = hub.repositories["me/clf"]["main"]["README.md"].decode()
    facts = yaml.safe_load(card.split("---")[1])
    assert facts["library_name"] == "spacetune"
    (result,) = facts["model-index"][0]["results"]
    listed = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert listed == pytest.approx(model.report_["dev_scores"])
    assert 'load_estimator("me/clf")' in card


def test_the_card_lists_test_scores_where_there_are_some(hub: FakeHub, model: SpaceClassifier) -> None:
    rows = [("majority", "test", 0.5), ("space", "dev", 0.9), ("space", "test", 0.8)]
    table = [{"method": m, "split": s, "n": 4, "accuracy": a, "intervals": {}} for m, s, a in rows]
    before = dict(model.report_)
    try:
        model.report_ |= {"table": table}
        model.push_to_hub("me/clf")
    finally:
        model.report_ = before
    card = hub.repositories["me/clf"]["main"]["README.md"].decode()
    (result,) = yaml.safe_load(card.split("---")[1])["model-index"][0]["results"]
    assert result["dataset"]["name"] == "test part of its own data"
    assert {metric["type"]: metric["value"] for metric in result["metrics"]} == {"accuracy": 0.8}


def test_a_private_or_absent_repository_gives_a_sentence(
    hub: FakeHub, model: SpaceClassifier, tiny_encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.push_to_hub("me/secret", private=True)
    assert "me/secret" in hub.private
    monkeypatch.setenv("HF_TOKEN", "bad")
    for name in ("me/secret", "me/none"):
        with pytest.raises(ModelFileError, match=f"there is no folder {name}, and the hub has no model '{name}'"):
            load_estimator(name, encoder=tiny_encoder)
    load_estimator("me/secret", encoder=tiny_encoder, token="good")
    with pytest.raises(UsageError, match=r"does not take me/secret: .*401.*; log in \(hf auth login\) or pass token="):
        model.push_to_hub("me/secret")
    with pytest.raises(UsageError, match="named user/name, got 'clf'"):
        model.push_to_hub("clf")


def test_the_commands_push_and_take_a_name(
    hub: FakeHub, model: SpaceClassifier, tmp_path: Path, tiny_encoder: Encoder
) -> None:
    model.save_pretrained(tmp_path / "m")
    encoder = ("--encoder", tiny_encoder.source.folder)
    refused = run("push", tmp_path / "m", "me/clf", *encoder)
    assert refused.code == 2
    assert "hashes: 4 hashes of training texts" in refused.err
    assert "add --yes to publish what is listed above" in refused.err
    assert hub.repositories == {}
    card = tmp_path / "m" / "README.md"
    card.write_text(card.read_text() + "\nNot for medical texts.\n")
    done = run("push", tmp_path / "m", "me/clf", "--yes", "--private", "--leave-out", "hashes", *encoder)
    assert done.code == 0
    assert "hashes:" not in done.err
    assert f"published: {hub.address}/me/clf" in done.err
    assert "me/clf" in hub.private
    assert "Not for medical texts." in (fetch_model("me/clf") / "README.md").read_text()
    answered = run("predict", "me/clf", TEXTS[0], "--json", *encoder)
    assert json.loads(answered.out)["predicted"] == model.predict(TEXTS[:1]).tolist()
    missing = run("predict", "me/none", TEXTS[0])
    assert (missing.code, missing.out) == (1, "")
    assert "there is no folder me/none, and the hub has no model 'me/none'" in missing.err


def test_a_hub_that_is_not_there_gives_a_sentence(
    model: SpaceClassifier, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UsageError, match="the hub cannot be reached for me/clf"):
        model.push_to_hub("me/clf")


def test_a_folder_goes_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: SpaceClassifier,
                                     tiny_encoder: Encoder) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    model.save_pretrained("me/clf")
    assert isinstance(load_estimator("me/clf", encoder=tiny_encoder), SpaceClassifier)
    for place in (Path("me/none"), "./me/none", "none"):
        with pytest.raises(ModelFileError, match="is not a saved model: there is no such folder"):
            load_estimator(place)

"""A fitted model as a transformers classifier: the same logits, padded or not, in the doors transformers users know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tests.cli.conftest import run
from tests.lexicons import with_lexicon

import spacetune.bridges.transformers as bridge
from spacetune import Encoder, LinearProbe, PrefixSimplexClassifier, SpaceClassifier, SpaceRegressor
from spacetune.errors import UsageError
from spacetune.studies import demo_texts

DEMO = demo_texts("train")
TEXTS, LABELS = DEMO.texts[:80], DEMO.labels[:80]
FRESH = ["where is my card", "", "a parcel came, and it was not the one that I had asked for"]
QUICK: dict[str, Any] = {"n_epochs": 2, "n_latent": 4}
MAKERS = {
    "spaces": lambda e: SpaceClassifier(e, **QUICK),
    "spaces on tuned layers": lambda e: SpaceClassifier(e, inside="top", **QUICK),
    "spaces under low rank": lambda e: SpaceClassifier(e, inside="lora", **QUICK),
    "a simplex of prefixes": lambda e: PrefixSimplexClassifier(e, n_epochs=1, n_vertices=2, prefix_length=3),
    "a probe": lambda e: LinearProbe(e),
}


@pytest.fixture(scope="module")
def probe(tiny_encoder: Encoder) -> LinearProbe:
    return LinearProbe(tiny_encoder).fit(TEXTS, LABELS)


def answers(model: Any, encoder: Encoder, texts: list[str], **how: Any) -> bridge.SpacetuneOutput:
    given = encoder.loaded.tokenizer(texts, return_tensors="pt", **how)
    with torch.no_grad():
        return model(**given)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_logits_and_token_scores_are_ours_padded_or_not(make: Any, tiny_encoder: Encoder) -> None:
    ours = with_lexicon(make(tiny_encoder).fit(TEXTS, LABELS), TEXTS)
    assert ours.lexicon_ is not None
    theirs = bridge.to_transformers(ours)
    logits, explained = ours.predict_logits(FRESH), ours.explain(FRESH, at="states")
    told = answers(theirs, tiny_encoder, FRESH, padding=True)
    assert np.allclose(told.logits, logits, atol=1e-5)
    assert told.token_scores is not None
    for row, one in zip(told.token_scores.numpy(), explained, strict=True):
        assert np.allclose(row[: len(one.tokens)], one.token_scores, atol=1e-5)
        assert not row[len(one.tokens) :].any()
    for text, row in zip(FRESH, logits, strict=True):
        assert np.allclose(answers(theirs, tiny_encoder, [text]).logits, row, atol=1e-5)


def test_a_regressor_gives_its_numbers(tiny_encoder: Encoder) -> None:
    ours = SpaceRegressor(tiny_encoder, **QUICK).fit(TEXTS, [100.0 + len(text) for text in TEXTS])
    theirs = bridge.to_transformers(ours)
    told = answers(theirs, tiny_encoder, FRESH, padding=True)
    assert np.allclose(told.logits[:, 0], ours.predict(FRESH), rtol=1e-5)
    assert np.allclose(told.token_scores.sum(1) + theirs.bias.detach(), told.logits, rtol=1e-5)


def test_numbers_far_from_0_are_as_exact_as_near_it(tiny_encoder: Encoder, tmp_path: Path) -> None:
    days = [20_000.0 * 86400 + len(text) for text in TEXTS]  # seconds since 1970, of which float32 has every 128th
    ours = SpaceRegressor(tiny_encoder, **QUICK).fit(TEXTS, days)
    assert bridge.export_transformers(ours, tmp_path / "out").agreement == 1
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "out")
    told = answers(theirs, tiny_encoder, FRESH, padding=True)
    assert np.allclose(told.logits[:, 0], ours.predict(FRESH), rtol=0, atol=1e-3)
    assert len(set(told.logits[:, 0].tolist())) > 1
    assert np.allclose(told.token_scores.sum(1) + theirs.bias.detach(), told.logits, rtol=0, atol=1e-3)


def test_the_doors_of_transformers_take_the_folder(probe: LinearProbe, tmp_path: Path) -> None:
    made = bridge.export_transformers(probe, tmp_path / "out")
    assert made.gap < 1e-5
    assert made.agreement == 1
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    assert not any(name.endswith((".py", ".bin", ".pkl")) for name in names)
    pipe = transformers.pipeline("text-classification", model=str(tmp_path / "out"), device="cpu")
    assert [row["label"] for row in pipe(FRESH, batch_size=2)] == probe.predict(FRESH).tolist()
    assert pipe.tokenizer.model_max_length == probe.encoder_.max_length
    again = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "out")
    assert np.allclose(
        answers(again, probe.encoder_, FRESH, padding=True).logits, probe.predict_logits(FRESH), atol=1e-5
    )


@pytest.mark.slow
def test_trainer_trains_it(probe: LinearProbe, tmp_path: Path) -> None:
    model = bridge.to_transformers(probe)
    tokenizer, numbers = probe.encoder_.loaded.tokenizer, model.config.label2id
    rows = [{**tokenizer(text), "labels": numbers[label]} for text, label in zip(TEXTS[:8], LABELS[:8], strict=True)]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    trainer = transformers.Trainer(
        model,
        transformers.TrainingArguments(
            str(tmp_path), max_steps=1, report_to=[], use_cpu=True, save_strategy="no", disable_tqdm=True
        ),
        train_dataset=rows, eval_dataset=rows, data_collator=transformers.DataCollatorWithPadding(tokenizer),
    )  # fmt: skip
    trainer.train()
    assert trainer.predict(rows).predictions.shape == (8, len(numbers))
    changed = [name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])]
    assert {"classifier.weight", "encoder.embeddings.word_embeddings.weight"} <= set(changed)


def test_what_cannot_be_expressed_is_refused_by_name(tiny_encoder: Encoder, probe: LinearProbe, tmp_path: Path) -> None:
    pairs = list(zip(TEXTS[:40], TEXTS[40:], strict=True))
    apart = LinearProbe(tiny_encoder).fit(pairs, ["same", "other"] * 20)
    with pytest.raises(UsageError, match="LinearProbe that reads two texts apart"):
        bridge.to_transformers(apart)
    pooled = PrefixSimplexClassifier(tiny_encoder, n_epochs=1, n_vertices=1, pooling="pooler").fit(TEXTS, LABELS)
    with pytest.raises(UsageError, match="pooled states"):
        bridge.to_transformers(pooled)
    ready = LinearProbe().fit(np.eye(8), list("abababab"))
    with pytest.raises(UsageError, match="ready embeddings"):
        bridge.to_transformers(ready)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="not an empty folder"):
        bridge.export_transformers(probe, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_the_command(probe: LinearProbe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "model"
    probe.save_pretrained(model)
    told = json.loads(run("export", model, "--transformers", tmp_path / "hf", "--json").out)
    assert (told["form"], told["agreement"]) == ("transformers", 1)
    for words, said in (
        ((), "one of --onnx FOLDER"),
        (("--transformers", "a", "--onnx", "b"), "one of --onnx FOLDER"),
        (("--transformers", "a", "--int8"), "it goes with --onnx"),
        (("--transformers", tmp_path / "hf"), "is not an empty folder"),
    ):
        answer = run("export", model, *words)
        assert answer.code == 2
        assert said in " ".join(answer.err.split())
    monkeypatch.setattr("spacetune.bridges.onnx.NEEDED", ("a_library_that_is_not_there",))
    answer = run("export", model, "--onnx", tmp_path / "graph")
    assert answer.code == 1
    assert "pip install 'spacetune[onnx]'" in answer.err
    assert not (tmp_path / "graph").exists()

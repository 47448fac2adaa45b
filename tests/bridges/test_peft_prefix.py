"""Against peft itself: the same states from the same prefix, and adapters that go both ways."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import peft
import pytest
import torch

from spacetune import Encoder, PrefixSimplexClassifier
from spacetune.bridges import export_peft_prefix, import_peft_classifier, import_peft_prefix
from spacetune.encoders import Prefix, PrefixStates, PrefixVertices
from spacetune.errors import ModelFileError, UnsupportedByFamily, UsageError
from spacetune.studies.demo_data import demo_texts

from .conftest import CLASSES, TEXTS, classifier, plain_encoder, plain_inputs


def in_peft(encoder: Encoder, prefix: Prefix) -> torch.Tensor:
    """Last hidden states ``(text, token, dim)`` of peft's own prefix-tuning with this table."""
    model = plain_encoder(encoder)
    config = peft.PrefixTuningConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=prefix.shape.length)
    with torch.random.fork_rng():
        wrapped = peft.get_peft_model(model, config).eval()
    table = wrapped.prompt_encoder["default"].embedding.weight
    assert table.numel() == prefix.shape.n_values  # fact 26
    with torch.no_grad():
        table.copy_(prefix.table())
        return wrapped(**plain_inputs(encoder, TEXTS)).last_hidden_state


def real(states: torch.Tensor, encoder: Encoder) -> torch.Tensor:
    return states[plain_inputs(encoder, TEXTS)["attention_mask"].bool()]


@pytest.mark.parametrize("which", ["tiny", "default"])
def test_one_vertex_corners_and_centroid_are_pefts_prefix_tuning(which: str, tiny: Encoder, encoder: Encoder) -> None:
    owner = tiny if which == "tiny" else encoder
    shape = owner.prefixed.shape(4, position_shift=True)
    generator = torch.Generator().manual_seed(0)
    simplex = PrefixVertices(shape, 6, position_shift=True, generator=generator).requires_grad_(False)
    one = PrefixVertices(shape, 1, position_shift=True, generator=generator).requires_grad_(False)
    corner, middle = torch.eye(6)[3], torch.full((6,), 1 / 6)
    for prefix, states in [
        (one.collapse(), one.at(torch.ones(len(TEXTS), 1))),
        (simplex.collapse(corner), simplex.at(corner.expand(len(TEXTS), 6))),
        (simplex.collapse(middle), simplex.centroid()),
    ]:
        ours = owner.encode(TEXTS, prefix=states).values[:, 0]
        torch.testing.assert_close(ours, real(in_peft(owner, prefix), owner), atol=2e-6, rtol=1e-6)


def test_pefts_projection_has_as_many_parameters(tiny: Encoder) -> None:
    shape = tiny.prefixed.shape(4)
    model = plain_encoder(tiny)
    config = peft.PrefixTuningConfig(
        task_type="FEATURE_EXTRACTION", num_virtual_tokens=4, prefix_projection=True, encoder_hidden_size=7
    )
    with torch.random.fork_rng():
        theirs = peft.get_peft_model(model, config).prompt_encoder["default"]
    ours = PrefixVertices(shape, 1, reparametrisation="shared", hidden_size=7, generator=torch.Generator())
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())


def test_a_gradient_step_is_pefts(tiny: Encoder) -> None:
    shape = tiny.prefixed.shape(3, position_shift=True)
    simplex = PrefixVertices(shape, 1, position_shift=True, generator=torch.Generator().manual_seed(1))
    model = plain_encoder(tiny)
    config = peft.PrefixTuningConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=3)
    with torch.random.fork_rng():
        wrapped = peft.get_peft_model(model, config).eval()
    table = wrapped.prompt_encoder["default"].embedding.weight
    with torch.no_grad():
        table.copy_(simplex.collapse().table())
    real(wrapped(**plain_inputs(tiny, TEXTS)).last_hidden_state, tiny)[:, 0].sum().backward()
    rows = torch.arange(len(TEXTS))
    tiny.prefixed.features(tiny.tokenize(TEXTS), rows, simplex.centroid(), (3,)).values[:, 0, 0].sum().backward()
    assert simplex.tables.grad is not None
    assert table.grad is not None
    torch.testing.assert_close(Prefix(simplex.tables.grad[0]).table(), table.grad, atol=2e-5, rtol=1e-4)


@pytest.fixture(scope="module")
def fitted(tiny: Encoder) -> PrefixSimplexClassifier:
    labels = [text.split()[0] for text in TEXTS]
    model = PrefixSimplexClassifier(
        tiny, n_vertices=3, prefix_length=4, pooling="pooler", position_shift=True, n_epochs=3, n_validation_samples=2
    )
    return model.fit(TEXTS, labels)


def peft_logits(encoder: Encoder, folder: Path, n_labels: int) -> np.ndarray:
    wrapped = peft.PeftModel.from_pretrained(classifier(encoder, n_labels), str(folder)).eval()
    with torch.no_grad():
        return wrapped(**plain_inputs(encoder, TEXTS)).logits.numpy()


def test_an_exported_centroid_predicts_the_same_in_plain_peft(
    fitted: PrefixSimplexClassifier, tiny: Encoder, tmp_path: Path
) -> None:
    report = export_peft_prefix(fitted, tmp_path / "adapter")
    assert (report.task_type, report.same) == ("SEQ_CLS", True)
    assert report.notes == ("PEFT drops segment ids: single texts are the same, pairs of texts will differ",)
    assert sorted(p.name for p in (tmp_path / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    logits = peft_logits(tiny, tmp_path / "adapter", 3)
    close = {"atol": 1e-4}  # float32: a random encoder's states hardly differ, so weights are large
    np.testing.assert_allclose(logits, fitted.predict_logits(TEXTS), **close)
    again = import_peft_classifier(tmp_path / "adapter", tiny, fitted.classes_.tolist())
    np.testing.assert_allclose(again.predict_logits(TEXTS), fitted.predict_logits(TEXTS), **close)
    assert again.predict(TEXTS).tolist() == fitted.predict(TEXTS).tolist()
    again.save_pretrained(tmp_path / "ours")
    loaded = PrefixSimplexClassifier.from_pretrained(tmp_path / "ours", encoder=tiny)
    np.testing.assert_array_equal(loaded.predict_logits(TEXTS), again.predict_logits(TEXTS))


def test_pefts_own_adapter_predicts_the_same_here(tiny: Encoder, tmp_path: Path) -> None:
    config = peft.PrefixTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=5)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        wrapped = peft.get_peft_model(classifier(tiny, 3), config).eval()
    wrapped.save_pretrained(str(tmp_path))
    model = import_peft_classifier(tmp_path, tiny, CLASSES)
    with torch.no_grad():
        logits = wrapped(**plain_inputs(tiny, TEXTS)).logits.numpy()
    np.testing.assert_allclose(model.predict_logits(TEXTS), logits, atol=1e-5)
    assert model.explain(TEXTS[:3]).check() <= 1e-4
    prefix = import_peft_prefix(tmp_path, tiny)
    assert prefix.position_shift


def logits_of(wrapped: torch.nn.Module, encoder: Encoder, texts: list[str]) -> np.ndarray:
    with torch.no_grad():
        parts = [wrapped(**plain_inputs(encoder, texts[i : i + 100])).logits for i in range(0, len(texts), 100)]
    return torch.cat(parts).numpy()


@pytest.mark.slow
def test_real_texts_on_the_default_encoder(tmp_path: Path) -> None:
    encoder = Encoder.from_pretrained(dtype="float32", max_length=10)  # short, so that it takes seconds
    data = demo_texts("train")
    texts, classes = data.texts[-160:], sorted(set(data.labels or []))
    model = PrefixSimplexClassifier(
        encoder,
        prefix_length=4,
        pooling="pooler",
        position_shift=True,
        n_epochs=1,
        n_validation_samples=1,
        batch_size=20,
    ).fit(data.texts[:40], (data.labels or [])[:40])
    export_peft_prefix(model, tmp_path / "ours")
    base = classifier(encoder, len(model.classes_))
    theirs = logits_of(peft.PeftModel.from_pretrained(base, str(tmp_path / "ours")).eval(), encoder, texts)
    ours = model.predict_logits(texts)
    np.testing.assert_allclose(theirs, ours, atol=1e-4)
    assert (theirs.argmax(1) == ours.argmax(1)).all()
    config = peft.PrefixTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=5)
    with torch.random.fork_rng():
        torch.manual_seed(4)
        wrapped = peft.get_peft_model(classifier(encoder, len(classes)), config).eval()
    wrapped.save_pretrained(str(tmp_path / "theirs"))
    theirs = logits_of(wrapped, encoder, texts)
    ours = import_peft_classifier(tmp_path / "theirs", encoder, classes).predict_logits(texts)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert (theirs.argmax(1) == ours.argmax(1)).all()
    assert len(set(ours.argmax(1))) > 1


def test_what_peft_cannot_say_is_said(tiny: Encoder, tmp_path: Path) -> None:
    labels = [text.split()[0] for text in TEXTS]
    model = PrefixSimplexClassifier(tiny, n_vertices=2, prefix_length=3, n_epochs=1).fit(TEXTS, labels)
    report = export_peft_prefix(model, tmp_path / "a")
    assert report.task_type == "FEATURE_EXTRACTION"
    assert not report.same
    assert any("PEFT shifts positions" in note for note in report.notes)
    assert any("head is not part" in note for note in report.notes)
    base = plain_encoder(tiny)
    with torch.no_grad():
        theirs = peft.PeftModel.from_pretrained(base, str(tmp_path / "a")).eval()(**plain_inputs(tiny, TEXTS))
    centroid = model.simplex_.centroid().adapter  # type: ignore[union-attr]
    shifted = tiny.encode(TEXTS, prefix=PrefixStates(centroid.values, position_shift=True)).values[:, 0]
    torch.testing.assert_close(shifted, real(theirs.last_hidden_state, tiny), atol=1e-5, rtol=1e-5)
    with pytest.raises(ModelFileError, match="holds no linear classifier"):
        import_peft_classifier(tmp_path / "a", tiny)


def test_wrong_adapters(fitted: PrefixSimplexClassifier, tiny: Encoder, encoder: Encoder, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="holds no readable PEFT adapter"):
        import_peft_prefix(tmp_path / "none", tiny)
    export_peft_prefix(fitted, tmp_path / "a")
    with pytest.raises(ModelFileError, match="is not of sentence-transformers"):
        import_peft_prefix(tmp_path / "a", encoder)
    with pytest.raises(UsageError, match="has 3 outputs, 2 classes were given"):
        import_peft_classifier(tmp_path / "a", tiny, ["x", "y"])
    shutil.copytree(tmp_path / "a", tmp_path / "lora")
    config = tmp_path / "lora" / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "peft_type": "LORA"}))
    with pytest.raises(ModelFileError, match="of type LORA; PREFIX_TUNING is read here"):
        import_peft_prefix(tmp_path / "lora", tiny)
    with pytest.raises(UsageError, match="there is no prefix to export"):
        export_peft_prefix(PrefixSimplexClassifier(n_epochs=1).fit(np.eye(6), [0, 1] * 3), tmp_path / "b")


def test_families_that_peft_cannot_prefix_are_refused(
    fitted: PrefixSimplexClassifier, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fitted.encoder_.prefixed.model.config, "model_type", "albert")
    with pytest.raises(UnsupportedByFamily, match="PEFT's prefix-tuning runs on bert"):
        export_peft_prefix(fitted, tmp_path / "a")

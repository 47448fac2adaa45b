"""An exported graph under onnxruntime, and the runtime without torch; skipped where onnxruntime is not installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.lexicons import with_lexicon

from spacetune import Encoder, LinearProbe, SpaceClassifier, SpaceRegressor
from spacetune.bridges.onnx import export_onnx
from spacetune.errors import UsageError
from spacetune.studies import demo_texts

for name in ("onnx", "onnxruntime", "onnxscript"):
    pytest.importorskip(name, reason=f"{name} is not installed")

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "runtime" / "src"))

from spacetune_runtime import Classifier, ExportError  # noqa: E402

BARE = Path(os.environ.get("SPACETUNE_RUNTIME", ROOT / ".venv-runtime"))
"""An environment with the runtime and no torch, as `make test-onnx` makes it."""

DEMO = demo_texts("train")
TEXTS, LABELS = DEMO.texts[:80], DEMO.labels[:80]
LONG = " ".join(TEXTS[:20])
FRESH = ["where is my card", "", "[SEP] typed, and don't stop", LONG]


@pytest.fixture(scope="module")
def spaces(tiny_encoder: Encoder) -> SpaceClassifier:
    model = with_lexicon(SpaceClassifier(tiny_encoder, n_epochs=2, n_latent=4).fit(TEXTS, LABELS), TEXTS)
    assert model.lexicon_ is not None
    assert tiny_encoder.max_windows > 1
    return model


@pytest.fixture(scope="module")
def folder(spaces: SpaceClassifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("onnx") / "spaces"
    made = export_onnx(spaces, place)
    assert made.gap < 1e-4
    assert made.score_gap < 1e-4
    assert sorted(file.name for file in place.iterdir()) == [
        "model.onnx",
        "model.onnx.data",
        "spacetune.json",
        "tokenizer.json",
    ]
    return place


def test_the_runtime_predicts_and_explains_as_the_model(spaces: SpaceClassifier, folder: Path) -> None:
    model = Classifier.load(folder)
    assert spaces.encoder_.count_tokens([LONG])[0] > 2 * spaces.encoder_.max_length
    assert np.allclose(model.predict_logits(FRESH), spaces.predict_logits(FRESH), atol=1e-4)
    assert np.allclose(model.predict_proba(FRESH), spaces.predict_proba(FRESH), atol=1e-4)
    assert model.predict(FRESH) == spaces.predict(FRESH).tolist()
    for text, theirs in zip(FRESH, spaces.explain(FRESH, at="states"), strict=True):
        ours = model.explain(text)
        assert tuple(ours.tokens) == theirs.tokens
        assert np.array_equal(ours.spans, theirs.spans)
        assert np.allclose(ours.scores, theirs.token_scores, atol=1e-4)
        for name in model.classes:
            ours_rows, rows = ours.words(name), theirs.words(name)
            assert [row["word"] for row in ours_rows] == [row["word"] for row in rows]
            assert np.allclose([row["score"] for row in ours_rows], [row["score"] for row in rows], atol=1e-4)
            total = sum(row["score"] for row in ours_rows) + ours.bias[model.classes.index(name)]
            assert np.isclose(total, ours.logits[model.classes.index(name)], atol=1e-4)


def test_what_is_not_read_is_told(spaces: SpaceClassifier, folder: Path) -> None:
    endless = " ".join([LONG] * 20)
    told = Classifier.load(folder).explain(endless)
    assert told.truncated
    assert len(told.tokens) == spaces.read([endless]).n_tokens[0]


@pytest.mark.parametrize("kind", ["several labels", "numbers", "pairs"])
def test_other_kinds(kind: str, tiny_encoder: Encoder, tmp_path: Path) -> None:
    fresh: Any = FRESH[:2]
    if kind == "several labels":
        model: Any = LinearProbe(tiny_encoder).fit(
            TEXTS, [[label, "long"][: 1 + len(text) % 2] for text, label in zip(TEXTS, LABELS, strict=True)]
        )
    elif kind == "numbers":
        far = 20_000.0 * 86400  # of which float32 has every 128th
        model = SpaceRegressor(tiny_encoder, n_epochs=2, n_latent=4).fit(TEXTS, [far + len(text) for text in TEXTS])
    else:
        fresh = [("a card", "a parcel"), ("my card", "my card")]
        pairs = list(zip(TEXTS[:40], TEXTS[40:], strict=True))
        model = SpaceClassifier(tiny_encoder, n_epochs=2, n_latent=4, pairs="together").fit(
            pairs, ["same", "other"] * 20
        )
    export_onnx(model, tmp_path / "out")
    ours = Classifier.load(tmp_path / "out")
    expected = model.predict(fresh)
    near = np.allclose(ours.predict(fresh), expected, rtol=0, atol=1e-3) if kind == "numbers" else None
    assert ours.predict(fresh) == list(expected) if near is None else near
    told = ours.explain(fresh[0])
    assert np.allclose(
        told.scores.sum(0) + told.bias, told.logits, rtol=1e-13 if kind == "numbers" else 1e-4, atol=1e-3
    )


def test_int8_is_smaller_and_says_how_far(spaces: SpaceClassifier, folder: Path, tmp_path: Path) -> None:
    made = export_onnx(spaces, tmp_path / "small", int8=True)
    assert made.n_bytes < sum(file.stat().st_size for file in folder.iterdir())
    assert {file.name for file in (tmp_path / "small").iterdir()} == {file.name for file in folder.iterdir()}
    assert 0 < made.gap < 1


def test_refusals_leave_nothing(spaces: SpaceClassifier, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not an empty folder"):
        export_onnx(spaces, folder)
    pairs = list(zip(TEXTS[:40], TEXTS[40:], strict=True))
    apart = LinearProbe(spaces.encoder_).fit(pairs, ["same", "other"] * 20)
    with pytest.raises(UsageError, match=r"reads two texts apart .* fit it with pairs='together'"):
        export_onnx(apart, tmp_path / "out")
    assert not any(tmp_path.iterdir())
    (tmp_path / "spacetune.json").write_text(json.dumps({"format": 2}))
    for place in (tmp_path, tmp_path / "absent"):
        with pytest.raises(ExportError):
            Classifier.load(place)
    with pytest.raises(ValueError, match="texts, not pairs"):
        Classifier.load(folder).predict([("a", "b")])


def test_without_torch_it_starts_at_once(folder: Path) -> None:
    if not (BARE / "bin" / "python").exists():
        pytest.skip(f"{BARE.name} is not there: make test-onnx makes it")
    python = str(BARE / "bin" / "python")
    subprocess.run([python, "-c", "import importlib.util as u; assert not u.find_spec('torch')"], check=True)
    command = [python, "-m", "spacetune_runtime", str(folder), "where is my card"]
    seconds: list[float] = []  # of the processor: the clock's hang on what else the machine does
    for _ in range(4):
        before = os.times()
        told = subprocess.run(command, check=True, capture_output=True, text=True)
        after = os.times()
        seconds.append(sum(after[2:4]) - sum(before[2:4]))
    assert "where is my card" in told.stdout
    assert min(seconds) < 0.5
    files = [file for file in BARE.rglob("*") if file.is_file() and not file.is_symlink()]
    size = sum(file.stat().st_size for file in files if file.parent.name != "__pycache__")
    assert size < 150e6


class ByOpenVINO:
    """What the runtime asks of a session, answered by OpenVINO."""

    def __init__(self, graph: Path) -> None:
        openvino = pytest.importorskip("openvino", reason="OpenVINO is not installed")
        precise = {"INFERENCE_PRECISION_HINT": "f32"}  # it takes bfloat16 where the machine has it
        self.graph = openvino.compile_model(graph, "CPU", precise)

    def run(self, names: Sequence[str], feeds: dict[str, Any]) -> list[Any]:
        found = self.graph(feeds)
        return [found[name] for name in names]


def test_openvino_runs_the_same_graph(spaces: SpaceClassifier, folder: Path) -> None:
    model = Classifier.load(folder)
    model._session = ByOpenVINO(folder / "model.onnx")
    assert np.allclose(model.predict_logits(FRESH), spaces.predict_logits(FRESH), atol=1e-4)
    ours, theirs = model.explain(FRESH[0]), spaces.explain(FRESH[:1], at="states")[0]
    assert np.allclose(ours.scores, theirs.token_scores, atol=1e-4)

"""`Encoder.embed` against sentence-transformers, on tiny random folders of every pooling and module."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from spacetune import Encoder
from spacetune.errors import EncoderError, UsageError

from .conftest import PAIRS, Made

TEXTS = ["Hello", "my card was charged twice and nobody answers " * 9, "where is it?", "Crème brûlée — 日本!", "A B"]
POOLINGS = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
Make = Callable[..., Path]


@pytest.fixture
def folder(made: Made, tmp_path: Path) -> Make:
    """Give a function that saves a sentence-transformers folder with these modules."""
    package = pytest.importorskip("sentence_transformers")
    modules = pytest.importorskip("sentence_transformers.sentence_transformer.modules")

    def make(*names: str, family: str = "bert", pooling: Any = "mean", include: bool = True, **more: Any) -> Path:
        torch.manual_seed(0)
        parts = [modules.Transformer(str(made(family)), max_seq_length=more.pop("limit", None))]
        parts.append(modules.Pooling(32, pooling, include_prompt=include))
        width = parts[1].get_embedding_dimension()
        for name in names:
            if name == "Dense":
                parts.append(modules.Dense(width, width := 12, **more.pop("dense", {})))
            elif name == "LayerNorm":
                parts.append(modules.LayerNorm(width))
                torch.nn.init.normal_(parts[-1].norm.weight)
            else:
                parts.append(getattr(modules, name)())
        package.SentenceTransformer(modules=parts, device="cpu", **more).save(str(tmp_path / "model"))
        return tmp_path / "model"

    return make


def state(folder: Path, name: str, **entries: Any) -> None:
    file = folder / name
    file.write_text(json.dumps((json.loads(file.read_text()) if file.exists() else {}) | entries))


def check_same(folder: Path, texts: Any = TEXTS, **options: Any) -> np.ndarray[Any, Any]:
    """Compare with sentence-transformers; return the vectors."""
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(folder), device="cpu").encode(texts, **options)
    if "truncate_dim" in options:
        options["dimensions"] = options.pop("truncate_dim")
    if "normalize_embeddings" in options:
        options["normalize"] = options.pop("normalize_embeddings")
    ours = Encoder.from_pretrained(folder, dtype="float32").embed(texts, **options)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=1e-5)
    return ours


@pytest.mark.parametrize("pooling", [*POOLINGS, ["cls", "max"], ["weightedmean", "lasttoken", "mean"]])
def test_every_pooling(folder: Make, pooling: Any) -> None:
    check_same(folder(pooling=pooling))


@pytest.mark.parametrize("family", ["roberta", "mpnet", "distilbert", "albert", "modernbert", "xlnet", "llama"])
def test_every_kind_of_encoder(folder: Make, family: str) -> None:
    check_same(folder(family=family, pooling=["cls", "mean", "lasttoken"], limit=64))


@pytest.mark.parametrize(
    "names", [("Normalize",), ("Dense",), ("Dense", "Normalize"), ("LayerNorm",), ("Normalize", "Dense", "Dropout")]
)
def test_every_module(folder: Make, names: tuple[str, ...]) -> None:
    check_same(folder(*names, pooling=["max", "mean"]))


@pytest.mark.parametrize(
    "dense",
    [
        {"activation_function": torch.nn.Identity()},
        {"activation_function": torch.nn.GELU(), "bias": False},
        {"activation_function": torch.nn.ReLU(), "use_residual": True},
    ],
)
def test_every_setting_of_dense(folder: Make, dense: dict[str, Any]) -> None:
    check_same(folder("Dense", dense=dense))


@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize(
    "pooling", ["cls", *(pytest.param(p, marks=pytest.mark.slow) for p in ("mean", "weightedmean", "lasttoken", "max"))]
)
def test_prompts(folder: Make, include: bool, pooling: str) -> None:
    prompts = {"query": "Find this: ", "passage": "my card "}
    place = folder(pooling=pooling, include=include, prompts=prompts, default_prompt_name="query")
    usual = check_same(place)
    assert not np.allclose(usual, check_same(place, prompt=""), atol=1e-3)
    assert np.allclose(usual, check_same(place, prompt_name="query"))
    check_same(place, prompt_name="passage")
    check_same(place, prompt_name="document")
    check_same(place, prompt="of my own: ")
    check_same(place, PAIRS)


def test_a_limit_cuts_where_theirs_cuts(folder: Make) -> None:
    check_same(folder(limit=9), ["one two three four five six seven eight nine ten eleven"])


def test_lower_case(folder: Make) -> None:
    place = folder(family="roberta", limit=64)
    cased = check_same(place)
    state(place, "sentence_bert_config.json", do_lower_case=True)
    assert not np.allclose(cased, check_same(place), atol=1e-3)


def test_a_declared_cut(folder: Make) -> None:
    place = folder("Normalize", truncate_dim=16)
    assert check_same(place).shape[1] == 16
    assert check_same(place, truncate_dim=8).shape[1] == 8
    assert check_same(place, truncate_dim=32).shape[1] == 32
    one = check_same(place, normalize_embeddings=True)
    assert np.allclose(np.linalg.norm(one, axis=1), 1)


def test_who_declares_no_cut_is_not_cut(folder: Make) -> None:
    place = folder()
    encoder = Encoder.from_pretrained(place, dtype="float32")
    with pytest.raises(UsageError, match="does not declare that its 32 numbers can be cut, and was asked for 8"):
        encoder.embed(TEXTS, dimensions=8)
    assert encoder.embed(TEXTS, dimensions=32).shape[1] == 32
    for wrong in (0, -1, 33, True, 8.0, "8"):
        with pytest.raises(UsageError, match="dimensions must"):
            encoder.embed(TEXTS, dimensions=wrong)  # type: ignore[arg-type]
    state(place, "config_sentence_transformers.json", matryoshka_dims=[8, 16])
    encoder = Encoder.from_pretrained(place, dtype="float32")
    assert encoder.embed(TEXTS, dimensions=8).shape[1] == 8
    with pytest.raises(UsageError, match="can be cut to 8, 16 numbers, not to 9"):
        encoder.embed(TEXTS, dimensions=9)


def test_scaling_at_the_end_can_be_left_out(folder: Make) -> None:
    place = folder("Normalize")
    encoder = Encoder.from_pretrained(place, dtype="float32")
    assert np.allclose(np.linalg.norm(encoder.embed(TEXTS), axis=1), 1)
    bare = encoder.embed(TEXTS, normalize=False)
    assert not np.allclose(np.linalg.norm(bare, axis=1), 1, atol=0.01)
    assert np.allclose(bare / np.linalg.norm(bare, axis=1, keepdims=True), encoder.embed(TEXTS), atol=1e-6)


@pytest.mark.parametrize("name", ["0_Transformer", "0_BERT"])
@pytest.mark.parametrize("listed", [True, False])
def test_an_old_folder_with_the_weights_inside(folder: Make, tmp_path: Path, name: str, listed: bool) -> None:
    place = folder(pooling="cls")
    expected = check_same(place)
    old = tmp_path / "old"
    shutil.copytree(place, old / name, ignore=shutil.ignore_patterns("1_*", "modules.json", "config_sentence*"))
    shutil.copytree(place / "1_Pooling", old / "1_Pooling")
    (old / "config.json").write_text('{"__version__": "0.2.5"}')
    if listed:
        types = f"sentence_transformers.models.{name[2:]}", "sentence_transformers.models.Pooling"
        entries = [
            {"idx": i, "name": str(i), "path": p, "type": t}
            for i, (p, t) in enumerate(zip((name, "1_Pooling"), types, strict=True))
        ]
        (old / "modules.json").write_text(json.dumps(entries))
    encoder = Encoder.from_pretrained(old, dtype="float32")
    np.testing.assert_allclose(encoder.embed(TEXTS), expected, atol=1e-6)
    again = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_allclose(again.embed(TEXTS), expected, atol=1e-6)
    if listed and name == "0_Transformer":
        check_same(old)


def test_a_folder_that_says_nothing_is_pooled_by_the_mean_and_it_is_said(made: Made) -> None:
    pytest.importorskip("sentence_transformers")
    check_same(made("bert"))
    encoder = Encoder.from_pretrained(made("bert"), dtype="float32")
    assert encoder.embedder.recipe.describe() == "mean (the encoder's folder says nothing of it)"


def test_the_default_encoder_is_read_as_theirs(encoder: Encoder) -> None:
    pytest.importorskip("sentence_transformers")
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(encoder.source.folder), device="cpu").encode(TEXTS)
    np.testing.assert_allclose(encoder.embed(TEXTS), theirs, atol=1e-5)


def test_saved_again_it_gives_the_same_vectors(folder: Make, tmp_path: Path) -> None:
    place = folder("Dense", pooling="cls", limit=9, prompts={"query": "a: "}, default_prompt_name="query")
    encoder = Encoder.from_pretrained(place, dtype="float32")
    encoder.save_pretrained(tmp_path / "copy")
    again = Encoder.from_pretrained(tmp_path / "copy", dtype="float32")
    assert again.max_length == encoder.max_length == 9
    np.testing.assert_allclose(again.embed(TEXTS), encoder.embed(TEXTS), atol=1e-6)
    check_same(tmp_path / "copy")


def test_token_states_know_nothing_of_it(folder: Make, tiny: Encoder) -> None:
    place = folder("Dense", pooling="cls", prompts={"query": "a: "}, default_prompt_name="query")
    found = Encoder.from_pretrained(place, dtype="float32").encode(TEXTS)
    assert found.values.equal(tiny.encode(TEXTS).values)


def test_a_special_token_in_a_text_is_plain_text_here_too(folder: Make) -> None:
    encoder = Encoder.from_pretrained(folder(), dtype="float32")
    pooled = encoder.embedder.pooled(["a [SEP] b", "a b"])
    assert [text.n_tokens for text in pooled] == encoder.count_tokens(["a [SEP] b", "a b"])
    assert pooled[0].n_tokens > 5


def test_prompts_that_are_not_there(folder: Make) -> None:
    place = folder(prompts={"query": "a: "})
    encoder = Encoder.from_pretrained(place, dtype="float32")
    with pytest.raises(UsageError, match="has no prompt qeury; it has 'query', 'document'"):
        encoder.embed(TEXTS, prompt_name="qeury")
    with pytest.raises(UsageError, match="not both"):
        encoder.embed(TEXTS, prompt="a", prompt_name="query")
    with pytest.raises(UsageError, match="a prompt must be a text"):
        encoder.embed(TEXTS, prompt=7)  # type: ignore[arg-type]


def test_a_prompt_that_leaves_no_room(folder: Make) -> None:
    encoder = Encoder.from_pretrained(folder(family="gpt2", include=False, limit=6), dtype="float32")
    with pytest.raises(UsageError, match="the prompt takes all of the 6 tokens"):
        encoder.embed(["text"], prompt="one two three four five six seven ")


def pickled(place: Path) -> None:
    torch.save(load_file(place / "2_Dense" / "model.safetensors"), place / "2_Dense" / "pytorch_model.bin")
    (place / "2_Dense" / "model.safetensors").unlink()


def wider(place: Path) -> None:
    save_file(
        {"linear.weight": torch.zeros(12, 31), "linear.bias": torch.zeros(12)}, place / "2_Dense/model.safetensors"
    )


def more_tensors(place: Path) -> None:
    tensors = load_file(place / "2_Dense" / "model.safetensors")
    save_file({**tensors, "other.weight": torch.zeros(2)}, place / "2_Dense" / "model.safetensors")


def module(kind: str, path: str = "2_Dense") -> Callable[[Path], None]:
    def change(place: Path) -> None:
        listed = json.loads((place / "modules.json").read_text())
        (place / "modules.json").write_text(json.dumps([*listed[:2], {**listed[2], "type": kind, "path": path}]))

    return change


def stating(name: str, **entries: Any) -> Callable[[Path], None]:
    return lambda place: state(place, name, **entries)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (pickled, "save_pretrained"),
        (wider, "2_Dense"),
        (more_tensors, "does not hold the weight and bias of a Dense module"),
        (module("sentence_transformers.models.CNN"), "CNN"),
        (module("sentence_transformers.models.WordWeights"), "WordWeights"),
        (module("custom_code.Dense"), r"custom_code\.Dense"),
        (module("sentence_transformers.models.Pooling", "1_Pooling"), "Pooling"),
        (module("sentence_transformers.models.Dense", "../outside"), "outside of its folder"),
        (module("sentence_transformers.models.Dense", "/etc"), "outside of its folder"),
        (stating("1_Pooling/config.json", pooling_mode="median"), "median"),
        (stating("1_Pooling/config.json", pooling_mode=7), "pooling 7"),
        (stating("1_Pooling/config.json", include_prompt="no"), "include_prompt"),
        (stating("1_Pooling/config.json", other=1), "other"),
        (stating("2_Dense/config.json", activation_function="os.system"), r"os\.system"),
        (stating("2_Dense/config.json", activation_function="torch.nn.RReLU"), "RReLU"),
        (stating("2_Dense/config.json", module_input_name="token_embeddings"), "module_input_name"),
        (stating("2_Dense/config.json", in_features="many"), "many"),
        (stating("config_sentence_transformers.json", default_prompt_name="none"), "default_prompt_name"),
        (stating("config_sentence_transformers.json", prompts=["a"]), "prompts"),
        (stating("config_sentence_transformers.json", truncate_dim="64"), "truncate_dim"),
        (stating("config_sentence_transformers.json", matryoshka_dims="64"), "whole numbers"),
        (stating("config_sentence_transformers.json", model_type="SparseEncoder"), "SparseEncoder"),
        (stating("sentence_bert_config.json", query_expansion={"length": 9}), "query_expansion"),
        (stating("sentence_bert_config.json", transformer_task="fill-mask"), "transformer_task"),
        (lambda place: (place / "modules.json").write_text("{"), r"modules\.json"),
        (lambda place: (place / "modules.json").write_text('[{"path": 1}]'), r"modules\.json"),
        (lambda place: (place / "1_Pooling/config.json").unlink(), "1_Pooling"),
    ],
)
def test_what_is_not_known_is_refused_by_name(folder: Make, change: Callable[[Path], Any], words: str) -> None:
    place = folder("Dense")
    change(place)
    with pytest.raises(EncoderError, match=words) as caught:
        Encoder.from_pretrained(place, dtype="float32").embed(TEXTS)
    assert "\n" not in str(caught.value)

"""Every family's states are those that transformers itself gives for one text at a time."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

from spacetune import Encoder
from spacetune.encoders import TextInput, TokenFeatures
from spacetune.encoders.families import FAMILIES, Family, family_of, parts_of, registry
from spacetune.encoders.families.distilbert import distilbert_parts
from spacetune.encoders.loading import load
from spacetune.encoders.passes.packed import PackedEncoder
from spacetune.encoders.passes.padded import PaddedEncoder
from spacetune.errors import EncoderError, UnsupportedByFamily

from .conftest import CONFIGS, PAIRS, SINGLES, WITH_SEGMENTS, Made, model_type, random_model, word_pieces

PACKED = [name for name in CONFIGS if family_of(model_type(name)).parts is not None]
UNPADDED = ["convbert", "nystromformer", "fnet"]  # they look at padding whatever the mask says


@functools.lru_cache(maxsize=1)
def loaded_by_transformers(folder: Path, dtype: torch.dtype) -> tuple[Any, Any]:
    config = transformers.AutoConfig.from_pretrained(folder)
    kind: Any = transformers.T5EncoderModel if config.model_type == "t5" else transformers.AutoModel
    model = kind.from_pretrained(folder, dtype=dtype).eval()
    return model, transformers.AutoTokenizer.from_pretrained(folder)


def reference(folder: Path, text: TextInput, max_length: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return transformers' own states ``(n_tokens, n_layers + 1, dim)`` of one text without padding."""
    model, tokenizer = loaded_by_transformers(folder, dtype)
    given = tokenizer([text], return_tensors="pt", truncation=True, max_length=max_length)
    with torch.no_grad():
        states = model(**given, output_hidden_states=True).hidden_states
    return torch.stack([state[0] for state in states], dim=1)


def rows(features: TokenFeatures, i: int) -> Tensor:
    return features.values[features.offsets[i] : features.offsets[i + 1]]


def assert_same_as_transformers(folder: Path, texts: list[Any]) -> None:
    encoder = Encoder.from_pretrained(folder, dtype="float32").single_pass
    features = encoder.encode(texts, layers="all")
    for i, text in enumerate(texts):
        if features.lengths[i] == 0:  # transformers cannot run on nothing
            continue
        expected = reference(folder, text, encoder.max_length)
        torch.testing.assert_close(rows(features, i), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", CONFIGS)
def test_all_layers_of_single_texts(made: Made, family: str) -> None:
    assert_same_as_transformers(made(family), SINGLES)


@pytest.mark.parametrize("family", [*PACKED, "xlnet", "modernbert", "deberta-v2"])
def test_all_layers_of_pairs(made: Made, family: str) -> None:
    assert_same_as_transformers(made(family), PAIRS)


@pytest.mark.parametrize("family", ["bert", "mpnet", "albert"])
def test_float64(made: Made, family: str) -> None:
    encoder = Encoder.from_pretrained(made(family), dtype="float64")
    features = encoder.encode(SINGLES, layers="all")
    assert features.values.dtype is torch.float64
    expected = reference(made(family), SINGLES[2], encoder.max_length, torch.float64)
    torch.testing.assert_close(rows(features, 2), expected, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("family", sorted(WITH_SEGMENTS & set(PACKED)))
def test_the_second_text_of_a_pair_has_its_own_segment(made: Made, family: str) -> None:
    encoder = Encoder.from_pretrained(made(family), dtype="float32")
    tokenized = encoder.tokenize([("one", "two")])
    assert set(tokenized.segment_ids.tolist()) == {0, 1}


def test_segments_stay_zero_where_the_tokenizer_does_not_give_them(tmp_path: Path) -> None:
    tokenizer = word_pieces(segments=False)  # its template marks the second text all the same
    random_model("bert", len(tokenizer)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert_same_as_transformers(tmp_path, PAIRS)


@pytest.mark.slow
def test_wide_and_narrow_heads_and_other_activations(made: Made) -> None:
    for changes in ({"hidden_act": "relu"}, {"hidden_act": "gelu_new"}, {"num_attention_heads": 1}):
        assert_same_as_transformers(made("bert", **changes), SINGLES[:3])


def test_layer_norm_epsilon_is_the_models(made: Made) -> None:
    assert_same_as_transformers(made("bert", layer_norm_eps=0.5), SINGLES[:3])


@pytest.mark.parametrize("family", CONFIGS)
def test_padding_is_used_only_where_it_is_masked(made: Made, family: str) -> None:
    assert family_of(model_type(family)).masks_padding == (family not in UNPADDED)


def test_an_unknown_family_says_which_ones_can(made: Made) -> None:
    model = random_model("gpt2", 20)
    with pytest.raises(UnsupportedByFamily, match=r"gpt2 encoders do not run in .* needs one of bert, "):
        parts_of(model)


def test_every_listed_type_is_tested() -> None:
    listed = {name for family in FAMILIES if family.parts is not None for name in family.model_types}
    assert listed == {model_type(name) for name in PACKED}


def test_the_recipe_of_a_family_adds_the_packed_pass(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made("distilbert")
    others = tuple(family for family in FAMILIES if family.name != "distilbert")
    monkeypatch.setattr(registry, "FAMILIES", others)
    plain = Encoder.from_pretrained(folder, dtype="float32")
    assert family_of("distilbert").supports == {"features"}
    assert isinstance(plain.loaded.runner, PaddedEncoder)
    toy = Family("toy", ("distilbert",), distilbert_parts, masks_padding=True)
    monkeypatch.setattr(registry, "FAMILIES", (*others, toy))
    packed = Encoder.from_pretrained(folder, dtype="float32")
    assert (packed.family, isinstance(packed.loaded.runner, PackedEncoder)) == ("toy", True)
    assert family_of("distilbert").supports == {"features", "fast", "dissect"}
    expected = plain.encode(SINGLES, layers="all").values
    torch.testing.assert_close(packed.encode(SINGLES, layers="all").values, expected, atol=1e-5, rtol=1e-5)


def test_albert_with_inner_groups_is_refused(made: Made) -> None:
    with pytest.raises(UnsupportedByFamily, match="inner_group_num 1 is supported, got 2"):
        Encoder.from_pretrained(made("albert", inner_group_num=2), dtype="float32")


def test_an_encoder_decoder_is_refused(tmp_path: Path) -> None:
    sizes = {"encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 4, "decoder_attention_heads": 4}
    save_whole("bart", tmp_path, **sizes)
    with pytest.raises(EncoderError, match=r"encoder-decoder \(bart\)"):
        Encoder.from_pretrained(tmp_path, dtype="float32")


def save_whole(kind: str, place: Path, **sizes: Any) -> Any:
    tokenizer = word_pieces(segments=False)
    config = transformers.AutoConfig.for_model(kind, vocab_size=len(tokenizer), d_model=32, **sizes)
    model = transformers.AutoModel.from_config(config)
    model.save_pretrained(place)
    tokenizer.save_pretrained(place)
    return model


@pytest.mark.parametrize("kind", ["t5", "mt5", "umt5"])
def test_of_t5_the_encoder_is_read(tmp_path: Path, kind: str) -> None:
    whole = save_whole(kind, tmp_path, d_kv=8, num_layers=2, num_heads=4, d_ff=48, pad_token_id=0).eval()
    encoder = Encoder.from_pretrained(tmp_path, dtype="float32")
    features = encoder.encode(["a good day", "so it is, is it not?"], layers="all")
    for i in range(2):
        ids = features.token_ids[features.offsets[i] : features.offsets[i + 1]].long()
        with torch.no_grad():
            expected = whole.encoder(input_ids=ids[None], output_hidden_states=True).hidden_states
        torch.testing.assert_close(
            rows(features, i), torch.stack([h[0] for h in expected], dim=1), atol=1e-5, rtol=1e-5
        )


def test_an_architecture_that_mixes_float32_in_runs_in_it(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "choose_dtype", lambda *_: torch.bfloat16)
    folder = made("xlnet")
    assert Encoder.from_pretrained(made("gpt2")).dtype == torch.bfloat16
    encoder = Encoder.from_pretrained(folder)
    assert encoder.dtype == torch.float32
    assert encoder.embed(["a good day"]).shape == (1, 32)
    with pytest.raises(EncoderError, match=r"does not run in bfloat16: .*take dtype float32 or auto"):
        Encoder.from_pretrained(folder, dtype="bfloat16")

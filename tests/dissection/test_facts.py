"""What must hold of the terms by their definition, and what happens to the inputs that do not fit."""

from __future__ import annotations

import json

import pytest
import torch

from encoders.conftest import Made
from spacetune import Encoder
from spacetune.dissection import MEASURES, TERMS, Dissection, dissect, dissect_windows, term_subsets
from spacetune.errors import DataError, UsageError

from .conftest import TEXTS


def changed(made: Made, change: str) -> Dissection:
    """Dissect a tiny BERT with some parameters set to zero."""
    encoder = Encoder.from_pretrained(made("bert"), dtype="float64")
    model = encoder.loaded.model
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if change in name:
                parameter.zero_()
    return dissect(encoder, TEXTS, "all", dtype="float64")


def test_at_layer_0_there_is_neither_attention_nor_feed_forward(sentence: Dissection) -> None:
    assert sentence.term("attention")[:, 0].abs().max() == 0
    assert sentence.term("feed_forward")[:, 0].abs().max() == 0
    assert sentence.term("attention")[:, 1].abs().max() > 0.1


def test_importances_sum_to_1_at_every_token_and_layer(sentence: Dissection) -> None:
    ones = torch.ones_like(sentence.states[:, :, 0])
    torch.testing.assert_close(sentence.importance().sum(2), ones, atol=1e-5, rtol=0)


def test_no_attention_term_without_an_attention_output(made: Made) -> None:
    found = changed(made, "attention.output.dense.weight")
    assert found.term("attention").abs().max() == 0
    assert found.term("feed_forward").abs().max() > 0


def test_no_feed_forward_term_without_a_feed_forward_output(made: Made) -> None:
    found = changed(made, ".output.dense.weight")
    assert found.term("feed_forward").abs().max() == 0


def test_no_correction_without_biases_and_means(made: Made) -> None:
    """Output matrices and embeddings whose columns are centred leave LayerNorm no mean to take off."""
    encoder = Encoder.from_pretrained(made("bert"), dtype="float64")
    with torch.no_grad():
        for name, parameter in encoder.loaded.model.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            elif "LayerNorm" in name:
                parameter.fill_(0.7)
            elif "output.dense.weight" in name:
                parameter -= parameter.mean(0)
            elif "embeddings" in name:
                parameter -= parameter.mean(1, keepdim=True)
    found = dissect(encoder, TEXTS, "all", dtype="float64")
    assert found.term("correction").abs().max() < 1e-12
    assert found.residual() < 1e-12


def test_the_input_depends_on_other_positions_through_the_norms_only(sentence: Dissection) -> None:
    """So it keeps its direction up to the gains: i at layer l over i at layer 0 is gain times a number a token."""
    ratio = sentence.term("input")[:, 3].double() / sentence.term("input")[:, 0].double()
    directions = ratio / ratio.norm(dim=1, keepdim=True)
    torch.testing.assert_close(directions, directions[:1].expand_as(directions), atol=1e-4, rtol=0)


def test_only_and_without_are_sums_of_terms(sentence: Dissection) -> None:
    torch.testing.assert_close(sentence.only(*TERMS).values, sentence.states, atol=1e-4, rtol=0)
    rest = sentence.without("correction", "input")
    torch.testing.assert_close(rest.values, sentence.term("attention") + sentence.term("feed_forward"))
    assert rest.provenance is not None
    assert rest.provenance.encoder.endswith(", terms H+F")
    assert len(term_subsets()) == len(set(term_subsets())) == 15


def test_measures_are_those_of_the_vectors(sentence: Dissection) -> None:
    parts, whole = sentence.terms.double(), sentence.states.double().unsqueeze(2)
    expected = {
        "relative_dot_product": (parts * whole).sum(3) / whole.square().sum(3),
        "cosine": torch.nan_to_num((parts * whole).sum(3) / (parts.norm(dim=3) * whole.norm(dim=3))),
        "norm_ratio": parts.norm(dim=3) / whole.norm(dim=3),
        "l2": (whole - parts).norm(dim=3),
    }
    assert set(expected) == set(MEASURES)
    for name, value in expected.items():
        got = sentence.importance(name).double()  # pyright: ignore[reportArgumentType]
        torch.testing.assert_close(got, value, atol=1e-4, rtol=1e-4)


def test_curves_and_rows_and_json(sentence: Dissection) -> None:
    curves = sentence.curves()
    assert [row["layer"] for row in curves] == list(range(7))
    assert sum(curves[6][term] for term in TERMS) == pytest.approx(1, abs=1e-5)
    assert len(sentence.rows()) == 14 * 7
    told = json.loads(sentence.to_json())
    assert told["rows"][0]["token"] == "[CLS]"
    assert told["residual"] < 1e-4


def test_windows_give_what_the_whole_gives(made: Made) -> None:
    encoder = Encoder.from_pretrained(made("bert"), dtype="float64")
    whole = dissect(encoder, TEXTS, "all", splits=[], dtype="float64")
    parts = list(dissect_windows(encoder, TEXTS, "all", dtype="float64", window=20))
    assert len(parts) > 1
    torch.testing.assert_close(torch.cat([part.terms for part in parts]), whole.terms)


def test_texts_without_tokens(made: Made) -> None:
    encoder = Encoder.from_pretrained(made("gpt2"), dtype="float32")
    found = dissect(encoder, ["", ""])
    assert found.terms.shape == (0, 1, 4, 32)
    assert found.residual() == 0
    with pytest.raises(DataError, match="no text has a token to split"):
        dissect(encoder, [""], splits=["head"])


def test_wrong_settings_are_named(made: Made) -> None:
    encoder = Encoder.from_pretrained(made("bert"), dtype="float32")
    with pytest.raises(DataError, match="there are no texts to dissect"):
        dissect(encoder, [])
    with pytest.raises(UsageError, match="dtype must be float32 or float64, got 'bfloat16'"):
        dissect(encoder, TEXTS, dtype="bfloat16")
    with pytest.raises(UsageError, match="splits must be some of layer, head, attended, bias, got 'heads'"):
        dissect(encoder, TEXTS, splits=["heads"])  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match="splits are of one layer above 0 at a time"):
        dissect(encoder, TEXTS, "all", splits=["head"])
    with pytest.raises(UsageError, match=r"takes .* GB, more than max_bytes"):
        dissect(encoder, TEXTS, max_bytes=1000)
    with pytest.raises(UsageError, match=r"has layers 0 .* to 3, asked for 7"):
        dissect(encoder, TEXTS, 7)
    found = dissect(encoder, TEXTS)
    with pytest.raises(UsageError, match="no split by 'head'; ask for it"):
        found.split("head")
    with pytest.raises(UsageError, match="got 'inputs'; did you mean 'input'"):
        found.only("inputs")
    with pytest.raises(UsageError, match="needs a term to be left"):
        found.without(*TERMS)
    with pytest.raises(UsageError, match="measure must be one of"):
        found.importance("dot")  # pyright: ignore[reportArgumentType]


def test_a_bfloat16_encoder_is_read_anew(made: Made) -> None:
    encoder = Encoder.from_pretrained(made("bert"), dtype="bfloat16")
    exact = Encoder.from_pretrained(made("bert"), dtype="float32")
    assert torch.equal(dissect(encoder, TEXTS).terms, dissect(exact, TEXTS).terms)

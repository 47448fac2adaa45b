"""A model that peft can run keeps what it computes, and takes its cache by the old name."""

from __future__ import annotations

import copy
import inspect

import pytest
import torch
import transformers

from spacetune import Encoder
from spacetune.bridges import prepare_for_peft

from .conftest import TEXTS, plain_inputs


def plain(encoder: Encoder) -> torch.nn.Module:
    return transformers.AutoModelForSequenceClassification.from_pretrained(encoder.source.folder, num_labels=3).eval()


def test_a_prepared_model_computes_what_it_did(tiny: Encoder) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = plain(tiny)
    given = plain_inputs(tiny, TEXTS[:3])
    with torch.no_grad():
        before = model(**given).logits
        assert prepare_for_peft(model) is model
        torch.testing.assert_close(model(**given).logits, before, atol=0, rtol=0)
    assert "past_key_values" in inspect.signature(model.base_model.forward).parameters


def test_a_copy_of_a_prepared_model_has_its_own_weights(tiny: Encoder) -> None:
    model = prepare_for_peft(plain(tiny))
    twin = copy.deepcopy(model)
    for parameter in model.parameters():
        parameter.data.zero_()
    with torch.no_grad():
        assert twin(**plain_inputs(tiny, TEXTS[:1])).logits.abs().max() > 0


@pytest.mark.parametrize("name", ["cache", "past_key_values"])
def test_each_name_of_the_cache_is_taken(tiny: Encoder, name: str) -> None:
    encoder = prepare_for_peft(plain(tiny)).base_model
    if name == "cache" and "cache" not in inspect.signature(type(encoder).forward).parameters:
        pytest.skip("this version of transformers has the old name alone")
    keys = torch.randn(1, 4, 5, 8, generator=torch.Generator().manual_seed(0))
    given = plain_inputs(tiny, TEXTS[:1])
    given["attention_mask"] = torch.ones(1, 5 + given["input_ids"].shape[1])
    with torch.no_grad():
        without = encoder(**plain_inputs(tiny, TEXTS[:1])).last_hidden_state
        found = encoder(**given, **{name: transformers.DynamicCache([(keys, keys)] * 3)}).last_hidden_state
    assert (found - without).abs().max() > 1e-3

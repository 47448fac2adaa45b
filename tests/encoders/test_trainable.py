"""An encoder with gradients gives the frozen one's states, whatever lengths come together."""

from __future__ import annotations

import torch

from spacetune import Encoder
from spacetune.encoders.passes.trainable import TrainableEncoder

TEXTS = ["a word", "many words " * 40, "one", "", "some more words than one", "a few words " * 20]


def test_short_and_long_texts_keep_their_states_and_order_without_much_padding(encoder: Encoder) -> None:
    trainable = TrainableEncoder(encoder, (0, encoder.n_layers), seed=0).eval()
    shapes: list[torch.Size] = []
    trainable.runner.model.register_forward_pre_hook(
        lambda module, args, given: shapes.append(given["input_ids"].shape), with_kwargs=True
    )
    with torch.no_grad():
        found = trainable(TEXTS)
    frozen = Encoder.from_pretrained(encoder.source.folder, dtype="float32", max_length=encoder.max_length)
    torch.testing.assert_close(
        found.values, frozen.encode(TEXTS, layers=(0, encoder.n_layers)).values, atol=1e-4, rtol=1e-4
    )
    assert len(shapes) > 1
    assert sum(shape.numel() for shape in shapes) < 2 * len(found.values)


def test_every_token_has_a_gradient_of_its_own_text(encoder: Encoder) -> None:
    trainable = TrainableEncoder(encoder, (encoder.n_layers,), seed=0).eval()
    found = trainable(TEXTS)
    found.values[found.offsets[2] : found.offsets[3]].square().sum().backward()
    words = trainable.runner.model.get_input_embeddings().weight.grad
    assert words is not None
    touched = words.abs().sum(1).nonzero().flatten().tolist()
    assert set(touched) == set(found.token_ids[found.offsets[2] : found.offsets[3]].tolist())


def test_dropout_is_the_seeds_and_goes_on_from_pass_to_pass(tiny_encoder: Encoder) -> None:
    def passes(seed: int) -> list[torch.Tensor]:
        trainable = TrainableEncoder(tiny_encoder, (tiny_encoder.n_layers,), seed).train()
        return [trainable(TEXTS[:2]).values.detach() for _ in range(2)]

    before = torch.get_rng_state()
    one, again, other = passes(0), passes(0), passes(1)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(map(torch.equal, one, again))
    assert not torch.equal(one[0], other[0])
    assert not torch.equal(one[0], one[1])

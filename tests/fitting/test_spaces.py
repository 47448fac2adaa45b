"""Statistics of all tokens in runs, and the noise of the centroids, against torch's own."""

from __future__ import annotations

import pytest
import torch

from spacetune.encoders import TokenFeatures
from spacetune.fitting import FrozenInputs, inputs
from spacetune.fitting.inputs import text_chunks
from spacetune.fitting.schedule import auto_schedule
from spacetune.fitting.spaces import token_statistics

LENGTHS = torch.tensor([4, 0, 7, 1, 3, 9, 2])
VALUES = torch.randn(26, 2, 5, generator=torch.Generator().manual_seed(0)) * 2 + 3


@pytest.fixture(params=[8_192, 6])
def features(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> TokenFeatures:
    monkeypatch.setattr(inputs, "CHUNK_TOKENS", request.param)
    values = VALUES.clone()
    values[:, 1, 2] = 0.25
    return TokenFeatures(values, torch.cat([torch.zeros(1, dtype=torch.long), LENGTHS.cumsum(0)]))


def test_mean_and_deviation_of_all_tokens_are_torchs(features: TokenFeatures) -> None:
    mean, scale = token_statistics(FrozenInputs(features))
    expected = features.values.double().std(0, correction=0)
    expected[1, 2] = 1.0  # what never varies is not scaled
    torch.testing.assert_close(mean, features.values.double().mean(0), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(scale, expected, atol=1e-5, rtol=1e-5)


def test_runs_hold_every_text_once_in_order_and_few_tokens(features: TokenFeatures) -> None:
    chunks = text_chunks(features.lengths)
    assert torch.cat(chunks).tolist() == list(range(7))
    if inputs.CHUNK_TOKENS == 6:
        assert len(chunks) > 2
        assert all(len(rows) == 1 or int(LENGTHS[rows[:-1]].sum()) <= 12 for rows in chunks)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((1000, None, None, None), (62, 18)),  # the fewest epochs of 17 steps with 300 steps or more
        ((1024, None, None, None), (64, 19)),
        ((6400, None, None, None), (64, 10)),
        ((20, None, None, None), (4, 60)),
        ((1000, 3, 10, None), (10, 3)),
    ],
)
def test_what_is_left_open_is_filled_in(
    given: tuple[int, int | None, int | None, None], expected: tuple[int, int]
) -> None:
    schedule = auto_schedule(*given, "macro_f1", 3)
    assert (schedule.batch_size, schedule.n_epochs) == expected
    assert (schedule.n_examples, schedule.seed, schedule.monitor) == (given[0], 3, "macro_f1")


def test_patience_grows_with_the_epochs_that_were_left_open() -> None:
    assert auto_schedule(20, None, None, 4, "r2", 0).patience == 15
    assert [auto_schedule(20, None, None, 4, "r2", 0, most_epochs=most).n_epochs for most in (2, 10_000)] == [2, 60]
    assert auto_schedule(20, 7, None, 4, "r2", 0, most_epochs=2).n_epochs == 7
    assert auto_schedule(6400, None, None, 4, "r2", 0).patience == 4
    assert auto_schedule(20, 60, None, 4, "r2", 0).patience == 4
    assert auto_schedule(20, None, None, None, "r2", 0).patience is None


def test_features_far_from_0_keep_their_deviation() -> None:
    generator = torch.Generator().manual_seed(0)
    values = 1e4 + torch.randn(5_000, 1, 3, generator=generator)
    far = FrozenInputs(TokenFeatures(values, torch.arange(0, 5_001, 10)))
    mean, scale = token_statistics(far)
    torch.testing.assert_close(mean.float(), values.mean(0), rtol=1e-6, atol=0)
    torch.testing.assert_close(scale.float(), values.double().std(0, correction=0).float(), rtol=1e-3, atol=0)

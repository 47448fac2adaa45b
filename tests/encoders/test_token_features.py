"""Ragged features against plain loops, and their gradients against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from spacetune.encoders import Provenance, TokenFeatures, segment_mean, segment_variance
from spacetune.encoders.ragged import concat_ranges, offsets_of
from spacetune.errors import DataError

LENGTHS = st.lists(st.integers(0, 6), min_size=1, max_size=8).filter(any)
SOURCE = Provenance("e", "folder", None, "0", (1, 2), "float64", 9, n_truncated=2)


def features_of(lengths: list[int], seed: int = 0) -> TokenFeatures:
    n = sum(lengths)
    values = torch.randn(n, 2, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return TokenFeatures(values, offsets_of(torch.tensor(lengths)), torch.arange(n), SOURCE)


def texts_of(features: TokenFeatures) -> list[Tensor]:
    return [features.values[a:b] for a, b in zip(features.offsets[:-1], features.offsets[1:], strict=True)]


@given(lengths=LENGTHS, data=st.data())
def test_take_is_a_loop_over_texts(lengths: list[int], data: st.DataObject) -> None:
    features = features_of(lengths)
    places = data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=10))
    taken = features.take(torch.tensor(places))
    expected = [texts_of(features)[i] for i in places]
    assert len(taken) == len(places)
    assert taken.values.equal(torch.cat(expected))
    assert taken.lengths.tolist() == [len(text) for text in expected]
    assert taken.token_ids is not None
    assert taken.values.equal(features.values[taken.token_ids])  # ids here are row numbers
    assert taken.provenance == SOURCE


@given(lengths=LENGTHS, data=st.data())
def test_between_is_a_view_of_what_take_copies(lengths: list[int], data: st.DataObject) -> None:
    features = features_of(lengths)
    start = data.draw(st.integers(0, len(lengths) - 1))
    stop = data.draw(st.integers(start + 1, len(lengths) + 3))
    part, copied = features.between(start, stop), features.take(torch.arange(start, min(stop, len(lengths))))
    assert part.token_ids is not None
    assert copied.token_ids is not None
    assert part.values.equal(copied.values)
    assert part.offsets.equal(copied.offsets)
    assert part.token_ids.equal(copied.token_ids)
    assert part.values.untyped_storage().data_ptr() == features.values.untyped_storage().data_ptr()


def test_take_counts_from_the_end_too_and_refuses_what_is_not_there() -> None:
    features = features_of([2, 3, 0, 5])
    assert features.take(torch.tensor([-4])).values.equal(features.values[:2])
    assert features.take(torch.tensor([-1])).values.equal(features.values[5:])
    with pytest.raises(IndexError):
        features.take(torch.tensor([4]))


@given(first=LENGTHS, second=LENGTHS)
def test_concat_joins_in_order(first: list[int], second: list[int]) -> None:
    a, b = features_of(first, 1), features_of(second, 2)
    joined = TokenFeatures.concat([a, b])
    assert joined.values.equal(torch.cat([a.values, b.values]))
    assert joined.lengths.tolist() == [*first, *second]
    assert [text.tolist() for text in texts_of(joined)] == [text.tolist() for text in texts_of(a) + texts_of(b)]
    assert joined.provenance is not None
    assert joined.provenance.n_truncated == 4
    assert joined.token_ids is not None


def test_concat_of_one_and_of_none() -> None:
    features = features_of([1, 2])
    assert TokenFeatures.concat([features]) is features
    with pytest.raises(DataError, match="no features to join"):
        TokenFeatures.concat([])
    bare = TokenFeatures.from_matrix(np.zeros((2, 3)))
    assert TokenFeatures.concat([bare, bare]).token_ids is None


@given(lengths=LENGTHS)
def test_means_are_a_loop_over_texts(lengths: list[int]) -> None:
    features = features_of(lengths)
    expected = [text.mean(0) if len(text) else torch.zeros(2, 3, dtype=torch.float64) for text in texts_of(features)]
    torch.testing.assert_close(features.means(), torch.stack(expected), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_means_add_up_in_float32(dtype: torch.dtype) -> None:
    features = TokenFeatures(torch.ones(4096, 1, 1, dtype=dtype), torch.tensor([0, 4095, 4096]))
    means = features.means()
    assert means.dtype is torch.float32
    assert means.flatten().tolist() == [1.0, 1.0]


def test_from_matrix_makes_every_row_one_token() -> None:
    matrix = np.arange(6.0, dtype=np.float32).reshape(3, 2)
    features = TokenFeatures.from_matrix(matrix)
    assert repr(features) == "TokenFeatures(3 texts, 3 tokens, 1 layer of 2, float32)"
    assert features.lengths.tolist() == [1, 1, 1]
    assert features.means().squeeze(1).numpy().tolist() == matrix.tolist()
    assert TokenFeatures.from_matrix(matrix[::-1]).means()[0].tolist() == [[4.0, 5.0]]
    assert TokenFeatures.from_matrix(np.arange(6).reshape(3, 2)).means()[2].tolist() == [[4.0, 5.0]]


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((2, 3, 4)), np.array(1.0)])
def test_from_matrix_says_the_shape_it_got(wrong: np.ndarray) -> None:
    with pytest.raises(DataError, match="must be a matrix \\(text, dim\\), got shape"):
        TokenFeatures.from_matrix(wrong)


@pytest.mark.parametrize("wrong", [np.array([["a"]]), np.array([[None]], dtype=object)])
def test_from_matrix_takes_numbers_only(wrong: np.ndarray) -> None:
    with pytest.raises(DataError, match="must be a matrix of numbers"):
        TokenFeatures.from_matrix(wrong)


@given(lengths=LENGTHS)
def test_variance_is_a_loop_over_texts(lengths: list[int]) -> None:
    features = features_of(lengths)
    zero = torch.zeros(2, 3, dtype=torch.float64)
    expected = [text.var(0) if len(text) > 1 else zero for text in texts_of(features)]
    got = segment_variance(features.values, features.offsets)
    torch.testing.assert_close(got, torch.stack(expected), atol=1e-7, rtol=1e-7)


def test_variance_in_float64_is_exact_to_float64() -> None:
    features = features_of([4, 7])
    expected = torch.stack([text.var(0) for text in texts_of(features)])
    got = segment_variance(features.values, features.offsets)
    torch.testing.assert_close(got, expected, atol=1e-12, rtol=1e-12)


def test_no_tokens_at_all() -> None:
    features = features_of([0, 0])
    assert features.means().tolist() == torch.zeros(2, 2, 3).tolist()
    assert features.take(torch.tensor([], dtype=torch.long)).means().shape == (0, 2, 3)


def test_variance_of_far_away_tokens_is_not_lost_to_rounding() -> None:
    near = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    offsets = torch.tensor([0, 50])
    far = segment_variance(near + 1000.0, offsets)
    torch.testing.assert_close(far, (near + 1000.0).double().var(0, keepdim=True).float(), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("lengths", [[3, 1, 4], [2, 0, 5, 1], [1]])
def test_gradients_are_those_of_finite_differences(lengths: list[int]) -> None:
    offsets = offsets_of(torch.tensor(lengths))
    values = features_of(lengths).values.requires_grad_()
    for function in (segment_mean, segment_variance):
        assert torch.autograd.gradcheck(lambda v, f=function: f(v, offsets), (values,))


@given(lengths=LENGTHS)
@settings(max_examples=25)
def test_gradients_are_autograds_of_the_plain_loop(lengths: list[int]) -> None:
    features = features_of(lengths)
    ours, plain = (features.values.clone().requires_grad_() for _ in range(2))
    weights = torch.randn(len(lengths), 2, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    (segment_mean(ours, features.offsets) * weights).sum().backward()
    for i, (a, b) in enumerate(zip(features.offsets[:-1], features.offsets[1:], strict=True)):
        if b > a:
            (plain[a:b].mean(0) * weights[i]).sum().backward()
    if plain.grad is not None:
        torch.testing.assert_close(ours.grad, plain.grad, atol=1e-12, rtol=1e-12)


@given(ranges=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), max_size=8))
def test_concat_ranges_is_a_loop(ranges: list[tuple[int, int]]) -> None:
    starts = torch.tensor([start for start, _ in ranges], dtype=torch.long)
    lengths = torch.tensor([length for _, length in ranges], dtype=torch.long)
    expected = [i for start, length in ranges for i in range(start, start + length)]
    assert concat_ranges(starts, lengths).tolist() == expected

"""Attention of the frozen pass: by products in bfloat16, by torch's fused operation elsewhere, and the same by both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from spacetune.encoders.passes import attention
from spacetune.encoders.passes.attention import Span, attend
from spacetune.encoders.passes.layout import lay_out

N_HEADS, WIDTH = 2, 8


def packed(lengths: list[int], seed: int = 0) -> tuple[Tensor, list[Span]]:
    layout = lay_out(np.asarray(lengths))
    parts: Any = type("Parts", (), {"attention_bias": None})
    qkv = torch.randn(layout.n_rows, 3 * N_HEADS * WIDTH, generator=torch.Generator().manual_seed(seed))
    return qkv, attention.spans_of(layout, parts, torch.float32, torch.device("cpu"))


def in_bfloat16(qkv: Tensor, spans: list[Span]) -> Tensor:
    half = [(start, count, size, None if bias is None else bias.bfloat16()) for start, count, size, bias in spans]
    return attend(qkv.bfloat16(), half, N_HEADS).float()


@pytest.mark.parametrize("lengths", [[70], [3, 20, 30, 64], [70, 80, 80], [200, 2, 9]])
def test_products_give_what_the_fused_operation_does(lengths: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    qkv, spans = packed(lengths)
    qkv = qkv.bfloat16().float()  # so that both start from the same numbers
    whole = attend(qkv, spans, N_HEADS)
    assert (in_bfloat16(qkv, spans) - whole).abs().max() < 0.03
    monkeypatch.setattr(F, "scaled_dot_product_attention", None)  # nothing above came of it
    assert (in_bfloat16(qkv, spans) - whole).abs().max() < 0.03


def test_what_all_keys_share_does_not_cost_precision() -> None:
    qkv, spans = packed([40, 20])
    qkv = qkv.bfloat16().float()
    near = (in_bfloat16(qkv, spans) - attend(qkv, spans, N_HEADS)).abs().max()
    qkv[:, N_HEADS * WIDTH : 2 * N_HEADS * WIDTH] += 32.0  # scores near 100, where bfloat16 knows halves only
    qkv = qkv.bfloat16().float()
    assert (in_bfloat16(qkv, spans) - attend(qkv, spans, N_HEADS)).abs().max() < 4 * near


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_scores_out_of_range_take_the_fused_operation(sign: float, monkeypatch: pytest.MonkeyPatch) -> None:
    qkv, spans = packed([12, 12])
    told, mixed = [], attention.mixed
    monkeypatch.setattr(attention, "mixed", lambda *given: told.append(mixed(*given)))
    qkv[:, : N_HEADS * WIDTH] = 30.0 * sign
    qkv[:, N_HEADS * WIDTH : 2 * N_HEADS * WIDTH] *= 30.0
    qkv = qkv.bfloat16().float()
    found = in_bfloat16(qkv, spans)
    assert told == [None]
    assert torch.isfinite(found).all()
    assert (found - attend(qkv, spans, N_HEADS)).abs().max() < 0.03


def test_long_and_short_texts_take_the_fused_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "mixed", None)
    for length in (1030, 50):
        in_bfloat16(*packed([length]))
    with pytest.raises(TypeError):
        in_bfloat16(*packed([70]))


@pytest.mark.parametrize("far", [False, True])  # scores far beyond what the powers of two can hold
@pytest.mark.parametrize("lengths", [[70], [3, 20, 30, 64], [70, 80, 80]])
def test_gradients_are_those_of_the_fused_operation(
    lengths: list[int], far: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    qkv, spans = packed(lengths)
    if far:
        qkv[:, : 2 * N_HEADS * WIDTH] *= 12
    half = [(start, count, size, None if bias is None else bias.bfloat16()) for start, count, size, bias in spans]
    full, less = (qkv.bfloat16().to(dtype).requires_grad_() for dtype in (torch.float32, torch.bfloat16))
    towards = torch.randn(len(qkv), N_HEADS * WIDTH, generator=torch.Generator().manual_seed(1))
    (attend(full, spans, N_HEADS) * towards).sum().backward()
    monkeypatch.setattr(F, "scaled_dot_product_attention", None)
    (attend(less, half, N_HEADS).float() * towards).sum().backward()
    assert full.grad is not None
    assert less.grad is not None
    real = full.grad.abs().sum(1) > 0  # filling rows have none
    apart = (less.grad.float() - full.grad)[real].norm(dim=1) / full.grad.norm(dim=1).mean()
    assert apart.median() < (0.05 if far else 0.02)

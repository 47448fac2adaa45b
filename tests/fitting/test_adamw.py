"""The optimiser takes torch's own steps, and a fit loads no compiler."""

from __future__ import annotations

import torch
from tests.loaded import loaded_by
from torch import nn

from spacetune.fitting.adamw import AdamW, Group


def test_steps_are_those_of_torch() -> None:
    numbers = torch.randn(3, 5, 3, generator=torch.Generator().manual_seed(0))
    own, theirs = ([nn.Parameter(each.clone()) for each in numbers] for _ in "ab")
    mine = AdamW([Group(own[:2], 0.01, 0.1), Group(own[2:], 0.2, 0.0)])
    groups = [{"params": theirs[:2], "lr": 0.01, "weight_decay": 0.1}, {"params": theirs[2:], "lr": 0.2}]
    reference = torch.optim.AdamW(groups, weight_decay=0.0, fused=True)
    rates = [group["lr"] for group in reference.param_groups]
    for step in range(5):
        draw = torch.Generator().manual_seed(10 + step)
        for i, pair in enumerate(zip(own, theirs, strict=True)):
            gradient = torch.randn(5, 3, generator=draw)
            for parameter in pair:
                parameter.grad = gradient.clone() if i != step else None  # one of them has none
        for group, rate in zip(reference.param_groups, rates, strict=True):
            group["lr"] = rate * (1 - step / 7)
        mine.step(1 - step / 7)
        reference.step()
        assert all(a.equal(b) for a, b in zip(own, theirs, strict=True))
    mine.zero_grad()
    assert all(parameter.grad is None for parameter in mine.parameters)


def test_a_fit_loads_neither_a_compiler_nor_transformers() -> None:
    code = (
        "from spacetune import SpaceClassifier\n"
        "SpaceClassifier(n_epochs=2, store=None).fit(['a', 'b'] * 8, ['x', 'y'] * 8)"
    )
    assert not {"torch._dynamo", "sympy", "transformers"} & loaded_by(code)

"""AdamW without what torch loads to compile it: `torch.optim.AdamW` takes over a second before its first step."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

__all__ = ["AdamW", "Group"]


@dataclasses.dataclass(frozen=True)
class Group:
    """Parameters that are trained at one rate; their decay is decoupled from it (Loshchilov and Hutter 2019)."""

    parameters: Sequence[nn.Parameter]
    learning_rate: float
    weight_decay: float


class AdamW:
    """The steps of `torch.optim.AdamW` with its defaults, fused, bit for bit.

    Parameters
    ----------
    groups
        What is trained.
    """

    def __init__(self, groups: Sequence[Group]) -> None:
        self.groups = groups
        self.state: dict[Tensor, dict[str, Tensor]] = {}

    @property
    def parameters(self) -> list[nn.Parameter]:
        """What is trained, in the order of its groups."""
        return [parameter for group in self.groups for parameter in group.parameters]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Take a step at this share of the full learning rates, for all that has a gradient."""
        for group in self.groups:
            moved = [p for p in group.parameters if p.grad is not None]
            states = [self._state_of(p) for p in moved]
            adamw(
                [*moved],
                [p.grad for p in moved if p.grad is not None],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                [state["step"] for state in states],
                fused=True,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=group.learning_rate * rate,
                weight_decay=group.weight_decay,
                eps=1e-8,
                maximize=False,
            )

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def _state_of(self, parameter: Tensor) -> dict[str, Tensor]:
        if not self.state.get(parameter):
            self.state[parameter] = {
                "step": torch.zeros((), device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
        return self.state[parameter]

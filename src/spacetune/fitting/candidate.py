"""One thing being trained: its module, its optimiser, its epochs, and the best parameters seen."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spacetune.fitting.adamw import AdamW, Group
from spacetune.fitting.history import Epoch
from spacetune.fitting.scores import standing

__all__ = ["Candidate"]


class Candidate:
    """A module in training.

    Parameters
    ----------
    module
        Whose parameters with gradients are trained.
    learning_rate
        Full learning rate of AdamW.
    weight_decay
        Decay of matrices; one-dimensional parameters do not decay.
    apart
        A part that trains at a rate of its own, and the rate: an encoder under a new head, a head over new prefixes.
    slack
        By how much the monitored score of a later epoch may stay below the highest and the epoch be kept all the same:
        as the rate falls training settles, and one dev score is as good as another within chance. The start must be
        beaten in any case.
    """

    def __init__(
        self,
        module: nn.Module,
        learning_rate: float,
        weight_decay: float,
        apart: tuple[nn.Module, float] | None = None,
        slack: float = 0.0,
    ) -> None:
        self.module, self.slack = module, slack
        self.epochs: list[Epoch] = []
        self.best_epoch = 0
        self._best: dict[str, Tensor] = {}
        others = {id(p) for p in apart[0].parameters()} if apart else set[int]()
        groups = _groups([p for p in module.parameters() if id(p) not in others], learning_rate, weight_decay)
        if apart:
            groups += _groups(list(apart[0].parameters()), apart[1], weight_decay)
        self.optimizer = AdamW(groups)

    def trained(self) -> dict[str, Tensor]:
        """Return the parameters being trained, by name."""
        return {name: p for name, p in self.module.named_parameters() if p.requires_grad}

    def step(self, rate: float) -> None:
        """Take one optimiser step at this share of the full learning rates."""
        self.optimizer.step(rate)
        self.optimizer.zero_grad()

    def record(self, epoch: Epoch, monitor: str) -> None:
        """Note an epoch; keep a copy of the parameters where it is the best so far, or none is scored."""
        before = list(self.epochs) if self._best else []
        self.epochs.append(epoch)
        if not before or not epoch.scores or self._takes(epoch, before, monitor):
            self.best_epoch = epoch.epoch
            self._best = {name: p.detach().clone() for name, p in self.trained().items()}

    def _takes(self, epoch: Epoch, before: list[Epoch], monitor: str) -> bool:
        """Tell whether an epoch goes before the best so far."""
        kept = next(e for e in before if e.epoch == self.best_epoch)
        if standing(epoch.scores, monitor) > standing(kept.scores, monitor):
            return True
        start = [standing(e.scores, monitor) for e in before if e.epoch == 0]
        trained = [e.scores[monitor] for e in before if e.epoch]
        near = bool(self.slack and trained) and epoch.scores[monitor] >= max(trained) - self.slack
        return near and all(standing(epoch.scores, monitor) > each for each in start)

    def waited(self, patience: int | None) -> bool:
        """Tell whether this many epochs (1 at least) have passed without a better score."""
        if patience is None or not self.epochs:
            return False
        return self.epochs[-1].epoch - self.best_epoch >= max(1, patience)

    def restore_best(self) -> None:
        """Put the best parameters back."""
        with torch.no_grad():
            for name, parameter in self.trained().items():
                if name in self._best:
                    parameter.copy_(self._best[name])
        self.module.eval()

    def state(self) -> dict[str, Tensor]:
        """Return everything needed to go on later: parameters, the best ones, the optimiser's moments."""
        state = {f"now.{name}": p.detach() for name, p in self.trained().items()}
        state |= {f"best.{name}": tensor for name, tensor in self._best.items()}
        for i, parameter in enumerate(self.optimizer.parameters):
            for key, value in self.optimizer.state.get(parameter, {}).items():
                state[f"optimizer.{i}.{key}"] = value
        return state

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Restore a saved state."""
        with torch.no_grad():
            for name, parameter in self.trained().items():
                parameter.copy_(state[f"now.{name}"])
        self._best = {k.removeprefix("best."): v for k, v in state.items() if k.startswith("best.")}
        for i, parameter in enumerate(self.optimizer.parameters):
            mark = f"optimizer.{i}."
            self.optimizer.state[parameter] = {k.removeprefix(mark): v for k, v in state.items() if k.startswith(mark)}


def _groups(parameters: list[nn.Parameter], learning_rate: float, weight_decay: float) -> list[Group]:
    trained = [p for p in parameters if p.requires_grad]
    matrices, others = [p for p in trained if p.dim() > 1], [p for p in trained if p.dim() <= 1]
    return [Group(matrices, learning_rate, weight_decay), Group(others, learning_rate, 0.0)]

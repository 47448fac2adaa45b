"""`Learnt`: what a fit learned, in arrays and plain values; a model and a simplex when they are asked for."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from torch import Tensor

from spacetune.encoders import Encoder
from spacetune.fitting.at_rest import array_of, facts_of, model_of, simplex_of, tensor_of, tensors_of
from spacetune.fitting.history import History
from spacetune.fitting.tasks import Task
from spacetune.heads import Model, Simplex

__all__ = ["Learnt"]

Array = np.ndarray[Any, Any]
MADE = ("model", "simplex")


@dataclasses.dataclass(frozen=True)
class Learnt:
    """What a fit learned. At rest it is NumPy arrays and plain values: small, and safe to pickle.

    Parameters
    ----------
    facts
        Sizes and kinds that the arrays do not tell.
    arrays
        The learned numbers, by the names they have in a saved model.
    history
        How training went; None where there are no epochs.
    chosen
        What dev chose, to learn again by; None in a model that was loaded.
    task
        What was learnt, as it was trained; None in a model that was loaded.
    encoder
        The encoder, where it was trained too.
    """

    facts: Mapping[str, Any]
    arrays: Mapping[str, Array]
    history: History | None = None
    chosen: Any = None
    task: Task | None = None
    encoder: Encoder | None = None

    @classmethod
    def of(
        cls,
        model: Model,
        simplex: Simplex | None = None,
        *,
        history: History | None = None,
        chosen: Any = None,
        encoder: Encoder | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> Self:
        """Convert a trained model, or a simplex and its centroid, to arrays."""
        tensors = tensors_of(model, simplex)
        arrays = {name: array_of(tensor) for name, tensor in tensors.items()}
        return cls({**facts_of(model, simplex), **(facts or {})}, arrays, history, chosen, encoder=encoder)

    @functools.cached_property
    def simplex(self) -> Simplex | None:
        """The simplex; None where one point was learnt."""
        return simplex_of(self.facts, self.tensors)

    @functools.cached_property
    def model(self) -> Model:
        """The model to use: of a simplex the centroid."""
        return model_of(self.facts, self.tensors, self.simplex)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The arrays as tensors that share their memory."""
        return {name: tensor_of(array) for name, array in self.arrays.items()}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in MADE}

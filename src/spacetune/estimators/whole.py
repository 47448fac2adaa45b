"""The encoder of a fitted model with all that the model learnt inside it."""

from __future__ import annotations

from spacetune.encoders import Encoder
from spacetune.encoders.adapters import LoraStates, PrefixStates
from spacetune.encoders.tuned import tuned
from spacetune.errors import UsageError
from spacetune.estimators.text_estimator import TextEstimator

__all__ = ["whole_encoder"]


def whole_encoder(model: TextEstimator) -> Encoder:
    """Return the encoder as a fitted model reads through it: tuned layers and low-rank adapters are in its weights.

    `encoder_` has tuned layers alone, since adapters stand beside the frozen weights.

    Parameters
    ----------
    model
        A fitted model of texts; of a simplex it is the centroid's.

    Raises
    ------
    UsageError
        If it reads behind a prefix: no weights of an encoder do what one does.

    Examples
    --------
    >>> from spacetune import LinearProbe
    >>> model = LinearProbe(layers=-1).fit(["good", "bad", "fine", "dull"] * 3, [1, 0, 1, 0] * 3)
    >>> whole_encoder(model) is model.encoder_
    True
    """
    adapter = model.learnt_.model.adapter
    if isinstance(adapter, PrefixStates):
        raise UsageError(
            "this model reads behind a prefix that it learnt, which is no part of an encoder's weights; what is asked "
            "needs a model without one, such as --inside lora, --inside top, or none"
        )
    return tuned(model.encoder_, adapter.merged) if isinstance(adapter, LoraStates) else model.encoder_

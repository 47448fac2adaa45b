"""`load_estimator`: a saved model of any kind."""

from __future__ import annotations

import os

from spacetune.encoders import Encoder
from spacetune.estimators.text_estimator import TextEstimator

__all__ = ["load_estimator"]


def load_estimator(
    place: str | os.PathLike[str],
    *,
    encoder: str | os.PathLike[str] | Encoder | None = None,
    revision: str | None = None,
    token: str | None = None,
) -> TextEstimator:
    """Load a saved model of any kind.

    Parameters
    ----------
    place
        The folder it was saved to, or ``user/name`` on the hub where there is no such folder.
    encoder
        The encoder to use, or its folder or name on the hub; None takes the one it was trained with where that is at
        hand. The hub is not asked for a name found in a saved model; it is for one given here.
    revision, token
        Of a model on the hub: branch, tag or commit, and your access token.

    Returns
    -------
    TextEstimator
        Of the class it was saved as.

    Raises
    ------
    ModelFileError
        If the folder is damaged, of an unknown kind, or its encoder's weights are not those it was trained on.
    EncoderError
        If the encoder is not at hand.
    UsageError
        If an encoder is given for a model that has its own.
    """
    return TextEstimator.from_pretrained(place, encoder=encoder, revision=revision, token=token)

"""A saved model for a command, with its encoder found where the user says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spacetune.errors import EncoderError

__all__ = ["ModelEncoder", "load"]

ModelEncoder = Annotated[
    str | None, typer.Option("--encoder", help="Folder or hub name of the model's encoder, where it has moved.")
]


def load(model: Path, encoder: str | None = None) -> Any:
    """Load a saved model.

    Parameters
    ----------
    model
        Its folder.
    encoder
        Where its encoder is; None looks where it was when the model was fitted. The weights must be the same.

    Raises
    ------
    ModelFileError
        If the model is damaged, or the encoder is another one.
    EncoderError
        If the encoder is not found.
    UsageError
        If an encoder is named for a model that holds its own.
    """
    from spacetune.estimators import load_estimator

    try:
        return load_estimator(model, encoder=encoder)
    except EncoderError as error:
        if encoder is not None:
            raise
        raise type(error)(f"{error}; if the model's encoder has moved, say where it is with --encoder") from error

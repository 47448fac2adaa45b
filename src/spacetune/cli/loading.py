"""A saved model for a command, with its encoder found where the user says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spacetune.errors import EncoderError, UsageError

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

    if encoder is not None:
        return load_estimator(model, encoder=_encoder_for(model, encoder))
    try:
        return load_estimator(model)
    except EncoderError as error:
        raise type(error)(f"{error}; if the model's encoder has moved, say where it is with --encoder") from error


def _encoder_for(model: Path, name: str) -> Any:
    """Load an encoder that reads texts as the model's own does."""
    from spacetune.encoders import Encoder
    from spacetune.model_folder import check_config, read_model

    stored = read_model(model)
    check_config(stored.config, model)
    if stored.encoder is not None:
        raise UsageError(f"{model} holds its own encoder, which was trained with it; leave --encoder out")
    read = stored.config["encoder"]
    return Encoder.from_pretrained(name, max_length=read["max_length"], max_windows=read.get("max_windows", 1))

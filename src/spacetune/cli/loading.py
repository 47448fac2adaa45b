"""A saved model or an encoder for a command, found where the user says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from spacetune.errors import EncoderError
from spacetune.model_folder import is_model

__all__ = ["EncoderName", "ModelEncoder", "load", "named_encoder"]

EncoderName = Annotated[
    str | None, typer.Option(help="Folder, hub name or short name of the encoder; by default all-MiniLM-L6-v2.")
]
ModelEncoder = Annotated[
    str | None, typer.Option("--encoder", help="Folder or hub name of the model's encoder, where it has moved.")
]


def load(model: str | Path, encoder: str | None = None) -> Any:
    """Load a saved model, from a folder or as ``user/name`` from the hub.

    Its encoder is where it was when the model was fitted, or where `encoder` says.

    The encoder's weights must be the same. Raises `ModelFileError` if the model is damaged, or the encoder is another
    one; `EncoderError` if the encoder is not found; `UsageError` if one is named for a model that holds its own.
    """
    from spacetune.estimators import load_estimator

    try:
        return load_estimator(model, encoder=encoder)
    except EncoderError as error:
        if encoder is not None:
            raise
        raise type(error)(f"{error}; if the model's encoder has moved, say where it is with --encoder") from error


def named_encoder(given: str) -> Any:
    """Return what names an encoder: None for the default, a saved model's own encoder, else the name itself."""
    if given == "default":
        return None
    if not is_model(Path(given)):
        return given
    from spacetune.estimators.whole import whole_encoder

    return whole_encoder(load(Path(given)))

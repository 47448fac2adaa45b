"""What peft's prefix-tuning needs of a transformers model whose cache has a new name."""

from __future__ import annotations

import inspect
import types
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

__all__ = ["prepare_for_peft"]

M = TypeVar("M", bound="PreTrainedModel")


def prepare_for_peft(model: M) -> M:
    """Let peft's prefix-tuning run on a transformers model of any version.

    peft (up to 0.21 at least) hands the prefix on as ``past_key_values``. Newer transformers call it ``cache``: then
    peft says "Model does not support past key values", or the prefix depends on a name that is going away. Where the
    encoder's ``forward`` knows the new name alone, it is made to take the old one too; other models stay as they are.

    Parameters
    ----------
    model
        A transformers encoder, or a classifier on one, before `peft.get_peft_model` or `peft.PeftModel` takes it.

    Returns
    -------
    PreTrainedModel
        The same model. It computes what it did before.
    """
    encoder = model.base_model
    names = inspect.signature(encoder.forward).parameters
    if "cache" in names and "past_key_values" not in names:
        encoder.forward = types.MethodType(_forward_with_the_old_name, encoder)
    return model


def _forward_with_the_old_name(
    encoder: nn.Module, *args: object, past_key_values: object = None, **named: object
) -> Any:
    if past_key_values is not None:
        named["cache"] = past_key_values
    return type(encoder).forward(encoder, *args, **named)

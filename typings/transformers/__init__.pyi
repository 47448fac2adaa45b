"""The names of transformers that are used here: its own `__init__` makes the type checker read every model it has."""

from typing import Any, Self

from torch import nn
from transformers import utils as utils
from transformers.configuration_utils import PreTrainedConfig as PreTrainedConfig
from transformers.masking_utils import AttentionMaskInterface as AttentionMaskInterface
from transformers.modeling_utils import AttentionInterface as AttentionInterface
from transformers.models.auto.configuration_auto import AutoConfig as AutoConfig
from transformers.models.auto.modeling_auto import AutoModel as AutoModel
from transformers.models.auto.modeling_auto import (
    AutoModelForSequenceClassification as AutoModelForSequenceClassification,
)
from transformers.models.auto.tokenization_auto import AutoTokenizer as AutoTokenizer
from transformers.utils import logging as logging

class PreTrainedModel(nn.Module):
    config: Any
    base_model: Any
    loss_function: Any
    def __init__(self, config: PreTrainedConfig) -> None: ...
    def post_init(self) -> None: ...
    def save_pretrained(self, folder: Any, **options: Any) -> None: ...
    @classmethod
    def from_pretrained(cls, name: Any, **options: Any) -> Self: ...

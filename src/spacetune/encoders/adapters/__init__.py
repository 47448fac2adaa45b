"""What can be learnt inside a frozen encoder: prefixes and low-rank additions, and how the encoder runs under them."""

from spacetune.encoders.adapters.layers import LayerChanges, UpperLayers, check_tunable
from spacetune.encoders.adapters.lora import LoraShape, LoraStates, LoraVertices
from spacetune.encoders.adapters.prefix import Prefix, PrefixShape, PrefixStates
from spacetune.encoders.adapters.prefix_vertices import Mixing, PrefixVertices
from spacetune.encoders.adapters.prefixed import BATCH_TOKENS, Adapter, Pooling, PrefixedEncoder
from spacetune.encoders.adapters.reparametrisation import Reparametrisation

__all__ = [
    "BATCH_TOKENS",
    "Adapter",
    "LayerChanges",
    "LoraShape",
    "LoraStates",
    "LoraVertices",
    "Mixing",
    "Pooling",
    "Prefix",
    "PrefixShape",
    "PrefixStates",
    "PrefixVertices",
    "PrefixedEncoder",
    "Reparametrisation",
    "UpperLayers",
    "check_tunable",
]

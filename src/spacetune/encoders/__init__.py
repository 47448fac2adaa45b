"""Texts become token features: a frozen encoder, run fast."""

from spacetune.encoders.embedding import Embedder, PooledText
from spacetune.encoders.encoder import Encoder, Layers, shared_encoder
from spacetune.encoders.given import TextInput, as_given, as_inputs, each_once, holds_features, holds_texts
from spacetune.encoders.lora_states import LoraShape, LoraStates
from spacetune.encoders.perturbing import Rung, perturb, perturbation_ladder
from spacetune.encoders.prefix_states import PrefixShape, PrefixStates
from spacetune.encoders.prefixed import Adapter, Pooling, PrefixedEncoder
from spacetune.encoders.ragged import segment_mean, segment_variance
from spacetune.encoders.resolving import DEFAULT_ENCODER
from spacetune.encoders.store import FeatureStore, StoredFeatures, default_store
from spacetune.encoders.token_features import FeatureSource, Provenance, TokenFeatures
from spacetune.encoders.tokenizing import TokenSpans

__all__ = [
    "DEFAULT_ENCODER",
    "Adapter",
    "Embedder",
    "Encoder",
    "FeatureSource",
    "FeatureStore",
    "Layers",
    "LoraShape",
    "LoraStates",
    "PooledText",
    "Pooling",
    "PrefixShape",
    "PrefixStates",
    "PrefixedEncoder",
    "Provenance",
    "Rung",
    "StoredFeatures",
    "TextInput",
    "TokenFeatures",
    "TokenSpans",
    "as_given",
    "as_inputs",
    "default_store",
    "each_once",
    "holds_features",
    "holds_texts",
    "perturb",
    "perturbation_ladder",
    "segment_mean",
    "segment_variance",
    "shared_encoder",
]

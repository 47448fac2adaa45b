"""Texts become token features: a frozen encoder, run fast."""

from spacetune.encoders.adapters import (
    Adapter,
    LayerChanges,
    LoraShape,
    LoraStates,
    LoraVertices,
    Mixing,
    Pooling,
    Prefix,
    PrefixedEncoder,
    PrefixShape,
    PrefixStates,
    PrefixVertices,
    Reparametrisation,
    UpperLayers,
    check_tunable,
)
from spacetune.encoders.batching import runs_of
from spacetune.encoders.encoder import Encoder
from spacetune.encoders.given import (
    TextInput,
    Texts,
    as_columns,
    as_given,
    as_inputs,
    as_line,
    each_once,
    holds_features,
    holds_texts,
)
from spacetune.encoders.held import can_hold, held_runs
from spacetune.encoders.layers import Layers
from spacetune.encoders.loading.resolving import DEFAULT_ENCODER
from spacetune.encoders.paired import PairedFeatures, texts_of_pairs
from spacetune.encoders.passes.held import HeldPass, carried_back
from spacetune.encoders.passes.trainable import TrainableEncoder
from spacetune.encoders.perturbing import Rung, perturb, perturbation_ladder
from spacetune.encoders.ragged import segment_mean, segment_variance
from spacetune.encoders.sentences.embedding import Embedder, PooledText
from spacetune.encoders.sharing import shared_encoder
from spacetune.encoders.store import FeatureStore, StoredFeatures, default_store
from spacetune.encoders.token_features import FeatureSource, Provenance, TokenFeatures
from spacetune.encoders.tokenizing import TokenSpans
from spacetune.encoders.tuned import tuned

__all__ = [
    "DEFAULT_ENCODER",
    "Adapter",
    "Embedder",
    "Encoder",
    "FeatureSource",
    "FeatureStore",
    "HeldPass",
    "LayerChanges",
    "Layers",
    "LoraShape",
    "LoraStates",
    "LoraVertices",
    "Mixing",
    "PairedFeatures",
    "PooledText",
    "Pooling",
    "Prefix",
    "PrefixShape",
    "PrefixStates",
    "PrefixVertices",
    "PrefixedEncoder",
    "Provenance",
    "Reparametrisation",
    "Rung",
    "StoredFeatures",
    "TextInput",
    "Texts",
    "TokenFeatures",
    "TokenSpans",
    "TrainableEncoder",
    "UpperLayers",
    "as_columns",
    "as_given",
    "as_inputs",
    "as_line",
    "can_hold",
    "carried_back",
    "check_tunable",
    "default_store",
    "each_once",
    "held_runs",
    "holds_features",
    "holds_texts",
    "perturb",
    "perturbation_ladder",
    "runs_of",
    "segment_mean",
    "segment_variance",
    "shared_encoder",
    "texts_of_pairs",
    "tuned",
]

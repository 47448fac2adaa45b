"""What reads token features: heads whose token scores add up to their logits, and a simplex of them."""

from spacetune.heads.head import Head, HeadSum, HeldHead
from spacetune.heads.lexicon import Lexicon, grams_of, owned_grams, pair_keys, token_pairs
from spacetune.heads.linear import LinearHead, LinearVertices
from spacetune.heads.model import Model
from spacetune.heads.pairs import Meeting, PairHead
from spacetune.heads.simplex import AdapterVertices, HeadVertices, Simplex
from spacetune.heads.simplex_weights import Sampling, simplex_weights
from spacetune.heads.spaces import ConceptSpaces, SpaceHead, SpaceVertices
from spacetune.heads.text_means import TextMean

__all__ = [
    "AdapterVertices",
    "ConceptSpaces",
    "Head",
    "HeadSum",
    "HeadVertices",
    "HeldHead",
    "Lexicon",
    "LinearHead",
    "LinearVertices",
    "Meeting",
    "Model",
    "PairHead",
    "Sampling",
    "Simplex",
    "SpaceHead",
    "SpaceVertices",
    "TextMean",
    "grams_of",
    "owned_grams",
    "pair_keys",
    "simplex_weights",
    "token_pairs",
]

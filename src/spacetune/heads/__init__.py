"""What reads token features: heads whose token scores add up to their logits, and a simplex of them."""

from spacetune.heads.head import Head, HeadSum, HeldHead
from spacetune.heads.lexicon import Lexicon, pair_keys, token_pairs
from spacetune.heads.linear import LinearHead, LinearVertices
from spacetune.heads.model import Model
from spacetune.heads.pairs import PairHead, pair_rows
from spacetune.heads.simplex import AdapterVertices, HeadVertices, Simplex
from spacetune.heads.simplex_weights import Sampling, simplex_weights
from spacetune.heads.spaces import ConceptSpaces, SpaceHead, SpaceVertices

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
    "Model",
    "PairHead",
    "Sampling",
    "Simplex",
    "SpaceHead",
    "SpaceVertices",
    "pair_keys",
    "pair_rows",
    "simplex_weights",
    "token_pairs",
]

"""The Space Model: one linear operator a class, tanh, the mean over real tokens, a linear classifier."""

from spacetune.spaces.centroids import ROWS, fused_centroids
from spacetune.spaces.concept_spaces import ConceptSpaces
from spacetune.spaces.head import SpaceHead
from spacetune.spaces.layer import SpaceLayer
from spacetune.spaces.lexicon import Lexicon, token_pairs
from spacetune.spaces.losses import inter_space_loss, intra_space_loss
from spacetune.spaces.overlap import SpaceOverlap, aligned_space, space_overlap
from spacetune.spaces.pooling import masked_mean, masked_variance
from spacetune.spaces.simplex import SpaceSimplex

__all__ = [
    "ROWS",
    "ConceptSpaces",
    "Lexicon",
    "SpaceHead",
    "SpaceLayer",
    "SpaceOverlap",
    "SpaceSimplex",
    "aligned_space",
    "fused_centroids",
    "inter_space_loss",
    "intra_space_loss",
    "masked_mean",
    "masked_variance",
    "space_overlap",
    "token_pairs",
]

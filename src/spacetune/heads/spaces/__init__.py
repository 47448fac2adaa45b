"""The Space Model: one linear operator a class, tanh, the mean over real tokens, a linear classifier."""

from spacetune.heads.spaces.centroids import ROWS, fused_centroids
from spacetune.heads.spaces.concept_spaces import ConceptSpaces
from spacetune.heads.spaces.head import SpaceHead
from spacetune.heads.spaces.layer import SpaceLayer
from spacetune.heads.spaces.losses import InterVariant, inter_space_loss, intra_space_loss
from spacetune.heads.spaces.overlap import SpaceOverlap, aligned_space, space_overlap
from spacetune.heads.spaces.pooling import masked_mean, masked_variance
from spacetune.heads.spaces.vertices import SpaceVertices

__all__ = [
    "ROWS",
    "ConceptSpaces",
    "InterVariant",
    "SpaceHead",
    "SpaceLayer",
    "SpaceOverlap",
    "SpaceVertices",
    "aligned_space",
    "fused_centroids",
    "inter_space_loss",
    "intra_space_loss",
    "masked_mean",
    "masked_variance",
    "space_overlap",
]

"""A simplex of prefixes: learn a whole subspace, sample a point of it for every observation, use its centroid."""

from spacetune.prefixes.heads import LinearSimplex
from spacetune.prefixes.lora import LoraSimplex
from spacetune.prefixes.prefix import Prefix
from spacetune.prefixes.reparametrisation import Reparametrisation
from spacetune.prefixes.sampling import simplex_weights
from spacetune.prefixes.simplex import PrefixSimplex

__all__ = ["LinearSimplex", "LoraSimplex", "Prefix", "PrefixSimplex", "Reparametrisation", "simplex_weights"]

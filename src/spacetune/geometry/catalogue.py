"""Every measure with what a reader must know before trusting a number of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from spacetune.errors import UsageError, did_you_mean
from spacetune.geometry import (
    cell_counts,
    cells,
    comparison,
    directions,
    entropies,
    entropy,
    isoscores,
    isotropy,
    neighbourhood,
)
from spacetune.geometry.points import NEIGHBOURS, PAIRS, QUANTIZER, SPECTRAL, SampleAdvice

__all__ = ["CATALOGUE", "OFFICIAL_SET", "Invariance", "Measure", "Needs", "find_measure", "list_measures"]

Needs = Literal["moments", "points", "texts", "neighbours", "quantizer", "pairs"]
Invariance = Literal["rotation", "shift", "scale", "point scale"]

ROTATION_SHIFT_SCALE: tuple[Invariance, ...] = ("rotation", "shift", "scale")
ABOUT_THE_ORIGIN: tuple[Invariance, ...] = ("rotation", "scale")
ON_THE_SPHERE: tuple[Invariance, ...] = ("rotation", "scale", "point scale")
INFINITY = float("inf")


@dataclass(frozen=True)
class Measure:
    """One measure of a set of points, or of two sets.

    Attributes
    ----------
    name
        Name in tables and for `compute`.
    label
        Name in the papers.
    function
        The measure: takes points (two sets of points where `sets` is 2) and returns a float.
    purpose
        One line on what it tells.
    low, high
        Ends of the range, to rounding; infinite where unbounded.
    direction
        What small and large values mean.
    source
        Where it comes from.
    invariances
        What may be done to the points without changing the value: "rotation", "shift", "scale" (all points by
        one factor) and "point scale" (each point by its own positive factor).
    advice
        Fewest points, and the number advised.
    cost
        Order of time for n points of d dimensions.
    needs
        "moments": mean and covariance are enough, so it streams; "points": all points, once; "texts":
        which text each point is of; "neighbours": nearest neighbours of every point; "quantizer": a trained quantizer;
        "pairs": all pairs of points.
    constant
        Value for constant non-zero points, None where they raise `DataError`.
    variants
        Whether it takes `variant`.
    sets
        1 for a measure of one set, 2 for one between two sets.
    """

    name: str
    label: str
    function: Callable[..., float]
    purpose: str
    low: float
    high: float
    direction: str
    source: str
    invariances: tuple[Invariance, ...]
    advice: SampleAdvice
    cost: str
    needs: Needs
    constant: float | None = None
    variants: bool = True
    sets: int = 1


SPREAD = "Marbut et al. 2023, Reliable Measures of Spread"
IMPACT = "Marbut et al. 2024, Exploring the Impact of a Transformer's Latent Space Geometry"
CUBIC, SQUARE = "n d² + d³", "n² d"


_spectral = partial(Measure, invariances=ROTATION_SHIFT_SCALE, advice=SPECTRAL, cost=CUBIC, needs="moments")
_energetic = partial(
    Measure, invariances=ABOUT_THE_ORIGIN, advice=SPECTRAL, cost=CUBIC, needs="moments", variants=False
)
_neighbour = partial(Measure, invariances=ROTATION_SHIFT_SCALE, advice=NEIGHBOURS, cost=SQUARE, needs="neighbours")
_angular = partial(Measure, invariances=ON_THE_SPHERE, advice=PAIRS)
_between = partial(
    Measure, invariances=ROTATION_SHIFT_SCALE, advice=PAIRS, cost=CUBIC, needs="points", variants=False, sets=2
)


QUANTIZED: tuple[tuple[str, Callable[..., float], str, float, float, str, bool], ...] = (
    ("RE", cells.reconstruction_error, "share of energy the quantizer loses", 0.0, INFINITY,
     "0: the codebooks hold every point", False),
    ("RI", cells.reconstruction_iqr, "unevenness of the reconstruction error", 0.0, 1.0,
     "0: all points reconstructed equally well", False),
    ("RS", cells.reconstruction_skew, "skewness of the reconstruction error", -INFINITY, INFINITY,
     "positive: a few points reconstructed badly", False),
    ("PC_var", cell_counts.point_count_variance, "unevenness of the cell counts, by odds", 0.0, INFINITY,
     "0: even", True),
    ("PC_kl", cell_counts.point_count_kl, "divergence of the cell counts from even", 0.0, INFINITY,
     "0: even", True),
    ("CD_var", cells.centroid_distance_variance, "unevenness of the centroids' spacing", 0.0, 0.25,
     "0: evenly spaced", False),
    ("PD_EEE", cells.point_distribution_eee, "concentration of the points within a cell", 0.0, 1.0,
     "0: spread evenly around every centroid", True),
    ("PP", cell_counts.patchiness, "Lloyd's patchiness of the cell counts", -INFINITY, INFINITY,
     "1: random; larger: patchier", True),
)  # fmt: skip


def _quantized(kind: Literal["product", "additive"]) -> tuple[Measure, ...]:
    prefix = "PQ" if kind == "product" else "AQ"
    return tuple(
        Measure(
            f"{prefix}_{label}".lower(), f"{prefix}-{label}", partial(function, quantizer=kind),
            f"{purpose} ({kind} quantizer)", low, high, direction, IMPACT, invariances=("scale",), advice=QUANTIZER,
            cost="n d k" if kind == "product" else "20 n d k", needs="quantizer", variants=variants,
        )
        for label, function, purpose, low, high, direction, variants in QUANTIZED
    )  # fmt: skip


SPECTRAL_MEASURES = (
    _spectral("eee", "EEE", isotropy.eee, "how early the sorted variances are used up", 0.0, 1.0,
              "0: isotropic; larger: concentrated", SPREAD),
    _spectral("vrm", "VRM", entropy.vrm, "distance of each component's entropy from a normal's", 0.0, INFINITY,
              "0: isotropic and normal", SPREAD, needs="points"),
    _spectral("isoscore", "IsoScore", isoscores.isoscore, "how evenly variance uses the dimensions", 0.0, 1.0,
              "1: isotropic; 0: one direction", "Rudman et al. 2022, IsoScore", variants=False),
    _spectral("pc_ratio", "PC_ratio", isotropy.pc_ratio, "smallest over largest variance", 0.0, 1.0,
              "1: isotropic", SPREAD),
    _spectral("participation_ratio", "PR", isotropy.participation_ratio, "directions sharing the variance", 1.0,
              INFINITY, "d: isotropic; 1: one direction", "Gao et al. 2017", variants=False),
    _spectral("effective_rank", "erank", isotropy.effective_rank, "exp entropy of the singular values", 1.0,
              INFINITY, "d: isotropic; 1: one direction", "Roy & Vetterli 2007", variants=False),
    _spectral("kl_gaussian", "KL_gauss", isotropy.kl_gaussian, "normal fit against the isotropic", 0.0, INFINITY,
              "0: isotropic; infinite: a direction is missing", SPREAD),
    _spectral("kl_discrete", "KL_discrete", entropy.kl_discrete, "binned components against normal", 0.0, INFINITY,
              "0: isotropic and normal", SPREAD, needs="points"),
    _spectral("isoscore_star", "IsoScore*", isoscores.isoscore_star, "IsoScore of a shrunk covariance, for few points",
              0.0, 1.0, "1: isotropic; 0: one direction", "Rudman & Eickhoff 2024", variants=False),
    _spectral("alpha_req", "α-ReQ", isotropy.alpha_req, "exponent with which sorted variances fall", 0.0, INFINITY,
              "0: isotropic; larger: concentrated", "Agrawal et al. 2022, α-ReQ", variants=False),
    _energetic("rankme", "RankMe", entropies.rankme, "exp entropy of the singular values, uncentred", 1.0,
               INFINITY, "d: every direction used; 1: one direction", "Garrido et al. 2023, RankMe", constant=1.0),
    _energetic("matrix_entropy", "matrix entropy", entropies.matrix_entropy,
               "entropy of the energy by direction", 0.0, INFINITY, "log d: every direction used; 0: one direction",
               "Giraldo et al. 2014; Skean et al. 2025", constant=0.0),
    _energetic("prompt_entropy", "prompt entropy", entropies.prompt_entropy,
               "matrix entropy of a text's tokens, over its greatest", 0.0, 1.0,
               "1: tokens of a text use every direction; 0: one", "Skean et al. 2025, Layer by Layer",
               advice=entropies.TOKENS, cost="n T d", needs="texts", constant=0.0),
)  # fmt: skip

OTHER_MEASURES = (
    _angular("average_cosine", "ACS", directions.average_cosine, "mean cosine of two points", -1.0, 1.0,
             "0: balanced about the origin; 1: one direction", "Ethayarajh 2019", cost="n d", needs="points",
             constant=1.0),
    _angular("partition_ratio", "I(V)", directions.partition_ratio, "least over greatest Z(c)", 0.0,
             1.0, "1: isotropic", "Mu & Viswanath 2018", cost=CUBIC, needs="points",
             constant=0.1353352832366127),
    _angular("uniformity", "uniformity", directions.uniformity, "log mean kernel on the sphere", -8.0, 0.0,
             "lower: more uniform", "Wang & Isola 2020", cost=SQUARE, needs="pairs", constant=0.0,
             variants=False),
    _neighbour("koleo", "KoLeo", neighbourhood.koleo, "log distance to the nearest point, against a normal's",
               -INFINITY, INFINITY, "1: spread like a normal; less: clumped", SPREAD),
    _neighbour("knn_overlap", "KNN_overlap", neighbourhood.knn_overlap,
               "overlap of near- and far-neighbour distances", 0.0, 1.0, "0: even density", SPREAD),
    _neighbour("kl_empirical", "KL_empirical", neighbourhood.kl_empirical,
               "neighbour divergence from normal", -INFINITY, INFINITY, "0: isotropic and normal", SPREAD),
    _neighbour("two_nn", "TwoNN", neighbourhood.two_nn, "intrinsic dimension", 0.0, INFINITY,
               "dimension of the manifold", "Facco et al. 2017", variants=False),
    _neighbour("hubness", "hubness", neighbourhood.hubness, "skewness of how often a point is a neighbour",
               -INFINITY, INFINITY, "0: even; large: a few hubs", "Radovanović et al. 2010", variants=False),
)  # fmt: skip

BETWEEN_MEASURES = (
    _between("linear_cka", "CKA", comparison.linear_cka, "similarity of two representations", 0.0, 1.0,
             "1: equal up to rotation and scale", "Kornblith et al. 2019"),
    _between("debiased_cka", "debiased CKA", partial(comparison.linear_cka, debiased=True),
             "similarity of two representations, unbiased", -INFINITY, INFINITY,
             "1: equal up to rotation, scale; 0: unrelated", "Song et al. 2012", advice=comparison.DEBIASED),
    _between("procrustes", "Procrustes", comparison.procrustes, "what the best rotation leaves", 0.0, 1.0,
             "0: equal up to rotation and scale", "Schönemann 1966"),
    _between("dime", "DiME", entropies.dime, "what pairing the rows tells", -INFINITY, INFINITY,
             "0: paired as by chance; log n: views alike, texts apart", "Skean et al. 2024, DiME", cost="11 n³",
             needs="pairs"),
    _between("neighbour_overlap", "neighbour overlap", comparison.neighbour_overlap, "shared neighbours",
             0.0, 1.0, "1: the same neighbours", "Huh et al. 2024", advice=NEIGHBOURS,
             cost=SQUARE, needs="neighbours"),
    _between("subspace_overlap", "subspace overlap", comparison.subspace_overlap,
             "mean squared cosine of the principal angles", 0.0, 1.0, "0: disjoint; 1: the same subspace",
             "Krzanowski 1979", advice=SPECTRAL),
)  # fmt: skip

CATALOGUE: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        *SPECTRAL_MEASURES, *OTHER_MEASURES, *_quantized("product"), *_quantized("additive"),
        *BETWEEN_MEASURES
    )
}  # fmt: skip

OFFICIAL_SET = ("eee", "vrm", "isoscore", *(name for name in CATALOGUE if name.startswith(("pq_", "aq_"))))


def list_measures(*, sets: int | None = None, needs: Needs | None = None) -> list[Measure]:
    """Return the measures, in the order of the catalogue.

    Parameters
    ----------
    sets
        1 for measures of one set of points, 2 for measures between two; None for both.
    needs
        Only those with this need, as "moments" for those that stream; None for all.

    Examples
    --------
    >>> [measure.name for measure in list_measures(needs="moments")][:4]
    ['eee', 'isoscore', 'pc_ratio', 'participation_ratio']
    """
    return [m for m in CATALOGUE.values() if sets in (None, m.sets) and needs in (None, m.needs)]


def find_measure(name: str) -> Measure:
    """Return a measure by its name.

    >>> find_measure("aq_pp").label
    'AQ-PP'

    Raises `UsageError` if there is no such measure.
    """
    if name not in CATALOGUE:
        near = did_you_mean(name, CATALOGUE)
        hint = f"did you mean '{near}'?" if near else "see list_measures()"
        raise UsageError(f"there is no measure named {name!r}: {hint}")
    return CATALOGUE[name]

"""Latent-space geometry: how points fill a space, as plain functions of an array (n, d).

NumPy, SciPy and scikit-learn only; the quantizer measures need faiss (`pip install 'spacetune[geometry]'`).

>>> import numpy as np
>>> from spacetune import geometry
>>> round(geometry.eee(np.array([[2.0, 0], [-2, 0], [0, 1], [0, -1]])), 3)
0.15
"""

from __future__ import annotations

from spacetune.geometry.catalogue import CATALOGUE, OFFICIAL_SET, Measure, find_measure, list_measures
from spacetune.geometry.cell_counts import CellCounts, patchiness, point_count_kl, point_count_variance
from spacetune.geometry.cells import (
    centroid_distance_variance,
    point_distribution_eee,
    reconstruction_error,
    reconstruction_iqr,
    reconstruction_skew,
)
from spacetune.geometry.cloud import PointCloud
from spacetune.geometry.comparison import (
    linear_cka,
    neighbour_overlap,
    principal_angles,
    procrustes,
    subspace_overlap,
)
from spacetune.geometry.directions import average_cosine, partition_ratio, uniformity
from spacetune.geometry.entropies import dime, matrix_entropy, prompt_entropy, rankme
from spacetune.geometry.entropy import kl_discrete, vrm
from spacetune.geometry.half_samples import draw_halves, half_sample_interval
from spacetune.geometry.isoscores import isoscore, isoscore_star
from spacetune.geometry.isotropy import (
    alpha_req,
    eee,
    effective_rank,
    kl_gaussian,
    participation_ratio,
    pc_ratio,
)
from spacetune.geometry.moments import Moments
from spacetune.geometry.neighbourhood import hubness, kl_empirical, knn_overlap, koleo, two_nn
from spacetune.geometry.points import SampleAdvice, SampleSizeWarning
from spacetune.geometry.quantizers import Quantization, Quantizer, quantize, train_quantizer
from spacetune.geometry.streaming import Directions, Reservoir
from spacetune.geometry.synthetic import synthetic
from spacetune.geometry.table import Measured, Measurements, compute
from spacetune.geometry.transferability import h_score, log_me, silhouette
from spacetune.geometry.uncertainty import Convergence, Interval, bootstrap, convergence

__all__ = [
    "CATALOGUE",
    "OFFICIAL_SET",
    "CellCounts",
    "Convergence",
    "Directions",
    "Interval",
    "Measure",
    "Measured",
    "Measurements",
    "Moments",
    "PointCloud",
    "Quantization",
    "Quantizer",
    "Reservoir",
    "SampleAdvice",
    "SampleSizeWarning",
    "alpha_req",
    "average_cosine",
    "bootstrap",
    "centroid_distance_variance",
    "compute",
    "convergence",
    "dime",
    "draw_halves",
    "eee",
    "effective_rank",
    "find_measure",
    "h_score",
    "half_sample_interval",
    "hubness",
    "isoscore",
    "isoscore_star",
    "kl_discrete",
    "kl_empirical",
    "kl_gaussian",
    "knn_overlap",
    "koleo",
    "linear_cka",
    "list_measures",
    "log_me",
    "matrix_entropy",
    "neighbour_overlap",
    "participation_ratio",
    "partition_ratio",
    "patchiness",
    "pc_ratio",
    "point_count_kl",
    "point_count_variance",
    "point_distribution_eee",
    "principal_angles",
    "procrustes",
    "prompt_entropy",
    "quantize",
    "rankme",
    "reconstruction_error",
    "reconstruction_iqr",
    "reconstruction_skew",
    "silhouette",
    "subspace_overlap",
    "synthetic",
    "train_quantizer",
    "two_nn",
    "uniformity",
    "vrm",
]

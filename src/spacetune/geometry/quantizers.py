"""Product and additive (local search) quantizers: each point becomes M codes into M codebooks of k centroids.

The training is faiss's own, with its default settings and fixed seeds: on one machine the same points give
the same codes, whatever the number of threads. Points are quantized in float32, as faiss does. The additive
quantizer is LSQ++ (Martinez et al. 2018) with faiss's 25 training rounds; it costs some twenty times the
product quantizer. `additive_settings` trades its quality for speed, and then the values are those of another
quantizer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spacetune.errors import DataError, MissingExtraError, UsageError
from spacetune.geometry.points import QUANTIZER, read_points
from spacetune.geometry.spectrum import FloatArray

__all__ = ["Quantization", "Quantizer", "QuantizerKind", "quantize", "train_quantizer"]

QuantizerKind = Literal["product", "additive"]
N_CODEBOOKS = 4
N_BITS = 8
BLOCK_ROWS = 1024
ADDITIVE_SETTINGS = ("train_iters", "train_ils_iters", "encode_ils_iters", "icm_iters", "random_seed")


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise MissingExtraError("a quantizer measure", "geometry") from error
    return faiss


@dataclass(frozen=True)
class Quantizer:
    """A trained quantizer.

    Attributes
    ----------
    kind
        "product" or "additive".
    codebooks
        Centroids (M, k, width): width d / M for a product, d for an additive quantizer.
    dim
        Number of dimensions of the points.
    settings
        Faiss's settings of an additive quantizer's local search, where they are not its defaults.
    """

    kind: QuantizerKind
    codebooks: NDArray[np.float32]
    dim: int
    settings: Mapping[str, int] = field(default_factory=dict[str, int])

    def __getstate__(self) -> dict[str, Any]:  # what is worked out from these stays behind
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def encode(self, points: ArrayLike) -> NDArray[np.uint8]:
        """Return the codes (n, M) of points (n, d).

        A product quantizer is encoded by one matrix product a codebook, three times faster than in faiss and
        to the same codes but for ties within rounding; an additive one by faiss's local search.
        """
        values = np.ascontiguousarray(points, dtype=np.float32)
        if self.kind == "additive":
            return np.asarray(self._search.compute_codes(values))
        codes = np.empty((len(values), len(self.codebooks)), dtype=np.uint8)
        for start in range(0, len(values), BLOCK_ROWS):
            self._nearest(values[start : start + BLOCK_ROWS], codes[start : start + BLOCK_ROWS])
        return codes

    @cached_property
    def _search(self) -> Any:
        """Faiss's local search over the codebooks."""
        search = _local_search(self.dim, self.settings)
        _faiss().copy_array_to_vector(self.codebooks.reshape(-1), search.codebooks)
        search.is_trained = True
        return search

    @cached_property
    def _products(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Return the codebooks' means, the centred codebooks turned and times -2, and their squared norms."""
        means = self.codebooks.mean(axis=1)
        centred = self.codebooks - means[:, None]
        turned = np.ascontiguousarray(-2.0 * centred.transpose(0, 2, 1), dtype=np.float32)
        return means, turned, np.einsum("mkw,mkw->mk", centred, centred)

    def _nearest(self, values: NDArray[np.float32], codes: NDArray[np.uint8]) -> None:
        """Write each part's nearest centroid: the least of ‖c‖² − 2 x·c, about the mean."""
        means, turned, squares = self._products
        centred = values - means.reshape(-1)
        width = self.codebooks.shape[2]
        for book in range(len(self.codebooks)):
            gaps = centred[:, book * width : (book + 1) * width] @ turned[book]
            gaps += squares[book]
            codes[:, book] = gaps.argmin(axis=1)

    def decode(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the points (n, d) that codes (n, M) stand for."""
        parts = [book[column] for book, column in zip(self.codebooks, codes.T, strict=True)]
        if self.kind == "product":
            return np.concatenate(parts, axis=1)
        total = parts[0].copy()
        for part in parts[1:]:
            total += part
        return total


@dataclass(frozen=True)
class Quantization:
    """Points under a quantizer: what every quantizer measure is a function of.

    Attributes
    ----------
    quantizer
        The trained quantizer.
    codes
        Codes (n, M).
    errors
        Norm of each point's reconstruction error (n,).
    energy
        Sum of the points' squared norms, not centred.
    """

    quantizer: Quantizer
    codes: NDArray[np.uint8]
    errors: FloatArray
    energy: float

    @property
    def n_cells(self) -> int:
        """Return the number k of centroids of a codebook."""
        return self.quantizer.codebooks.shape[1]

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Return how many points each cell of each codebook holds (M, k)."""
        return np.stack([np.bincount(column, minlength=self.n_cells) for column in self.codes.T])


def _check(values: FloatArray, kind: QuantizerKind) -> None:
    dim = values.shape[1]
    if kind not in ("product", "additive"):
        raise UsageError(f"quantizer must be 'product' or 'additive', got {kind!r}")
    if kind == "product" and dim % N_CODEBOOKS:
        raise DataError(
            f"a product quantizer splits the dimensions in {N_CODEBOOKS}, so d must be a multiple of "
            f"{N_CODEBOOKS}, got {dim}: pad or drop dimensions, or use the additive quantizer"
        )
    if (values == values[0]).all():
        raise DataError("a quantizer needs points that differ, got equal points: pass points that differ")


def train_quantizer(
    points: ArrayLike, kind: QuantizerKind, *, additive_settings: Mapping[str, int] | None = None
) -> Quantizer:
    """Train a quantizer with M = 4 codebooks of k = 256 centroids on points (n, d).

    Parameters
    ----------
    points
        Table (n, d), n >= 256. More than 65,536 points train a product quantizer no better: faiss draws that
        many.
    kind
        "product": each codebook covers a quarter of the dimensions. "additive": a sum of four full vectors.
    additive_settings
        faiss's settings of the local search to change from their defaults: `train_iters` (25),
        `train_ils_iters` (8), `encode_ils_iters` (16), `icm_iters` (4), `random_seed`.

    Raises
    ------
    UsageError
        If the kind or a setting is unknown.
    DataError
        If there are too few points, or all are equal.
    MissingExtraError
        If faiss is not installed.
    """
    values = read_points(points)
    _check(values, kind)
    QUANTIZER.check(len(values), values.shape[1], f"the {kind} quantizer")
    faiss, dim, settings = _faiss(), values.shape[1], dict(additive_settings or {})
    if unknown := [name for name in settings if name not in ADDITIVE_SETTINGS]:
        raise UsageError(f"additive settings are {', '.join(ADDITIVE_SETTINGS)}; got {unknown[0]!r}")
    if kind == "product":
        trained = faiss.ProductQuantizer(dim, N_CODEBOOKS, N_BITS)
        trained.cp.min_points_per_centroid = 1  # only silences faiss: SampleSizeWarning has said it
        trained.train(values.astype(np.float32))
        flat = faiss.vector_float_to_array(trained.centroids)
    else:
        trained = _local_search(dim, settings)
        trained.train(values.astype(np.float32))
        flat = faiss.vector_float_to_array(trained.codebooks)
    return Quantizer(kind, flat.reshape(N_CODEBOOKS, 1 << N_BITS, -1).copy(), dim, settings)


def _local_search(dim: int, settings: Mapping[str, int]) -> Any:
    made = _faiss().LocalSearchQuantizer(dim, N_CODEBOOKS, N_BITS)
    for name, value in settings.items():
        setattr(made, name, value)
    return made


def quantize(points: ArrayLike, kind: QuantizerKind, *, quantizer: Quantizer | None = None) -> Quantization:
    """Encode points with a quantizer, trained on the same points unless one is given."""
    values = read_points(points)
    trained = train_quantizer(values, kind) if quantizer is None else quantizer
    single = values.astype(np.float32)
    codes = trained.encode(single)
    gaps = values - trained.decode(codes)
    errors = np.sqrt(np.einsum("ij,ij->i", gaps, gaps))
    return Quantization(trained, codes, errors, float(np.einsum("ij,ij->", values, values)))

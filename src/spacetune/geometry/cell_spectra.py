"""EEE of every quantizer cell, through the Gram matrices of the cells' points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spacetune.geometry.isotropy import eee_of_spectra
from spacetune.geometry.spectrum import FloatArray, spectrum_of_covariance

__all__ = ["cell_eees"]

STACK_VALUES = 1 << 20


def cell_eees(values: FloatArray, labels: NDArray[np.intp], codes: NDArray[np.uint8]) -> FloatArray:
    """Return the EEE of every (codebook, cell) with more than one distinct point, in no particular order.

    Cells with as many points are done together: their eigenvalues come from one stacked call.

    >>> square = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    >>> cell_eees(square, np.arange(4), np.zeros((4, 1), np.uint8)).round(6).tolist()
    [0.0]
    """
    found: list[FloatArray] = []
    same_size: dict[int, list[NDArray[np.intp]]] = {}
    for rows in _cells(labels, codes):
        same_size.setdefault(len(rows), []).append(rows)
    for size, cells in same_size.items():
        if size > values.shape[1]:
            found.append(np.array([_large_cell(values[rows]) for rows in cells]))
            continue
        at_once = max(1, STACK_VALUES // (size * values.shape[1]))
        starts = range(0, len(cells), at_once)
        found.extend(_small_cells(values[np.stack(cells[start : start + at_once])]) for start in starts)
    return np.concatenate(found) if found else np.zeros(0)


def _cells(labels: NDArray[np.intp], codes: NDArray[np.uint8]) -> list[NDArray[np.intp]]:
    """Return the row numbers of each cell's distinct points, for cells with at least two."""
    cells: list[NDArray[np.intp]] = []
    for column in codes.T:
        order = np.lexsort((labels, column))
        code, label = column[order], labels[order]
        new = np.ones(len(order), dtype=bool)
        new[1:] = (code[1:] != code[:-1]) | (label[1:] != label[:-1])
        order, code = order[new], code[new]
        starts = np.flatnonzero(np.diff(code)) + 1
        cells.extend(rows for rows in np.split(order, starts) if len(rows) > 1)
    return cells


def _small_cells(stack: FloatArray) -> FloatArray:
    """Return the EEE of cells (b, m, d) with m <= d points each."""
    centred = stack - stack.mean(axis=1, keepdims=True)
    values = np.linalg.eigvalsh(centred @ centred.transpose(0, 2, 1))[:, ::-1]
    return eee_of_spectra(np.maximum(values, 0.0))


def _large_cell(points: FloatArray) -> float:
    centred = points - points.mean(axis=0)
    return float(eee_of_spectra(spectrum_of_covariance(centred.T @ centred, len(points)).values))

"""A hidden state as an exact sum of terms: input, attention, feed-forward, correction (TACL 10:981, 2022)."""

from spacetune.dissection.dissect import dissect, dissect_windows
from spacetune.dissection.dissection import TERMS, Dissection, term_subsets
from spacetune.dissection.split import MEASURES, SPLITS, MeasureName, Split, SplitName

__all__ = [
    "MEASURES",
    "SPLITS",
    "TERMS",
    "Dissection",
    "MeasureName",
    "Split",
    "SplitName",
    "dissect",
    "dissect_windows",
    "term_subsets",
]

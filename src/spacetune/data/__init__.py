"""Labelled texts: read from files and tables, checked, split."""

from spacetune.data.blocks import TextBlocks
from spacetune.data.checking import DataReport, check_texts, overlap_note, unknown_notes
from spacetune.data.label_matching import match_labels
from spacetune.data.labelled_texts import DataNote, DataWarning, LabelledTexts, normalised, warn_of
from spacetune.data.labels import LabelKind, is_indicator, label_kind
from spacetune.data.reading import read_texts
from spacetune.data.splitting import few_shot, few_shot_split, split_dev
from spacetune.data.weights import read_weights

__all__ = [
    "DataNote",
    "DataReport",
    "DataWarning",
    "LabelKind",
    "LabelledTexts",
    "TextBlocks",
    "check_texts",
    "few_shot",
    "few_shot_split",
    "is_indicator",
    "label_kind",
    "match_labels",
    "normalised",
    "overlap_note",
    "read_texts",
    "read_weights",
    "split_dev",
    "unknown_notes",
    "warn_of",
]

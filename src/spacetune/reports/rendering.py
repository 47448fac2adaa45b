"""`render`: a result becomes a file that people can look at, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spacetune.data import DataReport
from spacetune.data.writing import TABLES, as_bytes, columns_of, write, write_table
from spacetune.dissection import Dissection
from spacetune.errors import UsageError
from spacetune.estimators.uncertainty import Uncertainty
from spacetune.explanations import Explanation, TextExplanation
from spacetune.geometry import Measurements
from spacetune.heads.spaces import SpaceOverlap
from spacetune.reports.data_work import (
    drift_document,
    label_errors_document,
    models_document,
    near_duplicates_document,
    suggestions_document,
    thresholds_document,
)
from spacetune.reports.dissections import dissection_document
from spacetune.reports.document import Document, body, markdown
from spacetune.reports.encoder_choice import encoder_choice_document
from spacetune.reports.endings import ENDINGS
from spacetune.reports.explaining import explanation_document, text_document
from spacetune.reports.explanation_studies import (
    counterfactual_document,
    faithfulness_document,
    reach_document,
    summary_document,
)
from spacetune.reports.layers import (
    comparison_document,
    ladder_document,
    measures_document,
    ranking_document,
)
from spacetune.reports.listing import (
    any_document,
    class_geometry_document,
    data_document,
    embeddings_document,
    measurements_document,
    predictions_document,
)
from spacetune.reports.page import fragment, page, picture
from spacetune.reports.scoring import fit_document, scores_document
from spacetune.reports.simplexes import simplex_document, uncertainty_document
from spacetune.reports.spaces import map_document, overlap_document
from spacetune.results import Result
from spacetune.studies import (
    ClassGeometry,
    Counterfactual,
    Drift,
    Embeddings,
    EncoderChoice,
    ExplanationSummary,
    Faithfulness,
    FitReport,
    LabelErrors,
    LayerRanking,
    ModelComparison,
    NearDuplicates,
    PerturbationLadder,
    Predictions,
    Reach,
    Scores,
    SimplexScores,
    SpaceMap,
    Suggestions,
    Thresholds,
)
from spacetune.studies.geometry.comparing import EncoderComparison
from spacetune.studies.geometry.measure_table import MeasureTable

__all__ = ["document_of", "notebook", "render"]

LAYOUTS: dict[type[Any], Callable[[Any], Document]] = {
    ClassGeometry: class_geometry_document,
    Counterfactual: counterfactual_document,
    DataReport: data_document,
    Dissection: dissection_document,
    Drift: drift_document,
    Embeddings: embeddings_document,
    EncoderChoice: encoder_choice_document,
    EncoderComparison: comparison_document,
    Explanation: explanation_document,
    ExplanationSummary: summary_document,
    Faithfulness: faithfulness_document,
    LayerRanking: ranking_document,
    FitReport: fit_document,
    LabelErrors: label_errors_document,
    MeasureTable: measures_document,
    Measurements: measurements_document,
    ModelComparison: models_document,
    NearDuplicates: near_duplicates_document,
    PerturbationLadder: ladder_document,
    Predictions: predictions_document,
    Reach: reach_document,
    Scores: scores_document,
    SimplexScores: simplex_document,
    SpaceMap: map_document,
    SpaceOverlap: overlap_document,
    Suggestions: suggestions_document,
    TextExplanation: text_document,
    Thresholds: thresholds_document,
    Uncertainty: uncertainty_document,
}
"""How each kind of result is laid out; any other is shown as its rows."""


def document_of(result: Result) -> Document:
    """Lay a result out as a report."""
    return LAYOUTS.get(type(result), any_document)(result)


def render(result: Result, path: str | os.PathLike[str]) -> Path:
    """Write a result as a file to look at, and return its path: the ending says which kind.

    ``.html`` is one self-contained page: it loads nothing, works from disk, in light and dark, on paper and on a
    telephone. ``.md`` is Markdown with the numbers behind every figure. ``.png`` is a picture of the page, taken
    with Chromium or Chrome, ``.pdf`` the page as they print it, with drawings as vectors, for a paper. ``.json`` is
    the result itself; ``.csv``, ``.jsonl`` and ``.parquet`` are its rows.

    Parameters
    ----------
    result
        Any result object of spacetune.
    path
        The file; an older one is replaced.

    Raises
    ------
    UsageError
        If the ending is none of these.
    SpacetuneError
        If the file cannot be written, or a picture or a PDF is wanted and there is no browser to make it.

    Examples
    --------
    >>> import tempfile
    >>> from spacetune.data import LabelledTexts, check_texts
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = render(check_texts(LabelledTexts(["a", "b"], ["x", "y"])), f"{folder}/check.md")
    ...     print(file.read_text().splitlines()[0])
    # Data
    """
    file = Path(path)
    if file.suffix not in ENDINGS:
        raise UsageError(f"a report's file must end in {', '.join(ENDINGS)}, got {file.name}")
    if file.suffix == ".json":
        write(file, as_bytes(result.to_json(indent=2)))
    elif file.suffix in TABLES:
        write_table(file, columns_of(result.rows()))
    elif file.suffix == ".md":
        write(file, as_bytes(markdown(document_of(result))))
    elif file.suffix == ".html":
        write(file, as_bytes(html_of(result)))
    else:
        picture(html_of(result), file)
    return file


def html_of(result: Result) -> str:
    """Return a result as one HTML page."""
    document = document_of(result)
    return page(document.title, body(document))


def notebook(result: Result) -> str:
    """Return a result as HTML for a notebook's cell."""
    return fragment(body(document_of(result)))

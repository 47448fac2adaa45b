"""What tells one fit of a model from others."""

from __future__ import annotations

import hashlib
import json

from spacetune.estimators import TextEstimator
from spacetune.results import jsonable

__all__ = ["fit_digest"]


def fit_digest(model: TextEstimator) -> str:
    """Return a digest of a fit, saved or not: of its calibration and its dev scores to the last digit."""
    told = {"facts": model.facts(), "dev": model.report_["dev_scores"], "n": model.report_["n_texts"]}
    return hashlib.sha256(json.dumps(jsonable(told), sort_keys=True).encode()).hexdigest()[:16]

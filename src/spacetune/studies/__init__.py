"""One question, one function, one result object; the command line and the web call these."""

from spacetune.studies.demo_data import demo_texts
from spacetune.studies.diagnosis import Diagnosis, diagnose
from spacetune.studies.fitting import FitReport, fit_model
from spacetune.studies.predicting import Predictions, predict_texts
from spacetune.studies.scoring import Scores, score_model

__all__ = [
    "Diagnosis",
    "FitReport",
    "Predictions",
    "Scores",
    "demo_texts",
    "diagnose",
    "fit_model",
    "predict_texts",
    "score_model",
]

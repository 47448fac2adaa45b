"""One question, one function, one result object; the command line and the web call these."""

from spacetune.studies.data.drift import Drift, measure_drift
from spacetune.studies.data.label_errors import LabelErrors, find_label_errors
from spacetune.studies.data.near_duplicates import NearDuplicates, find_near_duplicates
from spacetune.studies.data.suggesting import Suggestions, suggest_texts
from spacetune.studies.data.thresholds import Thresholds, choose_thresholds, read_thresholds
from spacetune.studies.demo_data import demo_pairs, demo_texts
from spacetune.studies.diagnosis import Diagnosis, diagnose
from spacetune.studies.embedding import Embeddings, embed_texts
from spacetune.studies.encoders import EncoderList, list_encoders
from spacetune.studies.encoding import encode_file
from spacetune.studies.explain.counterfactual import Counterfactual, find_counterfactual
from spacetune.studies.explain.faithfulness import Faithfulness, check_explanations
from spacetune.studies.explain.reach import Reach, check_reach, word_reach
from spacetune.studies.explain.streamed import explain_file
from spacetune.studies.explain.summary import ExplanationSummary, summarise
from spacetune.studies.fit.choosing import Choice, choose_method
from spacetune.studies.fit.comparing import ModelComparison, compare_models
from spacetune.studies.fit.fitting import FitReport, fit_model
from spacetune.studies.fit.race import Trial
from spacetune.studies.fit.scoring import Scores, score_model
from spacetune.studies.geometry.class_geometry import ClassGeometry, class_geometry
from spacetune.studies.geometry.comparing import EncoderComparison, compare
from spacetune.studies.geometry.encoder_choice import EncoderChoice, choose_encoder
from spacetune.studies.geometry.measure_table import LayerValue, MeasureTable
from spacetune.studies.geometry.measuring import MEASURE_GROUPS, measure
from spacetune.studies.geometry.perturbing import LadderValue, PerturbationLadder, measure_ladder
from spacetune.studies.geometry.ranking import LayerRanking, rank_layers
from spacetune.studies.mapping import Placement, SpaceMap, map_spaces, place_texts
from spacetune.studies.predicting import Predictions, predict_file, predict_texts, predictions_of
from spacetune.studies.simplex_scores import SimplexPoint, SimplexScores, score_simplex
from spacetune.studies.streaming import Streamed
from spacetune.studies.terms.geometry import TermGeometry, TermShift, term_geometry, term_shift
from spacetune.studies.terms.subsets import SubsetScores, score_term_subsets
from spacetune.studies.terms.use import TermUse, term_use

__all__ = [
    "MEASURE_GROUPS",
    "Choice",
    "ClassGeometry",
    "Counterfactual",
    "Diagnosis",
    "Drift",
    "Embeddings",
    "EncoderChoice",
    "EncoderComparison",
    "EncoderList",
    "ExplanationSummary",
    "Faithfulness",
    "FitReport",
    "LabelErrors",
    "LadderValue",
    "LayerRanking",
    "LayerValue",
    "MeasureTable",
    "ModelComparison",
    "NearDuplicates",
    "PerturbationLadder",
    "Placement",
    "Predictions",
    "Reach",
    "Scores",
    "SimplexPoint",
    "SimplexScores",
    "SpaceMap",
    "Streamed",
    "SubsetScores",
    "Suggestions",
    "TermGeometry",
    "TermShift",
    "TermUse",
    "Thresholds",
    "Trial",
    "check_explanations",
    "check_reach",
    "choose_encoder",
    "choose_method",
    "choose_thresholds",
    "class_geometry",
    "compare",
    "compare_models",
    "demo_pairs",
    "demo_texts",
    "diagnose",
    "embed_texts",
    "encode_file",
    "explain_file",
    "find_counterfactual",
    "find_label_errors",
    "find_near_duplicates",
    "fit_model",
    "list_encoders",
    "map_spaces",
    "measure",
    "measure_drift",
    "measure_ladder",
    "place_texts",
    "predict_file",
    "predict_texts",
    "predictions_of",
    "rank_layers",
    "read_thresholds",
    "score_model",
    "score_simplex",
    "score_term_subsets",
    "suggest_texts",
    "summarise",
    "term_geometry",
    "term_shift",
    "term_use",
    "word_reach",
]

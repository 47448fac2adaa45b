"""How all of it is learnt: tasks, one loop, and the methods that use it."""

from spacetune.fitting.calibration import (
    calibration_error,
    calibration_errors,
    fit_temperature,
    probabilities,
    reliability,
)
from spacetune.fitting.candidate import Candidate
from spacetune.fitting.checkpoint import Checkpoint
from spacetune.fitting.data import DevTexts, FitData, Split, dev_texts, split_texts, text_keys
from spacetune.fitting.deadline import time_limit
from spacetune.fitting.history import Epoch, History
from spacetune.fitting.inputs import AdaptedInputs, FrozenInputs, Inputs, text_chunks
from spacetune.fitting.layers import tuning_seconds
from spacetune.fitting.learnt import Learnt
from spacetune.fitting.linear import choose_linear, fit_linear, unlogged
from spacetune.fitting.loop import fit_parameters
from spacetune.fitting.memory import check_memory
from spacetune.fitting.methods import MANY, InsideMethod, Method, ProbeMethod, Reading, Run, SpaceMethod, space_method
from spacetune.fitting.reading import CHUNK_TEXTS, logits_of
from spacetune.fitting.schedule import Schedule
from spacetune.fitting.scores import classification_scores, multilabel_scores, regression_scores, standing
from spacetune.fitting.settings import SETTINGS, UNCHOSEN, Flag, Number, Rule, check_settings
from spacetune.fitting.simplex import point_logits, random_points
from spacetune.fitting.tasks import MultiLabel, Regression, SingleLabel, Task, best_threshold, class_weights

__all__ = [
    "CHUNK_TEXTS",
    "MANY",
    "SETTINGS",
    "UNCHOSEN",
    "AdaptedInputs",
    "Candidate",
    "Checkpoint",
    "DevTexts",
    "Epoch",
    "FitData",
    "Flag",
    "FrozenInputs",
    "History",
    "Inputs",
    "InsideMethod",
    "Learnt",
    "Method",
    "MultiLabel",
    "Number",
    "ProbeMethod",
    "Reading",
    "Regression",
    "Rule",
    "Run",
    "Schedule",
    "SingleLabel",
    "SpaceMethod",
    "Split",
    "Task",
    "best_threshold",
    "calibration_error",
    "calibration_errors",
    "check_memory",
    "check_settings",
    "choose_linear",
    "class_weights",
    "classification_scores",
    "dev_texts",
    "fit_linear",
    "fit_parameters",
    "fit_temperature",
    "logits_of",
    "multilabel_scores",
    "point_logits",
    "probabilities",
    "random_points",
    "regression_scores",
    "reliability",
    "space_method",
    "split_texts",
    "standing",
    "text_chunks",
    "text_keys",
    "time_limit",
    "tuning_seconds",
    "unlogged",
]

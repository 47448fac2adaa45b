"""One training loop for everything that is learnt here."""

from spacetune.training.calibration import calibration_error, fit_temperature, probabilities, reliability
from spacetune.training.checkpoint import Checkpoint
from spacetune.training.deadline import time_limit
from spacetune.training.history import Epoch, History
from spacetune.training.loop import Candidate, Schedule, fit_parameters
from spacetune.training.memory import TRAINED, check_memory
from spacetune.training.scores import classification_scores, multilabel_scores, regression_scores, standing
from spacetune.training.tasks import MultiLabel, Regression, SingleLabel, Task, best_threshold, class_weights

__all__ = [
    "TRAINED",
    "Candidate",
    "Checkpoint",
    "Epoch",
    "History",
    "MultiLabel",
    "Regression",
    "Schedule",
    "SingleLabel",
    "Task",
    "best_threshold",
    "calibration_error",
    "check_memory",
    "class_weights",
    "classification_scores",
    "fit_parameters",
    "fit_temperature",
    "multilabel_scores",
    "probabilities",
    "regression_scores",
    "reliability",
    "standing",
    "time_limit",
]

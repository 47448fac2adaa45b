"""What is learnt: one class a text, several labels a text, or a number."""

from spacetune.fitting.tasks.class_weights import class_weights
from spacetune.fitting.tasks.multi_label import MultiLabel, best_threshold
from spacetune.fitting.tasks.regression import Regression
from spacetune.fitting.tasks.single_label import SingleLabel
from spacetune.fitting.tasks.task import Task

__all__ = ["MultiLabel", "Regression", "SingleLabel", "Task", "best_threshold", "class_weights"]

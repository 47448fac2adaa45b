"""Models that spacetune exported to ONNX, run without torch."""

from spacetune_runtime.classifier import Classifier
from spacetune_runtime.explanation import Explanation
from spacetune_runtime.folder import ExportError

__all__ = ["Classifier", "Explanation", "ExportError"]

"""Other libraries' formats and engines: PEFT, transformers, ONNX, skops, Ray."""

from spacetune.bridges.peft_prefix import PeftExport, export_peft_prefix, import_peft_classifier, import_peft_prefix
from spacetune.bridges.peft_running import prepare_for_peft
from spacetune.bridges.skops import TRUSTED_TYPES

__all__ = [
    "TRUSTED_TYPES",
    "PeftExport",
    "export_peft_prefix",
    "import_peft_classifier",
    "import_peft_prefix",
    "prepare_for_peft",
]

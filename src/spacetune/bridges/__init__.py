"""Other libraries' formats: written and read without the other library."""

from spacetune.bridges.peft_prefix import PeftExport, export_peft_prefix, import_peft_classifier, import_peft_prefix
from spacetune.bridges.peft_running import prepare_for_peft

__all__ = ["PeftExport", "export_peft_prefix", "import_peft_classifier", "import_peft_prefix", "prepare_for_peft"]

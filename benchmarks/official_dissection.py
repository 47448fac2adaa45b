"""The official fine-grained pass timed on the same sentences: `linear_structure.py` of TimotheeMickus/bert-splat.

That script is CC-BY-SA, written for transformers 4, and reads files of its authors on import, so it is not kept here:
name your copy in OFFICIAL_DISSECTION and a Python with torch and transformers 4.30 in OFFICIAL_PYTHON. It runs in that
Python as a process of its own, turn by turn with ours; only what it does on import is left out.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.other_python import OtherPython


class OfficialDissection(OtherPython):
    """The script in a process of its own. `seconds(texts)` times every text by itself, in processor seconds."""

    def __init__(self, folder: Path) -> None:
        place = str(Path(os.environ["OFFICIAL_DISSECTION"]).resolve())
        super().__init__(os.environ["OFFICIAL_PYTHON"], "benchmarks.official_dissection", place, str(folder))
        self.versions: dict[str, str] = self.exchange([])

    def seconds(self, texts: list[str]) -> dict[str, float]:
        """Return what all texts took, one after the other, in the factors alone and with their importances."""
        return self.exchange(texts)


def available() -> bool:
    """Say whether a copy of the script and a Python to run it are named."""
    return bool(os.environ.get("OFFICIAL_DISSECTION") and os.environ.get("OFFICIAL_PYTHON"))


def serve(script: str, folder: str) -> None:
    """Load the script on this model; answer lines of texts with processor seconds, no texts with versions."""
    official = _load(Path(script), folder)
    for line in sys.stdin:
        texts = json.loads(line)
        if not texts:
            print(json.dumps({name: version(name) for name in ("torch", "transformers")}), flush=True)
            continue
        runs = {
            "factors of all layers": lambda texts=texts: [_factors(official, text) for text in texts],
            "with their importances": lambda texts=texts: [official.tally_contributions(text) for text in texts],
        }
        taken = {}
        for name, run in runs.items():
            start = time.process_time()
            run()
            taken[name] = time.process_time() - start
        print(json.dumps(taken), flush=True)


def _factors(official: Any, text: str) -> Any:
    inputs = official.tokenizer([text], return_tensors="pt")
    return official.get_factors(official.run_bert_model(official.model, **inputs)[1])


def _load(script: Path, folder: str) -> Any:
    """Import the definitions: this model in place of BERT, no dump of activations, nothing read on import."""
    text = script.read_text().partition("PATH_TO_EUROPARL")[0]
    text = re.sub(r"(?m)^MODEL_NAME = .*$", f"MODEL_NAME = {folder!r}", text)
    text = re.sub(r"(?m)^pickle_file_ = .*$", "pickle_file_ = None", text)
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "linear_structure_here.py").write_text(text)
        sys.path.insert(0, place)
        import linear_structure_here as official  # pyright: ignore[reportMissingImports]
    official.get_factors.__wrapped__.__defaults__ = (official.model.config.num_hidden_layers,)
    return official


if __name__ == "__main__":
    serve(*sys.argv[1:])

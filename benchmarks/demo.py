"""What `spacetune demo` comes to: scores of every method on dev and test, and the size of the saved model.

The encoder computes in float32, so that the figures do not depend on the machine.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import circumstances, write
from spacetune import Encoder
from spacetune.studies import demo_texts, fit_model


def main() -> None:
    assert __doc__
    found: dict[str, Any] = {"what": __doc__.strip(), **circumstances()}
    parts = demo_texts("train"), demo_texts("dev"), demo_texts("test")
    settings = {"encoder": Encoder.from_pretrained(dtype="float32")}
    model, report = fit_model(parts[0], dev=parts[1], test=parts[2], settings=settings, seed=0)
    found["scores"] = {f"{row['method']}, {row['split']}": row for row in report.rows()}
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder + "/model")
        found["tensors_kb"] = (Path(folder) / "model" / "model.safetensors").stat().st_size / 1000
    write("demo", found)


if __name__ == "__main__":
    main()

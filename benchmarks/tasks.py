"""Other tasks through `fit` and `score`, beside the linear probe: many classes, many labels, numbers on pairs."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.common import circumstances, split, write
from spacetune.studies import fit_model

SETS = {
    "banking77": ("train", None, "test"),
    "stsb": ("train", "dev", "test"),
    "goemotions": ("train", "dev", "test"),
}


def main() -> None:
    results: dict[str, Any] = {"what": __doc__, **circumstances()}
    for name, (train, dev, test) in SETS.items():
        began = time.perf_counter()
        _, report = fit_model(split(name, train), dev=None if dev is None else split(name, dev), test=split(name, test))
        results[name] = {"seed": 0, "seconds": round(time.perf_counter() - began, 1), **report.to_dict()}
        for row in report.rows():
            print(name, row, flush=True)
        write("tasks", results)


if __name__ == "__main__":
    main()

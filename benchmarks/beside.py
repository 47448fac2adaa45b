"""What a busy neighbour costs: encoding and fitting alone, and beside a process that keeps one core busy.

    python -m benchmarks.beside

On two cores; with two threads against one process two thirds of the quiet rate is the most there is to have. Features
of every 4th text of social media attributions, and a fit of all of them from the store.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from statistics import median

from benchmarks.common import circumstances, split, write
from spacetune import Encoder, SpaceClassifier
from spacetune.encoders import FeatureStore

ROUNDS = 5


def main(arguments: list[str] | None = None) -> None:
    about, encoder, data = circumstances(), Encoder.from_pretrained(), split("sma", "train")
    texts = data.texts[::4]
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore(folder)
        runs: dict[str, Callable[[], object]] = {
            "features": lambda: encoder.encode(texts, progress=False),
            "fit": lambda: SpaceClassifier(encoder, store=store).fit(data.texts, data.labels, progress=False),
        }
        found = {name: _alone_and_beside(run) for name, run in runs.items()}
    write("beside", {**about, "rounds": ROUNDS, "seconds": found})


def _alone_and_beside(run: Callable[[], object]) -> dict[str, float]:
    run()
    alone, beside = [], []
    for _ in range(ROUNDS):
        alone.append(_timed(run))
        neighbour = multiprocessing.get_context("spawn").Process(target=_busy, daemon=True)
        neighbour.start()
        time.sleep(1.0)
        beside.append(_timed(run))
        neighbour.kill()
        neighbour.join()
    told = {"alone": median(alone), "beside": median(beside)}
    return {
        **{name: round(value, 3) for name, value in told.items()},
        "share": round(told["alone"] / told["beside"], 3),
    }


def _timed(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def _busy() -> None:
    while True:
        sum(range(10_000))


if __name__ == "__main__":
    main()

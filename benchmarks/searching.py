"""What a grid search costs beside the fits in it, and how often it encodes a text.

    python -m benchmarks.searching

Eight candidates and four folds on 2,000 texts (social media attributions), from an empty store, one thread.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from sklearn.model_selection import GridSearchCV

from benchmarks.common import circumstances, split, write
from spacetune import Encoder, LinearProbe, SpaceClassifier
from spacetune.encoders import FeatureStore

N_TEXTS, FOLDS = 2_000, 4
SEARCHES: dict[str, tuple[Any, dict[str, list[Any]]]] = {
    "LinearProbe": (LinearProbe, {"C": [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 1.0]}),
    "SpaceClassifier, 3 epochs": (
        functools.partial(SpaceClassifier, n_epochs=3),
        {"n_latent": [16, 64], "dropout": [0.3, 0.6], "learning_rate": [1e-3, 3e-3]},
    ),
}


def main(arguments: list[str] | None = None) -> None:
    torch.set_num_threads(1)
    about, encoder = circumstances(), Encoder.from_pretrained()
    data = split("sma", "train").take(range(N_TEXTS))
    passes: Counter[str] = Counter()
    original = Encoder.encode_runs

    def counted(self: Encoder, inputs: Any, **options: Any) -> Iterator[Any]:
        passes.update(inputs)
        return original(self, inputs, **options)

    Encoder.encode_runs = counted
    found: dict[str, Any] = {}
    for name, (kind, grid) in SEARCHES.items():
        passes.clear()
        folder = tempfile.mkdtemp()
        began = time.perf_counter()
        search = GridSearchCV(kind(encoder, store=FeatureStore(folder)), grid, cv=FOLDS).fit(data.texts, data.labels)
        seconds = time.perf_counter() - began
        shutil.rmtree(folder)
        n_fits = FOLDS * len(search.cv_results_["params"])
        fits = FOLDS * search.cv_results_["mean_fit_time"].sum() + search.refit_time_
        found[name] = {
            "fits": n_fits + 1,
            "seconds": round(seconds, 1),
            "seconds_of_fits": round(fits, 1),
            "ratio": round(seconds / fits, 3),
            "texts": len(set(data.texts)),
            "most_passes_of_a_text": max(passes.values()),
        }
        print(name, found[name], flush=True)
    write("searching", {**about, "n_texts": N_TEXTS, "folds": FOLDS, "candidates": 8, "searches": found})


if __name__ == "__main__":
    main()

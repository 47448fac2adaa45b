"""What a grid search costs beside the fits in it, and how often it and a cross-validation encode a text.

    python -m benchmarks.searching

Eight candidates and four folds on 2,000 texts (social media attributions), from an empty store, one thread. Scored by
accuracy and by macro-F1, which scikit-learn takes from `predict`; then probabilities out of fold, of one candidate.
"""

from __future__ import annotations

import functools
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from sklearn.model_selection import GridSearchCV, cross_val_predict

from benchmarks.common import circumstances, split, write
from spacetune import Encoder, LabelledTexts, LinearProbe, SpaceClassifier
from spacetune.encoders import FeatureStore

N_TEXTS, FOLDS = 2_000, 4
SCORINGS = ("accuracy", "f1_macro")
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
    crossed: dict[str, Any] = {}
    for name, (kind, grid) in SEARCHES.items():
        for scoring in SCORINGS:
            passes.clear()
            with tempfile.TemporaryDirectory() as folder:
                model = kind(encoder, store=FeatureStore(folder))
                told = f"{name}, {scoring}"
                found[told] = searched(model, grid, scoring, data) | {"texts": len(set(data.texts))}
                found[told]["most_passes_of_a_text"] = max(passes.values())
            print(told, found[told], flush=True)
        passes.clear()
        with tempfile.TemporaryDirectory() as folder:
            model = kind(encoder, store=FeatureStore(folder))
            cross_val_predict(model, data.texts, data.labels, cv=FOLDS, method="predict_proba")
        crossed[name] = {"folds": FOLDS, "most_passes_of_a_text": max(passes.values())}
        print(name, crossed[name], flush=True)
    write("searching", {**about, "n_texts": N_TEXTS, "folds": FOLDS, "candidates": 8, "searches": found,
                        "cross_val_predict": crossed})  # fmt: skip


def searched(model: Any, grid: dict[str, list[Any]], scoring: str, data: LabelledTexts) -> dict[str, Any]:
    """Search, and return its seconds beside those of its fits."""
    began = time.perf_counter()
    search = GridSearchCV(model, grid, cv=FOLDS, scoring=scoring).fit(data.texts, data.labels)
    seconds = time.perf_counter() - began
    fits = FOLDS * search.cv_results_["mean_fit_time"].sum() + search.refit_time_
    return {
        "fits": FOLDS * len(search.cv_results_["params"]) + 1,
        "seconds": round(seconds, 1),
        "seconds_of_fits": round(fits, 1),
        "ratio": round(seconds / fits, 3),
    }


if __name__ == "__main__":
    main()

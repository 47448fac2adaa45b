"""Do the fast forms of the features cost accuracy? float32 beside this machine's default dtype and its int8 form.

Per token, the cosine with float32 on real texts; per data set, the test scores of probe and space head fitted on each
form with the same seeds, as differences to float32 beside the spread that the seed alone makes.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common import HERE, circumstances, write
from benchmarks.quality.sets import Parts, parts
from spacetune import Encoder, LinearProbe, SpaceClassifier
from spacetune.encoders.ragged import widened
from spacetune.encoders.store import FeatureStore

SETS = ("sma", "mr", "hatexplain")
SEEDS = (0, 1, 2)
Forms = dict[str, tuple[Encoder, FeatureStore]]


def main() -> None:
    """Measure and write the result."""
    warnings.simplefilter("ignore")
    config = json.loads((HERE / "quality" / "config.json").read_text())
    result: dict[str, Any] = {"what": __doc__, "circumstances": circumstances(), "sets": {}}
    with tempfile.TemporaryDirectory() as place:
        forms = _forms(place)
        for name in SETS:
            data = parts(name, config["sets"][name])
            result["sets"][name] = {"tokens": _cosines(forms, data), "test": _scores(forms, data)}
            print(name, json.dumps(result["sets"][name]), flush=True)
    result["difference to float32"] = _differences(result["sets"])
    write("parity", result)


def _forms(place: str) -> Forms:
    exact, usual = (Encoder.from_pretrained(dtype=d) for d in ("float32", "auto"))
    short = str(usual.dtype).removeprefix("torch.")
    return {
        "float32": (exact, FeatureStore(Path(place) / "exact")),
        short: (usual, FeatureStore(Path(place) / "usual")),
        f"int8 of {short}": (usual, FeatureStore(Path(place) / "compact", form="int8")),
    }


def _cosines(forms: Forms, data: Parts) -> dict[str, Any]:
    """Compare every token of the test texts, all layers, with float32."""
    texts = data.test.texts
    found = [store.encode(encoder, texts, layers="all") for encoder, store in forms.values()]
    lows: list[Any] = [[] for _ in found[1:]]
    for rows in torch.arange(len(texts)).split(500):
        exact, *others = (widened(source.take(rows).values) for source in found)
        for low, other in zip(lows, others, strict=True):
            low.append(torch.cosine_similarity(exact, other, dim=2).numpy())
    every = [np.concatenate(low) for low in lows]
    return {
        "n_tokens": len(every[0]),
        "least cosine over all layers": {n: float(e.min()) for n, e in zip(list(forms)[1:], every, strict=True)},
        "least cosine at the last layer": {
            n: float(e[:, -1].min()) for n, e in zip(list(forms)[1:], every, strict=True)
        },
    }


def _scores(forms: Forms, data: Parts) -> dict[str, Any]:
    return {
        form: {
            "linear probe": [_score(LinearProbe(encoder, store=store), data)],
            "space head": [_score(SpaceClassifier(encoder, store=store, seed=s), data) for s in SEEDS],
        }
        for form, (encoder, store) in forms.items()
    }


def _score(model: Any, data: Parts) -> dict[str, float]:
    model.fit(data.train.inputs, data.train.labels, dev=(data.dev.inputs, data.dev.labels))
    targets = model.task_.targets(data.test.labels or []).numpy()
    logits = model.predict_logits(model.features(data.test.inputs)).astype(np.float64)
    scores = model.task_.scores(logits, targets)
    return {name: scores[name] for name in ("accuracy", "macro_f1")}


def _differences(sets: dict[str, Any]) -> dict[str, Any]:
    """Return, a form and method, the mean difference in points over sets and seeds, and the spread of seeds."""
    forms = list(next(iter(sets.values()))["test"])
    found: dict[str, Any] = {}
    for form in forms[1:]:
        for method in ("linear probe", "space head"):
            of_sets = {
                name: [100 * (a["accuracy"] - b["accuracy"])
                       for a, b in zip(s["test"][form][method], s["test"]["float32"][method], strict=True)]
                for name, s in sets.items()
            }  # fmt: skip
            found[f"{method}, {form}"] = {
                "points of accuracy, mean": float(np.mean([np.mean(d) for d in of_sets.values()])),
                "per set": {name: float(np.mean(d)) for name, d in of_sets.items()},
                "standard deviation over seeds in float32, per set": {
                    name: float(100 * np.std([row["accuracy"] for row in s["test"]["float32"][method]], ddof=1))
                    for name, s in sets.items()
                } if method == "space head" else None,
            }  # fmt: skip
    return found


if __name__ == "__main__":
    main()

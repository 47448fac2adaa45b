"""Space head against linear probe with the library's own settings: other data sets of the same task, and less data.

Both read the last layer, both choose by dev. Every seed draws other training texts, the same for all methods, so
differences are paired by seed. An interval over texts resamples the test texts instead.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from papers.space_model.data import OFFENSIVE, SENTIMENT, TOXIC, Prepared, prepared, relabelled, sample, sampled
from papers.space_model.experiments import facts
from papers.space_model.variants import INTER, INTRA

from spacetune import Encoder, LinearProbe, SpaceClassifier
from spacetune.training import classification_scores

OTHER = {"hatexplain": "olid", "olid": "hatexplain", "mr": "imdb", "sst2": "imdb", "imdb": "sst2"}
TASKS = {"hatexplain": TOXIC, "olid": OFFENSIVE, "mr": SENTIMENT, "sst2": SENTIMENT, "imdb": SENTIMENT}
DRAWN = 2000
SHARES = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
RESAMPLES = 2000


def methods(encoder: Encoder, seed: int) -> dict[str, Any]:
    """Return new estimators: the probe, the space head, and the space head with the published losses."""
    losses: dict[str, Any] = {"inter_weight": INTER, "intra_weight": INTRA, "inter_variant": "label-free-2023"}
    plain: dict[str, Any] = {"lexicon": False, "store": None, "seed": seed}
    return {
        "probe": LinearProbe(encoder, store=None, seed=seed),
        "space": SpaceClassifier(encoder, **plain),
        "space, 3 latents": SpaceClassifier(encoder, n_latent=3, **plain),
        "space +both": SpaceClassifier(encoder, **plain, **losses),
    }


def generalisation(encoder: Encoder, name: str, n_seeds: int) -> dict[str, Any]:
    """Train on samples of one set; test on its own test part and on another set's."""
    began = time.process_time()
    data = prepared(encoder, relabelled(sampled(name), TASKS[name]))
    other = prepared(encoder, relabelled(sampled(OTHER[name]), TASKS[OTHER[name]]))
    tests = {name: data.test, OTHER[name]: other.test}
    found: dict[str, Any] = {"scores": {}, "drawn": DRAWN}
    right: dict[str, dict[str, list[np.ndarray]]] = {}
    for seed in range(n_seeds):
        drawn = sample(data.train, DRAWN, seed)
        for method, model in methods(encoder, seed).items():
            model.fit(drawn.features, drawn.targets.tolist(), dev=(data.dev.features, data.dev.targets.tolist()))
            for test, part in tests.items():
                predicted, truth = model.predict(part.features), part.targets.numpy()
                kept = found["scores"].setdefault(method, {}).setdefault(test, [])
                kept.append(classification_scores(truth, predicted))
                right.setdefault(method, {}).setdefault(test, []).append(predicted == truth)
    found["differences"] = {m: differences(found["scores"], right, m) for m in right if m != "probe"}
    return found | facts(data, tests) | {"cpu_seconds": round(time.process_time() - began, 1)}


def differences(
    scores: Mapping[str, Mapping[str, Any]], right: Mapping[str, Mapping[str, list[np.ndarray]]], method: str
) -> dict[str, Any]:
    """Return accuracy less the probe's on every test part: each seed's, and an interval over texts of their mean."""
    found: dict[str, Any] = {}
    for test, own in right[method].items():
        gap = np.mean(own, axis=0) - np.mean(right["probe"][test], axis=0)
        rng = np.random.default_rng(0)
        draws = [gap[rng.integers(len(gap), size=len(gap))].mean() for _ in range(RESAMPLES)]
        pairs = zip(scores[method][test], scores["probe"][test], strict=True)
        gaps = [{k: a[k] - b[k] for k in a} for a, b in pairs]
        found[test] = {"seeds": gaps, "interval_over_texts": [float(e) for e in np.quantile(draws, [0.025, 0.975])]}
    return found


def data_size(encoder: Encoder, name: str, seed: int) -> dict[str, Any]:
    """Train on growing shares of a set; dev comes out of the share."""
    began = time.process_time()
    data: Prepared = prepared(encoder, sampled(name))
    found: dict[str, Any] = {"scores": {}}
    for share in SHARES:
        n = round(share * len(data.train))
        drawn = sample(data.train, n, seed)
        for method in ("probe", "space"):
            model = methods(encoder, seed)[method].fit(drawn.features, drawn.targets.tolist())
            scores = classification_scores(data.test.targets.numpy(), model.predict(data.test.features))
            found["scores"].setdefault(method, {})[str(n)] = scores
    return found | facts(data, {"test": data.test}) | {"cpu_seconds": round(time.process_time() - began, 1)}

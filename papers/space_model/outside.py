"""Space head against linear probe and trained encoder: other data sets of the same task, and less data.

The library's own settings; all read the last layer, all choose by dev. Every seed draws other training texts, the same
for all methods, so differences are paired by seed. An interval over texts resamples the test texts instead.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from benchmarks.fine_tuning import FINE_TUNED, USUAL, fine_tune
from papers.space_model.data import (
    OFFENSIVE,
    SENTIMENT,
    TOXIC,
    Prepared,
    prepared,
    relabelled,
    sample,
    sampled,
    sampled_rows,
)
from papers.space_model.experiments import facts
from papers.space_model.variants import INTER, INTRA

from spacetune import Encoder, LinearProbe, SpaceClassifier
from spacetune.fitting import classification_scores

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
        "space +lexicon": SpaceClassifier(encoder, store=None, seed=seed),
    }


def generalisation(encoder: Encoder, name: str, n_seeds: int, n_trained: int) -> dict[str, Any]:
    """Train on samples of one set; test on its own test part and on another set's. Few seeds train the encoder too."""
    began = time.process_time()
    texts = {each: relabelled(sampled(each), TASKS[each]) for each in (name, OTHER[name])}
    data = {each: prepared(encoder, parts) for each, parts in texts.items()}
    tests = {each: found.test for each, found in data.items()}
    found: dict[str, Any] = {"scores": {}, "drawn": DRAWN}
    right: dict[str, dict[str, list[np.ndarray]]] = {}

    def keep(method: str, test: str, predicted: np.ndarray) -> None:
        truth = tests[test].targets.numpy()
        found["scores"].setdefault(method, {}).setdefault(test, []).append(classification_scores(truth, predicted))
        right.setdefault(method, {}).setdefault(test, []).append(predicted == truth)

    for seed in range(n_seeds):
        rows = sampled_rows(data[name].train.targets.tolist(), DRAWN, seed)
        drawn, dev = data[name].train.take(torch.tensor(rows)), data[name].dev
        for method, model in methods(encoder, seed).items():
            model.fit(drawn.features, drawn.targets.tolist(), dev=(dev.features, dev.targets.tolist()))
            for test, part in tests.items():
                keep(method, test, model.predict(part.features))
        if seed < n_trained:
            proba, _ = fine_tune(encoder, texts[name].train.take(rows), texts[name].dev, USUAL, seed)
            for test, parts in texts.items():
                keep(FINE_TUNED, test, proba(parts.test.inputs).argmax(1))
    pairs = [(method, "probe") for method in right if method != "probe"]
    pairs += [("space", FINE_TUNED), ("space +lexicon", FINE_TUNED)]
    found["differences"] = [differences(found["scores"], right, *pair) for pair in pairs if set(pair) <= set(right)]
    return found | facts(data[name], tests) | {"cpu_seconds": round(time.process_time() - began, 1)}


def differences(
    scores: Mapping[str, Mapping[str, Any]],
    right: Mapping[str, Mapping[str, list[np.ndarray]]],
    method: str,
    other: str,
) -> dict[str, Any]:
    """Return one method's accuracy less another's on every test part, over the seeds that both have.

    Each seed's, and an interval over texts of their mean.
    """
    found: dict[str, Any] = {"method": method, "less": other, "tests": {}}
    for test in right[method]:
        pairs = list(zip(right[method][test], right[other][test], strict=False))
        gap = np.mean([own.astype(float) - against for own, against in pairs], axis=0)
        rng = np.random.default_rng(0)
        draws = [gap[rng.integers(len(gap), size=len(gap))].mean() for _ in range(RESAMPLES)]
        both = zip(scores[method][test], scores[other][test], strict=False)
        gaps = [{k: a[k] - b[k] for k in a} for a, b in both]
        ends = [float(e) for e in np.quantile(draws, [0.025, 0.975])]
        found["tests"][test] = {"seeds": gaps, "interval_over_texts": ends}
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

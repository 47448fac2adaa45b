"""What is compared: every variant gives logits of dev and of all test texts, learnt from the same draw."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from benchmarks.simplex import averaging
from benchmarks.simplex.draws import Draw, Drawn
from benchmarks.simplex.flatness import along, under_noise
from benchmarks.simplex.laplace import PRECISIONS, laplace_log_p
from benchmarks.simplex.scores import mean_log_p
from spacetune import Encoder, PrefixSimplexClassifier, SpaceClassifier
from spacetune.encoders import TokenFeatures
from spacetune.estimators import TextEstimator
from spacetune.fitting import SingleLabel
from spacetune.fitting.data import FitData
from spacetune.fitting.inputs import FrozenInputs
from spacetune.fitting.reading import logits_of
from spacetune.heads import SpaceHead

Array = np.ndarray[Any, Any]
SEED_STEP = 1_000
"""Between the seeds of independent runs of a draw."""


@dataclasses.dataclass(frozen=True)
class Variant:
    """Logits of dev and of the tests, in this order; log losses away from the weights; and points that disagree.

    Parameters
    ----------
    name
        Of the variant.
    logits
        ``(text, class)``, one a part.
    points
        ``(point, text, class)`` a part, where several predict together.
    flatness
        Log losses of the first test part, where they were measured.
    """

    name: str
    logits: list[Array]
    points: list[Array] | None = None
    flatness: dict[str, dict[str, float]] | None = None

    @classmethod
    def together(cls, name: str, points: list[Array]) -> Variant:
        """Return the mean of the points' probabilities."""
        return cls(name, [mean_log_p(each) for each in points], points)


def head_variants(draw: Draw, drawn: Drawn, encoder: Encoder, config: dict[str, Any]) -> Iterator[Variant]:
    """Yield what reads the frozen encoder: one head, what is made of several of them, and simplexes."""
    train, dev = (encoder.encode(list(part.inputs), layers=LAYERS) for part in (drawn.train, drawn.dev))
    parts = [dev, *(encoded(encoder, test.inputs, name, len(test)) for name, test in drawn.tests.items())]
    test = next(iter(drawn.tests.values()))

    def fitted(**settings: Any) -> SpaceClassifier:
        model = SpaceClassifier(encoder, store=None, lexicon=False, **settings)
        return model.fit(train, drawn.train.labels, dev=(dev, drawn.dev.labels))

    runs = [fitted(seed=seed) for seed in seeds_of(draw, config["n_runs"])]
    one = runs[0]
    task, truth = SingleLabel(one.classes_.tolist()), torch.as_tensor(one.task_.targets(test.labels or []))
    data = FitData(
        FrozenInputs(train), task.targets(drawn.train.labels or []), FrozenInputs(dev),
        task.targets(drawn.dev.labels or []),
    )  # fmt: skip

    def of_head(name: str, head: SpaceHead) -> Variant:
        flat = {"noise": under_noise(head, parts[1], truth)}
        return Variant(name, [logits_of(head, part).astype(float) for part in parts], flatness=flat)

    yield of_head("one head", one.space_head)
    each = [[logits_of(run.space_head, part).astype(float) for run in runs] for part in parts]
    yield Variant.together(f"ensemble of {len(runs)}", [np.stack(part) for part in each])
    yield from averages(draw, data, task, config["n_runs"], of_head)
    yield laplace(one.space_head, data, train, parts)
    for n in config["n_vertices"]:
        model = fitted(n_vertices=n, seed=draw.seed)
        found = of_head(f"simplex of {n}", model.space_head)
        lines = {"along": along(model.simplex_, parts[1], truth)} if model.simplex_ is not None else {}
        yield dataclasses.replace(found, flatness={**(found.flatness or {}), **lines})
        if n == MIDDLE:
            yield Variant.together(f"simplex of {n}, {config['n_points']} points", points_of(model, parts, config))


def averages(
    draw: Draw, data: FitData, task: SingleLabel, n_runs: int, of_head: Callable[[str, SpaceHead], Variant]
) -> Iterator[Variant]:
    """Yield the soup of runs in several orders from one start, and the mean of the later epochs of the first."""
    start, *orders = seeds_of(draw, n_runs)
    head, epochs = averaging.trained(data, task.classes, start, start)
    soup = [{name: p.detach().clone() for name, p in head.named_parameters()}]
    for order in orders:
        other, _ = averaging.trained(data, task.classes, start, order)
        soup.append(dict(other.named_parameters()))
    yield of_head(f"soup of {n_runs}", averaging.average(head, soup))
    yield of_head("mean of later epochs", averaging.average(head, epochs[len(epochs) // 2 :]))


def laplace(head: SpaceHead, data: FitData, train: TokenFeatures, parts: list[TokenFeatures]) -> Variant:
    """Return the last-layer Laplace approximation of a head, its prior's precision chosen by dev's log loss."""
    weight, bias = (p.detach().double().numpy() for p in (head.classifier.weight, head.classifier.bias))
    with torch.inference_mode():
        rows, *others = (head.centroids(part).flatten(1).double().numpy() for part in (train, *parts))
    truth = data.dev_targets.numpy()
    found = [laplace_log_p(weight, bias, rows, others, precision) for precision in PRECISIONS]
    return Variant("last-layer Laplace", max(found, key=lambda f: f[0][np.arange(len(truth)), truth].mean()))


def adapter_variants(draw: Draw, drawn: Drawn, encoder: Encoder, config: dict[str, Any]) -> Iterator[Variant]:
    """Yield what is learnt inside the encoder: one prefix, and a simplex; the same for low rank."""
    parts = [part.inputs for part in (drawn.dev, *drawn.tests.values())]
    for adapter in ("prefix", "lora"):

        def fitted(adapter: Any = adapter, **settings: Any) -> PrefixSimplexClassifier:
            model = PrefixSimplexClassifier(encoder, adapter=adapter, **settings)
            return model.fit(drawn.train.inputs, drawn.train.labels, dev=drawn.dev)

        one = fitted(n_vertices=1, seed=draw.seed)
        yield Variant(f"one {adapter}", [one.predict_logits(part).astype(float) for part in parts])
        for n in config["n_vertices"]:
            model = fitted(n_vertices=n, seed=draw.seed)
            yield Variant(f"{adapter} simplex of {n}", [model.predict_logits(part).astype(float) for part in parts])
            name = f"{adapter} simplex of {n}, {config['n_points']} points"
            yield Variant.together(name, points_of(model, parts, config))


VARIANTS = {"heads": head_variants, "adapters": adapter_variants, "full": head_variants}
LAYERS = (2, 4, 6)
"""Of the default encoder: those that are read below 2,000 texts."""
MIDDLE = 6
"""The paper's number of vertices, whose points predict together too."""
_ENCODED: dict[str, TokenFeatures] = {}


def encoded(encoder: Encoder, texts: Any, name: str, size: int) -> TokenFeatures:
    """Return the features of a set's test texts, read once."""
    if (key := f"{name} {size}") not in _ENCODED:
        _ENCODED[key] = encoder.encode(list(texts), layers=LAYERS)
    return _ENCODED[key]


def points_of(model: TextEstimator, parts: list[Any], config: dict[str, Any]) -> list[Array]:
    """Return logits at random points of the simplex, ``(point, text, class)`` a part."""
    return [model.ensemble_logits(part, config["n_points"]).astype(float) for part in parts]


def seeds_of(draw: Draw, n_runs: int) -> list[int]:
    """Return the seeds of independent runs."""
    return [draw.seed + SEED_STEP * i for i in range(n_runs)]

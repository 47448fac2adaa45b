"""The methods of the suite. Each gets train and dev, chooses by dev alone, and is scored once on test."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVR, LinearSVC

from benchmarks.fine_tuning import FASTER, USUAL, Recipe, fine_tune
from benchmarks.quality.sets import Parts
from spacetune import Encoder, LinearProbe
from spacetune.encoders import FeatureStore
from spacetune.encoders.store.shards import Form
from spacetune.fitting.calibration import calibration_error, fit_temperature, probabilities
from spacetune.fitting.tasks import Task
from spacetune.studies import fit_model, score_model
from spacetune.studies.fit.baselines import WORDS

Cell = dict[str, Any]
STRENGTHS = (0.1, 1.0, 10.0)


TOP = "-top"
"""At the end of a method's name: with the encoder's upper layers trained too."""
BESIDE = "-lexicon"
"""At the end of the probe's name: with a lexicon beside it."""


def ours(method: str, parts: Parts, encoder: Encoder, seed: int, *, refit: bool = False, form: Form = "full") -> Cell:
    """Fit one of spacetune's methods from features that the store may hold already; a refit learns from dev too."""
    store = "auto" if form == "full" else FeatureStore(form=form)
    settings: dict[str, Any] = {"encoder": encoder, "store": store}
    settings |= {"inside": "top"} if method.endswith(TOP) else {}
    settings |= {"lexicon": True} if method.endswith(BESIDE) else {}
    named: Any = method.removesuffix(TOP).removesuffix(BESIDE)
    encoded = _encoded(parts, encoder, store)
    start, begun = time.perf_counter(), time.process_time()
    model, report = fit_model(
        parts.train, dev=parts.dev, method=named, baselines=False, settings=settings, seed=seed, refit=refit
    )
    seconds, worked = time.perf_counter() - start, time.process_time() - begun
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(Path(folder) / "model")
        size = sum(p.stat().st_size for p in (Path(folder) / "model").iterdir())
    scored, dev = score_model(model, parts.test), report.scored["dev"]
    return {
        "test": scored.scores, "dev": dev.scores, "majority": scored.baseline, "ece": scored.ece,
        "fit_seconds": seconds, "fit_cpu_seconds": worked, "encode_seconds": encoded, "model_bytes": size,
        "lexicon": getattr(model, "lexicon_", None) is not None,
        **({} if form == "full" else {"features": form}),
        "layers": list(model.layers_ or ()), "history": str(getattr(model, "history_", "")),
        **({} if report.choice is None else {"choice": report.choice.to_dict()}),
    }  # fmt: skip


def _encoded(parts: Parts, encoder: Encoder, store: FeatureStore | str) -> float:
    """Put all texts through the encoder into the store, so that a method's own time is told apart."""
    start = time.perf_counter()
    reader = LinearProbe(encoder, store=store)
    reader.features(parts.train.inputs)
    for data in (parts.dev, parts.test):
        reader.features(data.inputs)
    return time.perf_counter() - start


def fine_tuned_by_dev(parts: Parts, encoder: Encoder, task: Task, seed: int, usual: Cell) -> Cell:
    """Train the whole encoder at the faster rate too, and return the cell that is better on dev."""
    faster = {**fine_tuned(parts, encoder, task, seed, FASTER), "learning_rate": FASTER.learning_rate}
    usual = {**{name: usual[name] for name in faster if name in usual}, "learning_rate": USUAL.learning_rate}
    both = {"dev_by_rate": {str(cell["learning_rate"]): cell["dev"] for cell in (usual, faster)}}
    return max(usual, faster, key=lambda cell: cell["dev"][task.monitor]) | both


def fine_tuned(parts: Parts, encoder: Encoder, task: Task, seed: int, recipe: Recipe = USUAL) -> Cell:
    """Train the whole encoder under a linear layer; dev keeps the best of three epochs and sets a temperature."""
    start, begun = time.perf_counter(), time.process_time()
    proba, _ = fine_tune(encoder, parts.train, parts.dev, recipe, seed)
    seconds, worked = time.perf_counter() - start, time.process_time() - begun
    train, dev, test = (task.targets(d.labels or []).numpy() for d in (parts.train, parts.dev, parts.test))
    dev_logits, logits = (np.log(proba(d.inputs)) for d in (parts.dev, parts.test))
    p = probabilities(logits, fit_temperature(dev_logits, dev, task.kind), task.kind)
    return {
        "test": task.scores(logits, test),
        "dev": task.scores(dev_logits, dev),
        "majority": task.baseline(train, test),
        "ece": calibration_error(p.max(1), p.argmax(1) == test),
        "fit_seconds": seconds,
        "fit_cpu_seconds": worked,
        "model_bytes": sum(file.stat().st_size for file in encoder.source.folder.glob("*.safetensors")),
    }


def tfidf_svm(parts: Parts, task: Task) -> Cell:
    """Words and word pairs with a linear support vector machine, its strength chosen on dev."""
    start, begun = time.perf_counter(), time.process_time()
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=WORDS)
    data = (parts.train, parts.dev, parts.test)
    joined = [[t if isinstance(t, str) else " ".join(t) for t in d.inputs] for d in data]
    rows = [vectorizer.fit_transform(joined[0]), *(vectorizer.transform(texts) for texts in joined[1:])]
    targets = [task.targets(d.labels or []).numpy() for d in data]
    fits = [_decide(task, rows[0], targets[0], C) for C in STRENGTHS]
    dev_scores = [task.scores(decide(rows[1]), targets[1])[task.monitor] for decide in fits]
    best = fits[int(np.argmax(dev_scores))]
    seconds, worked = time.perf_counter() - start, time.process_time() - begun
    dev_logits = best(rows[1])
    return {
        "test": task.settled(dev_logits, targets[1]).scores(best(rows[2]), targets[2]),
        "dev": task.scores(dev_logits, targets[1]),
        "majority": task.baseline(targets[0], targets[2]),
        "fit_seconds": seconds,
        "fit_cpu_seconds": worked,
    }


def _decide(task: Task, rows: Any, targets: Any, C: float) -> Callable[[Any], Any]:
    if task.kind == "regression":
        machine = SVR(kernel="linear", C=C).fit(rows, task.targets(targets).numpy())
        return lambda x: _standardised(task, machine.predict(x))
    one = LinearSVC(C=C)
    machine = OneVsRestClassifier(one).fit(rows, targets) if task.kind == "multi" else one.fit(rows, targets)

    def decide(x: Any) -> Any:
        scores = np.asarray(machine.decision_function(x))
        return np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores

    return decide


def _standardised(task: Any, values: Any) -> Any:
    return ((values - task.mean) / task.scale)[:, None]

"""The methods. Each fits on train with dev for early stopping, and gives a function from texts to probabilities."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.fine_tuning import Proba, Recipe, fine_tune
from benchmarks.peer_worker import Worker
from spacetune import Encoder, LabelledTexts, LinearProbe, PrefixSimplexClassifier, SpaceClassifier
from spacetune.bridges.peft_running import prepare_for_peft
from spacetune.encoders import TokenFeatures


@dataclasses.dataclass(frozen=True)
class Fitted:
    """What a fit gives.

    Parameters
    ----------
    proba
        From texts to probabilities.
    classes
        The names of their columns.
    cpu_elsewhere
        CPU seconds spent in another process.
    refit
        Learns in place from all K texts with what dev chose; None leaves dev to the choosing.
    """

    proba: Proba
    classes: list[Any]
    cpu_elsewhere: float = 0.0
    refit: Callable[[], Any] | None = None


Method = Callable[[Encoder, LabelledTexts, LabelledTexts, dict[str, Any], int], Fitted]


@functools.lru_cache(maxsize=12)
def _features(encoder: Encoder, texts: tuple[Any, ...]) -> TokenFeatures:
    """Read texts of the test part once for all methods on the frozen encoder; fits read theirs anew, on the clock."""
    return encoder.encode(list(texts), layers="all")


def estimator(kind: Any, wanted: tuple[str, ...], *, frozen: bool = True, refit: bool = False, **fixed: Any) -> Method:
    def fit(encoder: Encoder, train: LabelledTexts, dev: LabelledTexts, settings: dict[str, Any], seed: int) -> Fitted:
        chosen = {k: v for k, v in settings.items() if k in wanted}
        model = kind(encoder, seed=seed, **{**chosen, **fixed}).fit(train.inputs, train.labels, dev=dev)

        def proba(texts: list[Any]) -> np.ndarray:
            return model.predict_proba(_features(encoder, tuple(texts)) if frozen else texts)

        def learn_all() -> None:
            model.refit([*train.inputs, *dev.inputs], [*(train.labels or []), *(dev.labels or [])])

        return Fitted(proba, model.classes_.tolist(), refit=learn_all if refit else None)

    return fit


def trained(prepare: Callable[[Any, dict[str, Any]], Any]) -> Method:
    """Train a transformers sequence classifier by AdamW and early stopping: peft's methods and full fine-tuning."""

    def fit(encoder: Encoder, train: LabelledTexts, dev: LabelledTexts, settings: dict[str, Any], seed: int) -> Fitted:
        recipe = Recipe(*(settings[name] for name in ("learning_rate", "n_epochs", "batch_size", "patience")))
        return Fitted(*fine_tune(encoder, train, dev, recipe, seed, lambda base: prepare(base, settings)))

    return fit


def _prefix_of_peft(base: Any, settings: dict[str, Any]) -> Any:
    import peft

    config = peft.PrefixTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=settings["prefix_length"])
    return peft.get_peft_model(prepare_for_peft(base), config)


def _lora(base: Any, settings: dict[str, Any]) -> Any:
    import peft

    del settings
    return peft.get_peft_model(
        base, peft.LoraConfig(task_type="SEQ_CLS", r=8, lora_alpha=16, target_modules=["query", "value"])
    )


def setfit(encoder: Encoder, train: LabelledTexts, dev: LabelledTexts, settings: dict[str, Any], seed: int) -> Fitted:
    """SetFit's default recipe chooses nothing, so it learns from the training and the dev texts together."""
    labels = [*(train.labels or []), *(dev.labels or [])]
    worker, folder = _worker(settings["peers_python"]), str(encoder.source.folder)
    facts = worker.ask(do="setfit_fit", folder=folder, texts=[*train.inputs, *dev.inputs], labels=labels, seed=seed)

    def proba(texts: list[Any]) -> np.ndarray:
        return np.array(worker.ask(do="setfit_probabilities", texts=list(texts)))

    return Fitted(proba, facts["classes"], facts["cpu_seconds"])


@functools.cache
def _worker(python: str | None) -> Worker:
    if python is None:
        raise RuntimeError("SetFit does not install beside transformers 5: give --peers-python")
    return Worker(python)


HEAD = ("layers", "n_latent", "learning_rate", "weight_decay", "dropout")
PREFIX = (
    "layers",
    "prefix_length",
    "n_epochs",
    "batch_size",
    "patience",
    "learning_rate",
    "head_learning_rate",
    "dropout",
    "start_scale",
)

OURS: dict[str, Callable[..., Method]] = {
    "linear probe": functools.partial(estimator, LinearProbe, ("layers",), store=None),
    "space head": functools.partial(estimator, SpaceClassifier, HEAD, store=None),
    "space simplex": functools.partial(estimator, SpaceClassifier, HEAD, n_vertices=6, store=None),
    "prefix simplex": functools.partial(
        estimator, PrefixSimplexClassifier, PREFIX, frozen=False, n_vertices=6, n_validation_samples=5
    ),
}
REFITTED = " (refitted)"
"""After the name of a method that learns from all K texts in the end, the dev texts among them."""

METHODS: dict[str, Method] = {
    **{name: make() for name, make in OURS.items()},
    **{name + REFITTED: make(refit=True) for name, make in OURS.items()},
    "prefix-tuning": estimator(PrefixSimplexClassifier, PREFIX, frozen=False, n_vertices=1, n_validation_samples=0),
    "prefix simplex, deterministic": estimator(
        PrefixSimplexClassifier, PREFIX, frozen=False, n_vertices=6, n_validation_samples=0
    ),
    "lora simplex": estimator(
        PrefixSimplexClassifier, PREFIX, frozen=False, adapter="lora", n_vertices=6, n_validation_samples=5
    ),
    "peft prefix-tuning": trained(_prefix_of_peft),
    "lora": trained(_lora),
    "fine-tuning": trained(lambda base, settings: base),
    "setfit": setfit,
}

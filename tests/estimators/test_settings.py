"""A setting that cannot be is refused by its name, in one sentence, before anything is read or allocated."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from sklearn.base import is_classifier
from tests.estimators.kinds import KINDS

from spacetune import Encoder, LinearProbe, PrefixSimplexClassifier, SpaceClassifier
from spacetune.errors import SpacetuneError, UsageError
from spacetune.estimators import SpaceRegressor, TextEstimator
from spacetune.fitting.settings import SETTINGS, check_settings

TEXTS, LABELS = ["good fun", "a bore", "what a joy", "so dull"] * 3, [1, 0] * 6
ELSEWHERE = {"encoder", "layers", "class_weight"}  # read by the encoder, and by the task


def test_every_setting_has_a_rule() -> None:
    assert {name for kind in KINDS for name in inspect.signature(kind).parameters} - ELSEWHERE == set(SETTINGS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", ["3", float("nan"), float("inf"), -1, [1], {}, np.array([1, 2]), object(), 1 + 2j])
def test_wrong_values_are_named(kind: type[TextEstimator], value: Any) -> None:
    labels = LABELS if is_classifier(kind()) else [float(i) for i in range(12)]
    for name in set(inspect.signature(kind).parameters) - ELSEWHERE:
        with pytest.raises(UsageError, match=f"^{name} must be "):
            kind(**{name: value}).fit(TEXTS, labels)


def checked(model: TextEstimator) -> None:
    check_settings(model.get_params(deep=False), model.rules)
    assert model.method().conflict() is None


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_constructor_takes_by_itself_may_stand(kind: type[TextEstimator]) -> None:
    checked(kind())
    of_numpy = {bool: np.bool_, int: np.int64, float: np.float64}
    usual = {name: value for name, value in kind().get_params().items() if type(value) in of_numpy}
    checked(kind(**{name: of_numpy[type(value)](value) for name, value in usual.items()}))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_epochs": "3"}, "n_epochs must be a whole number, at least 1, or None, got '3'"),
        ({"n_epochs": True}, "n_epochs must be a whole number, at least 1, or None, got True"),
        ({"n_epochs": 2.5}, "n_epochs must be a whole number, at least 1, or None, got 2.5"),
        ({"n_latent": None}, "n_latent must be a whole number, at least 1, or 'auto', got None"),
        ({"dropout": None}, "dropout must be a number, between 0 and 0.95, got None"),
        ({"learning_rate": 0}, "learning_rate must be finite and above 0, got 0"),
        ({"dropout": 1.5}, "dropout must be between 0 and 0.95, got 1.5"),
        ({"lexicon": 1}, "lexicon must be True or False, got 1"),
        ({"inter_variant": "old"}, "inter_variant must be labelled, labelled-2024 or label-free-2023, got 'old'"),
        ({"store": "here"}, "store must be 'auto', None or a FeatureStore, got 'here'"),
        ({"class_weight": "even"}, "class_weight must be None, 'balanced' or a dict from class to weight, got 'even'"),
        ({"class_weight": {1: "x"}}, "class_weight must hold finite numbers of at least 0; 1 has 'x'"),
        ({"class_weight": {1: -1}}, "class_weight must hold finite numbers of at least 0; 1 has -1"),
        ({"class_weight": {1: float("nan")}}, "class_weight must hold finite numbers of at least 0; 1 has nan"),
        ({"class_weight": {0: 0, 1: 0}}, "class_weight must be above 0 for at least one class that has texts"),
    ],
)
def test_messages(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        SpaceClassifier(**settings).fit(TEXTS, LABELS)
    assert str(caught.value) == message


@pytest.mark.parametrize("layers", ["top", 99, [], [1.5], True, {}, [None]])
def test_wrong_layers(encoder: Encoder, layers: Any) -> None:
    with pytest.raises(SpacetuneError, match="layers"):
        LinearProbe(encoder, layers=layers).fit(TEXTS, LABELS)


@pytest.mark.parametrize("settings", [{"n_latent": 1_000_000}, {"n_vertices": 10**9}])
def test_what_cannot_fit_says_what_it_would_need(encoder: Encoder, settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"would take about [\d,.]+ GB of memory, and this machine has [\d,.]+ GB"):
        SpaceClassifier(encoder, **settings).fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    "settings", [{"prefix_length": 10**8}, {"n_vertices": 10**8}, {"adapter": "lora", "rank": 10**9},
                 {"reparametrisation": "shared", "hidden_size": 10**9}, {"head": "space", "n_latent": 10**8}],
)  # fmt: skip
def test_prefixes_that_cannot_fit(encoder: Encoder, settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="GB of memory"):
        PrefixSimplexClassifier(encoder, **settings).fit(TEXTS, LABELS)


def test_the_bound_is_this_machines_memory(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spacetune.fitting.memory.memory_bytes", lambda: 1000)
    with pytest.raises(UsageError, match=r"n_latent=4, n_vertices=1 would take about 0.\d GB"):
        SpaceClassifier(encoder, n_latent=4).fit(TEXTS, LABELS)


def test_only_a_frozen_encoder_reads_in_windows() -> None:
    for kind in (SpaceClassifier, SpaceRegressor):
        assert kind().method().reading.windows
        assert not kind(inside="top").method().reading.windows
        assert not kind(train_encoder=True).method().reading.windows

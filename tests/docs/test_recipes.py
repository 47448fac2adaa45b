"""The recipes of CONTRIBUTING, followed with toys: a head, a method and an estimator of it, a measure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import spacetune.estimators
from spacetune import Encoder, geometry
from spacetune.encoders import TokenFeatures
from spacetune.estimators import load_estimator
from spacetune.estimators.classifier import Classifier
from spacetune.fitting import SETTINGS, FitData, Learnt, Method, Reading, Run, at_rest, fit_linear, logits_of
from spacetune.geometry.cloud import as_cloud
from spacetune.heads import HeldHead, Model
from spacetune.studies import demo_texts

DEMO = demo_texts("train")


class SizeHead(nn.Module):
    """A toy: linear in the sizes of a token's states, |h|."""

    def __init__(self, of_sizes: Tensor, start: Tensor) -> None:
        super().__init__()
        self.register_buffer("of_sizes", of_sizes)
        self.register_buffer("start", start)

    @property
    def bias(self) -> Tensor:
        return self.start

    def logits(self, features: TokenFeatures) -> Tensor:
        return sizes(features) @ self.of_sizes.T + self.start

    def token_scores(self, features: TokenFeatures) -> Tensor:
        lengths = torch.repeat_interleave(features.lengths, features.lengths)
        return features.values.flatten(1).abs().double() @ self.of_sizes.T / lengths[:, None]

    def held(self, features: TokenFeatures, outputs: slice) -> HeldHead:
        lengths = torch.repeat_interleave(features.lengths, features.lengths)
        weight = self.of_sizes[outputs].unflatten(1, features.shape).unsqueeze(1)
        return HeldHead(weight * features.values.sign() / lengths[:, None, None])


def sizes(features: TokenFeatures) -> Tensor:
    return dataclasses.replace(features, values=features.values.abs()).means().flatten(1).double()


@dataclasses.dataclass(frozen=True)
class SizeMethod(Method):
    """A toy: logistic regression on sizes, without any choice."""

    reading = Reading(windows=True)

    def learns_again(self, n_texts: int) -> bool:
        return True

    def conflict(self) -> str | None:
        return None

    def learn(self, data: FitData, run: Run) -> tuple[Learnt, np.ndarray]:
        learnt = self.learn_again(data, run, None)
        return learnt, logits_of(learnt.model.on_top, data.dev)

    def learn_again(self, data: FitData, run: Run, before: Learnt | None) -> Learnt:
        rows, (targets, weights) = sizes(data.train.take(torch.arange(len(data.train)))).numpy(), data.truth
        head = SizeHead(*map(torch.from_numpy, fit_linear(run.task, rows, targets, 1.0, weights)))
        return Learnt.of(Model(head))


class SizeClassifier(Classifier):
    """A toy."""

    rules = SETTINGS

    def __init__(
        self,
        encoder: Any = None,
        *,
        layers: Any = "auto",
        class_weight: Any = None,
        dev_fraction: float = 0.1,
        max_length: int | None = None,
        store: Any = None,
        seed: int = 0,
    ) -> None:
        self.encoder = encoder
        self.layers = layers
        self.class_weight = class_weight
        self.dev_fraction = dev_fraction
        self.max_length = max_length
        self.store = store
        self.seed = seed

    def method(self) -> SizeMethod:
        return SizeMethod.of(self.get_params(deep=False))


def made(tensors: Mapping[str, Tensor]) -> SizeHead:
    return SizeHead(tensors["of_sizes"], tensors["start"])


def test_a_head_a_method_and_an_estimator_are_a_whole_model(
    tiny_encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(at_rest.HEADS, "of_sizes", made)
    monkeypatch.setattr(spacetune.estimators, "SizeClassifier", SizeClassifier, raising=False)
    monkeypatch.setattr(spacetune.estimators, "__all__", [*spacetune.estimators.__all__, "SizeClassifier"])
    model = SizeClassifier(tiny_encoder).fit(DEMO.texts[:60], (DEMO.labels or [])[:60])
    assert model.report_["n_texts"] == 60
    assert "learnt from 60 texts in all" in model.report_["dev"]
    found = model.explain(DEMO.texts[:5])
    assert found.check() < 1e-6
    assert np.abs(found[0].token_scores).max() > 0
    np.testing.assert_allclose(model.predict_proba(DEMO.texts[:5]).sum(1), 1)
    model.save_pretrained(tmp_path / "toy")
    again = load_estimator(tmp_path / "toy", encoder=tiny_encoder)
    assert isinstance(again, SizeClassifier)
    np.testing.assert_allclose(again.predict_logits(DEMO.texts[:5]), model.predict_logits(DEMO.texts[:5]), rtol=1e-9)


def test_a_measure_in_the_catalogue_is_worked_out_and_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    def reach(points: Any, variant: str = "exact") -> float:
        cloud = as_cloud(points, "reach", geometry.find_measure("toy_reach").advice)
        return float(np.linalg.norm(cloud.values, axis=1).max())

    like = geometry.find_measure(geometry.list_measures()[0].name)
    toy = dataclasses.replace(like, name="toy_reach", label="reach", function=reach, needs="points", variants=False)
    monkeypatch.setitem(geometry.CATALOGUE, "toy_reach", toy)
    points = np.random.default_rng(0).normal(size=(200, 4))
    [found] = geometry.compute(points, ["toy_reach"]).measured
    assert found.value == pytest.approx(np.linalg.norm(points, axis=1).max())

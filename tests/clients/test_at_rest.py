"""skops and MLflow with our fitted estimators; skipped where they are not installed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tests.estimators.kinds import KINDS

from spacetune import Encoder, LinearProbe, SpaceClassifier
from spacetune.bridges import TRUSTED_TYPES
from spacetune.estimators import SpaceEncoder

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
skops = pytest.importorskip("skops.io", reason="skops is not installed")
mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")

TEXTS = ["my card was charged twice", "where is my order?", "a fine day, thank you", "the parcel never came"] * 8
LABELS, NUMBERS = ["bill", "order"] * 16, [float(len(text)) for text in TEXTS]
PAIRS = [(text, text[::-1]) for text in TEXTS]
MARKS = [["bill"], ["order", "late"]] * 16
QUICK = {"n_epochs": 2, "n_latent": 4, "prefix_length": 2, "n_validation_samples": 1, "store": None}


def quick(kind: Any, encoder: Any, **settings: Any) -> Any:
    known = kind._get_param_names()
    return kind(encoder, **{name: value for name, value in {**QUICK, **settings}.items() if name in known})


def fitted(encoder: Encoder) -> dict[str, Any]:
    models = {
        kind.__name__: quick(kind, encoder).fit(TEXTS, LABELS if hasattr(kind, "classes_") else NUMBERS)
        for kind in KINDS
    }
    by_name = Path(encoder.source.folder)
    return models | {
        "pairs": LinearProbe(by_name, store=None).fit(PAIRS, LABELS),
        "several labels": quick(SpaceClassifier, str(by_name)).fit(TEXTS, MARKS),
        "simplex": quick(SpaceClassifier, encoder, n_vertices=2).fit(TEXTS, LABELS),
        "layers": quick(SpaceClassifier, encoder, inside="top").fit(TEXTS, LABELS),
        "low rank": quick(SpaceClassifier, encoder, inside="lora").fit(TEXTS, LABELS),
        "columns": SpaceEncoder(encoder=encoder, store=None).fit(TEXTS),
        "centroids": SpaceEncoder("centroids", classifier=quick(SpaceClassifier, encoder)).fit(TEXTS, LABELS),
        "matrix": LinearProbe().fit(np.eye(32), LABELS),
    }


def answer(name: str, model: Any) -> np.ndarray:
    given = PAIRS if name == "pairs" else np.eye(32) if name == "matrix" else TEXTS
    return model.transform(given) if isinstance(model, SpaceEncoder) else model.predict_logits(given)


def test_skops_brings_back_every_estimator_bit_by_bit(tiny_encoder: Encoder) -> None:
    for name, model in fitted(tiny_encoder).items():
        held = skops.dumps(model)
        assert set(skops.get_untrusted_types(data=held)) <= set(TRUSTED_TYPES), name
        again = skops.loads(held, trusted=TRUSTED_TYPES)
        np.testing.assert_array_equal(answer(name, again), answer(name, model), err_msg=name)


@pytest.fixture
def runs(tmp_path: Path) -> Any:
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    yield mlflow.MlflowClient()
    mlflow.sklearn.autolog(disable=True)


def test_mlflow_logs_a_model_and_predicts_a_frame(runs: Any, tiny_encoder: Encoder) -> None:
    model = LinearProbe(str(tiny_encoder.source.folder), store=None).fit(TEXTS, LABELS)
    with mlflow.start_run():
        told = mlflow.sklearn.log_model(model, name="model", skops_trusted_types=TRUSTED_TYPES)
    again = mlflow.sklearn.load_model(told.model_uri)
    np.testing.assert_array_equal(again.predict_logits(TEXTS), model.predict_logits(TEXTS))
    served = mlflow.pyfunc.load_model(told.model_uri)
    assert list(served.predict(pd.DataFrame({"text": TEXTS}))) == model.predict(TEXTS).tolist()


def test_autologging_does_not_take_an_inner_model_for_the_model(runs: Any, tiny_encoder: Encoder) -> None:
    probe = LinearProbe(tiny_encoder, store=None)
    mlflow.sklearn.autolog(log_models=False, log_datasets=False, log_post_training_metrics=False)
    with mlflow.start_run() as run:
        probe.fit(TEXTS, LABELS)
    assert not runs.get_run(run.info.run_id).data.params
    with mlflow.start_run() as run:
        make_pipeline(FunctionTransformer(), probe).fit(TEXTS, LABELS)
    assert runs.get_run(run.info.run_id).data.tags["estimator_name"] == "Pipeline"

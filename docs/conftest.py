"""The examples of these pages run in a folder of their own, with small files and a fitted model at hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from spacetune import LinearProbe, few_shot
from spacetune.studies import demo_texts

TRAIN, TEST, DEV = (few_shot(demo_texts(part), per_class=10, seed=0) for part in ("train", "test", "dev"))


@pytest.fixture(scope="session")
def model() -> LinearProbe:
    """Return a small fitted classifier."""
    return LinearProbe(seed=0).fit(TRAIN.texts, TRAIN.labels)


@pytest.fixture(autouse=True)
def _ready(
    model: LinearProbe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doctest_namespace: dict[str, object]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, texts in (("train", TRAIN), ("test", TEST)):
        pd.DataFrame({"text": texts.texts, "label": texts.labels}).to_csv(f"{name}.csv", index=False)
    model.save_pretrained("model")
    doctest_namespace |= {"model": model, "train": TRAIN, "test": TEST, "dev": DEV}

"""An encoder for estimators whose every training step runs it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import transformers

from spacetune import Encoder


@pytest.fixture(scope="session")
def shallow(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    """Return the default encoder's first layer, with its tokenizer: a sixth of the work."""
    whole = Path(Encoder.from_pretrained().source.folder)
    folder = tmp_path_factory.mktemp("shallow")
    transformers.AutoModel.from_pretrained(whole, num_hidden_layers=1).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        shutil.copy(whole / name, folder / name)
    return Encoder.from_pretrained(folder, dtype="float32")

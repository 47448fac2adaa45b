"""Random and broken model folders: ``python -m tests.fuzz.models N SEED``.

Values are changed with the digests made anew, as somebody would who wants them believed. A folder is read or refused
with a `SpacetuneError`; nothing else may leave `load_estimator` or a prediction, nor take over 10 seconds.
"""

from __future__ import annotations

import json
import logging
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from tests.tiny_encoder import save_tiny_encoder

from spacetune import LinearProbe, PrefixSimplexClassifier, SpaceClassifier, SpaceRegressor, few_shot
from spacetune.errors import SpacetuneError
from spacetune.estimators import load_estimator
from spacetune.model_folder.saved_model import config_digest, file_digest
from spacetune.studies import demo_texts

ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 3, 10**9, 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf"), "", "a", "16",
    "\ud800", "nobody/nowhere", "../..", "/", [], [0], [1, 2], ["a", "b"], ["a", "a"], [[]], {}, {"a": 1}, "x" * 10_000,
)  # fmt: skip
TEXTS = ["Where is my parcel?", ""]


def furnish(folder: Path) -> list[Path]:
    """Save a model of every kind on a tiny encoder."""
    encoder = str(save_tiny_encoder(folder / "tiny"))
    data = few_shot(demo_texts("train"), 24)
    labels: list[Any] = data.labels or []
    quick: dict[str, Any] = {"n_epochs": 1, "store": None}
    kinds = {
        "space": SpaceClassifier(encoder, n_latent=2, **quick).fit(data.texts, labels),
        "trained": SpaceClassifier(encoder, n_latent=2, train_encoder=True, **quick).fit(data.texts, labels),
        "several": LinearProbe(encoder, store=None).fit(data.texts, [[label] for label in labels]),
        "number": SpaceRegressor(encoder, n_latent=2, **quick).fit(data.texts, [len(t) / 7 for t in data.texts]),
        "prefix": PrefixSimplexClassifier(encoder, n_vertices=2, prefix_length=2, n_epochs=1).fit(data.texts, labels),
    }
    for name, model in kinds.items():
        model.save_pretrained(folder / name)
    return [folder / name for name in kinds]


def spoilt(place: Path, rng: random.Random) -> None:
    """Change a copy of a model in one or two ways."""
    for _ in range(rng.choice((1, 1, 2))):
        rng.choice((_spoil_value, _spoil_value, _spoil_tensor, _spoil_bytes, _spoil_files))(place, rng)


def _spoil_value(place: Path, rng: random.Random) -> None:
    config = _config(place)
    inner: Any = config
    while True:
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
        if not keys:
            break
        key = rng.choice(keys)
        if isinstance(inner[key], dict | list) and rng.random() < 0.8:
            inner = inner[key]
            continue
        if isinstance(inner, dict) and rng.random() < 0.2:
            del inner[key]
        else:
            inner[key] = rng.choice(ODD)
        break
    _write(place, config)


def _spoil_tensor(place: Path, rng: random.Random) -> None:
    file = place / "model.safetensors"
    try:
        tensors = safetensors.torch.load_file(file)
    except Exception:
        return
    if not tensors:
        return
    name = rng.choice(sorted(tensors))
    tensor = tensors.pop(name)
    larger = tensor.repeat(*[2] * max(1, tensor.dim()))
    made = rng.choice(
        (None, tensor[:-1], tensor.flatten(), tensor.unsqueeze(0), tensor.to(torch.int8), tensor.double(), larger,
         torch.full_like(tensor, 64), torch.zeros(0))
    )  # fmt: skip
    if made is not None:
        tensors[rng.choice((name, name, "other"))] = made.contiguous()
    safetensors.torch.save_file(tensors, file)
    config = _config(place)
    if isinstance(config.get("files"), dict):
        config["files"]["model.safetensors"] = file_digest(file)
    _write(place, config)


def _spoil_bytes(place: Path, rng: random.Random) -> None:
    file = rng.choice(sorted(f for f in place.rglob("*") if f.is_file()))
    content = bytearray(file.read_bytes())
    at = rng.randrange(len(content) + 1)
    content[at : at + rng.choice((0, 1, 8, 10_000))] = rng.choice((b"", b"[" * 5000, b"9" * 5000, rng.randbytes(8)))
    file.write_bytes(content)


def _spoil_files(place: Path, rng: random.Random) -> None:
    file = rng.choice(sorted(f for f in place.rglob("*") if f.is_file()))
    file.unlink()
    if rng.random() < 0.5:
        file.mkdir()
    else:
        (place / "encoder").mkdir(exist_ok=True)
        (place / "encoder" / rng.choice(("config.json", "x.py", "pytorch_model.bin"))).write_text(
            rng.choice(("{}", ""))
        )


def _config(place: Path) -> dict[str, Any]:
    try:
        found = json.loads((place / "config.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(place: Path, config: dict[str, Any]) -> None:
    try:
        config["digest"] = config_digest(config)
        (place / "config.json").write_text(json.dumps(config))
    except (OSError, ValueError):
        pass


def trouble_of(place: Path) -> tuple[str, str]:
    """Load a model and predict; return what came of it, and what went wrong."""
    began, outcome = time.process_time(), "read"
    try:
        load_estimator(place).predict_logits(TEXTS)
    except SpacetuneError as error:
        outcome = f"refused: {type(error).__name__}"
        if "\n" in str(error):
            return outcome, f"a message of several lines: {error!s:.300}"
    except Exception as error:
        return "fault", repr(error)
    seconds = time.process_time() - began
    return outcome, f"{seconds:.0f} s" if seconds > 10 else ""


def main(n: int, seed: int) -> int:
    logging.getLogger("spacetune").setLevel(logging.CRITICAL)
    torch.set_num_threads(1)
    rng, seen, faults = random.Random(seed), Counter[str](), list[str]()
    with tempfile.TemporaryDirectory() as folder:
        places = furnish(Path(folder))
        for i in range(n):
            place = Path(shutil.copytree(rng.choice(places), Path(folder) / "copy"))
            spoilt(place, rng)
            outcome, trouble = trouble_of(place)
            seen[outcome] += 1
            faults += [f"folder {i}: {trouble}"] if trouble else []
            shutil.rmtree(place)
    print(f"{n} folders, seed {seed}: {dict(seen)}; {len(faults)} faults")
    print("\n".join(faults[:20]))
    return len(faults)


if __name__ == "__main__":
    sys.exit(min(1, main(*(int(word) for word in sys.argv[1:3]))))

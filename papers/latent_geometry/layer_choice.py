"""Do the measures pick the best layer before training? Scores and measures of every layer on many data sets.

For each data set: 400 training texts and at most 400 test texts; test accuracy of the space head and of a linear probe
on each layer of the default encoder alone; of a probe on 100 texts, judged on 100 others, as the baseline that looks at
labels; and measures of the training texts' tokens at each layer. `spacetune measure --rank` states what comes out.

Run `python -m papers.latent_geometry.layer_choice`. Each data set is kept in layer_choice.json as soon as it is done.
"""

from __future__ import annotations

import dataclasses
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from papers.latent_geometry.drawing_texts import drawn, run_missing, sets_done
from papers.latent_geometry.rows import HERE
from papers.latent_geometry.rungs import DATA

import spacetune.studies.geometry.layer_evidence as layer_evidence
from spacetune import Encoder, LinearProbe, SpaceClassifier
from spacetune.encoders import TokenFeatures
from spacetune.studies import measure

SETS = {
    "sst2": ("train", "dev"), "cola": ("train", "dev"), "banking77": ("train", "test"), "mr": ("all", None),
    "sma": ("train", "test"), "subj": ("all", None), "liar": ("train", "test"), "qqp": ("train", None),
    "wic": ("train", None), "olid": ("train", "test"), "mrpc": ("train", "test"), "rte": ("train", "dev"),
}  # fmt: skip
MEASURES = (
    "eee", "vrm", "isoscore", "effective_rank", "average_cosine", "partition_ratio", "uniformity", "two_nn",
    "hubness", "pq_re", "pq_ri", "pq_pp",
)  # fmt: skip
TRAIN_TEXTS, TEST_TEXTS, FEW = 400, 400, 100
SAMPLE = 2_000
ABOUT = (
    "English data sets, single texts and pairs; 400 training and at most 400 test texts each, drawn by seed 0; "
    "score: mean test accuracy of the space head (without lexicon) and a linear probe on one layer of the default "
    "encoder; measures of the training texts, on 2,000 tokens where more than moments are needed; PQ-RE and PQ-PP "
    "count all tokens in the cells of a quantizer trained on those"
)


def one_layer(features: TokenFeatures, layer: int) -> TokenFeatures:
    """Return the features of one layer alone."""
    assert features.provenance is not None
    provenance = dataclasses.replace(features.provenance, layers=(layer,))
    values = features.values[:, layer : layer + 1].contiguous()
    return dataclasses.replace(features, values=values, provenance=provenance)


def accuracy(model: Any, train: TokenFeatures, labels: Any, test: TokenFeatures, truth: Any) -> float:
    """Return test accuracy after a fit."""
    return float(np.mean(np.asarray(model.fit(train, labels).predict(test)) == np.asarray(truth)))


def run_set(encoder: Encoder, name: str, folder: Path) -> dict[str, Any]:
    """Return scores, small probes and measures of every layer on one data set."""
    train, test = drawn(folder / name, SETS[name], TRAIN_TEXTS, TEST_TEXTS)
    features = [encoder.encode(part.inputs, layers="all", progress=False) for part in (train, test)]
    labels, truth = train.labels or [], test.labels or []
    found: dict[str, Any] = {"probe": [], "space head": [], "small probe": []}
    for layer in range(encoder.n_layers + 1):
        own, other = (one_layer(each, layer) for each in features)
        few, held = (own.take(range_of(start, start + FEW)) for start in (0, FEW))
        found["probe"].append(accuracy(LinearProbe(encoder, store=None), own, labels, other, truth))
        found["space head"].append(
            accuracy(SpaceClassifier(encoder, store=None, lexicon=False), own, labels, other, truth)
        )
        small = LinearProbe(encoder, C=1e-3, store=None)
        found["small probe"].append(accuracy(small, few, labels[:FEW], held, labels[FEW : 2 * FEW]))
    found["scores"] = [(a + b) / 2 for a, b in zip(found["probe"], found["space head"], strict=True)]
    table = measure(encoder, train.inputs, measures=MEASURES, sample=SAMPLE, store=None, progress=False)
    found["measures"] = {m: [row[m] for row in table.wide()] for m in MEASURES}
    return found | {"n_train": len(train), "n_test": len(test), "n_tokens": table.n_tokens}


def range_of(start: int, stop: int) -> Any:
    """Return consecutive positions as a tensor."""
    import torch

    return torch.arange(start, stop)


def main(out: Path = HERE, data: Path = DATA) -> dict[str, Any]:
    """Run the data sets that are missing, write layer_choice.json, and hand it to the package."""
    warnings.simplefilter("ignore")
    path = out / "layer_choice.json"
    sets = sets_done(path)
    missing = [name for name in SETS if name not in sets] if data.is_dir() else []
    encoder = Encoder.from_pretrained()
    found: dict[str, Any] = {
        "encoder": encoder.name, "sha256": encoder.source.sha256, "layers": list(range(encoder.n_layers + 1)),
        "about": ABOUT, "sets": sets,
    }  # fmt: skip
    run_missing(path, found, missing, lambda name: run_set(encoder, name, data), "layer choice", len(SETS))
    if out == HERE and path.is_file():
        layer_evidence.EVIDENCE.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, layer_evidence.EVIDENCE)
    return found


if __name__ == "__main__":
    main()
    for record in layer_evidence.records(layer_evidence.stored_evidence()):
        print(record)

"""Do the measures pick the best layer before training? Scores and measures of every layer on many data sets.

For each data set: 400 training texts and at most 400 test texts; test accuracy of the space head and of a linear probe
on each layer of the encoder alone; of a probe on 100 texts, judged on 100 others, as the baseline that looks at
labels; and measures of the training texts' tokens at each layer. `spacetune measure --rank` states what comes out.

Run `python -m papers.latent_geometry.layer_choice`. Each data set is kept in layer_choice.json as soon as it is done.
With SPACETUNE_SECOND_ENCODER naming the folder of all-mpnet-base-v2 (see benchmarks/second_encoder.py) `--second` asks
it of that encoder's layers, in layer_choice_second.json.
"""

from __future__ import annotations

import dataclasses
import shutil
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from papers.latent_geometry.drawing_texts import drawn, run_missing, sets_done
from papers.latent_geometry.rows import HERE
from papers.latent_geometry.rungs import DATA
from papers.which import named, opened, stem

import spacetune.studies.geometry.layer_evidence as layer_evidence
from spacetune import Encoder, LinearProbe, SpaceClassifier
from spacetune.data import LabelledTexts
from spacetune.encoders import TokenFeatures
from spacetune.studies import measure

SETS = {
    "sst2": ("train", "dev"), "cola": ("train", "dev"), "banking77": ("train", "test"), "mr": ("all", None),
    "sma": ("train", "test"), "subj": ("all", None), "liar": ("train", "test"), "qqp": ("train", None),
    "wic": ("train", None), "olid": ("train", "test"), "mrpc": ("train", "test"), "rte": ("train", "dev"),
}  # fmt: skip
MEASURES = (
    "eee", "vrm", "isoscore", "effective_rank", "average_cosine", "partition_ratio", "uniformity", "two_nn",
    "hubness", "pq_re", "pq_ri", "pq_pp", "isoscore_star", "alpha_req", "rankme", "matrix_entropy", "prompt_entropy",
)  # fmt: skip
TRAIN_TEXTS, TEST_TEXTS, FEW = 400, 400, 100
SAMPLE = 2_000
ABOUT = (
    "English data sets, single texts and pairs; 400 training and at most 400 test texts each, drawn by seed 0; "
    "score: mean test accuracy of the space head (without lexicon) and a linear probe on one layer of the "
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
            accuracy(SpaceClassifier(encoder, store=None, lexicon=False, linear_path=False), own, labels, other, truth)
        )
        small = LinearProbe(encoder, C=1e-3, store=None)
        found["small probe"].append(accuracy(small, few, labels[:FEW], held, labels[FEW : 2 * FEW]))
    found["scores"] = [(a + b) / 2 for a, b in zip(found["probe"], found["space head"], strict=True)]
    found |= {"n_train": len(train), "n_test": len(test), "n_tokens": int(features[0].lengths.sum())}
    return found | {"measures": measured(encoder, train, MEASURES)}


def measured(encoder: Encoder, train: LabelledTexts, names: Sequence[str]) -> dict[str, list[Any]]:
    """Return measures of the texts' tokens, by layer."""
    table = measure(encoder, train.inputs, measures=names, sample=SAMPLE, store=None, progress=False)
    return {name: [row[name] for row in table.wide()] for name in names}


def completed(encoder: Encoder, name: str, folder: Path, old: dict[str, Any] | None) -> dict[str, Any]:
    """Return one data set's table: what is missing of it is run."""
    if old is None:
        return run_set(encoder, name, folder)
    train, _ = drawn(folder / name, SETS[name], TRAIN_TEXTS, TEST_TEXTS)
    lacking = [measure for measure in MEASURES if measure not in old["measures"]]
    return old | {"measures": old["measures"] | measured(encoder, train, lacking)}


def range_of(start: int, stop: int) -> Any:
    """Return consecutive positions as a tensor."""
    import torch

    return torch.arange(start, stop)


def main(out: Path = HERE, data: Path = DATA, *, second: bool = False) -> dict[str, Any]:
    """Run the data sets that are missing, write layer_choice.json, and hand it to the package."""
    warnings.simplefilter("ignore")
    path = out / f"{stem('layer_choice', second=second)}.json"
    sets = sets_done(path)
    whole = [name for name, table in sets.items() if set(MEASURES) <= set(table["measures"])]
    missing = [name for name in SETS if name not in whole] if data.is_dir() else []
    encoder = opened(second=second)
    found: dict[str, Any] = {
        "encoder": named(encoder, second=second), "sha256": encoder.source.sha256,
        "layers": list(range(encoder.n_layers + 1)),
        "about": ABOUT, "sets": sets,
    }  # fmt: skip
    run_missing(
        path, found, missing, lambda name: completed(encoder, name, data, sets.get(name)), "layer choice", len(SETS)
    )
    if out == HERE and path.is_file():
        layer_evidence.EVIDENCE.mkdir(exist_ok=True)
        shutil.copyfile(path, layer_evidence.EVIDENCE / path.name)
    return found


def read(second: bool) -> layer_evidence.LayerEvidence:
    """Return what was found, of either encoder."""
    return layer_evidence.read_evidence(HERE / f"{stem('layer_choice', second=second)}.json")


if __name__ == "__main__":
    main(second="--second" in sys.argv)
    for record in layer_evidence.records(read("--second" in sys.argv)):
        print(record)

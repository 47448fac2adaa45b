"""One rung of the ladder: a perturbed encoder's geometry on real tokens, and what can be learnt from its features."""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from papers.latent_geometry.drawing_texts import drawn
from papers.latent_geometry.rows import HERE

from spacetune import Encoder, LinearProbe, SpaceClassifier, read_texts
from spacetune.encoders import TokenFeatures
from spacetune.geometry import OFFICIAL_SET, SampleSizeWarning, compute, prompt_entropy, train_quantizer
from spacetune.geometry.cloud import PointCloud

DATA = HERE.resolve().parents[1].parent / "shared" / "data"
SETS = {"sst2": ("train", "dev"), "subj": ("all", None), "banking77": ("train", "test"), "sma": ("train", "test")}
TRAIN_TEXTS, TEST_TEXTS = 600, 500
TOKENS = 20_000
WORDS = range(4, 50)  # a sentence's length in the paper's sample
ON_ALL = (*OFFICIAL_SET, "pc_ratio", "participation_ratio", "effective_rank", "average_cosine", "partition_ratio")
NEWER = ("isoscore_star", "alpha_req", "rankme", "matrix_entropy")
ON_SOME = ("uniformity", "two_nn", "hubness", "knn_overlap", "koleo")
ALL_MEASURES = (*ON_ALL, *NEWER, "prompt_entropy", *ON_SOME)
SOME = 3000
ADDITIVE_TRAINING = 10_000

Split = tuple[list[Any], list[Any], list[Any], list[Any]]


def sentences(encoder: Encoder, folder: Path = DATA) -> list[str]:
    """Return WikiText-2 sentences of 4 to 49 words, shuffled by seed 0, until they hold 20,000 tokens."""
    found: dict[str, None] = {}
    for part in ("dev", "test"):
        for text in read_texts(folder / "wikitext2" / f"{part}.jsonl.gz").texts:
            found |= dict.fromkeys(s.strip() for s in text.split(" . ") if len(s.split()) in WORDS)
    ordered = sorted(found)
    random.Random(0).shuffle(ordered)
    held = np.cumsum(encoder.tokenize(ordered[:4000]).lengths)
    return ordered[: int(np.searchsorted(held, TOKENS)) + 1]


def splits(folder: Path = DATA) -> dict[str, Split]:
    """Return 600 training texts and 500 test texts of every data set, drawn by seed 0."""
    found: dict[str, Split] = {}
    for name, names in SETS.items():
        train_part, test_part = drawn(folder / name, names, TRAIN_TEXTS, TEST_TEXTS)
        found[name] = (train_part.texts, train_part.labels or [], test_part.texts, test_part.labels or [])
    return found


def measures_of(encoder: Encoder, texts: list[str], names: Sequence[str] = ALL_MEASURES) -> dict[str, float]:
    """Return measures of the tokens of texts at the last layer; those of cost n² on 3,000 of them."""
    return geometry_of(encoder.encode(texts, layers=-1, progress=False), names)


def geometry_of(features: TokenFeatures, names: Sequence[str] = ALL_MEASURES, seed: int = 0) -> dict[str, float]:
    """Return the measures of the tokens; those of cost n² on 3,000 of them.

    The additive quantizer is trained on 10,000 of the tokens, which halves the time of a rung, and all are encoded.
    """
    cloud = PointCloud(features.values[:, 0].float().numpy())
    if any(name.startswith("aq_") for name in names):
        rows = np.random.default_rng(seed).permutation(cloud.n)[:ADDITIVE_TRAINING]
        cloud.quantize_with(train_quantizer(cloud.values[rows], "additive"))
    found: dict[str, float] = {}
    if "prompt_entropy" in names:
        found["prompt_entropy"] = prompt_entropy(cloud, np.repeat(np.arange(len(features)), features.lengths.numpy()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SampleSizeWarning)
        whole = [name for name in (*ON_ALL, *NEWER) if name in names]
        found |= compute(cloud, whole, sample=len(cloud.values), seed=seed).values
        some = [name for name in ON_SOME if name in names]
        found |= compute(cloud, some, sample=SOME, seed=seed).values if some else {}
    return found


def scores_of(encoder: Encoder, data: dict[str, Split], seed: int) -> dict[str, dict[str, float]]:
    """Return test accuracy of linear probe and space head on the last layer, for every data set.

    Strengths, epochs and temperatures are chosen on a tenth of the training texts.
    """
    found: dict[str, dict[str, float]] = {}
    for name, (texts, labels, test_texts, test_labels) in data.items():
        train = encoder.encode(texts, layers=-1, progress=False)
        test = encoder.encode(test_texts, layers=-1, progress=False)
        truth = np.asarray(test_labels)
        for method, model in (
            ("probe", LinearProbe(encoder, store=None, seed=seed)),
            ("space head", SpaceClassifier(encoder, store=None, seed=seed, lexicon=False, linear_path=False)),
        ):
            guessed = model.fit(train, labels).predict(test)
            found.setdefault(method, {})[name] = float(np.mean(np.asarray(guessed) == truth))
    return found


def run_rung(encoder: Encoder, texts: list[str], data: dict[str, Split], seed: int) -> dict[str, Any]:
    """Return measures, scores and the seconds each took."""
    start = time.perf_counter()
    features = encoder.encode(texts, layers=-1, progress=False)
    measures = geometry_of(features)
    middle = time.perf_counter()
    scores = scores_of(encoder, data, seed)
    end = time.perf_counter()
    seconds = {"measures": middle - start, "scores": end - middle}
    return {"n_tokens": len(features.values), "measures": measures, "scores": scores, "seconds": seconds}

"""The experiments, one function each, every one returning what is written as JSON."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from papers.muppet.linearity import linearity
from papers.muppet.probes import SEEDS, SUBSETS, agreement, macro_f1, softmax_probe, summed, vote
from papers.muppet.words import rows_of, word_terms

from spacetune import Encoder, SpaceClassifier
from spacetune.dissection import MEASURES, TERMS, dissect_windows

LEMMAS = ("hard", "interest", "line", "serve")
PER_LEMMA = 500
WSD_SETS = ("senseval2", "senseval3", "semeval2007", "semeval2013", "semeval2015")
NEIGHBOURS = 5


def mean_importances(encoder: Encoder, texts: list[str]) -> dict[str, Any]:
    """Return mean and standard deviation of every measure over tokens, layer by layer."""
    values: dict[str, list[torch.Tensor]] = {measure: [] for measure in MEASURES}
    residual = 0.0
    for window in dissect_windows(encoder, texts, "all", window=8192):
        residual = max(residual, window.residual())
        for measure, kept in values.items():
            kept.append(window.importance(measure))  # pyright: ignore[reportArgumentType]
    joined = {measure: torch.cat(kept).double() for measure, kept in values.items()}
    first = joined["relative_dot_product"]
    return {
        "n_texts": len(texts),
        "n_tokens": len(first),
        "terms": TERMS,
        "residual": residual,
        "largest |sum - 1|": float((first.sum(2) - 1).abs().max()),
        "mean": {measure: kept.mean(0).tolist() for measure, kept in joined.items()},
        "std": {measure: kept.std(0).tolist() for measure, kept in joined.items()},
    }


def curves(encoder: Encoder) -> dict[str, Any]:
    """Measure importances layer by layer on running text."""
    return mean_importances(encoder, _paragraphs())


def feed_forward(encoder: Encoder) -> dict[str, Any]:
    """Measure on the same text how linear every layer's feed-forward is."""
    return linearity(encoder, _paragraphs())


def _paragraphs() -> list[str]:
    texts = [row["text"] for row in rows_of("wikitext2/test")]
    return texts[:: len(texts) // 110][:110]


def ner(encoder: Encoder) -> dict[str, Any]:
    """Train a classifier of words on every subset of terms, WNUT17, train to test."""
    train, test = rows_of("wnut17/train"), rows_of("wnut17/test")
    names = sorted({label for row in train + test for label in row["label"]})
    terms, gold, cut = [], [], []
    for rows in (train, test):
        words = word_terms(encoder, [row["tokens"] for row in rows], [list(range(len(row["tokens"]))) for row in rows])
        terms.append(words.terms[~torch.from_numpy(words.missing)])
        gold.append(np.array([names.index(x) for row in rows for x in row["label"]])[~words.missing])
        cut.append(int(words.missing.sum()))
    scores: dict[str, list[float]] = {}
    for subset in SUBSETS:
        x, y = summed(terms[0], subset), summed(terms[1], subset)
        scores[subset] = []
        for seed in range(SEEDS):
            predicted = softmax_probe(x, torch.from_numpy(gold[0]), y, len(names), seed=seed)
            scores[subset].append(100 * macro_f1(predicted, gold[1], len(names)))
    always = macro_f1(np.full_like(gold[1], names.index("O")), gold[1], len(names))
    return {
        "n_train_words": len(gold[0]),
        "n_test_words": len(gold[1]),
        "words without a wordpiece, left out": cut,
        "labels": names,
        "macro-F1, always O": 100 * always,
        "macro-F1": scores,
    }


def wsd_lexical_sample(encoder: Encoder) -> dict[str, Any]:
    """Tell the senses of four words apart: a classifier and nearest neighbours on every subset of terms."""
    rows = []
    for lemma in LEMMAS:
        found = rows_of(f"senseval_lexsample/{lemma}")
        order = np.random.default_rng(0).permutation(len(found))[:PER_LEMMA]
        rows += [found[i] for i in order]
    words = word_terms(encoder, [r["tokens"] for r in rows], [[r["target_index"]] for r in rows])
    rows = [row for row, gone in zip(rows, words.missing, strict=True) if not gone]
    terms = words.terms[~torch.from_numpy(words.missing)]
    lemmas, senses = np.array([r["lemma"] for r in rows]), sorted({r["label"] for r in rows})
    gold = np.array([senses.index(r["label"]) for r in rows])
    own = {lemma: torch.tensor([s in set(gold[lemmas == lemma]) for s in range(len(senses))]) for lemma in LEMMAS}
    allowed = torch.stack([own[lemma] for lemma in lemmas])
    accuracy: dict[str, list[float]] = {subset: [] for subset in SUBSETS}
    near: dict[str, list[float]] = {subset: [] for subset in SUBSETS}
    majority: list[float] = []
    voted: dict[str, list[np.ndarray]] = {subset: [] for subset in SUBSETS}
    classified: dict[str, list[np.ndarray]] = {subset: [] for subset in SUBSETS}
    for seed in range(SEEDS):
        held = np.random.default_rng(seed).random(len(rows)) < 0.2
        masks = allowed[~held], allowed[held]
        most = {lemma: Counter(gold[~held & (lemmas == lemma)]).most_common(1)[0][0] for lemma in LEMMAS}
        majority.append(100 * float(np.mean([most[name] for name in lemmas[held]] == gold[held])))
        for subset in SUBSETS:
            x = summed(terms, subset)
            labels = torch.from_numpy(gold[~held])
            predicted = softmax_probe(
                x[~held], labels, x[held], len(senses), seed=seed, n_epochs=30, batch=128, allowed=masks
            )
            neighbours = np.empty(int(held.sum()), dtype=int)
            for lemma in LEMMAS:
                here = lemmas == lemma
                part = vote(x[~held & here], gold[~held & here], x[held & here], NEIGHBOURS)
                neighbours[here[held]] = part
            accuracy[subset].append(100 * float(np.mean(predicted == gold[held])))
            near[subset].append(100 * float(np.mean(neighbours == gold[held])))
            voted[subset].append(neighbours)
            classified[subset].append(predicted)
    return {
        "n": len(rows),
        "left out": int(words.missing.sum()),
        "accuracy of the most frequent sense": majority,
        "accuracy": accuracy,
        "accuracy, 5 nearest": near,
        "agreement, 5 nearest": agreement({s: np.concatenate(v) for s, v in voted.items()}),
        "agreement, classifier": agreement({s: np.concatenate(v) for s, v in classified.items()}),
    }


def wsd_all_words(encoder: Encoder) -> dict[str, Any]:
    """Tell senses apart by the nearest uses of the same lemma in five all-words sets, each item left out in turn."""
    rows = [row for name in WSD_SETS for row in rows_of(f"wsd_allwords/{name}")]
    texts: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        texts.setdefault(row["text"], []).append(row)
    grouped = list(texts.values())
    words = word_terms(encoder, [g[0]["tokens"] for g in grouped], [_targets(g) for g in grouped])
    items: dict[tuple[str, str], list[tuple[int, str]]] = {}
    at = 0
    for group in grouped:
        place = {target: at + i for i, target in enumerate(_targets(group))}
        at += len(place)
        for row in group:
            if not words.missing[place[row["target_index"]]]:
                key = (row["lemma"], row["pos"])
                items.setdefault(key, []).append((place[row["target_index"]], min(row["label"])))
    kept = {k: v for k, v in items.items() if len(v) > 1 and len({sense for _, sense in v}) > 1}
    gold: list[int] = []
    most: list[int] = []
    voted: dict[str, list[np.ndarray]] = {subset: [] for subset in SUBSETS}
    for uses in kept.values():
        senses = sorted({sense for _, sense in uses})
        labels = np.array([senses.index(sense) for _, sense in uses])
        gold += labels.tolist()
        most += [_majority_of_others(labels, i) for i in range(len(labels))]
        for subset in SUBSETS:
            x = summed(words.terms[[place for place, _ in uses]], subset)
            voted[subset].append(vote(x, labels, x, NEIGHBOURS, own=True))
    joined = {subset: np.concatenate(kept) for subset, kept in voted.items()}
    return {
        "n_items": len(gold),
        "n_lemmas": len(kept),
        "accuracy of the most frequent sense of the others": 100 * float(np.mean(np.array(most) == gold)),
        "accuracy, 5 nearest": {s: 100 * float(np.mean(p == np.array(gold))) for s, p in joined.items()},
        "agreement, 5 nearest": agreement(joined),
    }


def _targets(group: list[dict[str, Any]]) -> list[int]:
    return sorted({row["target_index"] for row in group})


def _majority_of_others(labels: np.ndarray, i: int) -> int:
    return Counter(np.delete(labels, i).tolist()).most_common(1)[0][0]


def fine_tuning(encoder: Encoder) -> dict[str, Any]:
    """Fine-tune the encoder on 1,200 sentences of SST-2 and measure the terms before and after."""
    rows = rows_of("sst2/train")
    chosen = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))[:1200]]
    held = rows_of("sst2/dev")
    texts, labels = [r["text"] for r in held], [r["label"] for r in held]
    found: dict[str, Any] = {"before": mean_importances(encoder, texts)}
    settings: dict[str, Any] = {"encoder": encoder, "layers": -1, "n_epochs": 3, "store": None, "seed": 0}
    pair = [r["text"] for r in chosen], [r["label"] for r in chosen]
    found["accuracy, frozen"] = SpaceClassifier(**settings).fit(*pair).score(texts, labels)
    model = SpaceClassifier(**settings, train_encoder=True).fit(*pair)
    found["accuracy, fine-tuned"] = model.score(texts, labels)
    with tempfile.TemporaryDirectory() as folder:
        model.learnt_.encoder.save_pretrained(Path(folder))
        found["after"] = mean_importances(Encoder.from_pretrained(folder, dtype="float32"), texts)
    return found

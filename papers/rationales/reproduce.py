"""Explanations held to people: the space model's exact scores beside LIME, gradients and attention, on HateXplain.

Run `python -m papers.rationales.reproduce`: writes results/*.json and results.md beside this file. What is there is
not run again; remove a file to run it anew. Fitted models and the slow methods' scores of each post are kept in
results/parts, which is not committed. The other methods need captum, `pip install 'spacetune[papers]'`, and SHAP needs
`pip install shap` beside it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.common import circumstances, split
from benchmarks.second_encoder import second_encoder
from papers.rationales.measuring import best, differences, faithfulness, mean_over_fits, plausibility, summed_up
from papers.rationales.methods import OURS, Explained, Methods
from papers.rationales.posts import Post, posts_of
from papers.rationales.rules import compared_rules
from papers.rationales.tables import markdown

from spacetune import SpaceClassifier

HERE = Path(__file__).resolve().parent
SEEDS = (0, 1, 2)
N_DEV = 40
"""Dev posts on which every method chooses a reading; all test posts are measured, for every fit."""
FEW_TRAIN, FEW_DEV = 2000, 150
"""Posts that the classifier on the second encoder learns from, and that its rules are compared on."""
RULES_DEV, FAITHFUL_RULES = 400, 150
"""Dev posts on which our rules are compared: for plausibility, and those of them for faithfulness."""


def main() -> None:
    """Run what is not there yet, and write the page."""
    (HERE / "results" / "parts").mkdir(parents=True, exist_ok=True)
    kept("rules", lambda: compared_rules(fitted(0), drawn("dev", RULES_DEV)[0], FAITHFUL_RULES))
    if second_encoder() is not None:
        kept("rules_second", lambda: compared_rules(on_second(), drawn("dev", FEW_DEV)[0], FEW_DEV))
    kept("compared", compared)
    (HERE / "results.md").write_text(markdown(HERE))


def kept(name: str, run: Any) -> dict[str, Any]:
    """Return a result, running it where its file is missing."""
    place = HERE / "results" / f"{name}.json"
    if not place.is_file():
        start = time.process_time()
        found = run()
        found |= {"cpu seconds": round(time.process_time() - start, 1), "circumstances": circumstances()}
        unfinished = place.with_suffix(".writing")
        unfinished.write_text(json.dumps(found, indent=1) + "\n")
        unfinished.replace(place)
        print(f"{name}: {found['cpu seconds']} s", flush=True)
    return json.loads(place.read_text())


def fitted(seed: int) -> SpaceClassifier:
    """Return the classifier with default settings, epoch and temperature chosen on dev."""
    place = HERE / "results" / "parts" / f"model-{seed}"
    if not place.is_dir():
        train, dev = split("hatexplain", "train"), split("hatexplain", "dev")
        SpaceClassifier(seed=seed).fit(train.texts, train.labels, dev=dev).save_pretrained(place)
    return SpaceClassifier.from_pretrained(place)


def on_second() -> SpaceClassifier:
    """Return a classifier on the second encoder, with default settings, of a part of the training posts."""
    train, dev = split("hatexplain", "train"), split("hatexplain", "dev")
    drawn_posts = np.random.default_rng(0).permutation(len(train.texts))[:FEW_TRAIN].tolist()
    texts, labels = ([column[i] for i in drawn_posts] for column in (train.texts, train.labels))
    model = SpaceClassifier(encoder=str(second_encoder()), seed=0)
    return model.fit(texts, labels, dev=dev.take(range(FEW_TRAIN // 4)))


def about(explained: list[Explained]) -> dict[str, float]:
    """Return how many posts there are, how many with a word that two marked, and mean numbers of words."""
    marked = [each.post for each in explained if each.post.majority.any()]
    return {
        "posts": len(explained),
        "with a majority rationale": len(marked),
        "words": float(np.mean([len(each.post.words) for each in explained])),
        "words marked by a majority": float(np.mean([post.majority.sum() for post in marked])),
        "words marked by anyone": float(np.mean([each.post.union.sum() for each in explained])),
    }


def choose(model: SpaceClassifier, method: str, dev: list[Explained], few: list[Explained]) -> dict[str, Any]:
    """Choose readings on dev: by AUPRC for plausibility, by comprehensiveness less sufficiency for faithfulness."""

    def spread(reading: str) -> float:
        falls = summed_up(faithfulness(model, few, method, reading, shares=False))
        return falls["comprehensiveness"] - falls["sufficiency"]

    return {
        "plausibility": best(dev, method, lambda reading: summed_up(plausibility(dev, method, reading))["AUPRC"]),
        "faithfulness": best(few, method, spread),
    }


def measured(model: SpaceClassifier, explained: list[Explained], method: str, choice: dict[str, Any]) -> Any:
    """Return all measures of every post, with the readings chosen."""
    return {
        **plausibility(explained, method, choice["plausibility"]["reading"]),
        **faithfulness(model, explained, method, choice["faithfulness"]["reading"]),
    }


def compared() -> dict[str, Any]:
    """All methods on the same models and test posts; readings chosen on a sample of dev."""
    fits = [beside(seed) for seed in SEEDS]
    names = list(fits[0]["columns"])
    columns = {name: [fit["columns"][name] for fit in fits if name in fit["columns"]] for name in names}
    return {
        "seeds": SEEDS,
        "posts": fits[0]["posts"],
        "dev posts": N_DEV,
        "chosen on dev": [fit["choice"] for fit in fits],
        "test": {name: mean_over_fits(columns[name]) for name in names},
        "ours less the other": {
            own: {name: differences(columns[own], columns[name]) for name in names if name != own} for own in OURS
        },
        "cpu seconds a text": {name: fits[0]["seconds"][name] for name in names},
        "of the first fit alone": [name for name in names if len(columns[name]) == 1],
        "integrated gradients, largest gap": max(fit["gap"] for fit in fits),
    }


def beside(seed: int) -> dict[str, Any]:
    """All methods on one model: every measure of every test post, what was chosen, and the seconds."""
    model = fitted(seed)
    methods = Methods(model, others=True, shap=seed == SEEDS[0])
    dev = explained(methods, f"dev-{seed}", *drawn("dev", N_DEV))
    every = posts_of("test")
    test = explained(methods, f"test-{seed}", every, range(len(every)))
    choice = {name: choose(model, name, dev, dev) for name in test[0].scores}
    return {
        "posts": about(test),
        "choice": choice,
        "columns": {name: measured(model, test, name, chosen) for name, chosen in choice.items()},
        "seconds": {name: float(np.mean([each.seconds[name] for each in test])) for name in choice},
        "gap": max(each.gap for each in test),
    }


def drawn(part: str, n: int) -> tuple[list[Post], list[int]]:
    """Draw posts with a seed from those with a majority rationale, and give their numbers."""
    posts = [post for post in posts_of(part) if post.majority.any()]
    numbers = np.random.default_rng(0).permutation(len(posts))[:n].tolist()
    return [posts[i] for i in numbers], numbers


def explained(methods: Methods, part: str, posts: list[Post], numbers: Sequence[int]) -> list[Explained]:
    """Explain posts one by one, keeping the scores of each."""
    folder = HERE / "results" / "parts" / part
    folder.mkdir(exist_ok=True)
    return methods.explain(posts, numbers, folder)


if __name__ == "__main__":
    main()

"""Explanations held to people: the space model's exact scores beside LIME, gradients and attention.

Run `python -m papers.rationales.reproduce`: writes results/*.json and results.md beside this file. What is there is
not run again; remove a file to run it anew. Fitted models and the slow methods' scores of each post are kept in
results/parts, which is not committed. The other methods need captum, `pip install 'spacetune[papers]'`, and SHAP needs
`pip install shap` beside it. The second encoder and the second data set are measured where they are at hand
(`benchmarks/second_encoder.py`, `papers/rationales/marked.py`).
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.common import circumstances
from benchmarks.second_encoder import second_encoder
from papers.rationales.marked import HateXplain, MarkedSet, Tweets
from papers.rationales.measuring import best, differences, faithfulness, mean_over_fits, plausibility, summed_up
from papers.rationales.methods import OURS, Explained, Methods
from papers.rationales.posts import Post
from papers.rationales.rules import compared_rules
from papers.rationales.tables import markdown

from spacetune import LabelledTexts, SpaceClassifier

HERE = Path(__file__).resolve().parent
SEEDS = (0, 1, 2)
N_DEV, N_TWEETS, N_SECOND = 40, 200, 100
"""Dev posts on which every method chooses a reading, for every fit; test posts of the tweets and the second encoder
(of HateXplain and the default encoder all are measured)."""
FEW_TRAIN, FEW_DEV = 2000, 150
"""Posts that the classifier on the second encoder learns from, and that its rules are compared on."""
RULES_DEV, FAITHFUL_RULES = 400, 150
"""Dev posts on which our rules are compared: for plausibility, and those of them for faithfulness."""


@dataclass(frozen=True)
class Setting:
    """What is compared: the data, how many models, on which encoder, and on how many test posts (None: all)."""

    name: str
    data: MarkedSet
    seeds: tuple[int, ...]
    encoder: str | None = None
    n_test: int | None = None
    n_train: int | None = None
    shap: bool = False

    def model(self, seed: int) -> SpaceClassifier:
        """Return the classifier with default settings, epoch and temperature chosen on dev."""
        place = parts() / f"model{self._suffix}-{seed}"
        if not place.is_dir():
            texts, labels = self.data.learnt("train")
            dev = self.data.learnt("dev")
            if self.n_train is not None:
                drawn = np.random.default_rng(0).permutation(len(texts))[: self.n_train].tolist()
                texts, labels = [texts[i] for i in drawn], [labels[i] for i in drawn]
                dev = (dev[0][: self.n_train // 4], dev[1][: self.n_train // 4])
            model = SpaceClassifier(encoder=self.encoder, seed=seed).fit(texts, labels, dev=LabelledTexts(*dev))
            model.save_pretrained(place)
        return SpaceClassifier.from_pretrained(place)

    def drawn(self, part: str, n: int | None) -> tuple[list[Post], Sequence[int]]:
        """Draw posts with a seed, those of dev from the ones with a majority rationale, and give their numbers."""
        posts = [post for post in self.data.posts(part) if part == "test" or post.majority.any()]
        numbers = range(len(posts)) if n is None else np.random.default_rng(0).permutation(len(posts))[:n].tolist()
        return [posts[i] for i in numbers], numbers

    def folder(self, part: str, seed: int) -> Path:
        """Return where the scores of each post are kept."""
        place = parts() / f"{part}{self._suffix}-{seed}"
        place.mkdir(exist_ok=True)
        return place

    @property
    def _suffix(self) -> str:
        return self.name.removeprefix("compared").replace("_", "-")


def parts() -> Path:
    return HERE / "results" / "parts"


def settings() -> list[Setting]:
    """Return what can be compared here."""
    found = [Setting("compared", HateXplain(), SEEDS, shap=True)]
    if (second := second_encoder()) is not None:
        found += [Setting("compared_second", HateXplain(), SEEDS[:1], str(second), N_SECOND, FEW_TRAIN)]
    if Tweets.file() is not None:
        found += [Setting("compared_tweets", Tweets(), SEEDS, n_test=N_TWEETS)]
    return found


def main() -> None:
    """Run what is not there yet, and write the page."""
    parts().mkdir(parents=True, exist_ok=True)
    for each in settings():
        n, few = (FEW_DEV, FEW_DEV) if each.encoder else (RULES_DEV, FAITHFUL_RULES)
        run = functools.partial(compared_rules, each.model(0), each.data, each.drawn("dev", n)[0], few)
        kept(each.name.replace("compared", "rules"), run)
    for each in settings():
        kept(each.name, functools.partial(compared, each))
    (HERE / "results.md").write_text(markdown(HERE))


def kept(name: str, run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
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


def compared(setting: Setting) -> dict[str, Any]:
    """All methods on the same models and test posts; readings chosen on a sample of dev."""
    fits = [beside(setting, seed) for seed in setting.seeds]
    names = list(fits[0]["columns"])
    columns = {name: [fit["columns"][name] for fit in fits if name in fit["columns"]] for name in names}
    return {
        "data": setting.data.name,
        "seeds": setting.seeds,
        "posts": fits[0]["posts"],
        "dev posts": N_DEV,
        "chosen on dev": [fit["choice"] for fit in fits],
        "test": {name: mean_over_fits(columns[name]) for name in names},
        "ours less the other": {
            own: {name: differences(columns[own], columns[name]) for name in names if name != own} for own in OURS
        },
        "cpu seconds a text": {name: fits[0]["seconds"][name] for name in names},
        "of the first fit alone": [name for name in names if len(columns[name]) < len(fits)],
        "integrated gradients, largest gap": max(fit["gap"] for fit in fits),
    }


def beside(setting: Setting, seed: int) -> dict[str, Any]:
    """All methods on one model: every measure of every test post, what was chosen, and the seconds."""
    model = setting.model(seed)
    methods = Methods(model, setting.data.neutral, others=True, shap=setting.shap and seed == setting.seeds[0])
    dev = methods.explain(*setting.drawn("dev", N_DEV), setting.folder("dev", seed))
    test = methods.explain(*setting.drawn("test", setting.n_test), setting.folder("test", seed))
    choice = {name: choose(model, name, dev, dev) for name in test[0].scores}
    return {
        "posts": about(test),
        "choice": choice,
        "columns": {name: measured(model, test, name, chosen) for name, chosen in choice.items()},
        "seconds": {name: float(np.mean([each.seconds[name] for each in test])) for name in choice},
        "gap": max(each.gap for each in test),
    }


if __name__ == "__main__":
    main()

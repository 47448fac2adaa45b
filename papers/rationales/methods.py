"""Every method on every post of a sample, with its seconds; kept post by post, so that a run can be interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from papers.muppet.words import word_of
from papers.rationales.erasing import lime, one_at_a_time, shap_values
from papers.rationales.exact import carried_back, exact_scores
from papers.rationales.posts import Post
from papers.rationales.readings import Found, readings

from spacetune import SpaceClassifier

STATES = "exact at the states"
OURS = (STATES, "exact at the input", "exact at every depth")


@dataclass(frozen=True)
class Explained:
    """A post, the model's logits, every reading of every method ``(n_words,)``, and the CPU seconds of each method."""

    post: Post
    logits: np.ndarray
    scores: dict[str, dict[str, np.ndarray]]
    seconds: dict[str, float]
    gap: float = 0.0


class Methods:
    """The methods of one model.

    Parameters
    ----------
    model
        A fitted classifier.
    neutral
        The class that nobody marks words for.
    others
        Whether to make the other methods too, and not ours alone.
    shap
        Whether SHAP is among them.
    """

    def __init__(self, model: SpaceClassifier, neutral: str, *, others: bool, shap: bool = False) -> None:
        self.model = model
        self.neutral = model.classes_.tolist().index(neutral)
        self._ours: dict[str, Callable[[Sequence[Post]], list[Found]]] = {
            STATES: lambda posts: exact_scores(model, [post.text for post in posts]),
            "exact at the input": lambda posts: carried_back(model, [post.text for post in posts], "input"),
            "exact at every depth": lambda posts: carried_back(model, [post.text for post in posts], "both"),
        }
        self._run: dict[str, Callable[[Post, int], Found]] = {
            name: lambda post, _, ours=ours: ours([post])[0] for name, ours in self._ours.items()
        }
        if others:
            from papers.rationales.gradients import Differentiable  # captum is wanted for these alone

            net = Differentiable(model)
            self._run |= {
                "LIME": lambda post, i: lime(model, post.words, np.random.default_rng([0, i])),
                "integrated gradients": lambda post, _: net.integrated_gradients(post.text),
                "gradient x input": lambda post, _: net.input_x_gradient(post.text),
                "attention": lambda post, _: net.attention(post.text),
                "one word erased": lambda post, _: {"scores": one_at_a_time(model, post.words)},
                "random": lambda post, i: {"random": np.random.default_rng([1, i]).random(len(post.words))},
            }
        if shap:
            self._run["SHAP"] = lambda post, _: {"scores": shap_values(model, post.words)}
        warm = Post(("warm", "up"), np.ones((2, 2), dtype=bool))
        self._compute(warm, 0, list(self._run))  # so that no post pays for what is made once

    def explain(self, posts: Sequence[Post], numbers: Sequence[int], folder: Path) -> list[Explained]:
        """Run on each post by itself what `folder` does not hold yet; its number seeds what is drawn."""
        return self._read(posts, [self._scores(post, i, folder) for post, i in zip(posts, numbers, strict=True)])

    def _scores(self, post: Post, number: int, folder: Path) -> Found:
        place = folder / f"{number}.npz"
        held: Found = {}
        if place.is_file():
            with np.load(place) as file:
                held = dict(file)
        missing = [name for name in self._run if f"{name}|seconds" not in held]
        if missing:
            held |= self._compute(post, number, missing)
            np.savez(place, **held)  # pyright: ignore[reportArgumentType]
        return held

    def _compute(self, post: Post, number: int, names: Sequence[str]) -> Found:
        flat: Found = {}
        for name in names:
            start = time.process_time()
            found = self._run[name](post, number)
            flat[f"{name}|seconds"] = np.array(time.process_time() - start)
            flat |= {f"{name}|{key}": values for key, values in found.items()}
        return flat

    def _read(self, posts: Sequence[Post], flats: Sequence[Found]) -> list[Explained]:
        logits = self.model.predict_logits([post.text for post in posts]).astype(float)
        return [self._read_one(*each) for each in zip(posts, logits, flats, strict=True)]

    def _read_one(self, post: Post, logits: np.ndarray, flat: Found) -> Explained:
        places = word_of(self.model.encoder_, post.text, list(post.words))
        found: dict[str, Found] = {key.split("|")[0]: {} for key in flat}
        for key, values in flat.items():
            name, part = key.split("|")
            found[name][part] = values
        seconds = {name: float(kept.pop("seconds")) for name, kept in found.items()}
        gap = float(found.get("integrated gradients", {}).pop("gap", 0.0))
        scores = {
            name: readings(name, kept, logits, places, len(post.words), self.neutral) for name, kept in found.items()
        }
        return Explained(post, logits, scores, seconds, gap)

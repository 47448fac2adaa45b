"""How exactly explanations of real texts close, head by head, and what they cost beside a prediction.

    python -m benchmarks.explaining     # with SPACETUNE_SECOND_ENCODER set, of the second encoder too

A thousand test posts of HateXplain (three classes), or test pairs of MRPC, are explained by a small fit of every head
at the states, the input and between: the largest gap between the summed scores plus bias and the logit, all in
float32. Times are the processor's, side by side, with the encoder in the precision that it takes by itself.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import numpy as np

from benchmarks.common import circumstances, split, write
from benchmarks.second_encoder import NAME, second_encoder
from benchmarks.speed.clock import Run, contest
from spacetune import Encoder, LinearProbe, PrefixSimplexClassifier, SpaceClassifier

N_TEXTS, N_TRAIN, N_FEW, ROUNDS = 1000, 600, 48, 3
PLACES = ("states", "input", "both")
WORDS = 30


def main() -> None:
    """Measure both, and write explaining.json."""
    places: dict[str, Any] = {"default": None}
    if (folder := second_encoder()) is not None:
        places["second"] = folder
    found: dict[str, Any] = {}
    about = circumstances()
    for name, place in places.items():
        # as it runs here, for the times; in float32, where the gap is that of the arithmetic alone
        fast, exact = Encoder.from_pretrained(place), Encoder.from_pretrained(place, dtype="float32")
        found[name] = {
            "encoder": fast.name if place is None else NAME,
            "gaps": {head: gaps(model, texts) for head, model, texts in fitted(exact)},
            "times": times(fast, exact),
        }
        print(name, found[name], flush=True)
        write("explaining", {**about, "encoders": found})


def fitted(encoder: Encoder) -> Iterator[tuple[str, Any, Sequence[Any]]]:
    """Yield every head, fitted on a few texts, and texts to explain."""
    train, test = split("hatexplain", "train"), split("hatexplain", "test")
    texts, labels, rest = train.texts[:N_TRAIN], (train.labels or [])[:N_TRAIN], test.texts[:N_TEXTS]
    plain: dict[str, Any] = {"store": None, "seed": 0}
    yield "spaces with a lexicon", SpaceClassifier(encoder, lexicon=True, **plain).fit(texts, labels), rest
    yield "spaces", SpaceClassifier(encoder, lexicon=False, linear_path=False, **plain).fit(texts, labels), rest
    yield "probe", LinearProbe(encoder, **plain).fit(texts, labels), rest
    tuned = LinearProbe(encoder, inside="top", inside_size=2, inside_epochs=3, **plain)
    yield "probe over two tuned layers", tuned.fit(texts, labels), rest
    simplex = PrefixSimplexClassifier(encoder, n_epochs=2, seed=0)
    yield "prefix simplex", simplex.fit(texts[:N_FEW], labels[:N_FEW]), rest
    pairs, met = split("mrpc", "train"), split("mrpc", "test")
    some, same = pairs.inputs[:N_TRAIN], (pairs.labels or [])[:N_TRAIN]
    yield "pairs: probe", LinearProbe(encoder, **plain).fit(some, same), met.inputs[:N_TEXTS]
    yield "pairs: spaces", SpaceClassifier(encoder, **plain).fit(some, same), met.inputs[:N_TEXTS]


def gaps(model: Any, texts: Sequence[Any]) -> dict[str, Any]:
    """Return the largest gap at every place, and the largest logit."""
    largest = 0.0
    found: dict[str, Any] = {"texts": len(texts)}
    for place in PLACES:
        explained = model.explain(texts, at=place)
        found[place] = max(one.check() for one in explained)
        largest = max(largest, *(float(np.abs(one.logits).max()) for one in explained))
    return found | {"largest logit": largest}


def times(encoder: Encoder, exact: Encoder) -> dict[str, Any]:
    """Return what explanations cost beside predictions, of one text of 30 words and of a thousand texts."""
    train, test = split("hatexplain", "train"), split("hatexplain", "test")
    model, plain = (
        SpaceClassifier(each, store=None, seed=0).fit(train.texts[:N_TRAIN], (train.labels or [])[:N_TRAIN])
        for each in (encoder, exact)
    )
    long = next(text for text in test.texts if len(text.split()) == WORDS)
    inputs = encoder.tokenize([long])
    one = spent(
        {
            "forward pass": lambda: encoder.encode([long], layers=-1, progress=False),
            "forward pass, float32": lambda: exact.encode([long], layers=-1, progress=False),
            "explain": lambda: model.explain([long]),
        },
        rounds=7,
        repeats=10,
    )
    many = spent(
        {
            "predict": lambda: model.predict(test.texts[:N_TEXTS]),
            "predict, float32": lambda: plain.predict(test.texts[:N_TEXTS]),
            "explain": lambda: model.explain(test.texts[:N_TEXTS]),
        },
        rounds=ROUNDS,
    )
    return {
        "one text": {"words": WORDS, "tokens": int(inputs.lengths.sum()), **one},
        "forward passes of one explanation": round(one["explain"] / one["forward pass"], 2),
        "float32 forward passes of one explanation": round(one["explain"] / one["forward pass, float32"], 2),
        "many texts": {"texts": N_TEXTS, **many},
        "predictions of an explanation": round(many["explain"] / many["predict"], 2),
        "float32 predictions of an explanation": round(many["explain"] / many["predict, float32"], 2),
    }


def spent(runs: dict[str, Run], rounds: int, repeats: int = 1) -> dict[str, float]:
    """Return each contestant's seconds of the processor: the median over rounds, after a run that does not count."""
    for run in runs.values():
        run()
    several = {name: functools.partial(_repeated, run, repeats) for name, run in runs.items()}
    seconds = contest(several, rounds, clock=time.process_time)
    return {name: round(median(each) / repeats, 5) for name, each in seconds.items()}


def _repeated(run: Run, repeats: int) -> None:
    for _ in range(repeats):
        run()


if __name__ == "__main__":
    main()

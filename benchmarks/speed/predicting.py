"""One text against the bare forward pass, and many against the rate of features."""

from __future__ import annotations

from statistics import median

import numpy as np
import torch

from benchmarks.speed.clock import Peaks, Result, Run, contest, ratio, spread
from benchmarks.speed.features import flops_of, packed_batch
from benchmarks.speed.plan import Plan
from spacetune import Encoder, SpaceClassifier


def predict(plan: Plan, model: SpaceClassifier, encoder: Encoder, texts: list[str], peaks: Peaks) -> Result:
    return {
        "one_text": predict_one(plan, model, encoder, texts, peaks),
        "bulk": predict_bulk(plan, model, encoder, texts, peaks),
    }


def predict_one(plan: Plan, model: SpaceClassifier, encoder: Encoder, texts: list[str], peaks: Peaks) -> Result:
    """Time one text of median length against the bare forward pass of its tokens."""
    lengths = encoder.tokenize(texts).lengths
    text = texts[int(np.argsort(lengths, kind="stable")[len(texts) // 2])]
    tokenized, last = encoder.tokenize([text]), (encoder.n_layers,)
    batch = packed_batch(tokenized, np.array([0, int(tokenized.lengths[0])]), np.array([0]))
    runner = encoder.loaded.runner
    contestants: dict[str, Run] = {
        "predict": lambda: model.predict([text]),
        "bare forward": lambda: runner.hidden_states(batch, last),
    }
    with torch.inference_mode():
        contest(contestants, 5)
        seconds = contest(contestants, plan.calls)
    p50 = {name: float(np.percentile(times, 50)) for name, times in seconds.items()}
    return {
        "tokens": int(tokenized.lengths[0]),
        "calls": plan.calls,
        "milliseconds": {
            name: {"p50": 1e3 * p50[name], "p95": 1e3 * float(np.percentile(times, 95))}
            for name, times in seconds.items()
        },
        "predict_over_bare_forward": p50["predict"] / p50["bare forward"],
        "floor": {
            "what": "its operations at the matrix-product peak of large batches",
            "milliseconds": 1e3 * flops_of(encoder, tokenized.lengths) / peaks.rate(),
        },
    }


def predict_bulk(plan: Plan, model: SpaceClassifier, encoder: Encoder, texts: list[str], peaks: Peaks) -> Result:
    lengths = encoder.tokenize(texts).lengths
    tokens = int(lengths.sum())
    contestants: dict[str, Run] = {
        "predict": lambda: model.predict(texts),
        "features of the model's layers": lambda: encoder.encode(texts, layers=model.layers_ or -1, progress=False),
        "features of the last layer": lambda: encoder.encode(texts, progress=False),
    }
    seconds = contest(contestants, max(plan.rounds, 3))
    return {
        "texts": len(texts),
        "tokens": tokens,
        "rows": {
            name: {
                "seconds": spread(times),
                "tokens_per_second": tokens / median(times),
                "share_of_last_layer_rate": ratio(seconds["features of the last layer"], times),
            }
            for name, times in seconds.items()
        },
        "floor": {
            "what": "all operations of the encoder at the matrix-product peak",
            "tokens_per_second": tokens * peaks.rate() / flops_of(encoder, lengths),
        },
    }

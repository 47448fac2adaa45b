"""The encoder trained too: one epoch, as the notebook on Social Media Attributions logs."""

from __future__ import annotations

import time
from typing import Any

import torch
from papers.space_model.data import Ready, prepared, ready, sampled
from papers.space_model.experiments import facts
from papers.space_model.heads import Variant, losses, outputs
from papers.space_model.training import WEIGHT_DECAY, all_logits
from torch import Tensor, nn

from spacetune import Encoder
from spacetune.encoders.passes.trainable import TrainableEncoder
from spacetune.fitting import Schedule, classification_scores, fit_parameters
from spacetune.fitting.candidate import Candidate

HEADS = (Variant("linear, first", "linear", "first"), Variant("linear, mean", "linear", "mean"),
         Variant("space 64", n_latent=64))  # fmt: skip
HEAD_RATE, ENCODER_RATE = 2e-3, 5e-5
BATCH = 32


def unfrozen(encoder: Encoder, name: str, seed: int) -> dict[str, Any]:
    """Train the encoder under each head and score the result on dev and test."""
    began = time.process_time()
    parts = sampled(name)
    data = prepared(encoder, parts)
    found: dict[str, Any] = {"scores": {}, "epochs": 1}
    for variant in HEADS:
        head, trained = fit(variant, encoder, parts.train.inputs, data.train.targets, len(data.classes), seed)
        for test, part in (("dev", parts.dev), ("test", parts.test)):
            own = ready(trained.encode(part.inputs, layers=-1, progress=False), part.labels or [], data.classes)
            [logits] = all_logits([variant], [head], own)
            score = classification_scores(own.targets.numpy(), logits.argmax(1))
            found["scores"].setdefault(variant.name, {})[test] = score
    tests = {"dev": data.dev, "test": data.test}
    return found | facts(data, tests) | {"cpu_seconds": round(time.process_time() - began, 1)}


def fit(
    variant: Variant, encoder: Encoder, texts: list[Any], targets: Tensor, n_classes: int, seed: int
) -> tuple[nn.Module, Encoder]:
    """Return the head and the encoder trained together, by AdamW with warm-up and decay."""
    trainable = TrainableEncoder(encoder, (encoder.n_layers,), seed)
    head = variant.module(encoder.dim, n_classes, seed)
    both = nn.ModuleDict({"encoder": trainable, "head": head})
    candidate = Candidate(both, HEAD_RATE, WEIGHT_DECAY, slow=(trainable, ENCODER_RATE))

    def batch_losses(rows: Tensor, generator: torch.Generator) -> list[Tensor]:
        features = trainable([texts[i] for i in rows.tolist()])
        first = features.values[features.offsets[:-1], 0]
        batch = Ready(features, targets[rows], features.means()[:, 0], first)
        return losses([variant], [head], outputs([variant], [head], batch, generator), batch)

    schedule = Schedule(len(texts), 1, BATCH, patience=None, monitor="epoch", seed=seed)
    fit_parameters([candidate], schedule, losses=batch_losses, validate=lambda: [{"epoch": 1.0}], progress=False)
    return head, trainable.frozen()

"""What the space classifier and the space regressor share: the fit, and the head's logits and scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from spacetune.encoders import FeatureSource, TokenFeatures
from spacetune.errors import DataError, UsageError
from spacetune.estimators.encoder_training import fit_with_encoder
from spacetune.estimators.inputs import MANY
from spacetune.estimators.space_training import HeadSettings, SpaceData, auto_schedule, fit_heads
from spacetune.estimators.text_estimator import TextEstimator, dev_pair, part_for_dev
from spacetune.spaces import ConceptSpaces, SpaceHead
from spacetune.spaces.losses import InterVariant
from spacetune.training import History, Task

__all__ = ["SpaceEstimator"]

MOST_DIMENSIONS = 512
"""Dimensions of all spaces of a layer together that ``n_latent="auto"`` stays within."""


class SpaceEstimator(TextEstimator):
    """Base of `SpaceClassifier` and `SpaceRegressor`."""

    n_latent: int | Literal["auto"]
    inter_weight: float
    intra_weight: float
    inter_variant: InterVariant
    dropout: float
    learning_rate: float | None
    weight_decay: float
    n_epochs: int | None
    batch_size: int | None
    patience: int | None
    dev_fraction: float
    train_encoder: bool
    encoder_learning_rate: float
    seed: int

    head_: SpaceHead
    history_: History
    dev_scores_: dict[str, float]

    def _fit(
        self,
        texts: Any,
        labels: Sequence[Any],
        dev: Any,
        task: Task,
        checkpoint: Path | None,
        progress: bool | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Train the head; return dev logits and dev targets for calibration."""
        self._check_settings()
        self._progress = progress
        features = self.features(texts, reset=True)
        self._check_lengths(features, labels)
        self._note_input(texts, features)
        data = self._with_dev(texts, features, task.targets(labels), labels, dev, task)
        schedule = auto_schedule(
            len(data.train), self.n_epochs, self.batch_size, self.patience, task.monitor, self.seed
        )
        settings = self._settings(task, len(data.train))
        if self.train_encoder:
            self.trained_encoder_, self.head_, self.history_, data = fit_with_encoder(
                self.encoder_,
                self._rows(texts, dev),
                data,
                settings,
                task,
                schedule,
                self.encoder_learning_rate,
                checkpoint,
                progress,
            )
            self.provenance_ = self.trained_encoder_.provenance(self.layers_ or (-1,))
        else:
            compute = torch.bfloat16 if self._half(features) else None
            heads, histories = fit_heads(
                data,
                [settings],
                task,
                schedule,
                compute_dtype=compute,
                checkpoint=checkpoint,
                progress=progress,
            )
            self.head_, self.history_ = heads[0], histories[0]
        return self.logits_of_source(data.dev), data.dev_targets.numpy()

    def _settings(self, task: Task, n_texts: int) -> HeadSettings:
        rate = 3e-3 if n_texts >= MANY else 1e-3
        fitting = max(4, min(16, MOST_DIMENSIONS // task.n_outputs))
        return HeadSettings(
            n_latent=fitting if self.n_latent == "auto" else self.n_latent,
            inter_weight=self.inter_weight,
            intra_weight=self.intra_weight,
            inter_variant=self.inter_variant,
            dropout=self.dropout,
            learning_rate=rate if self.learning_rate is None else self.learning_rate,
            weight_decay=self.weight_decay,
            seed=self.seed,
        )

    def _check_settings(self) -> None:
        n_latent = None if self.n_latent == "auto" else self.n_latent
        bounds = {
            "n_latent": (n_latent, 1, None), "dropout": (self.dropout, 0, 0.95), "seed": (self.seed, 0, 2**32 - 1),
            "learning_rate": (self.learning_rate, 0, None), "weight_decay": (self.weight_decay, 0, None),
            "inter_weight": (self.inter_weight, 0, None), "intra_weight": (self.intra_weight, 0, None),
            "dev_fraction": (self.dev_fraction, 0.01, 0.5), "n_epochs": (self.n_epochs, 1, None),
            "batch_size": (self.batch_size, 1, None),
        }  # fmt: skip
        for name, (value, low, high) in bounds.items():
            if value is not None and not low <= value <= (math.inf if high is None else high):
                limit = f"at least {low}" if high is None else f"between {low} and {high}"
                raise UsageError(f"{name} must be {limit}, got {value!r}")

    def _check_lengths(self, features: FeatureSource, labels: Sequence[Any]) -> None:
        if len(features) != len(labels):
            raise DataError(f"labels must be one a text: {len(features)} texts, {len(labels)} labels")
        if len(features) < 2:
            raise DataError(f"n_samples={len(features)}: a fit needs at least 2 texts")

    def _with_dev(
        self,
        texts: Any,
        features: FeatureSource,
        targets: Tensor,
        labels: Sequence[Any],
        dev: Any,
        task: Task,
    ) -> SpaceData:
        """Use the dev data given, or set a stratified part aside (few texts: all of them, said in `dev_`)."""
        if dev is not None:
            dev_texts, dev_labels = dev_pair(dev)
            dev_targets = task.targets(dev_labels)
            self.dev_ = f"given ({len(dev_labels)} texts)"
            return SpaceData(features, targets, self.features(dev_texts), dev_targets)
        train, held = part_for_dev(texts, labels, self.dev_fraction, self.seed)
        if len(held) < 2:
            self.dev_ = f"the training texts themselves: {len(labels)} are too few to set some aside"
            return SpaceData(features, targets, features, targets)
        self.dev_ = f"{len(held)} of {len(labels)} training texts, set aside stratified by seed {self.seed}"
        rows, held_rows = torch.from_numpy(train), torch.from_numpy(held)
        self._dev_rows = held
        return SpaceData(view(features, rows), targets[rows], view(features, held_rows), targets[held_rows])

    def _rows(self, texts: Any, dev: Any) -> tuple[list[Any], list[Any]]:
        """Return the training and dev texts themselves, as `_with_dev` split them."""
        if dev is not None:
            return list(texts), list(dev_pair(dev)[0])
        held: set[int] = set(getattr(self, "_dev_rows", np.zeros(0, dtype=int)).tolist())
        rows = list(texts)
        if not held:
            return rows, rows
        return [r for i, r in enumerate(rows) if i not in held], [rows[i] for i in sorted(held)]

    def _half(self, features: FeatureSource) -> bool:
        provenance = getattr(features, "provenance", None)
        return provenance is not None and provenance.dtype == "bfloat16"

    def logits_of(self, features: TokenFeatures) -> Tensor:
        """Return logits ``(text, output)`` of features."""
        return self.head_.classify(self.head_.centroids(features))

    def scores_of(self, features: TokenFeatures) -> Tensor:
        """Return what every token adds to every logit, ``(token, output)``."""
        return self.head_.token_scores(features)

    def bias_of(self) -> Tensor:
        """Return what every logit starts with, ``(output,)``."""
        return self.head_.classifier.bias

    def _head_tensors(self) -> dict[str, Tensor]:
        hashes = torch.from_numpy(self.train_hashes_)
        return {**{k: v.detach() for k, v in self.head_.state_dict().items()}, "train_hashes": hashes}

    def _take_up_head(self, tensors: dict[str, Tensor], n_outputs: int) -> None:
        n_layers, n_spaces, n_latent, n_embed = tensors["spaces.operators"].shape
        if self.n_latent not in ("auto", n_latent) or n_layers != len(self.layers_ or ()):
            raise RuntimeError(
                f"its operators have {n_layers} layers and {n_latent} latents, its settings say otherwise"
            )
        self.train_hashes_ = tensors["train_hashes"].numpy()
        self.head_ = SpaceHead(ConceptSpaces(n_embed, n_latent, n_spaces, n_layers=n_layers), n_outputs)
        self.head_.load_state_dict({k: v for k, v in tensors.items() if k != "train_hashes"})
        self.head_.eval()


def view(source: FeatureSource, rows: Tensor) -> FeatureSource:
    """Return some of a source's texts without copying them."""
    return _View(source, rows)


class _View:
    """Some texts of a source, in an order of their own."""

    def __init__(self, source: FeatureSource, rows: Tensor) -> None:
        self._source, self._rows = source, rows
        self.provenance = getattr(source, "provenance", None)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def lengths(self) -> Tensor:
        return self._source.lengths[self._rows]

    @property
    def shape(self) -> tuple[int, int]:
        return self._source.shape

    def take(self, texts: Tensor) -> TokenFeatures:
        return self._source.take(self._rows[texts])

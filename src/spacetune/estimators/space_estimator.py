"""What the space classifier and the space regressor share: the fit, and the head's logits and scores."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from spacetune.encoders import FeatureSource, TokenFeatures
from spacetune.errors import UsageError
from spacetune.estimators.dev_part import dev_pair
from spacetune.estimators.encoder_training import fit_with_encoder
from spacetune.estimators.inputs import MANY
from spacetune.estimators.lexicon_fitting import Words, fit_lexicon, learn_lexicon
from spacetune.estimators.prefix_inputs import ReadyEmbeddings
from spacetune.estimators.prefix_training import PrefixModel, point_logits
from spacetune.estimators.settings import SETTINGS, Number, check_settings
from spacetune.estimators.space_simplex import fit_space_simplex
from spacetune.estimators.space_training import (
    HeadSettings,
    SpaceData,
    auto_schedule,
    fit_heads,
    head_bytes,
    text_chunks,
)
from spacetune.estimators.text_estimator import TextEstimator
from spacetune.spaces import ConceptSpaces, Lexicon, SpaceHead, SpaceSimplex
from spacetune.spaces.losses import InterVariant
from spacetune.training import Checkpoint, History, Schedule, Task, check_memory

__all__ = ["SpaceEstimator"]

CORNERS = "simplex."
"""What the names of the corners' tensors begin with in a saved model."""

MOST_DIMENSIONS = 512
"""Dimensions of all spaces of a layer together that ``n_latent="auto"`` stays within."""


@dataclasses.dataclass(frozen=True)
class Chosen:
    """What dev chose: the settings of the head, the share of the epochs, the lexicon's weight."""

    settings: HeadSettings
    share: float
    words: Words | None


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
    n_vertices: int
    n_validation_samples: int
    lexicon: bool
    seed: int

    head_: SpaceHead
    head_simplex_: SpaceSimplex | None
    lexicon_: Lexicon | None
    history_: History
    _chosen: Chosen

    def _learn(self, data: SpaceData, X: Any, dev: Any, checkpoint: Checkpoint | None) -> np.ndarray:
        """Train the head, and a lexicon where it helps; return dev logits for calibration."""
        self.lexicon_ = self.head_simplex_ = None
        vars(self).pop("trained_encoder_", None)  # of an earlier fit
        task, progress = self._task, self._progress
        schedule = self._schedule(len(data.train))
        settings = self._settings(task, len(data.train))
        sizes = settings.n_latent, task.n_outputs, self.n_vertices
        needed = head_bytes(data.train.shape, data.train.lengths, schedule.batch_size, *sizes)
        check_memory(needed, f"n_latent={settings.n_latent}, n_vertices={self.n_vertices}")
        if self.train_encoder:
            self.trained_encoder_, self.head_, self.history_, data = fit_with_encoder(
                self.encoder_,
                self._rows(X, dev),
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
            self._take_head(*self._train(data, settings, schedule, checkpoint))
        logits = self.logits_of_source(data.dev)
        words = fit_lexicon(data, torch.from_numpy(logits), task) if self.lexicon else None
        self._chosen = Chosen(settings, self.history_.best_epoch / schedule.n_epochs, words)
        if words is None:
            return logits
        self._take_words(words)
        return self.logits_of_source(data.dev)

    def _train(
        self, data: SpaceData, settings: HeadSettings, schedule: Schedule, checkpoint: Checkpoint | None = None
    ) -> tuple[SpaceHead | SpaceSimplex, History]:
        task, progress = self._task, self._progress
        if self.n_vertices > 1:
            return fit_space_simplex(
                data, settings, self.n_vertices, self.n_validation_samples, task, schedule,
                checkpoint=checkpoint, progress=progress,
            )  # fmt: skip
        compute = torch.bfloat16 if self._half(data.train) else None
        heads, histories = fit_heads(
            data, [settings], task, schedule, compute_dtype=compute, checkpoint=checkpoint, progress=progress
        )
        return heads[0], histories[0]

    def _take_head(self, learnt: SpaceHead | SpaceSimplex, history: History | None = None) -> None:
        """Become what was trained; a history is that of the training which chose."""
        simplex = learnt if isinstance(learnt, SpaceSimplex) else None
        self.head_simplex_ = None if simplex is None else simplex.requires_grad_(False)
        self.head_ = learnt.centroid() if isinstance(learnt, SpaceSimplex) else learnt
        self.history_ = history or self.history_

    def _schedule(self, n_texts: int, share: float | None = None) -> Schedule:
        """Return the course of training; with a share, up to that share of its epochs and without choosing."""
        whole = auto_schedule(n_texts, self.n_epochs, self.batch_size, self.patience, self._task.monitor, self.seed)
        stop = None if share is None else max(1, round(share * whole.n_epochs))
        return dataclasses.replace(whole, stop_after=stop)

    def refits(self, n_texts: int) -> bool:
        """Tell whether `fit` learns in the end from the part too that it set aside: not with the encoder trained."""
        return super().refits(n_texts) and not self.train_encoder

    def _learn_again(self, source: FeatureSource, targets: Tensor) -> None:
        if self.train_encoder:
            raise UsageError("refit is for a frozen encoder; with train_encoder fit on all texts, and give dev=")
        data, chosen = SpaceData(source, targets, source, targets), self._chosen
        learnt, _ = self._train(data, chosen.settings, self._schedule(len(source), chosen.share))
        words = None if chosen.words is None else learn_lexicon(source, targets, self._task, chosen.words)
        self._take_head(learnt)
        self.lexicon_ = None
        if words is not None:
            self._take_words(words)

    def _reads_windows(self) -> bool:
        return not self.train_encoder

    def _take_words(self, words: Words) -> None:
        """Take a lexicon up, its share of the logits folded into the head's classifier."""
        self.lexicon_ = words.lexicon
        corners = [] if self.head_simplex_ is None else self.head_simplex_.corners
        with torch.no_grad():
            for head in (self.head_, *corners):
                head.classifier.weight.mul_(words.share)
                head.classifier.bias.mul_(words.share).add_(words.bias)

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
        width = Number(1, whole=True, also=("auto",))
        check_settings(self.get_params(deep=False), {**SETTINGS, "n_latent": width})
        if self.n_vertices > 1 and (self.train_encoder or self.inter_weight or self.intra_weight):
            raise UsageError(
                "a simplex of heads (n_vertices above 1) trains without train_encoder and auxiliary losses"
            )

    def _rows(self, texts: Any, dev: Any) -> tuple[list[Any], list[Any]]:
        """Return the training and dev texts themselves, as they were divided."""
        if dev is not None:
            return list(texts), list(dev_pair(dev)[0])
        held: set[int] = set(self._dev_rows.tolist())
        rows = list(texts)
        if not held:
            return rows, rows
        return [r for i, r in enumerate(rows) if i not in held], [rows[i] for i in sorted(held)]

    def _half(self, features: FeatureSource) -> bool:
        provenance = getattr(features, "provenance", None)
        return provenance is not None and provenance.dtype == "bfloat16"

    def logits_of(self, features: TokenFeatures) -> Tensor:
        """Return logits ``(text, output)`` of features."""
        logits = self.head_.classify(self.head_.centroids(features))
        return logits if self.lexicon_ is None else logits + self.lexicon_.logits(features).to(logits.dtype)

    def scores_of(self, features: TokenFeatures) -> Tensor:
        """Return what every token adds to every logit, ``(token, output)``."""
        scores = self.head_.token_scores(features)
        return scores if self.lexicon_ is None else scores + self.lexicon_.token_scores(features).to(scores.dtype)

    def bias_of(self) -> Tensor:
        """Return what every logit starts with, ``(output,)``."""
        return self.head_.classifier.bias

    def logits_at(self, X: Any, weights: Any, *, progress: bool | None = False) -> np.ndarray:
        """Return the logits ``(point, text, output)`` at these points of the simplex of heads, the same for all texts.

        Parameters
        ----------
        X
            What `predict` takes.
        weights
            A tensor, an array or lists ``(point, vertex)``: all layers and the classifier at one point; or
            ``(point, layer + 1, vertex)``. A point's weights are at least 0 and sum to 1.
        progress
            True or False to force the progress bar on or off.

        Raises
        ------
        UsageError
            If it was fitted with ``n_vertices=1``: then there is one head and no simplex; or if the weights are no
            points of it.
        """
        check_is_fitted(self)
        if self.head_simplex_ is None:
            raise UsageError("there is no simplex to read: it was fitted with n_vertices=1, which learns one head")
        source = self.features(X, stored=False)
        model = PrefixModel(None, self.head_simplex_, self.head_simplex_.n_vertices)
        logits = point_logits(model, ReadyEmbeddings(source), weights, progress)
        if self.lexicon_ is None:
            return logits
        parts = [self.lexicon_.logits(source.take(rows)) for rows in text_chunks(source)]
        return logits + torch.cat(parts).double().numpy()

    def _head_tensors(self) -> dict[str, Tensor]:
        hashes = torch.from_numpy(self.train_hashes_)
        words = {} if self.lexicon_ is None else {f"lexicon.{k}": v for k, v in self.lexicon_.state_dict().items()}
        simplex = {} if self.head_simplex_ is None else self.head_simplex_.state_dict()
        corners = {f"{CORNERS}{k}": v.detach() for k, v in simplex.items()}
        head = {k: v.detach() for k, v in self.head_.state_dict().items()}
        return {**head, **corners, **words, "train_hashes": hashes}

    def _take_up_head(self, tensors: dict[str, Tensor], n_outputs: int) -> None:
        n_layers, n_spaces, n_latent, n_embed = tensors["spaces.operators"].shape
        if self.n_latent not in ("auto", n_latent) or n_layers != len(self.layers_ or ()):
            raise RuntimeError(
                f"its operators have {n_layers} layers and {n_latent} latents, its settings say otherwise"
            )
        self.train_hashes_ = tensors["train_hashes"].numpy()
        self.head_ = SpaceHead(ConceptSpaces(n_embed, n_latent, n_spaces, n_layers=n_layers), n_outputs)
        has_words = "lexicon.grams" in tensors
        self.lexicon_ = Lexicon(tensors["lexicon.grams"], tensors["lexicon.weights"]) if has_words else None
        own = {k: v for k, v in tensors.items() if k != "train_hashes" and not k.startswith(("lexicon.", CORNERS))}
        self.head_.load_state_dict(own)
        self.head_.eval()
        corners = {k.removeprefix(CORNERS): v for k, v in tensors.items() if k.startswith(CORNERS)}
        self.head_simplex_ = None
        if corners:
            self.head_simplex_ = SpaceSimplex.from_state(corners, n_outputs).eval().requires_grad_(False)

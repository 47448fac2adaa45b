"""What the prefix-simplex classifier and regressor share: the fit, the centroid's logits, the ensemble, saving."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Literal, cast

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from spacetune.encoders import (
    Adapter,
    FeatureSource,
    Layers,
    LoraShape,
    Pooling,
    PrefixShape,
    TextInput,
    TokenFeatures,
    as_given,
    as_inputs,
    holds_features,
    holds_texts,
)
from spacetune.errors import DataError
from spacetune.estimators.inputs import check_kind, check_lengths, read_features
from spacetune.estimators.linear_probe import STRENGTHS, means_of
from spacetune.estimators.prefix_inputs import PrefixedTexts, PrefixInputs, ReadyEmbeddings, UnderPrefix
from spacetune.estimators.prefix_training import PrefixData, PrefixModel, PrefixTraining, fit_prefixes, point_logits
from spacetune.estimators.settings import SETTINGS, Number, check_settings
from spacetune.estimators.space_training import auto_schedule, head_bytes, token_statistics
from spacetune.estimators.text_estimator import CHUNK_TEXTS, TextEstimator
from spacetune.estimators.views import view
from spacetune.estimators.warm_start import warm_start
from spacetune.prefixes import LinearSimplex, LoraSimplex, PrefixSimplex, Reparametrisation
from spacetune.prefixes.heads import LinearHead
from spacetune.prefixes.sampling import Sampling
from spacetune.prefixes.simplex import Mixing
from spacetune.spaces import ConceptSpaces, SpaceHead, SpaceSimplex
from spacetune.training import TRAINED, Checkpoint, History, Schedule, check_memory

__all__ = ["PrefixEstimator"]

LONGEST_RUN = 12
"""Epochs at most where the user names none."""


class PrefixEstimator(TextEstimator):
    """Base of `PrefixSimplexClassifier` and `PrefixSimplexRegressor`."""

    n_vertices: int
    adapter: Literal["prefix", "lora"]
    rank: int
    prefix_length: int
    reparametrisation: Reparametrisation
    mixing: Mixing
    sampling: Sampling
    shared_layers: bool
    hidden_size: int
    start_scale: float
    position_shift: bool
    pooling: Pooling
    head: Literal["linear", "space"]
    n_latent: int
    probe_start: bool
    n_validation_samples: int
    diversity_weight: float
    dropout: float
    learning_rate: float
    head_learning_rate: float
    weight_decay: float
    n_epochs: int | None
    batch_size: int | None
    patience: int | None
    dev_fraction: float
    seed: int

    simplex_: PrefixSimplex | LoraSimplex | None
    head_simplex_: LinearSimplex | SpaceSimplex
    head_: LinearHead | SpaceHead
    history_: History

    def _learn(self, data: PrefixData, X: Any, dev: Any, checkpoint: Checkpoint | None) -> np.ndarray:
        """Train prefixes and heads; return dev logits at the centroid, for calibration."""
        schedule, strengths = self._schedule(len(data.train)), STRENGTHS if self.probe_start else ()
        self._check_memory(data.train, schedule.batch_size)
        self.history_ = self._train(data, strengths, schedule, checkpoint)
        self._share = self.history_.best_epoch / schedule.n_epochs
        return point_logits(self._model(), data.dev, self._model().centre())[0]

    def _learn_again(self, source: Any, targets: Tensor) -> None:
        everything = self._part(source, None)
        data = PrefixData(everything, targets, everything, targets)
        strengths = () if self._strength is None else (self._strength,)
        self._train(data, strengths, self._schedule(len(everything), self._share))

    def _train(
        self, data: PrefixData, strengths: Sequence[float], schedule: Schedule, checkpoint: Checkpoint | None = None
    ) -> History:
        generator = torch.Generator().manual_seed(self.seed)
        prefix = self._new_prefix(generator) if isinstance(data.train, PrefixedTexts) else None
        head, strength = self._new_head(prefix, data, strengths, generator)
        settings = PrefixTraining(
            self.learning_rate, self.head_learning_rate, self.weight_decay, self.dropout,
            self.diversity_weight, self.n_validation_samples, self.seed,
        )  # fmt: skip
        history = fit_prefixes(
            PrefixModel(prefix, head, self.n_vertices), data, settings, self._task, schedule,
            checkpoint=checkpoint, progress=self._progress,
        )  # fmt: skip
        self._finish(None if prefix is None else prefix.finished(), head)
        self._strength = strength
        return history

    def _schedule(self, n_texts: int, share: float | None = None) -> Schedule:
        """Return the course of training; with a share, up to that share of its epochs and without choosing."""
        whole = auto_schedule(n_texts, self.n_epochs, self.batch_size, self.patience, self._task.monitor, self.seed)
        epochs = whole.n_epochs if self.n_epochs else min(whole.n_epochs, LONGEST_RUN)
        return dataclasses.replace(whole, n_epochs=epochs, stop_after=None if share is None else round(share * epochs))

    def _reads_windows(self) -> bool:
        return False

    def _open(self, X: Any, labels: Sequence[Any], *, reset: bool = True) -> Any:
        """Take texts, or a matrix: what goes through the encoder in every step is read there."""
        kind = check_kind(self, X, reset)
        if kind == "features":
            raise DataError("token features were made without a prefix; give texts, or a matrix of ready embeddings")
        given: Any = as_inputs(X) if kind == "texts" else read_features(self, X, encoder=None, layers=None, reset=reset)
        check_lengths(len(given), len(labels))
        self._note(X, kind)
        return given

    def _part(self, source: Any, rows: Tensor | None) -> PrefixInputs:
        return self._inputs(source if rows is None else _some(source, rows))

    def _read_dev(self, X: Any) -> PrefixInputs:
        return self._inputs(X)

    def _note(self, texts: Any, kind: str) -> None:
        provenance = None
        if kind == "texts":
            chosen = "all" if self.layers in ("auto", None) else self.layers
            encoder = self.encoder_
            layers = (encoder.n_layers,) if self.pooling == "pooler" else encoder.resolve_layers(cast("Layers", chosen))
            provenance = dataclasses.replace(encoder.provenance(layers), dtype="float32")
        self._note_input(texts, cast("FeatureSource", _Read(provenance)))

    def _inputs(self, given: Any) -> PrefixInputs:
        if holds_texts(given) or self.fitted_on_ == "texts":
            check_kind(self, given, reset=False)
            return PrefixedTexts(self.encoder_, as_inputs(given), self.layers_ or (-1,), self.pooling)
        ready = given if holds_features(given) else self.features(given)
        return ReadyEmbeddings(ready)

    def _check_memory(self, train: PrefixInputs, batch_size: int) -> None:
        """Refuse prefixes and heads that cannot be trained here; a batch holds its prefixes and their slopes."""
        rows, trained, held = min(batch_size, len(train)), 0, 0
        if isinstance(train, ReadyEmbeddings):
            shape = train.source.shape
        else:
            encoder = self.encoder_
            shape = len(self.layers_ or ()), encoder.dim
            a_token = 2 * encoder.n_layers * encoder.dim
            length = self.rank if self.adapter == "lora" else self.prefix_length
            hidden = 0 if self.reparametrisation == "none" else self.hidden_size
            trained, held = a_token * (self.n_vertices * length + 2 * hidden), 2 * rows * a_token * length
        needed = 4 * (TRAINED * trained + held)
        if self.head == "space":
            sizes = self.n_latent, self._task.n_outputs, self.n_vertices
            needed += head_bytes(shape, train.lengths, batch_size, *sizes)
        names = ("n_vertices", "prefix_length", "rank", "hidden_size", "n_latent", "batch_size")
        check_memory(needed, ", ".join(f"{name}={getattr(self, name)}" for name in names))

    def _new_prefix(self, generator: torch.Generator) -> PrefixSimplex | LoraSimplex:
        if self.adapter == "lora":
            return self._new_lora(self.encoder_.prefixed.lora_shape(self.rank), generator)
        shape = self.encoder_.prefixed.shape(self.prefix_length, position_shift=self.position_shift)
        return PrefixSimplex(
            shape, self.n_vertices, reparametrisation=self.reparametrisation, hidden_size=self.hidden_size,
            mixing=self.mixing, start_scale=self.start_scale, sampling=self.sampling,
            shared_layers=self.shared_layers, position_shift=self.position_shift, generator=generator,
        )  # fmt: skip

    def _new_lora(self, shape: LoraShape, generator: torch.Generator) -> LoraSimplex:
        return LoraSimplex(
            shape, self.n_vertices, sampling=self.sampling, shared_layers=self.shared_layers, generator=generator
        )

    def _new_head(
        self,
        prefix: PrefixSimplex | LoraSimplex | None,
        data: PrefixData,
        strengths: Sequence[float],
        generator: torch.Generator,
    ) -> tuple[LinearSimplex | SpaceSimplex, float | None]:
        """Make the heads, standardised by what the first centroid gives and started from the best of its probes."""
        with torch.no_grad():
            states = None if prefix is None else prefix.centroid()
        train, dev = UnderPrefix(data.train, states), UnderPrefix(data.dev, states)
        n_layers, dim = train.shape
        if self.head == "space":
            return self._new_spaces(train, data.targets, generator), None
        head = LinearSimplex(n_layers * dim, self._task.n_outputs, self.n_vertices, generator=generator)
        targets, dev_targets = data.targets.numpy(), data.dev_targets.numpy()
        parts = (means_of(train), targets), (means_of(dev), dev_targets)
        return head, warm_start(head, self._task, *parts, strengths)

    def _new_spaces(self, train: UnderPrefix, targets: Tensor, generator: torch.Generator) -> SpaceSimplex:
        (n_layers, dim), task = train.shape, self._task
        mean, scale = token_statistics(train)
        corners: list[SpaceHead] = []
        for _ in range(self.n_vertices):
            spaces = ConceptSpaces(dim, self.n_latent, max(1, task.n_outputs), n_layers=n_layers, generator=generator)
            spaces.standardise(mean, scale)
            corners.append(SpaceHead(spaces, task.n_outputs, generator))
            with torch.no_grad():
                corners[-1].classifier.bias.copy_(task.prior(targets))
        return SpaceSimplex(corners)

    def _finish(self, prefix: PrefixSimplex | LoraSimplex | None, head: LinearSimplex | SpaceSimplex) -> None:
        self.simplex_ = None if prefix is None else prefix.eval().requires_grad_(False)
        self.head_simplex_ = head.eval().requires_grad_(False)
        self.head_ = head.centroid()

    def _check_settings(self) -> None:
        check_settings(self.get_params(deep=False), {**SETTINGS, "learning_rate": Number(0)})

    def features(self, texts: Any, *, reset: bool = False, stored: bool = True) -> FeatureSource:
        """Return token features of texts under the centroid; a matrix's rows as they are.

        Raises
        ------
        DataError
            If token features are given: they were made without the prefix.
        """
        del stored
        texts = as_given(texts)
        kind = check_kind(self, texts, reset)
        if kind == "matrix":
            return read_features(self, texts, encoder=None, layers=None, reset=reset)
        if kind == "features":
            raise DataError("token features were made without this model's prefix; give texts")
        assert self.simplex_ is not None
        return self._read(as_inputs(texts), self.simplex_.centroid())

    def feature_runs(self, inputs: Sequence[TextInput]) -> Iterator[TokenFeatures]:
        """Yield features of consecutive runs of texts under the centroid."""
        assert self.simplex_ is not None
        for start in range(0, len(inputs), CHUNK_TEXTS):
            yield self._read(list(inputs[start : start + CHUNK_TEXTS]), self.simplex_.centroid())

    def _read(self, texts: list[TextInput], prefix: Adapter) -> TokenFeatures:
        return self.encoder_.prefixed.encode(texts, prefix, self.layers_ or (-1,), self.pooling)

    def logits_of(self, features: TokenFeatures) -> Tensor:
        """Return logits ``(text, output)`` of features."""
        head = self.head_
        return head.logits(features) if isinstance(head, LinearHead) else head.classify(head.centroids(features))

    def scores_of(self, features: TokenFeatures) -> Tensor:
        """Return what every token adds to every logit, ``(token, output)``."""
        return self.head_.token_scores(features)

    def bias_of(self) -> Tensor:
        """Return what every logit starts with, ``(output,)``."""
        return self.head_.bias if isinstance(self.head_, LinearHead) else self.head_.classifier.bias

    def ensemble_logits(self, X: Any, n_samples: int, seed: int = 0) -> np.ndarray:
        """Return the logits ``(point, text, output)`` of random points of the simplex, the same points for all texts.

        Parameters
        ----------
        X
            Texts, or a matrix if it was fitted on one.
        n_samples
            Points k.
        seed
            Of the points.
        """
        check_settings({"n_samples": n_samples, "seed": seed}, {**SETTINGS, "n_samples": Number(1, whole=True)})
        check_is_fitted(self)
        generator, model = torch.Generator().manual_seed(seed), self._model()
        return self.logits_at(X, torch.cat([model.sample_weights(1, generator) for _ in range(n_samples)]))

    def logits_at(self, X: Any, weights: Any, *, progress: bool | None = False) -> np.ndarray:
        """Return the logits ``(point, text, output)`` at these points of the simplex, the same for all texts.

        Parameters
        ----------
        X
            Texts, or a matrix if it was fitted on one.
        weights
            A tensor, an array or lists ``(point, vertex)``: all layers and the head at one point; or
            ``(point, group, vertex)``, the groups being the encoder's layers (none on a matrix) and those of the
            head. A point's weights are at least 0 and sum to 1.
        progress
            True or False to force the progress bar on or off.

        Raises
        ------
        UsageError
            If the weights are no points of the simplex.
        """
        check_is_fitted(self)
        given = as_given(X)
        check_kind(self, given, reset=False)
        inputs = self._inputs(given if self.fitted_on_ == "texts" else self.features(given))
        return point_logits(self._model(), inputs, weights, progress)

    def _model(self) -> PrefixModel:
        return PrefixModel(self.simplex_, self.head_simplex_, self.n_vertices)

    def _tensors(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        prefix = self.simplex_
        assert prefix is not None
        tensors = {f"prefix.{k}": v for k, v in prefix.state_dict().items()}
        tensors |= {f"head.{k}": v for k, v in self.head_simplex_.state_dict().items()}
        return {"shape": dataclasses.asdict(prefix.shape)}, {
            **{k: v.detach() for k, v in tensors.items()},
            "train_hashes": torch.from_numpy(self.train_hashes_),
        }

    def _take_up(self, facts: dict[str, Any], tensors: dict[str, Tensor], n_outputs: int) -> None:
        kept = {k.removeprefix("prefix."): v for k, v in tensors.items() if k.startswith("prefix.")}
        prefix = self._simplex_of(facts["shape"], kept)
        prefix.load_state_dict(kept)
        self.train_hashes_ = tensors["train_hashes"].numpy()
        head = {k.removeprefix("head."): v for k, v in tensors.items() if k.startswith("head.")}
        self._finish(prefix, self._head_of(head, n_outputs))

    def _simplex_of(self, shape: dict[str, int], kept: dict[str, Tensor]) -> PrefixSimplex | LoraSimplex:
        if self.adapter == "lora":
            return self._new_lora(LoraShape(**shape), torch.Generator())
        plain = len(kept) == 1
        return PrefixSimplex(
            PrefixShape(**shape), self.n_vertices, reparametrisation="none" if plain else self.reparametrisation,
            hidden_size=self.hidden_size, mixing="after" if plain else self.mixing, sampling=self.sampling,
            shared_layers=self.shared_layers, position_shift=self.position_shift, generator=torch.Generator(),
        )  # fmt: skip

    def _head_of(self, tensors: dict[str, Tensor], n_outputs: int) -> LinearSimplex | SpaceSimplex:
        if self.head == "space":
            return SpaceSimplex.from_state(tensors, n_outputs)
        made = LinearSimplex(tensors["weight"].shape[2], n_outputs, self.n_vertices, generator=torch.Generator())
        made.load_state_dict(tensors)
        return made


@dataclasses.dataclass(frozen=True)
class _Read:
    """Says where features come from without holding any."""

    provenance: Any


def _some(given: Any, rows: Tensor) -> Any:
    return [given[i] for i in rows.tolist()] if isinstance(given, list) else view(given, rows)

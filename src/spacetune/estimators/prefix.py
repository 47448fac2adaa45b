"""`PrefixSimplexClassifier`: a simplex of prefixes and heads as a scikit-learn classifier on texts."""

from __future__ import annotations

import os
from typing import Any, Literal

from spacetune.encoders import Encoder, Layers, Mixing, Pooling, Reparametrisation
from spacetune.estimators.classifier import Classifier
from spacetune.estimators.settings import settings_of
from spacetune.fitting import UNCHOSEN, InsideMethod
from spacetune.heads import Sampling

__all__ = ["PrefixSimplexClassifier"]


class PrefixSimplexClassifier(Classifier):
    r"""Classify texts by the centroid of a simplex of prefixes in a frozen encoder (arXiv 2310.15793).

    Prefixes are keys and values before every layer's own. A whole simplex of them is learnt: in training each text and
    layer gets a fresh random point of it, and so does the head; dev is predicted several times at fresh points, and
    the epoch with the best mean score is kept. The centroid predicts. It is made for few texts: every training step
    runs the encoder forwards and back.

    The head reads the mean state of several layers and is linear in them, so `explain` is exact for the prefixed
    encoder's states. A matrix of ready embeddings has no encoder to put a prefix into: then only the simplex of heads
    is learnt.

    Parameters
    ----------
    encoder
        Folder or hub name, an `Encoder`, or None for the default encoder. Training runs in float32.
    n_vertices
        Corners of the simplex (6 in the paper); 1 is plain prefix-tuning.
    adapter
        What the corners are: ``prefix``, or ``lora`` for low-rank changes of queries and values (`LoraVertices`).
    rank
        Rank of each corner, for ``adapter="lora"``.
    prefix_length
        Number of virtual tokens (not known for the paper; 10 in Li and Liang's code).
    layers
        Layers whose mean states the head reads; ``auto`` is all. The head of the paper is not known.
    head
        ``linear``, or ``space`` for a simplex of Space Model heads.
    n_latent
        Width of a space, for ``head="space"``.
    pooling
        ``mean`` over a text's tokens, or ``pooler``: BERT's pooled first token, which a plain transformers
        classification model reads too; needed for an export that predicts the same.
    position_shift
        Give real tokens positions behind the prefix, as PEFT does; this uses up one position per virtual token.
    reparametrisation
        ``none``, ``shared`` or ``per-layer`` perceptrons behind the prefix, in training only.
    hidden_size
        Hidden width of the perceptrons.
    mixing
        Mix vertices ``after`` or ``before`` the perceptrons.
    sampling
        Fresh points for every ``observation``, or one for a ``batch``.
    shared_layers
        One point for all layers and the head.
    start_scale
        Standard deviation of the vertices' random start.
    probe_start
        Start the heads from logistic regression on the states under the first centroid.
    n_validation_samples
        Repeats of dev at fresh points; 0 validates at the centroid (the paper's ablation).
    diversity_weight
        Weight of the squared cosine between a random pair of vertices.
    dropout
        Share of the head's inputs left out in every training step.
    label_smoothing
        Share of the target spread over all classes.
    class_weight
        None, ``balanced``, or a dict from class to weight.
    learning_rate
        Full learning rate of the prefixes.
    head_learning_rate
        Full learning rate of the heads.
    weight_decay
        Decoupled decay of both.
    n_epochs
        Maximum number of passes over the texts; None chooses by their number.
    batch_size
        Texts per step; None chooses by their number.
    patience
        Epochs without a better dev score after which to stop.
    dev_fraction
        Share of the texts set aside, stratified, where `fit` gets no dev data.
    max_length
        Tokens above which a text is cut.
    seed
        Seed of the start, the order, the points and the split.

    Attributes
    ----------
    simplex_
        The trained `Simplex` of adapters (none on a matrix) and heads.
    head_
        The centroid's head.
    history_
        Losses and dev scores of every epoch: mean, spread and quantiles over the repeats. Epoch 0 is the start.
    classes_
        The classes, sorted.
    report_
        Dev scores, the majority baseline's, calibration error, how dev was made.

    Examples
    --------
    >>> texts = ["good fun", "what a joy", "a bore", "so dull"] * 4
    >>> model = PrefixSimplexClassifier(n_vertices=2, n_epochs=1).fit(texts, ["pos", "pos", "neg", "neg"] * 4)
    >>> model.predict(["great fun"]).tolist()
    ['pos']
    >>> model.uncertainty(["great fun"], n_samples=3).probabilities.shape
    (1, 2)
    """

    rules = UNCHOSEN

    def __init__(
        self,
        encoder: str | os.PathLike[str] | Encoder | None = None,
        *,
        n_vertices: int = 6,
        adapter: Literal["prefix", "lora"] = "prefix",
        rank: int = 8,
        prefix_length: int = 10,
        layers: Layers | str = "auto",
        head: Literal["linear", "space"] = "linear",
        n_latent: int = 8,
        pooling: Pooling = "mean",
        position_shift: bool = False,
        reparametrisation: Reparametrisation = "none",
        hidden_size: int = 512,
        mixing: Mixing = "after",
        sampling: Sampling = "observation",
        shared_layers: bool = False,
        start_scale: float = 0.1,
        probe_start: bool = True,
        n_validation_samples: int = 5,
        diversity_weight: float = 0.0,
        dropout: float = 0.7,
        label_smoothing: float = 0.05,
        class_weight: str | dict[Any, float] | None = None,
        learning_rate: float = 1e-2,
        head_learning_rate: float = 1e-4,
        weight_decay: float = 0.01,
        n_epochs: int | None = None,
        batch_size: int | None = None,
        patience: int | None = 4,
        dev_fraction: float = 0.2,
        max_length: int | None = None,
        seed: int = 0,
    ) -> None:
        self.encoder = encoder
        self.n_vertices = n_vertices
        self.adapter = adapter
        self.rank = rank
        self.prefix_length = prefix_length
        self.layers = layers
        self.head = head
        self.n_latent = n_latent
        self.pooling = pooling
        self.position_shift = position_shift
        self.reparametrisation = reparametrisation
        self.hidden_size = hidden_size
        self.mixing = mixing
        self.sampling = sampling
        self.shared_layers = shared_layers
        self.start_scale = start_scale
        self.probe_start = probe_start
        self.n_validation_samples = n_validation_samples
        self.diversity_weight = diversity_weight
        self.dropout = dropout
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.learning_rate = learning_rate
        self.head_learning_rate = head_learning_rate
        self.weight_decay = weight_decay
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.patience = patience
        self.dev_fraction = dev_fraction
        self.max_length = max_length
        self.seed = seed

    def method(self) -> InsideMethod:
        """Return the way in which these settings learn."""
        return InsideMethod.of(settings_of(self))

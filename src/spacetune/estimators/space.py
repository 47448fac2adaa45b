"""`SpaceClassifier`: the Space Model as a scikit-learn classifier on texts."""

# The types of torch, NumPy and scikit-learn are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import os
from typing import Any, Literal

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from spacetune.encoders import Encoder, FeatureStore, Layers
from spacetune.errors import UsageError
from spacetune.estimators.classifier import Classifier
from spacetune.estimators.settings import settings_of
from spacetune.fitting import SETTINGS, Method, space_method, text_chunks
from spacetune.heads import Head, SpaceHead
from spacetune.heads.spaces import InterVariant, SpaceOverlap, aligned_space, space_overlap

__all__ = ["SpaceClassifier", "space_head_of"]


class SpaceClassifier(Classifier):
    r"""Classify texts with one small concept space per class on a frozen encoder (arXiv 2401.16638).

    .. math:: logit_c = b_c + \sum_k W_{c,k} \tfrac1T \sum_t \tanh(P^k h_t)

    Tokens enter additively, so `explain` is exact. Labels that are lists, or an indicator, make it multi-label (one
    sigmoid per label). Instead of texts, `fit` and `predict` also take a matrix of ready embeddings, one token per row.

    Parameters
    ----------
    encoder
        Folder or hub name, an `Encoder`, or None for the default encoder.
    layers
        Layers to read: a number, a list, ``all``, or ``auto`` (for 2,000 texts and more all where
        their features take at most 2 GB, else those at one, two and three thirds of the depth). Every layer has
        its own operators.
    n_latent
        Width m of a space; ``auto`` is 16, for pairs read apart 32, and less (at least 4) where there are many classes.
    inter_weight
        Weight of the inter-space loss (own space to +1, others to -1).
    intra_weight
        Weight of the intra-space loss (tokens should differ within a space).
    inter_variant
        Which historical form of the inter-space loss.
    dropout
        Share of centroid components left out in every training step.
    label_smoothing
        Share of the target spread over all classes.
    class_weight
        None, ``balanced``, or a dict from class to weight.
    learning_rate
        Full learning rate of AdamW; None is 0.001 below 2,000 texts and 0.003 from there on. Spaces of pairs read apart
        learn at a sixth of it.
    weight_decay
        Decoupled weight decay of AdamW.
    n_epochs
        Maximum number of passes over the texts; None chooses by their number.
    batch_size
        Texts per step; None chooses by their number.
    patience
        Epochs without a better dev macro-F1 after which to stop, at least 1; None never stops early. Where `n_epochs`
        is left open it is at least a quarter of the epochs that 300 steps take.
    dev_fraction
        Share of the texts set aside, stratified, where `fit` gets no dev data.
    max_length
        Tokens read in one pass; None is the encoder's own limit.
    max_windows
        How many such passes a long text gets; what follows is cut. None is 16, or 1 where `max_length` is given.
    store
        Where features of training texts are kept, so that the same texts are never encoded twice; None keeps none.
    inside
        What is learnt inside the encoder: ``top`` trains its upper layers from a head fitted on its frozen states, by
        far the strongest where there are a thousand texts and more; ``all`` trains all of them over the frozen
        embeddings; ``lora`` learns low-rank additions, ``prefix`` keys and values before every text, for few texts
        (with a new head of 8 latents, a decay of .01, the head's rate 1e-3, and no lexicon, as
        `PrefixSimplexClassifier` learns them); None learns nothing inside. Texts are then read in one window. What
        helps on dev alone is kept.
    inside_size
        How many layers ``top`` trains (None: two thirds of all), the rank of ``lora`` (8), the virtual tokens of
        ``prefix`` (10).
    train_encoder
        Train the encoder whole, embeddings too: slow, and the saved model then holds it. Prefer ``inside``.
    encoder_learning_rate
        Learning rate of what is learnt inside; None is 1e-4 for layers, 1e-2 for adapters, 5e-5 for the whole encoder.
    n_vertices
        Corners of a simplex of heads, learnt with a fresh random point for every text and layer; its centroid is the
        head. 1 learns one head.
    n_validation_samples
        With a simplex: repeats of dev at fresh points, whose mean score chooses the epoch; 0 validates the centroid.
    linear_path
        Weigh a linear probe of the same states against the spaces by the loss on dev: one more dimension per space, in
        which tanh is linear. None does so where states have 512 dimensions or more. Only for one head on a frozen
        encoder without auxiliary losses; not for pairs of texts that are read apart.
    lexicon
        Weigh scores of wordpieces and pairs of neighbours against the head, where that helps on dev; for texts that
        are read apart, scores of what both have and of what only one has (`grams_of`).
    pairs
        ``apart`` reads the texts of a pair alone, each different text once: their centroids meet in products and
        squares, beside the linear head of pairs (`LinearProbe`) where they start; ``together`` reads a pair as one
        text; ``auto`` is apart for spaces alone, and together with ``inside``, ``train_encoder``, a simplex or
        auxiliary losses.
    symmetric
        Whether swapping the texts of pairs read apart must change nothing; None lets dev choose.
    seed
        Seed of the start, the order of texts, the dropout and the split.

    Attributes
    ----------
    classes_
        The classes, sorted.
    lexicon_
        The `Lexicon`, or None where it did not help on dev.
    head_
        The trained `SpaceHead`; for pairs read apart a `PairHead`.
    simplex_
        The `Simplex` whose centroid it is, with ``n_vertices`` above 1; else None.
    history_
        Losses and dev scores of every epoch.
    temperature_
        What logits are divided by before the softmax, fitted on dev.
    report_
        Dev scores, the majority baseline's, calibration error, how dev was made.

    Examples
    --------
    >>> texts = ["good fun", "what a joy", "a bore", "so dull"] * 4
    >>> model = SpaceClassifier(n_latent=4, seed=0).fit(texts, ["pos", "pos", "neg", "neg"] * 4)
    >>> model.predict(["great fun"]).tolist()
    ['pos']
    """

    rules = SETTINGS

    def __init__(
        self,
        encoder: str | os.PathLike[str] | Encoder | None = None,
        *,
        layers: Layers | str = "auto",
        n_latent: int | Literal["auto"] = "auto",
        inter_weight: float = 0.0,
        intra_weight: float = 0.0,
        inter_variant: InterVariant = "labelled",
        dropout: float = 0.3,
        label_smoothing: float = 0.05,
        class_weight: str | dict[Any, float] | None = None,
        learning_rate: float | None = None,
        weight_decay: float = 0.3,
        n_epochs: int | None = None,
        batch_size: int | None = None,
        patience: int | None = None,
        dev_fraction: float = 0.1,
        max_length: int | None = None,
        max_windows: int | None = None,
        store: FeatureStore | Literal["auto"] | None = "auto",
        inside: Literal["top", "all", "lora", "prefix"] | None = None,
        inside_size: int | None = None,
        train_encoder: bool = False,
        encoder_learning_rate: float | None = None,
        n_vertices: int = 1,
        n_validation_samples: int = 5,
        linear_path: bool | None = None,
        lexicon: bool = True,
        pairs: Literal["auto", "apart", "together"] = "auto",
        symmetric: bool | None = None,
        seed: int = 0,
    ) -> None:
        self.encoder = encoder
        self.layers = layers
        self.n_latent = n_latent
        self.inter_weight = inter_weight
        self.intra_weight = intra_weight
        self.inter_variant = inter_variant
        self.dropout = dropout
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.patience = patience
        self.dev_fraction = dev_fraction
        self.max_length = max_length
        self.max_windows = max_windows
        self.store = store
        self.inside = inside
        self.inside_size = inside_size
        self.train_encoder = train_encoder
        self.encoder_learning_rate = encoder_learning_rate
        self.n_vertices = n_vertices
        self.n_validation_samples = n_validation_samples
        self.linear_path = linear_path
        self.lexicon = lexicon
        self.pairs = pairs
        self.symmetric = symmetric
        self.seed = seed

    def method(self) -> Method:
        """Return the way in which these settings learn."""
        return space_method(settings_of(self))

    def predict_from_spaces(self, texts: object) -> np.ndarray:
        """Classify straight from the spaces, without the linear classifier: the most aligned space wins.

        Worth reading only with ``inter_weight > 0``, which trains for it; the rule is ours (`aligned_space`).
        """
        return self.classes_[aligned_space(self._centroids(texts)).numpy()]

    def spaces(self, texts: object = None) -> SpaceOverlap:
        """Compare the concept spaces: angles between operators and, given texts, between centroids.

        Parameters
        ----------
        texts
            Texts whose mean centroids to compare; None compares the operators only.

        Returns
        -------
        SpaceOverlap
            Matrices ``(class, class)``.
        """
        check_is_fitted(self)
        centroids = None if texts is None else self._centroids(texts)
        return space_overlap(self.space_head, tuple(map(str, self.classes_)), centroids)

    def _centroids(self, texts: object) -> Tensor:
        check_is_fitted(self)
        source, head = self.features(texts), self.space_head
        with torch.inference_mode():
            return torch.cat([head.centroids(source.take(rows)) for rows in text_chunks(source.lengths)])

    @property
    def space_head(self) -> SpaceHead:
        """The head, for its spaces and its classifier; pairs that are read apart have none of this kind."""
        return space_head_of(self.head_)


def space_head_of(head: Head) -> SpaceHead:
    """Return a head as one of spaces alone.

    Raises
    ------
    UsageError
        If it is one of pairs of texts that are read apart.
    """
    if not isinstance(head, SpaceHead):
        raise UsageError(
            "this needs a model of spaces alone, and in this one two texts that are read apart meet; fit it with "
            "pairs='together' (spacetune fit … --pairs together)"
        )
    return head

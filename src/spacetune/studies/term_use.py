"""What a fitted Space Model makes of its predictions: which term of which layer."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spacetune.dissection import TERMS, Dissection, dissect_windows
from spacetune.encoders import segment_mean
from spacetune.errors import DataError
from spacetune.estimators import SpaceClassifier
from spacetune.results import Result
from spacetune.spaces import SpaceHead

__all__ = ["TermUse", "term_use"]

PARTS = (*TERMS, "centre")


@dataclasses.dataclass(frozen=True)
class TermUse(Result):
    r"""Which terms and layers a Space Model uses.

    Parameters
    ----------
    layers
        The layers the model reads.
    projection
        ``(layer, term)``: mean over tokens of ⟨p, P v⟩ / ‖p‖², where p = P e is the projection of a state into all
        spaces, standardisation in it but not its shift. Sums to 1 over terms.
    contributions
        ``(text, layer, part)``: what each term adds to the predicted class's logit; the last part is the shift
        ("centre") of the standardisation. Over layers and parts they sum to ``logit - bias``.
    additivity_error
        The largest gap of that sum.
    kept
        By term: the share of texts whose prediction stays the same without it.
    """

    n_texts: int
    layers: tuple[int, ...]
    projection: np.ndarray[Any, Any]
    contributions: np.ndarray[Any, Any]
    additivity_error: float
    kept: dict[str, float]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a layer and term: its share in the projection, and its mean part of the logit."""
        mean = self.contributions.mean(0)
        return [
            {"layer": layer, "term": term, "projection": float(self.projection[i, j]), "logit": float(mean[i, j])}
            for i, layer in enumerate(self.layers)
            for j, term in enumerate(TERMS)
        ]


def term_use(model: SpaceClassifier, texts: Any) -> TermUse:
    r"""Take a fitted Space Model's predictions apart by term.

    The projection of a state is the sum of its terms' projections. The tanh that follows is shared out in proportion,
    which is exact in sum; the proportion is our choice:

    .. math:: \tanh(p) = \sum_v \frac{\tanh p}{p}\, P v + \frac{\tanh p}{p}\, s .

    Parameters
    ----------
    model
        A fitted classifier that reads texts.
    texts
        Strings or pairs.

    Returns
    -------
    TermUse
        Worked out in float32, whatever the model's encoder runs in.

    Raises
    ------
    DataError
        If the model was fitted on ready embeddings, which cannot be taken apart, or there are no texts.
    """
    if model.layers_ is None:
        raise DataError("the model was fitted on ready embeddings; terms need one fitted on texts")
    head: SpaceHead = model.head_
    with torch.no_grad():
        found = [_of_window(head, window) for window in dissect_windows(model.encoder_, texts, model.layers_)]
    if not found:
        raise DataError("there are no texts to look at")
    shares = torch.cat([window[0] for window in found])
    parts, gaps, same = (torch.cat([window[i] for window in found]) for i in (1, 2, 3))
    return TermUse(
        n_texts=len(parts),
        layers=model.layers_,
        projection=shares.mean(0).numpy(),
        contributions=parts.numpy(),
        additivity_error=float(gaps.max()),
        kept=dict(zip(TERMS, same.float().mean(0).tolist(), strict=True)),
    )


def _of_window(head: SpaceHead, window: Dissection) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return shares a token, contributions a text, the gap a text, and whether the prediction stays without a term."""
    matrix, shift = head.spaces.folded()
    projected = torch.einsum("nlvd,lkd->nlvk", window.terms.to(matrix.dtype), matrix)
    whole = projected.sum(2, keepdim=True)
    shares = (projected * whole).sum(3) / whole.square().sum(3)
    weight = head.classifier.weight.unflatten(1, matrix.shape[:2])
    raw = whole + shift[:, None]
    logits = _logits(head, torch.tanh(raw[:, :, 0]), window.offsets)
    best = logits.argmax(1)
    slope = torch.where(raw.abs() > 1e-6, torch.tanh(raw) / raw, 1.0)
    parts = torch.cat([projected, shift[:, None].expand_as(whole)], dim=2) * slope
    added = torch.einsum("tlvk,tlk->tlv", segment_mean(parts, window.offsets), weight[best])
    gap = (added.sum((1, 2)) + head.classifier.bias[best] - logits.amax(1)).abs()
    same = [
        _logits(head, torch.tanh((raw - projected[:, :, i : i + 1])[:, :, 0]), window.offsets).argmax(1) == best
        for i in range(len(TERMS))
    ]
    return shares, added, gap, torch.stack(same, dim=1)


def _logits(head: SpaceHead, spaces: Tensor, offsets: Tensor) -> Tensor:
    return head.classify(segment_mean(spaces, offsets))

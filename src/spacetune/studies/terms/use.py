"""What a fitted Space Model makes of its predictions: which term of which layer, and the lexicon beside them."""

# The types of torch, NumPy and scikit-learn are partial.
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from spacetune.dissection import TERMS, Dissection, dissect_windows
from spacetune.encoders import Texts, TokenFeatures, as_inputs, segment_mean
from spacetune.errors import DataError, UsageError
from spacetune.estimators import SpaceClassifier, SpaceRegressor
from spacetune.estimators.whole import whole_encoder
from spacetune.fitting import MultiLabel, Task
from spacetune.results import TableResult

__all__ = ["TermUse", "term_use"]

PARTS = (*TERMS, "centre")


@dataclasses.dataclass(frozen=True)
class TermUse(TableResult):
    r"""Which terms and layers a Space Model uses.

    Parameters
    ----------
    n_truncated
        Texts of which the end was cut.
    layers
        The layers the model reads.
    explained
        Every text's predicted class, whose logit is taken apart; for multi-label the strongest label.
    projection
        ``(layer, term)``: mean over tokens of ⟨p, P v⟩ / ‖p‖², where p = P e is the projection of a state into all
        spaces, standardisation in it but not its shift. Sums to 1 over terms.
    contributions
        ``(text, layer, part)``: what each term adds to the explained logit; the last part is the shift ("centre") of
        the standardisation.
    lexicon
        ``(text,)``: what the words of the lexicon add to it; zeros where the model has none.
    bias
        ``(text,)``: what it starts with. Contributions, lexicon and bias sum to the logit.
    additivity_error
        The largest gap between that sum and the logit of the model's own `predict_logits`. For a model whose encoder
        runs in bfloat16 this holds the rounding of its states, since the terms are float32.
    kept
        By term, and for the lexicon: the share of texts whose prediction stays the same without it. Empty for numbers.
    """

    n_texts: int
    n_truncated: int
    layers: tuple[int, ...]
    explained: tuple[Any, ...]
    projection: np.ndarray[Any, Any]
    contributions: np.ndarray[Any, Any]
    lexicon: np.ndarray[Any, Any]
    bias: np.ndarray[Any, Any]
    additivity_error: float
    kept: dict[str, float]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a layer and part, then lexicon and bias: the share in the projection, the mean in the logit.

        The logits of all rows sum to the mean logit of the explained classes.
        """
        mean = self.contributions.mean(0)
        shares = [[*row, None] for row in self.projection.tolist()]
        return [
            {"layer": layer, "term": part, "projection": shares[i][j], "logit": float(mean[i, j])}
            for i, layer in enumerate(self.layers)
            for j, part in enumerate(PARTS)
        ] + [
            {"layer": None, "term": part, "projection": None, "logit": float(values.mean())}
            for part, values in (("lexicon", self.lexicon), ("bias", self.bias))
        ]


@dataclasses.dataclass(frozen=True)
class _Window:
    """Shares ``(token, layer, term)``, parts ``(text, layer, part)``, words ``(text,)``, and by what is left out
    whether the prediction stays, ``(text,)``.
    """

    shares: Tensor
    parts: Tensor
    words: Tensor
    same: dict[str, Tensor]


def term_use(model: SpaceClassifier | SpaceRegressor, texts: Texts) -> TermUse:
    r"""Take a fitted Space Model's predictions apart by term.

    The projection of a state is the sum of its terms' projections. The tanh that follows is shared out in proportion,
    which is exact in sum; the proportion is our choice:

    .. math:: \tanh(p) = \sum_v \frac{\tanh p}{p}\, P v + \frac{\tanh p}{p}\, s .

    Parameters
    ----------
    model
        A fitted Space Model that reads texts.
    texts
        Strings or pairs.

    Returns
    -------
    TermUse
        Worked out in float32, whatever the model's encoder runs in.

    Raises
    ------
    UsageError
        If the model is no Space Model, one of pairs that are read apart, or reads behind a prefix.
    DataError
        If the model was fitted on ready embeddings, which cannot be taken apart, or there are no texts.
    """
    if not isinstance(model, SpaceClassifier | SpaceRegressor):
        raise UsageError(f"terms are taken apart in a Space Model's projections; {type(model).__name__} has none")
    check_is_fitted(model)
    bias_of = model.space_head.bias
    if model.layers_ is None:
        raise DataError("the model was fitted on ready embeddings; terms need one fitted on texts")
    inputs = as_inputs(texts)
    if not inputs:
        raise DataError("there are no texts to look at")
    encoder = whole_encoder(model)
    own = torch.as_tensor(model.predict_logits(inputs))
    best = own.argmax(1)
    found: list[_Window] = []
    n_truncated = 0
    with torch.no_grad():
        for window in dissect_windows(encoder, inputs, model.layers_):
            start = sum(len(each.parts) for each in found)
            rows = slice(start, start + len(window))
            found.append(_of_window(model, window, own[rows], best[rows]))
            n_truncated += window.provenance.n_truncated
    shares, parts, words = (torch.cat([getattr(each, name) for each in found]) for name in ("shares", "parts", "words"))
    bias = bias_of[best].detach()
    gap = parts.sum((1, 2)) + words + bias - own.gather(1, best[:, None]).squeeze(1)
    return TermUse(
        n_texts=len(inputs),
        n_truncated=n_truncated,
        layers=model.layers_,
        explained=tuple(np.asarray(model.task_.classes)[best.numpy()].tolist()),
        projection=shares.mean(0).numpy(),
        contributions=parts.numpy(),
        lexicon=words.numpy(),
        bias=bias.numpy(),
        additivity_error=float(gap.abs().max()),
        kept={name: float(torch.cat([each.same[name] for each in found]).float().mean()) for name in found[0].same},
    )


def _of_window(model: SpaceClassifier | SpaceRegressor, window: Dissection, own: Tensor, best: Tensor) -> _Window:
    """Take the logits of the classes `best` apart; `own` are the model's."""
    head = model.space_head
    matrix, shift = head.spaces.folded()
    projected = torch.einsum("nlvd,lkd->nlvk", window.terms.to(matrix.dtype), matrix)
    whole = projected.sum(2, keepdim=True)
    raw = whole + shift[:, None]
    slope = torch.where(raw.abs() > 1e-6, torch.tanh(raw) / raw, 1.0)
    parts = torch.cat([projected, shift[:, None].expand_as(whole)], dim=2) * slope
    weight = head.classifier.weight.unflatten(1, matrix.shape[:2])
    words = _words(model, window)
    before = {"": raw, **{term: raw - projected[:, :, i : i + 1] for i, term in enumerate(TERMS)}}
    spaces = {name: segment_mean(torch.tanh(each[:, :, 0]), window.offsets) for name, each in before.items()}
    logits = {name: head.classify(each) + words for name, each in spaces.items()}
    left_out = {} if model.kind_ == "regression" else {term: logits[term] for term in TERMS}
    if left_out and model.lexicon_ is not None:
        left_out["lexicon"] = logits[""] - words
    return _Window(
        shares=(projected * whole).sum(3) / whole.square().sum(3),
        parts=torch.einsum("tlvk,tlk->tlv", segment_mean(parts, window.offsets), weight[best]),
        words=words.gather(1, best[:, None]).squeeze(1),
        same={name: _same(model.task_, without, own) for name, without in left_out.items()},
    )


def _words(model: SpaceClassifier | SpaceRegressor, window: Dissection) -> Tensor:
    """Return what the lexicon adds to every logit, ``(text, output)``."""
    if model.lexicon_ is None:
        return torch.zeros(len(window), model.space_head.classifier.out_features)
    return model.lexicon_.logits(TokenFeatures(window.states, window.offsets, window.token_ids))


def _same(task: Task, logits: Tensor, own: Tensor) -> Tensor:
    """Tell for every text whether both logits give the same prediction."""
    if isinstance(task, MultiLabel):
        threshold = task.threshold or 0.0
        return ((logits >= threshold) == (own >= threshold)).all(1)
    return logits.argmax(1) == own.argmax(1)

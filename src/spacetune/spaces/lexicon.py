"""`Lexicon`: what a token adds to the logits whatever stands around it, beside what its states say."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spacetune.encoders import TokenFeatures, segment_mean
from spacetune.errors import UsageError

__all__ = ["Lexicon"]


class Lexicon(nn.Module):
    r"""One row of scores a known token, zero for all others.

    .. math:: logits_b = \frac1T \sum_t B[id_t], \quad s_{t,c} = \frac1T B[id_t, c]

    It is a sum over tokens, so explanations stay exact. It is ours, not the paper's.

    Parameters
    ----------
    ids
        ``(n_known,)`` token ids, ascending.
    weights
        ``(n_known, n_outputs)``: B.

    Examples
    --------
    >>> lexicon = Lexicon(torch.tensor([7, 9]), torch.tensor([[1.0, -1.0], [0.0, 2.0]]))
    >>> texts = TokenFeatures(torch.zeros(3, 1, 4), torch.tensor([0, 2, 3]), torch.tensor([7, 9, 8]))
    >>> lexicon.logits(texts).tolist()
    [[0.5, 0.5], [0.0, 0.0]]
    """

    ids: Tensor
    weights: Tensor

    def __init__(self, ids: Tensor, weights: Tensor) -> None:
        super().__init__()
        if weights.dim() != 2 or ids.shape != weights.shape[:1]:
            raise UsageError(
                f"a lexicon needs one row of weights a token id, got {tuple(ids.shape)} ids and {tuple(weights.shape)}"
            )
        self.register_buffer("ids", ids.long())
        self.register_buffer("weights", weights)

    def logits(self, features: TokenFeatures) -> Tensor:
        """Return what the tokens add together, ``(text, output)``."""
        n_tokens = int(features.offsets[-1])
        return segment_mean(self._rows(features)[:n_tokens], features.offsets)

    def token_scores(self, features: TokenFeatures) -> Tensor:
        """Return what every token adds, ``(token, output)``."""
        lengths = torch.repeat_interleave(features.lengths, features.lengths)
        return self._rows(features)[: len(lengths)] / lengths.unsqueeze(1)

    def _rows(self, features: TokenFeatures) -> Tensor:
        if features.token_ids is None:
            raise UsageError("a lexicon reads token ids, and these features carry none: fit with lexicon=False")
        wanted = features.token_ids.long()
        places = torch.searchsorted(self.ids, wanted).clamp(max=len(self.ids) - 1)
        return self.weights[places] * (self.ids[places] == wanted).unsqueeze(1).to(self.weights.dtype)

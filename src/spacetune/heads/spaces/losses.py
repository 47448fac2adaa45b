"""The Space Model's two auxiliary losses, in the forms its history knows (arXiv 2401.16638)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from spacetune.errors import UsageError

__all__ = ["InterVariant", "inter_space_loss", "intra_space_loss"]

InterVariant = Literal["labelled", "labelled-2024", "label-free-2023"]

OFFICIAL_EPS = 1e-9


def inter_space_loss(
    centroids: Tensor, labels: Tensor | None, *, variant: InterVariant = "labelled", balance: float = 0.5
) -> Tensor:
    """Push a text's own space towards +1 and the others towards -1.

    Forms, with ``k_bk`` the centroid of text b in space k:

    - ``labelled`` (the official code's last form): ``m1·mean(1 - k[own]) + m2·mean(1 + k[others])``,
      in [0, 2], 1 for all-zero spaces;
    - ``labelled-2024`` (January 2024): the same, summed over spaces instead of averaged;
    - ``label-free-2023`` (the published tables with auxiliary losses): ``Σ_{k<l} 1/(1 - tanh(k̄_k·k̄_l))``,
      ``k̄`` the mean over the batch.

    All are means over tokens, so centroids are all they need. With texts of different lengths every text
    weighs the same (the official code pads all to one length).

    Parameters
    ----------
    centroids
        ``(text, space, latent)``, or ``(text, layer, space, latent)``: layers are averaged.
    labels
        ``(text,)`` class numbers, or ``(text, space)`` zeros and ones; None only for the label-free form.
    variant
        Which form.
    balance
        m1; m2 is ``1 - m1``.

    Returns
    -------
    torch.Tensor
        A scalar.

    Raises
    ------
    UsageError
        If labels have the wrong shape, or the form is not known.

    Examples
    --------
    >>> inter_space_loss(torch.zeros(2, 3, 4), torch.tensor([0, 2])).item()
    1.0
    """
    by_space = centroids.unsqueeze(1) if centroids.dim() == 3 else centroids
    if variant == "label-free-2023":
        return _label_free(by_space)
    if labels is None or labels.dim() > 2:
        shape = None if labels is None else tuple(labels.shape)
        raise UsageError(f"labels must be (text,) class numbers or (text, space) zeros and ones, got {shape}")
    n_spaces = centroids.shape[-2]
    own = torch.nn.functional.one_hot(labels, n_spaces) if labels.dim() == 1 else labels
    own = own.to(centroids.dtype)
    size = by_space.mean((1, 3))
    pull, push = own * (1 - size), (1 - own) * (1 + size)
    if variant == "labelled":
        return balance * _ratio(pull.sum(), own.sum()) + (1 - balance) * _ratio(push.sum(), (1 - own).sum())
    if variant == "labelled-2024":
        return (balance * _ratio(pull.sum(0), own.sum(0)) + (1 - balance) * _ratio(push.sum(0), (1 - own).sum(0))).sum()
    raise UsageError(f"variant must be labelled, labelled-2024 or label-free-2023, got {variant!r}")


def _ratio(total: Tensor, count: Tensor) -> Tensor:
    """Mean of none is zero (the official ``nan_to_num``)."""
    return total / count.clamp(min=1)


def _label_free(centroids: Tensor) -> Tensor:
    mean = centroids.mean(0)
    likeness = torch.tanh(mean @ mean.transpose(1, 2))
    rows, columns = torch.triu_indices(mean.shape[1], mean.shape[1], offset=1)
    return (1 / (1 - likeness[:, rows, columns] + OFFICIAL_EPS)).sum(1).mean()


def intra_space_loss(variance: Tensor, *, eps: float = 1e-2) -> Tensor:
    """Penalise spaces in which a text's tokens all say the same: ``mean_b Σ_k Σ_j 1/(Var_t(C_bkj) + eps)``.

    The official code uses ``eps=1e-9``, so one near-constant component adds up to 1e9 and drowns everything
    else. The default here is ours: it bounds a component at 100 and changes little where tokens do vary.

    Parameters
    ----------
    variance
        Unbiased variance over tokens, ``(text, space, latent)`` or ``(text, layer, space, latent)`` (layers
        are averaged).
    eps
        What is added to a variance; ``1e-9`` is the official value.

    Returns
    -------
    torch.Tensor
        A scalar.

    Examples
    --------
    >>> intra_space_loss(torch.zeros(5, 2, 2)).item()
    400.0
    """
    inverse = 1 / (variance + eps)
    layered = inverse.unsqueeze(1) if inverse.dim() == 3 else inverse
    return layered.sum((2, 3)).mean()

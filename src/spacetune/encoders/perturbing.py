"""Encoders with noise in their weights, as in the study of latent geometry (Marbut et al. 2024)."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Sequence
from typing import TypeVar

import torch
from torch import nn

from spacetune.encoders.encoder import Encoder
from spacetune.encoders.loading.load import freeze, weights_digest
from spacetune.errors import UnsupportedByFamily, UsageError

__all__ = ["Rung", "perturb", "perturbation_ladder", "perturbed_names"]


M = TypeVar("M", bound=nn.Module)


@dataclasses.dataclass(frozen=True)
class Rung:
    """One encoder of a ladder: how much noise, which noise, and the encoder."""

    alpha: float
    seed: int
    encoder: Encoder


def perturbed_names(model: nn.Module) -> list[str]:
    """Return the names of the parameters that `perturb` changes: the weights of the layers, norms included.

    These are the names that start with ``encoder`` and end with ``weight``, as in the paper. Architectures that
    call their layers otherwise (``transformer``, ``layers``, ``h``) have the child that holds the layers in its place,
    and parameters that are no biases where none is called ``weight`` (XLNet); this reading is ours. Biases, embeddings,
    poolers and a norm behind the last layer are left alone.

    Raises
    ------
    UnsupportedByFamily
        If no child of the model holds a list of layers.
    """
    holders = [
        name
        for name, child in model.named_children()
        if name == "encoder" or any(isinstance(part, nn.ModuleList) for part in child.modules())
    ]
    holder = "encoder" if "encoder" in holders else next(iter(holders), None)
    names = [name for name, _ in model.named_parameters() if name.split(".")[0] == holder and not name.endswith("bias")]
    if not names:
        raise UnsupportedByFamily(f"{type(model).__name__} has no list of layers to perturb: use a Transformer encoder")
    return names


def perturb(encoder: Encoder, alpha: float, seed: int = 0) -> Encoder:
    r"""Return a copy of an encoder whose layers' weights are mixed with standard normal noise.

    .. math:: \theta' = (1 - \alpha/100)\,\theta + (\alpha/100)\,\varepsilon, \quad \varepsilon \sim N(0, 1)

    for every parameter that `perturbed_names` lists, LayerNorm gains among them (Marbut et al. 2024, arXiv 2406.12159).
    The official code computes a seed and does not use it; here `seed` draws the noise, the same for every alpha, so
    that a ladder over alpha is a straight line from the encoder to noise. The encoder given is not altered. The copy
    has a name and a SHA-256 of its own, taken from its weights, so stored features of the two are never mixed.

    Parameters
    ----------
    encoder
        Any encoder, of any family. Its weights are taken as it holds them: an encoder in bfloat16 is mixed in float32
        and rounded again.
    alpha
        Share of noise in percent, 0 to 100. 0 leaves every weight as it is; 100 leaves nothing but noise.
    seed
        Of the noise.

    Returns
    -------
    Encoder
        The perturbed copy, of the same dtype, device and length limit; its `source.origin` is ``perturbed``.

    Raises
    ------
    UsageError
        If alpha is not between 0 and 100, or the seed is negative.
    UnsupportedByFamily
        If the model has no list of layers.

    Examples
    --------
    >>> encoder = Encoder.from_pretrained(dtype="float32")
    >>> perturb(encoder, 5).name
    'sentence-transformers/all-MiniLM-L6-v2, perturbed by 5 % with seed 0'
    """
    if isinstance(alpha, bool) or not 0 <= alpha <= 100:
        raise UsageError(f"alpha is a share of noise in percent, from 0 to 100, got {alpha!r}")
    if seed < 0:
        raise UsageError(f"seed must be at least 0, got {seed!r}")
    held = encoder.loaded
    model = _mixed(held.model, alpha / 100, seed)
    source = dataclasses.replace(
        encoder.source,
        name=f"{encoder.name}, perturbed by {alpha:g} % with seed {seed}",
        origin="perturbed",
        sha256=weights_digest(model),
    )
    loaded = freeze(model, held.tokenizer, source, encoder.dtype, encoder.device)
    return Encoder(source, loaded, encoder.max_length, encoder.max_windows)


def _mixed(model: M, share: float, seed: int) -> M:
    names = set(perturbed_names(model))
    generator = torch.Generator().manual_seed(seed)
    copied = copy.deepcopy(model)
    with torch.no_grad():
        for name, weight in copied.named_parameters():
            if name in names:
                noise = torch.randn(weight.shape, generator=generator).to(weight.device)
                weight.copy_((1 - share) * weight.float() + share * noise)
    return copied


def perturbation_ladder(encoder: Encoder, alphas: Sequence[float], seeds: Sequence[int] = (0,)) -> Iterator[Rung]:
    """Yield perturbed copies over alpha and seed, one at a time; alpha 0 comes once, whatever the seeds.

    >>> encoder = Encoder.from_pretrained(dtype="float32")
    >>> [(rung.alpha, rung.seed) for rung in perturbation_ladder(encoder, [0, 5], seeds=[1, 2])]
    [(0, 1), (5, 1), (5, 2)]
    """
    for alpha in alphas:
        for seed in seeds[:1] if alpha == 0 else seeds:
            yield Rung(alpha, seed, perturb(encoder, alpha, seed))

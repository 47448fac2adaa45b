"""What is learnt on terms: a softmax classifier, all seeds of a subset side by side; and nearest neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from spacetune.dissection import TERMS, term_subsets
from spacetune.dissection.dissection import subset_name

SEEDS = 5
SUBSETS = {subset_name(subset): [TERMS.index(term) for term in subset] for subset in term_subsets()}


def standardised(train: torch.Tensor, test: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    mean, scale = train.mean(0), train.std(0).clamp(min=1e-6)
    return (train - mean) / scale, (test - mean) / scale


def softmax_probe(
    train: torch.Tensor,
    labels: torch.Tensor,
    test: torch.Tensor,
    n_labels: int,
    *,
    seed: int,
    n_epochs: int = 8,
    batch: int = 512,
    learning_rate: float = 2e-3,
    allowed: tuple[torch.Tensor, torch.Tensor] | None = None,
) -> np.ndarray:
    """Fit a linear softmax classifier with Adam and return predicted labels.

    `allowed` holds for every training and test row which labels it may have (the senses of its lemma).
    """
    generator = torch.Generator().manual_seed(seed)
    train, test = standardised(train, test)
    weight = torch.zeros(n_labels, train.shape[1], requires_grad=True)
    bias = torch.zeros(n_labels, requires_grad=True)
    optimizer = torch.optim.AdamW([weight, bias], lr=learning_rate, weight_decay=1e-2)
    blocked = None if allowed is None else [torch.where(mask, 0.0, -1e9) for mask in allowed]
    for _ in range(n_epochs):
        order = torch.randperm(len(train), generator=generator)
        for rows in order.split(batch):
            logits = train[rows] @ weight.T + bias
            if blocked is not None:
                logits = logits + blocked[0][rows]
            loss = torch.nn.functional.cross_entropy(logits, labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        logits = test @ weight.T + bias
        return (logits if blocked is None else logits + blocked[1]).argmax(1).numpy()


def summed(terms: torch.Tensor, subset: str) -> torch.Tensor:
    return terms[:, SUBSETS[subset]].sum(1)


def macro_f1(predicted: np.ndarray, gold: np.ndarray, n_labels: int) -> float:
    """Return the mean F1 over all labels that occur, "O" among them."""
    scores = []
    for label in range(n_labels):
        hits = np.sum((predicted == label) & (gold == label))
        total = np.sum(predicted == label) + np.sum(gold == label)
        if total:
            scores.append(2 * hits / total)
    return float(np.mean(scores))


def vote(train: torch.Tensor, labels: np.ndarray, test: torch.Tensor, k: int, *, own: bool = False) -> np.ndarray:
    """Return the majority label of the k nearest by cosine, the nearer one's in a tie; `own` leaves the row out."""
    close = torch.nn.functional.normalize(test, dim=1) @ torch.nn.functional.normalize(train, dim=1).T
    if own:
        close.fill_diagonal_(-2.0)
    near = labels[close.topk(min(k, close.shape[1] - own), dim=1).indices.numpy()]
    return np.array([_majority(row) for row in near])


def _majority(near: Sequence[int]) -> int:
    values, first, counts = np.unique(near, return_index=True, return_counts=True)
    return int(values[np.lexsort((first, -counts))[0]])


def agreement(predictions: dict[str, np.ndarray]) -> dict[str, float]:
    """Return how often every two subsets say the same, in per cent."""
    names = list(predictions)
    return {
        f"{a}, {b}": 100 * float(np.mean(predictions[a] == predictions[b]))
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    }

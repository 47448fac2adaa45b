"""Train a transformers sequence classifier, all of it or what peft adds: what a frozen encoder spares."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import transformers

from spacetune import Encoder, LabelledTexts
from spacetune.encoders.loading.machine import choose_dtype

Proba = Callable[[list[Any]], np.ndarray]
FINE_TUNED = "fine-tuned"
"""The name of the method in results: the encoder trained whole, by `USUAL`."""
CHOSEN = "fine-tuned-chosen"
"""Its name where dev chooses between `USUAL` and `FASTER`."""
POOL = 50
"""Batches whose texts are put in the order of their lengths together."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """AdamW with a linear warm-up and decay; the epoch that is best on dev is kept.

    Parameters
    ----------
    learning_rate
        At its height.
    n_epochs
        At most.
    batch_size
        None grows it with the number of texts.
    patience
        Epochs without a better one after which it stops.
    alike
        Put texts of like length into a batch: posts then take a quarter of the tokens that padding makes of them.
    dtype
        Of the matrix products, where the machine has it natively; the weights are float32.
    """

    learning_rate: float
    n_epochs: int
    batch_size: int | None = None
    patience: int = 4
    alike: bool = False
    dtype: torch.dtype = torch.float32


USUAL = Recipe(5e-5, 3, 32, alike=True, dtype=torch.bfloat16)
"""For hundreds of texts and more; nothing but the epoch is chosen."""
FASTER = dataclasses.replace(USUAL, learning_rate=1e-4)
"""At the rate that layers are tuned with."""


def fine_tune(
    encoder: Encoder,
    train: LabelledTexts,
    dev: LabelledTexts,
    recipe: Recipe,
    seed: int,
    prepare: Callable[[Any], Any] = lambda base: base,
) -> tuple[Proba, list[Any]]:
    """Return a function from texts to probabilities, and the classes; `prepare` may freeze the model and add to it."""
    classes = sorted(set(train.labels or []))
    number = {name: i for i, name in enumerate(classes)}
    folder = encoder.source.folder
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        base = transformers.AutoModelForSequenceClassification.from_pretrained(
            folder, num_labels=len(classes), dtype=torch.float32
        )
        model = prepare(base)

        def batch(texts: list[Any]) -> dict[str, torch.Tensor]:
            rows = [text if isinstance(text, str) else tuple(text) for text in texts]
            limit = min(encoder.max_length, 480)
            return dict(tokenizer(rows, padding=True, truncation=True, max_length=limit, return_tensors="pt"))

        def proba(texts: list[Any]) -> np.ndarray:
            model.eval()
            order = np.argsort([_length(text) for text in texts], kind="stable")
            with torch.no_grad():
                parts = [model(**batch([texts[i] for i in part])).logits for part in _split(order, 64)]
            return torch.cat(parts).double().softmax(1).numpy()[np.argsort(order)]

        targets = torch.tensor([number[label] for label in train.labels or []])
        truth = np.array([number[label] for label in dev.labels or []])
        _descend(model, batch, proba, train.inputs, targets, (dev.inputs, truth), recipe)
    return proba, classes


def _descend(model: Any, batch: Any, proba: Proba, texts: list[Any], targets: Any, dev: Any, recipe: Recipe) -> None:
    size = recipe.batch_size or max(4, min(64, len(texts) // 16))
    wanted = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(wanted, lr=recipe.learning_rate, weight_decay=0.01)
    total = recipe.n_epochs * -(-len(texts) // size)
    rate = transformers.get_linear_schedule_with_warmup(optimizer, total // 10, total)
    best, kept, waited = (-1.0, 0.0), None, 0
    half = recipe.dtype == choose_dtype("auto", torch.device("cpu"))
    for _ in range(recipe.n_epochs):
        model.train()
        for rows in _batches(texts, size, recipe.alike):
            with torch.autocast("cpu", torch.bfloat16, enabled=half and recipe.dtype == torch.bfloat16):
                loss = model(**batch([texts[i] for i in rows.tolist()]), labels=targets[rows]).loss
            loss.backward()
            optimizer.step()
            rate.step()
            optimizer.zero_grad()
        p = proba(dev[0])
        score = (float(np.mean(p.argmax(1) == dev[1])), float(np.log(p[np.arange(len(p)), dev[1]] + 1e-9).mean()))
        if score > best:
            best, waited = score, 0
            kept = copy.deepcopy([p.detach() for p in wanted])
        else:
            waited += 1
        if waited > recipe.patience:
            break
    with torch.no_grad():
        for parameter, value in zip(wanted, kept or [], strict=True):
            parameter.copy_(value)


def _batches(texts: list[Any], size: int, alike: bool) -> Iterator[torch.Tensor]:
    """Yield the rows of an epoch's batches, drawn by torch's generator."""
    order = torch.randperm(len(texts))
    if alike:
        lengths = torch.tensor([_length(text) for text in texts])
        order = torch.cat([pool[lengths[pool].argsort(stable=True)] for pool in order.split(POOL * size)])
    batches = order.split(size)
    yield from (batches[i] for i in torch.randperm(len(batches)).tolist()) if alike else batches


def _length(text: Any) -> int:
    return len(text) if isinstance(text, str) else sum(map(len, text))


def _split(order: np.ndarray, size: int) -> list[np.ndarray]:
    return [order[i : i + size] for i in range(0, len(order), size)]

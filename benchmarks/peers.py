"""Other ways to do the same work, as small functions: what `benchmarks.speed` is held against.

A peer whose package is absent, or that fails on this machine, is skipped and named with the reason.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from benchmarks.peer_worker import Worker

Encode = Callable[[list[str]], Any]
TOKEN_BUDGET = 4096


def encoders(
    folder: Path, max_length: int, *, bfloat16: bool, worker: Worker | None = None
) -> tuple[dict[str, Encode], dict[str, str]]:
    """Return the peers that can run here, and why the others cannot."""
    makers: dict[str, Callable[[], Encode]] = {
        "sentence-transformers": lambda: sentence_transformers(folder, max_length),
        "transformers, float32": lambda: plain_transformers(folder, max_length, torch.float32),
        "transformers, bfloat16": lambda: plain_transformers(folder, max_length, torch.bfloat16),
    }
    if worker is not None:
        for backend in ("torch", "onnx", "openvino"):
            name = f"sentence-transformers, {backend}" + (" (other environment)" if backend == "torch" else "")
            makers[name] = lambda backend=backend: worker.make(folder, max_length, backend)
    found: dict[str, Encode] = {}
    skipped: dict[str, str] = {} if worker else {"onnx, openvino, SetFit": "no --peers-python was given"}
    if not bfloat16:
        del makers["transformers, bfloat16"]
        skipped["transformers, bfloat16"] = "this machine only emulates bfloat16"
    for name, make in makers.items():
        try:
            encode = make()
            encode(["a text to warm up", "and a second one, a little longer"])
        except Exception as error:
            skipped[name] = reason(error)
        else:
            found[name] = encode
    return found, skipped


def reason(error: Exception) -> str:
    """Say in one line why a peer is skipped."""
    missing = isinstance(error, ImportError) and getattr(error, "name", None)
    if missing:
        return f"{missing} is not installed"
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first[:160]}"


def sentence_transformers(folder: Path, max_length: int, backend: str | None = None) -> Encode:
    """`SentenceTransformer.encode` with its defaults; it returns one mean vector a text."""
    from sentence_transformers import SentenceTransformer

    options: dict[str, Any] = {} if backend is None else {"backend": backend}
    model = SentenceTransformer(str(folder), device="cpu", **options)
    model.max_seq_length = max_length
    return lambda texts: model.encode(texts, show_progress_bar=False)


def plain_transformers(folder: Path, max_length: int, dtype: torch.dtype) -> Encode:
    """`AutoModel` on texts sorted by length, padded within batches of a token budget; all tokens are kept."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=dtype).eval()

    def encode(texts: list[str]) -> list[Tensor]:
        ids = tokenizer(texts, truncation=True, max_length=max_length)["input_ids"]
        lengths = [len(row) for row in ids]
        found = [torch.empty(0)] * len(texts)
        with torch.inference_mode():
            for rows in budget_batches(lengths):
                batch = tokenizer.pad({"input_ids": [ids[i] for i in rows]}, return_tensors="pt")
                states = model(**batch).last_hidden_state
                for place, i in enumerate(rows):
                    found[i] = states[place, : lengths[i]]
        return found

    return encode


def budget_batches(lengths: Sequence[int], budget: int = TOKEN_BUDGET) -> Iterator[list[int]]:
    """Yield rows by length so that a batch, padded, stays within a budget of tokens."""
    rows: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if rows and (len(rows) + 1) * lengths[i] > budget:
            yield rows
            rows = []
        rows.append(i)
    if rows:
        yield rows


class NotebookModel(nn.Module):
    """A frozen encoder, one tanh projection a class, the mean over all 256 positions, a linear classifier."""

    def __init__(self, folder: Path, n_classes: int, n_latent: int) -> None:
        from transformers import AutoModel

        super().__init__()
        self.base = AutoModel.from_pretrained(folder, dtype=torch.float32).requires_grad_(False)
        width = self.base.config.hidden_size
        self.spaces = nn.ModuleList([nn.Linear(width, n_latent, bias=False) for _ in range(n_classes)])
        self.classifier = nn.Linear(n_classes * n_latent, n_classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        states = self.base(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        centroids = [torch.tanh(space(states)).mean(1) for space in self.spaces]
        return self.classifier(torch.cat(centroids, dim=-1))


def notebook_loop(
    folder: Path,
    texts: Sequence[str],
    labels: Sequence[Any],
    *,
    batch_size: int,
    n_steps: int,
    n_latent: int = 64,
    max_length: int = 256,
) -> dict[str, Any]:
    """Time some steps of the loop as the official notebooks have it, after one step to warm up.

    The frozen encoder runs in every step, in training mode; every text is padded to 256 tokens; Adam with learning
    rate 2e-4 and weight decay 0.01. Scoring dev after every epoch, which the notebooks do too, is left out.
    """
    from transformers import AutoTokenizer

    torch.manual_seed(0)
    names = sorted(set(labels), key=str)
    numbers = np.array([names.index(label) for label in labels])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = NotebookModel(folder, len(names), n_latent).train()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=2e-4, weight_decay=0.01)
    rng, seconds = np.random.default_rng(0), []
    for _ in range(n_steps + 1):
        rows = rng.choice(len(texts), min(batch_size, len(texts)), replace=False)
        start = time.perf_counter()
        batch = tokenizer(
            [texts[i] for i in rows], padding="max_length", truncation=True, max_length=max_length, return_tensors="pt"
        )
        optimizer.zero_grad()
        logits = model(batch["input_ids"], batch["attention_mask"])
        nn.functional.cross_entropy(logits, torch.from_numpy(numbers[rows])).backward()
        optimizer.step()
        seconds.append(time.perf_counter() - start)
    return {
        "batch_size": batch_size,
        "padded_to": max_length,
        "measured_steps": n_steps,
        "seconds_per_step": {"median": median(seconds[1:]), "min": min(seconds[1:]), "max": max(seconds[1:])},
        "steps_per_epoch": math.ceil(len(texts) / batch_size),
    }


def setfit(folder: Path, texts: Sequence[str], labels: Sequence[Any], *, n_steps: int) -> dict[str, Any]:
    """Time some contrastive steps of SetFit's default batch of 16; its number of steps follows from its pairs."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments  # type: ignore[import-not-found]

    rows = Dataset.from_dict({"text": list(texts), "label": list(labels)})
    trainer = Trainer(
        model=SetFitModel.from_pretrained(str(folder)),
        args=TrainingArguments(num_iterations=20, max_steps=n_steps, report_to="none", save_strategy="no"),
        train_dataset=rows,
    )
    start = time.perf_counter()
    trainer.train()
    return {
        "measured_steps": n_steps,
        "seconds_per_step": {"median": (time.perf_counter() - start) / n_steps},
        "steps_with_20_pairs_a_text": math.ceil(2 * 20 * len(texts) / 16),
        "steps_by_default": math.ceil(_oversampled_pairs(labels) / 16),
    }


def fitted_setfit(folder: Path, texts: Sequence[str], labels: Sequence[str], seed: int) -> tuple[Any, dict[str, Any]]:
    """Fit SetFit by its default recipe: all pairs, one epoch, batches of 16. Classes are numbered as sorted."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments  # type: ignore[import-not-found]

    names = sorted(set(labels))
    rows = Dataset.from_dict({"text": list(texts), "label": [names.index(label) for label in labels]})
    arguments = TrainingArguments(seed=seed, report_to="none", save_strategy="no")
    spent = time.process_time()
    model = SetFitModel.from_pretrained(str(folder))
    Trainer(model=model, args=arguments, train_dataset=rows).train()
    return model, {"classes": names, "cpu_seconds": time.process_time() - spent}


def _oversampled_pairs(labels: Sequence[Any]) -> int:
    """Count SetFit's default pairs: all of the same class and as many of different ones, or the other way round."""
    sizes = np.unique(np.asarray(labels).astype(str), return_counts=True)[1].astype(object)
    same = sum(n * (n - 1) // 2 for n in sizes)
    return int(2 * max(same, len(labels) * (len(labels) - 1) // 2 - same))


def prefix_tuning(
    folder: Path, texts: Sequence[str], labels: Sequence[Any], *, n_steps: int, batch_size: int = 32
) -> dict[str, Any]:
    """Time some steps of PEFT prefix tuning: 20 prefix tokens, gradients through the frozen encoder."""
    from peft import PrefixTuningConfig, TaskType, get_peft_model  # type: ignore[import-not-found]
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from spacetune.bridges.peft_running import prepare_for_peft

    names = sorted(set(labels), key=str)
    numbers = torch.tensor([names.index(label) for label in labels])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    base = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=len(names), dtype=torch.float32)
    config = PrefixTuningConfig(task_type=TaskType.SEQ_CLS, num_virtual_tokens=20)
    model = get_peft_model(prepare_for_peft(base), config).train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    seconds = []
    for step in range(n_steps + 1):
        rows = [(step * batch_size + i) % len(texts) for i in range(batch_size)]
        start = time.perf_counter()
        batch = tokenizer([texts[i] for i in rows], padding=True, truncation=True, max_length=236, return_tensors="pt")
        optimizer.zero_grad()
        model(**batch, labels=numbers[rows]).loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - start)
    return {
        "batch_size": batch_size,
        "measured_steps": n_steps,
        "seconds_per_step": {"median": median(seconds[1:]), "min": min(seconds[1:]), "max": max(seconds[1:])},
        "steps_per_epoch": math.ceil(len(texts) / batch_size),
    }

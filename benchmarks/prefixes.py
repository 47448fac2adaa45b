"""A training step with six vertices beside a step of peft's prefix-tuning, of one length, on the default encoder.

Both get the same texts in turn, in an order that shifts every round; a step is forwards, back, and AdamW. The ratio is
of medians over rounds of this process's own CPU time, so that a busy machine slows neither; seconds by the clock stand
beside it. peft's model is in training mode, so the frozen encoder's dropout runs, as it does by default; ours has none.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import peft
import torch
import transformers

from benchmarks.common import circumstances, split, write
from spacetune import Encoder
from spacetune.bridges.peft_running import prepare_for_peft
from spacetune.encoders import PrefixVertices
from spacetune.fitting.inputs import AdaptedInputs
from spacetune.fitting.simplex import Simplex
from spacetune.heads import LinearVertices

LENGTH, BATCH, N_CLASSES = 10, 16, 2
LAYERS = (0, 1, 2, 3, 4, 5, 6)


def ours(encoder: Encoder, texts: list[str], targets: torch.Tensor, n_vertices: int) -> Callable[[], float]:
    generator = torch.Generator().manual_seed(0)
    prefix = PrefixVertices(encoder.prefixed.shape(LENGTH), n_vertices, generator=generator)
    head = LinearVertices(len(LAYERS) * encoder.dim, N_CLASSES, n_vertices, generator=generator)
    model = Simplex(head, prefix)
    inputs, rows = AdaptedInputs(encoder, list(texts), LAYERS, "mean"), torch.arange(len(texts))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def step() -> float:
        weights = model.sample(len(texts), generator)
        features = inputs.take(rows, model.adapter_at(weights))
        loss = torch.nn.functional.cross_entropy(model.logits(features, weights), targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return step


def theirs(encoder: Encoder, texts: list[str], targets: torch.Tensor) -> Callable[[], float]:
    folder = encoder.source.folder
    base = transformers.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=N_CLASSES)
    config = peft.PrefixTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=LENGTH)
    model = peft.get_peft_model(prepare_for_peft(base.float()), config).train()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(texts, padding=True, truncation=True, max_length=encoder.max_length, return_tensors="pt")
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)

    def step() -> float:
        loss = model(**batch, labels=targets).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return step


def main(arguments: list[str] | None = None) -> None:
    rounds = int((arguments or ["15"])[0])
    encoder = Encoder.from_pretrained(dtype="float32")
    data = split("sst2", "dev").take(range(BATCH))
    targets = torch.tensor([int(label == "positive") for label in data.labels or []])
    steps: dict[str, Callable[[], float]] = {
        "peft prefix-tuning": theirs(encoder, data.texts, targets),
        "prefix simplex, 6 vertices": ours(encoder, data.texts, targets, 6),
        "prefix simplex, 1 vertex": ours(encoder, data.texts, targets, 1),
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    clock: dict[str, list[float]] = {name: [] for name in steps}
    names = list(steps)
    for step in steps.values():
        step()
    for i in range(rounds):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            began, spent = time.perf_counter(), time.process_time()
            steps[name]()
            times[name].append(time.process_time() - spent)
            clock[name].append(time.perf_counter() - began)
    middle = {name: median(values) for name, values in times.items()}
    base = middle["peft prefix-tuning"]
    lowest = {name: min(values) for name, values in times.items()}
    result: dict[str, Any] = {
        "what": __doc__,
        **circumstances(),
        "prefix_length": LENGTH,
        "texts": BATCH,
        "longest_text_in_tokens": max(encoder.count_tokens(data.texts)),
        "rounds": rounds,
        "threads": torch.get_num_threads(),
        "median_cpu_seconds": middle,
        "median_clock_seconds": {name: median(values) for name, values in clock.items()},
        "ratio_of_medians": {name: round(value / base, 3) for name, value in middle.items()},
        "ratio_of_minima": {name: round(v / lowest["peft prefix-tuning"], 3) for name, v in lowest.items()},
    }
    print(result["ratio_of_medians"], result["ratio_of_minima"], flush=True)
    write("prefixes", result)


if __name__ == "__main__":
    main(sys.argv[1:])

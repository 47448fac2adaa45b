"""How linear the feed-forward of every layer is on real tokens: R² of a linear map from its input to its output."""

# The types of scikit-learn are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

from spacetune import Encoder


def linearity(encoder: Encoder, texts: Sequence[str]) -> dict[str, Any]:
    """Return R² by layer: fitted and judged on the same tokens, as in the paper, and judged on texts held out."""
    inputs, outputs, edges = feed_forwards(encoder, texts)
    half = int(edges[len(texts) // 2])
    found: dict[str, Any] = {"n_tokens": int(edges[-1]), "R2": [], "R2, held out": []}
    for x, y in zip(inputs, outputs, strict=True):
        x, y = StandardScaler().fit_transform(x), StandardScaler().fit_transform(y)
        found["R2"].append(float(LinearRegression().fit(x, y).score(x, y)))
        found["R2, held out"].append(float(LinearRegression().fit(x[:half], y[:half]).score(x[half:], y[half:])))
    return found


def feed_forwards(encoder: Encoder, texts: Sequence[str]) -> tuple[list[Any], list[Any], np.ndarray]:
    """Return what goes into the feed-forward of every layer and what comes out ``(token, dim)``, and texts' ends."""
    model = encoder.loaded.model
    layers: Any = model.get_submodule("encoder.layer")
    taken: list[tuple[list[torch.Tensor], list[torch.Tensor]]] = [([], []) for _ in layers]
    hooks = [
        hook
        for (inputs, outputs), layer in zip(taken, layers, strict=True)
        for hook in (
            layer.intermediate.register_forward_pre_hook(lambda _, given, kept=inputs: kept.append(given[0][0])),
            layer.output.dense.register_forward_hook(lambda _, __, given, kept=outputs: kept.append(given[0])),
        )
    ]
    tokenized = encoder.tokenize(list(texts))
    ids = torch.as_tensor(tokenized.token_ids).long()
    try:
        with torch.inference_mode():
            for window in torch.split(ids, tokenized.lengths.tolist()):
                model(input_ids=window[None])
    finally:
        for hook in hooks:
            hook.remove()
    edges = np.concatenate([[0], np.cumsum(tokenized.text_lengths)])
    return *([torch.cat(of[i]).numpy() for of in taken] for i in (0, 1)), edges  # type: ignore[return-value]

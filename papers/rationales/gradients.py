"""Explanations by gradients and attention: the same model in float32, from its input embeddings to its logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from captum.attr import InputXGradient, IntegratedGradients
from torch import Tensor

from spacetune import SpaceClassifier
from spacetune.encoders import TokenFeatures
from spacetune.encoders.loading.load import load_model

STEPS = 20


class Differentiable:
    """The fitted model with gradients back to its word embeddings.

    The lexicon reads token ids and not embeddings. Its scores enter as a second input, of which the logits are a plain
    sum: every gradient method gives a token its own scores back.

    Parameters
    ----------
    model
        A fitted classifier on a BERT encoder; it is not touched.
    """

    def __init__(self, model: SpaceClassifier) -> None:
        self.model = model
        self.bert: Any = load_model(model.encoder_.source, torch.float32)[0].eval().requires_grad_(False)
        self.bert.set_attn_implementation("eager")  # the other kinds give no attention weights
        self.table: Tensor = self.bert.get_input_embeddings().weight

    def inputs(self, text: str) -> tuple[Tensor, Tensor]:
        """Return a text's embeddings ``(1, token, dim)`` and the lexicon's scores ``(1, token, class)``."""
        ids = torch.from_numpy(self.model.encoder_.tokenize([text]).token_ids).long()
        bias = self.model.learnt_.model.on_top.bias
        words = torch.zeros(1, len(ids), len(bias))
        if self.model.lexicon_ is not None:
            bare = TokenFeatures(torch.zeros(len(ids), 1, 1), torch.tensor([0, len(ids)]), ids)
            words[0] = self.model.lexicon_.token_scores(bare)
        return self.table[ids].unsqueeze(0), words

    def baselines(self, embeddings: Tensor) -> tuple[Tensor, float]:
        """Return padding tokens between the text's own special tokens, and no lexicon."""
        empty = self.table[self.bert.config.pad_token_id].expand_as(embeddings).clone()
        empty[:, [0, -1]] = embeddings[:, [0, -1]]
        return empty, 0.0

    def logits(self, embeddings: Tensor, words: Tensor) -> Tensor:
        """Return logits ``(text, class)``; all texts have one length."""
        states = self.bert(inputs_embeds=embeddings, output_hidden_states=True).hidden_states
        read = torch.stack([states[layer] for layer in self.model.layers_ or ()], dim=2)
        return self.model.space_head(read.squeeze(2)) + words.sum(1)

    def integrated_gradients(self, text: str) -> dict[str, np.ndarray]:
        """Return ``(token, class)``, and by how much they miss the difference of logits that they should sum to."""
        given = self.inputs(text)
        explainer, columns, gap = IntegratedGradients(self.logits), list[Tensor](), 0.0
        for column in range(given[1].shape[2]):
            parts, delta = explainer.attribute(
                given, self.baselines(given[0]), target=column, n_steps=STEPS, return_convergence_delta=True
            )
            columns.append(_by_token(parts))
            gap = max(gap, float(delta.abs().max()))
        return {"scores": torch.stack(columns, dim=1).numpy(), "gap": np.array(gap)}

    def input_x_gradient(self, text: str) -> dict[str, np.ndarray]:
        """Return ``(token, class)``."""
        given = tuple(part.requires_grad_() for part in self.inputs(text))
        explainer = InputXGradient(self.logits)
        columns = [_by_token(explainer.attribute(given, target=column)) for column in range(given[1].shape[2])]
        return {"scores": torch.stack(columns, dim=1).numpy()}

    def attention(self, text: str) -> dict[str, np.ndarray]:
        """Return the last layer's attention, mean over heads: from the first token, and received from all."""
        with torch.no_grad():
            weights = self.bert(inputs_embeds=self.inputs(text)[0], output_attentions=True).attentions[-1][0].mean(0)
        return {"from the first token": weights[0].numpy(), "received": weights.mean(0).numpy()}


def _by_token(parts: tuple[Tensor, ...]) -> Tensor:
    return sum(part.detach().double().sum(2)[0] for part in parts)  # pyright: ignore[reportReturnType]

"""One torch module from padded token ids to logits and token scores, in the form of transformers' classifiers."""

# The types of torch and transformers are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import torch
import transformers
from torch import Tensor, nn
from transformers.utils.generic import ModelOutput

from spacetune.encoders import PrefixStates
from spacetune.encoders.adapters.prefix_attention import admit_prefixes, run_under_prefix
from spacetune.heads import Lexicon
from spacetune.heads.spaces import ConceptSpaces
from spacetune.heads.spaces.pooling import masked_mean

__all__ = ["SpacetuneConfig", "SpacetuneForSequenceClassification", "SpacetuneOutput"]


class SpacetuneConfig(transformers.PreTrainedConfig):
    """What a fitted model's tensors do not say of it.

    Parameters
    ----------
    encoder
        The encoder's own configuration.
    layers
        The layers whose states are read; 0 are the embeddings.
    spaces
        Number of concept spaces and width of one; None for a linear head.
    n_grams
        Known wordpieces and pairs of neighbours in the lexicon.
    prefix
        Layers, 2, heads, length and width of a prefix; None for none.
    position_shift
        Whether a prefix takes positions.
    scale, mean
        Of a regressor: the number is ``scale · logit + mean``.
    temperature
        What logits are divided by before they become calibrated probabilities; `forward` leaves them as they are.
    threshold
        Logit above which one of several labels is given.
    """

    model_type = "spacetune"
    keys_to_ignore_at_inference: ClassVar[list[str]] = ["token_scores", "lexicon_scores"]

    encoder: dict[str, Any] | None = None
    layers: list[int] | tuple[int, ...] = (0,)
    spaces: list[int] | tuple[int, ...] | None = None
    n_grams: int = 0
    prefix: list[int] | tuple[int, ...] | None = None
    position_shift: bool = False
    scale: float = 1.0
    mean: float = 0.0
    temperature: float = 1.0
    threshold: float = 0.0


@dataclasses.dataclass
class SpacetuneOutput(ModelOutput):
    """What the model answers.

    Parameters
    ----------
    loss
        Of the labels, where there are some.
    logits
        ``(text, output)``; of a regressor the numbers themselves, in float64.
    token_scores
        ``(text, token, output)``: over a text's tokens they sum to the logits less the bias.
    lexicon_scores
        The lexicon's part of them, where there is a lexicon.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    token_scores: Tensor | None = None
    lexicon_scores: Tensor | None = None


class SpacetuneForSequenceClassification(transformers.PreTrainedModel):
    r"""An encoder, its chosen layers, concept spaces or none, one linear layer, and a lexicon or none.

    .. math:: logits = W \tfrac1T \sum_t z_t + b + \sum_t lexicon_t, \quad
       z_t = \tanh(P h_t) \text{ or } h_t, \quad scores_t = \tfrac1T W z_t + lexicon_t

    Parameters
    ----------
    config
        Its sizes.
    """

    config_class = SpacetuneConfig
    base_model_prefix = "encoder"
    _supports_sdpa = True

    def __init__(self, config: SpacetuneConfig) -> None:
        super().__init__(config)
        own: dict[str, Any] = dict(config.encoder or {})
        self.encoder: Any = transformers.AutoModel.from_config(transformers.AutoConfig.for_model(**own))
        if hasattr(self.encoder, "pooler"):  # which nothing here reads
            self.encoder.pooler = None
        dim, width = self.encoder.config.hidden_size, len(config.layers) * self.encoder.config.hidden_size
        self.spaces = None
        if config.spaces is not None:
            n_spaces, n_latent = config.spaces
            self.spaces = ConceptSpaces(dim, n_latent, n_spaces, n_layers=len(config.layers))
            width = self.spaces.width
        n_outputs = len(config.id2label or ())
        self.classifier = nn.Linear(width, n_outputs)
        grams = torch.zeros(config.n_grams, dtype=torch.long)
        self.lexicon = Lexicon(grams, torch.zeros(len(grams), n_outputs)) if config.n_grams else None
        self.prefix = None
        if config.prefix is not None:
            admit_prefixes(self.encoder)
            self.prefix = nn.Parameter(torch.zeros(*config.prefix))
        self.post_init()

    @property
    def bias(self) -> Tensor:
        """What every logit starts with, ``(output,)``."""
        return self._in_units(self.classifier.bias)

    def _in_units(self, logits: Tensor) -> Tensor:
        """Return a regressor's numbers of its logits in float64: their mean may be far larger than their spread."""
        if self.config.problem_type != "regression":
            return logits
        # as tensors: an ONNX graph holds plain numbers in float32
        scale, mean = torch.tensor([self.config.scale, self.config.mean], dtype=torch.float64, device=logits.device)
        return logits.double() * scale + mean

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        **others: Any,
    ) -> SpacetuneOutput:
        """Return logits and token scores of padded texts.

        Parameters
        ----------
        input_ids
            ``(text, token)``.
        attention_mask
            ``(text, token)``, 1 for real tokens; None where there is no padding.
        token_type_ids
            ``(text, token)``, for encoders that tell a pair's texts apart by them.
        labels
            What the loss is of.
        others
            What transformers' own callers say of the form of the answer; it is always a `SpacetuneOutput`.
        """
        del others
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        read = self._read(input_ids, mask, token_type_ids)
        logits = self.classifier(masked_mean(read, mask))
        real = mask.to(read.dtype).unsqueeze(2)
        scores = read @ self.classifier.weight.T * real / real.sum(1, keepdim=True).clamp(min=1)
        words = None if self.lexicon is None else self.lexicon(input_ids, mask)
        if words is not None:
            logits, scores, words = logits + words.sum(1), scores + words, words * self.config.scale
        logits, scores = self._in_units(logits), scores * self.config.scale
        criterion: Any = self.loss_function
        loss = None if labels is None else criterion(labels, logits, self.config)
        return SpacetuneOutput(loss, logits, scores, words)

    def _read(self, input_ids: Tensor, mask: Tensor, segments: Tensor | None) -> Tensor:
        """Return what the linear layer reads of every token, ``(text, token, width)``."""
        given = {"input_ids": input_ids, "attention_mask": mask}
        if segments is not None:
            given["token_type_ids"] = segments
        if self.prefix is None:
            output = self.encoder(**given, output_hidden_states=True)
        else:
            prefix = PrefixStates(self.prefix.unsqueeze(2), self.config.position_shift)
            output = run_under_prefix(self.encoder, given, prefix)
        states = torch.stack([output.hidden_states[layer] for layer in self.config.layers], dim=2)
        return (states if self.spaces is None else self.spaces(states)).flatten(2)


transformers.AutoConfig.register("spacetune", SpacetuneConfig)
transformers.AutoModelForSequenceClassification.register(SpacetuneConfig, SpacetuneForSequenceClassification)

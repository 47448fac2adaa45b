"""A fitted model as a transformers sequence classifier: one module from padded token ids to logits and token scores.

Importing this module makes the type ``spacetune`` known to transformers' Auto classes.
"""

from __future__ import annotations

import copy
import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import torch
import transformers
from torch import Tensor, nn
from transformers.modeling_outputs import ModelOutput

from spacetune.bridges.exporting import Exported, compared_on, in_float32, scale_of, staged
from spacetune.encoders import Encoder, LoraStates, PrefixStates, TextInput, tuned
from spacetune.encoders.adapters.prefix_attention import admit_prefixes, run_under_prefix
from spacetune.encoders.families import family_of
from spacetune.errors import UnsupportedByFamily, UsageError
from spacetune.estimators import TextEstimator
from spacetune.fitting import MultiLabel
from spacetune.heads import Lexicon, LinearHead, SpaceHead
from spacetune.heads.spaces import ConceptSpaces
from spacetune.heads.spaces.pooling import masked_mean

__all__ = [
    "SpacetuneConfig",
    "SpacetuneForSequenceClassification",
    "SpacetuneOutput",
    "export_transformers",
    "to_transformers",
]

PROBLEMS = {
    "single": "single_label_classification",
    "multi": "multi_label_classification",
    "regression": "regression",
}


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
        ``(text, output)``; of a regressor the numbers themselves.
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
        self.classifier = nn.Linear(width, config.num_labels)
        grams = torch.zeros(config.n_grams, dtype=torch.long)
        self.lexicon = Lexicon(grams, torch.zeros(len(grams), config.num_labels)) if config.n_grams else None
        self.prefix = None
        if config.prefix is not None:
            admit_prefixes(self.encoder)
            self.prefix = nn.Parameter(torch.zeros(*config.prefix))
        self.post_init()

    @property
    def bias(self) -> Tensor:
        """What every logit starts with, ``(output,)``."""
        return self.classifier.bias * self.config.scale + self.config.mean

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
        words = None
        if self.lexicon is not None:
            words = self.lexicon(input_ids, mask) * self.config.scale
            logits = logits + self.lexicon(input_ids, mask).sum(1)
        logits = logits * self.config.scale + self.config.mean
        scores = scores * self.config.scale + (0 if words is None else words)
        loss = None if labels is None else self.loss_function(labels, logits, self.config)
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


def to_transformers(model: TextEstimator) -> SpacetuneForSequenceClassification:
    """Return a fitted model as a transformers sequence classifier in float32, on the CPU.

    What was learnt inside is merged into the encoder; of a simplex it is the centroid. Its logits are
    `predict_logits` on a float32 encoder, and those of a regressor `predict`, of texts that one window holds.

    Parameters
    ----------
    model
        A fitted classifier or regressor of texts; of pairs where they are read together.

    Returns
    -------
    SpacetuneForSequenceClassification
        In eval mode.

    Raises
    ------
    UsageError
        If it reads pairs apart, the encoder's pooler, or ready embeddings.
    UnsupportedByFamily
        If the encoder's states are not known to stay the same beside padding.

    Examples
    --------
    >>> from spacetune import LinearProbe
    >>> model = LinearProbe().fit(["lost my card", "where is my card", "a parcel", "my parcel"] * 5, list("ccpp") * 5)
    >>> to_transformers(model).config.id2label
    {0: 'c', 1: 'p'}
    """
    whole = in_float32(model)
    head, encoder = whole.head_, whole.encoder_
    adapter = whole.learnt_.model.adapter
    if isinstance(adapter, LoraStates):
        encoder = tuned(encoder, adapter.merged)
    inner = encoder.loaded.model
    if not family_of(inner.config.model_type).masks_padding:
        raise UnsupportedByFamily(
            f"{inner.config.model_type} encoders are not known to give the same states beside padding, which batches "
            "have; fit on an encoder of another family"
        )
    made = SpacetuneForSequenceClassification(_config(whole, encoder, adapter))
    kept = {name: tensor for name, tensor in inner.state_dict().items() if not name.startswith("pooler.")}
    made.encoder.load_state_dict(kept)
    with torch.no_grad():
        if isinstance(head, SpaceHead):
            made.load_state_dict(head.state_dict(), strict=False)
        elif isinstance(head, LinearHead):
            made.classifier.weight.copy_(head.weight)
            made.classifier.bias.copy_(head.bias)
        if made.lexicon is not None and whole.lexicon_ is not None:
            made.lexicon.load_state_dict(whole.lexicon_.state_dict())
        if made.prefix is not None and isinstance(adapter, PrefixStates):
            made.prefix.copy_(adapter.values.squeeze(2))
    return made.eval()


def _config(model: TextEstimator, encoder: Encoder, adapter: object) -> SpacetuneConfig:
    head, task, lexicon = model.head_, model.task_, model.lexicon_
    if not isinstance(head, SpaceHead | LinearHead) or getattr(model, "pooling", "mean") != "mean":
        what = "pooled states" if isinstance(head, LinearHead) else "two texts apart"
        raise UsageError(f"a {type(model).__name__} that reads {what} cannot be one pass over one text's tokens")
    scale, mean = scale_of(model)
    operators = head.spaces.operators.shape if isinstance(head, SpaceHead) else None
    return SpacetuneConfig(
        encoder=encoder.loaded.model.config.to_dict(),
        layers=list(model.layers_ or ()),
        spaces=None if operators is None else [operators[1], operators[2]],
        n_grams=0 if lexicon is None else len(lexicon.grams),
        prefix=[*adapter.values.squeeze(2).shape] if isinstance(adapter, PrefixStates) else None,
        position_shift=isinstance(adapter, PrefixStates) and adapter.position_shift,
        scale=scale,
        mean=mean,
        temperature=getattr(model, "temperature_", 1.0),
        threshold=task.threshold or 0.0 if isinstance(task, MultiLabel) else 0.0,
        problem_type=PROBLEMS[task.kind],
        id2label={i: str(name) for i, name in enumerate(task.classes)},
        label2id={str(name): i for i, name in enumerate(task.classes)},
        pad_token_id=getattr(encoder.loaded.model.config, "pad_token_id", None),
    )


def export_transformers(
    model: TextEstimator, folder: str | os.PathLike[str], *, texts: Sequence[TextInput] | None = None
) -> Exported:
    """Write a fitted model as a folder that transformers loads once this module was imported.

    ``pipeline("text-classification", model=folder)``, `AutoModelForSequenceClassification` and `Trainer` take it.
    Weights are safetensors; there is no code in the folder.

    Parameters
    ----------
    model
        What `to_transformers` takes.
    folder
        Where to: a new or empty folder.
    texts
        Texts, or pairs, on which the two are compared; None takes a few of our own.

    Returns
    -------
    Exported
        How far the two are apart, and what transformers does otherwise.

    Raises
    ------
    UsageError
        If the model cannot be expressed, or the folder holds something.
    UnsupportedByFamily
        If the encoder's states are not known to stay the same beside padding.
    SpacetuneError
        If the written model's logits are not ours at 1e-5; nothing is left of it.
    """
    whole = in_float32(model)
    made, compared = to_transformers(whole), compared_on(whole, texts)
    tokenizer = copy.deepcopy(whole.encoder_.loaded.tokenizer)
    tokenizer.model_max_length, tokenizer.padding_side = whole.encoder_.max_length, "right"
    with staged(folder) as place:
        made.save_pretrained(place)
        tokenizer.save_pretrained(place)
        read = transformers.AutoModelForSequenceClassification.from_pretrained(place)
        given = tokenizer(*compared.columns, padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad():
            output: SpacetuneOutput = read(**given)
        assert output.logits is not None
        assert output.token_scores is not None
        found = compared.with_padded(output.logits.numpy(), output.token_scores.numpy(), at_most=1e-5)
        return found.exported(folder, place, "transformers", _notes(whole))


def _notes(model: TextEstimator) -> Iterator[str]:
    temperature = getattr(model, "temperature_", 1.0)
    if temperature != 1:
        yield f"the probabilities of a pipeline are not calibrated: ours are of the logits divided by {temperature:.3g}"
    if getattr(model, "kind_", None) == "multi":
        yield f"labels are given where the logit reaches {model.task_.threshold or 0.0:.3g}; a pipeline asks nobody"
    if model.encoder_.max_windows > 1:
        yield (
            f"of a text above {model.encoder_.max_length} tokens the first are read, and with truncation=True alone; "
            f"the model reads up to {model.encoder_.max_windows} windows"
        )
    yield "special tokens that a user types, such as [SEP], are special to transformers; the model reads them as text"
    if not all(isinstance(name, str) for name in model.task_.classes):
        yield "transformers' labels are words: numbers became words"

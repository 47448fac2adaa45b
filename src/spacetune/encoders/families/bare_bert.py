"""A BERT's modules under transformers' names, without transformers: what the packed pass reads of one.

Importing transformers' own BERT takes longer than reading the weights and running a text.
"""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from spacetune.encoders.families.modules import EncoderModel

__all__ = ["bare_bert"]

ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU}
USUAL = {
    "model_type": "bert",
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "is_encoder_decoder": False,
    "add_cross_attention": False,
}
"""Settings that change the pass, at the value they have in an encoder; transformers' default is the same."""
NEEDED = frozenset({
    "model_type", "hidden_size", "hidden_act", "intermediate_size", "layer_norm_eps", "max_position_embeddings",
    "num_attention_heads", "num_hidden_layers", "pad_token_id", "type_vocab_size", "vocab_size",
})  # fmt: skip
UNUSED = ("pooler.dense.weight", "pooler.dense.bias", "embeddings.position_ids")


def bare_bert(config: dict[str, Any], tensors: dict[str, Tensor]) -> EncoderModel | None:
    """Return the model that a `BertModel`'s configuration and weights describe; None where they describe another.

    Parameters
    ----------
    config
        What its ``config.json`` holds.
    tensors
        What its weights file holds; used as they are.
    """
    usual = all(config.get(key, value) == value for key, value in USUAL.items())
    if not usual or NEEDED - config.keys() or {"auto_map", "quantization_config"} & config.keys():
        return None
    if config["hidden_size"] % config["num_attention_heads"]:
        return None
    try:
        model = _skeleton(SimpleNamespace(**config))
        model.load_state_dict({k: v for k, v in tensors.items() if k not in UNUSED}, strict=True, assign=True)
    except (KeyError, TypeError, RuntimeError):  # another activation, other tensors or shapes
        return None
    return model


def _skeleton(config: SimpleNamespace) -> Any:
    """Build the modules without weights."""
    width = config.hidden_size
    norm = functools.partial(nn.LayerNorm, width, eps=config.layer_norm_eps, device="meta")
    embeddings = _tree(
        word_embeddings=_table(config.vocab_size, width),
        position_embeddings=_table(config.max_position_embeddings, width),
        token_type_embeddings=_table(config.type_vocab_size, width),
        LayerNorm=norm(),
    )
    layers = [_layer(config, norm) for _ in range(config.num_hidden_layers)]
    model: Any = _tree(embeddings=embeddings, encoder=_tree(layer=nn.ModuleList(layers)))
    model.config = config
    return model


def _layer(config: SimpleNamespace, norm: functools.partial[nn.LayerNorm]) -> nn.Module:
    width, inner = config.hidden_size, config.intermediate_size
    linear = functools.partial(nn.Linear, device="meta")
    own = {name: linear(width, width) for name in ("query", "key", "value")}
    return _tree(
        attention=_tree(self=_tree(**own), output=_tree(dense=linear(width, width), LayerNorm=norm())),
        intermediate=_tree(dense=linear(width, inner), intermediate_act_fn=ACTIVATIONS[config.hidden_act]()),
        output=_tree(dense=linear(inner, width), LayerNorm=norm()),
    )


def _table(size: int, width: int) -> nn.Embedding:
    return nn.Embedding(size, width, _weight=torch.empty(size, width, device="meta"))  # drawing one loads torch._dynamo


def _tree(**parts: nn.Module) -> nn.Module:
    tree = nn.Module()
    for name, part in parts.items():
        tree.add_module(name, part)
    return tree

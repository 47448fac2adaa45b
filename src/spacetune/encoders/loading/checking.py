"""An encoder's files against each other, before anything is allocated: what `config.json` claims, the weights hold.

The configuration may be anybody's. Only the head of the weights files is read here: names and shapes.
"""

# The types of safetensors are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, cast

import safetensors

from spacetune.encoders.families import family_of
from spacetune.encoders.loading.stated import in_one_line, stated_number, stated_object
from spacetune.errors import EncoderError

__all__ = ["check_folder", "check_tokens"]

Shapes = dict[str, tuple[int, ...]]

LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
WIDTHS = ("hidden_size", "n_embd", "d_model", "dim", "embedding_size", "input_embedding_size")
POSITIONS = ("max_position_embeddings", "n_positions")
HEADS = ("num_attention_heads", "n_head", "n_heads", "num_key_value_heads", "head_dim")
OTHER = ("intermediate_size", "n_inner", "hidden_dim", "d_inner", "type_vocab_size", "vocab_size")
MANY = {"num_labels": 100_000}
"""How many there can be at most where it is not these 10,000: transformers makes a name for every label."""
FINE = ("layer_norm_eps", "layer_norm_epsilon", "rms_norm_eps", "norm_eps", "rope_theta")
LARGEST = 1 << 31
WORDS = re.compile(r"(^|\.)(word_embeddings|word_embedding|wte|embed_tokens|tok_embeddings|embed_in)\.weight$")
PLACES = re.compile(r"(^|\.)(position_embeddings|wpe)\.weight$")
SHARED_LAYERS = 256


def check_folder(folder: Path) -> None:
    """Check an encoder's configuration, its weights' heads, and that the two fit.

    Raises
    ------
    EncoderError
        With what does not fit.
    """
    file = folder / "config.json"
    config = stated_object(file)
    _check_kinds(config, file)
    shapes = _shapes(folder)
    known = "dissect" in family_of(config.get("model_type", "")).supports
    _check_layers(config, shapes, file, known)
    if known:  # of others transformers knows the shapes
        _check_table(config, "vocab_size", WORDS, shapes, file)
        for name in POSITIONS:
            _check_table(config, name, PLACES, shapes, file)


def check_tokens(tokens: dict[str, int], rows: int) -> None:
    """Check that the weights have a row for every token that a text can give.

    Raises
    ------
    EncoderError
        With the first token beyond them.
    """
    beyond = [(number, token) for token, number in tokens.items() if number >= rows]
    if beyond:
        number, token = min(beyond)
        raise EncoderError(
            f"the encoder's tokenizer has {len(beyond)} tokens more than its weights, which have {rows}: first "
            f"{in_one_line(token, 40)} (number {number}); take the tokenizer that belongs to these weights"
        )


def _check_kinds(config: dict[str, Any], file: Path) -> None:
    """Check that numbers are numbers of a size that can be."""
    if not isinstance(config.get("model_type", ""), str):
        raise EncoderError(f"{file}: model_type must be a name, got {in_one_line(config['model_type'])}")
    for name in config.keys() & {*LAYERS, *WIDTHS, *HEADS, *OTHER, *POSITIONS, *MANY}:
        if config[name] is not None:
            least = 1 if name in (*LAYERS, *WIDTHS, *HEADS) else -1
            stated_number(config, name, file, least, MANY.get(name, LARGEST))
    for name in config.keys() & {*FINE}:
        value: object = config[name]
        if value is not None and (not (type(value) is int or type(value) is float) or not 0 <= value < math.inf):
            raise EncoderError(f"{file}: {name} must be a finite number from 0, got {in_one_line(value)}")
    for name, value in config.items():
        if name.startswith(("num_", "n_")) and isinstance(value, int) and name not in {*POSITIONS, *WIDTHS, *OTHER}:
            stated_number(config, name, file, -LARGEST, MANY.get(name, 10_000))


def _shapes(folder: Path) -> Shapes:
    """Return name and shape of every tensor of the weights."""
    shapes: Shapes = {}
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safetensors.safe_open(path, "pt") as file:
                for name in file.keys():  # noqa: SIM118 - it is no dict
                    shapes[name] = tuple(file.get_slice(name).get_shape())
        except (OSError, safetensors.SafetensorError) as error:
            raise EncoderError(f"{path} is no whole safetensors file: {in_one_line(error)}") from error
    _check_index(folder)
    return shapes


def _check_index(folder: Path) -> None:
    """Check that weights in several files are all in this folder."""
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return
    places = stated_object(index).get("weight_map")
    if not isinstance(places, dict):
        raise EncoderError(f"{index} has no weight_map")
    here = {path.name for path in folder.glob("*.safetensors")}
    elsewhere = {str(place) for place in cast("dict[str, Any]", places).values()} - here
    if elsewhere:
        raise EncoderError(f"{index} names {in_one_line(min(elsewhere))}, which is not a weights file of {folder}")


def _check_layers(config: dict[str, Any], shapes: Shapes, file: Path, known: bool) -> None:
    claimed = next((config[name] for name in LAYERS if config.get(name) is not None), None)
    if claimed is None:
        return
    if config.get("model_type") == "albert":
        if claimed > SHARED_LAYERS:
            raise EncoderError(f"{file} claims {claimed} layers; one that shares them has {SHARED_LAYERS} at most")
        return
    held = len({match[1] for name in shapes if (match := re.match(r"\D*?\.?(\d+)\.", name))})
    if not known:  # blocks of layers: every number in a name may count one
        held = len({name[: match.end()] for name in shapes for match in re.finditer(r"\.\d+(?=\.)", name)})
    if claimed > held or (known and claimed != held):
        raise EncoderError(
            f"{file} claims {claimed} layers, the weights beside it hold {held}; the two belong together"
        )


def _check_table(config: dict[str, Any], name: str, pattern: re.Pattern[str], shapes: Shapes, file: Path) -> None:
    """Check a table's rows against what the configuration says of them, and its width."""
    tables = [shape for key, shape in shapes.items() if pattern.search(key) and len(shape) == 2]
    claimed = config.get(name)
    if claimed is None or len(tables) != 1:
        return
    rows, width = tables[0]
    if claimed != rows:
        raise EncoderError(f"{file}: {name} is {claimed}, the weights beside it have {rows}; they belong together")
    widths = {config[key] for key in WIDTHS if config.get(key) is not None}
    if widths and width not in widths:
        said = " or ".join(map(str, sorted(widths)))
        raise EncoderError(
            f"{file}: states have {said} numbers, in the weights beside it {width}; the two belong together"
        )

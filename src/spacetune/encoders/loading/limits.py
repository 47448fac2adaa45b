"""How long a text an encoder may read: what its positions allow, and what its makers set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spacetune.encoders.families import first_position
from spacetune.encoders.loading.resolving import EncoderSource
from spacetune.encoders.loading.stated import in_one_line, stated_number
from spacetune.encoders.sentences.folder import sentence_settings
from spacetune.encoders.tokenizing import FastTokenizer
from spacetune.errors import EncoderError

if TYPE_CHECKING:
    from types import SimpleNamespace

    from transformers import PreTrainedConfig

__all__ = ["MAX_WINDOWS", "most_positions", "usual_lengths"]

USUAL_LIMIT = 512

MAX_WINDOWS = 16
"""Windows that are read of a long text where neither their length nor their number was chosen; the number is ours."""


def most_positions(config: PreTrainedConfig | SimpleNamespace) -> int:
    """Return the longest text the positions allow; RoBERTa and MPNet keep the first two for padding."""
    positions = getattr(config, "max_position_embeddings", None) or 0
    if positions < 1:  # relative positions only; XLNet says -1
        return 1 << 20
    return positions - first_position(config)


def usual_lengths(source: EncoderSource, tokenizer: FastTokenizer, positions: int) -> tuple[int, int]:
    """Return the limit of a window, up to 512, and the tokenizer's own; what the encoder's makers set is both."""
    file, said = sentence_settings(source.folder)
    if said.get("max_seq_length") is not None:
        stated = min(stated_number(said, "max_seq_length", file, 1, 1 << 40), positions)
        return stated, stated
    limit = tokenizer.model_max_length
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit >= 1:
        named = source.folder / "tokenizer_config.json"
        raise EncoderError(f"{named}: model_max_length must be a number from 1, got {in_one_line(limit)}")
    full = int(min(limit, positions))
    return min(full, USUAL_LIMIT), full

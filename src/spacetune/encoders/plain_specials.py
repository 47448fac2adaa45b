"""Special tokens typed by a user are plain text: their names in a tokenizer become ones that no text spells.

A tokenizer reads ``[SEP]`` in a text as the separator, in two ways: it looks for its special tokens before anything
else, and some models (Unigram, WordLevel) have them among their pieces. Renaming takes both ways away, also for
spellings that become ``[SEP]`` by normalising. What a tokenizer puts around a text goes by number and stays. A special
token of one character (``!`` as padding) keeps its name: it is how that character is read.
"""

# What a file or a request holds is of any type until it has been checked.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

__all__ = ["plain_specials"]

RESERVED = "\x00 spacetune\x00 reserved: "


def plain_specials(described: str, named: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Rewrite a tokenizer so that no text gives a special token.

    Parameters
    ----------
    described
        What the `tokenizers` library writes of it: its ``tokenizer.json``.
    named
        Special tokens that its settings name, beside those it declares itself.

    Returns
    -------
    tuple of str and dict
        The tokenizer rewritten, and from each new name to the token's own.
    """
    whole: dict[str, Any] = json.loads(described)
    added: list[dict[str, Any]] = whole.get("added_tokens") or []
    special = {*named, *(token["content"] for token in added if token["special"])}
    new = {token: RESERVED + token for token in special if len(token) > 1}
    for token in added:
        if token["content"] in new:
            token |= {"content": new[token["content"]], "special": True, "normalized": False}
    _rename(whole["model"], new)
    return json.dumps(whole, ensure_ascii=False), {renamed: token for token, renamed in new.items()}


def _rename(model: dict[str, Any], new: dict[str, str]) -> None:
    """Rename a model's pieces where they are; their numbers stay."""
    pieces = model["vocab"]
    if isinstance(pieces, list):  # Unigram: a piece and its score, by number
        model["vocab"] = [[new.get(piece, piece), score] for piece, score in pieces]
        return
    model["vocab"] = {new.get(piece, piece): number for piece, number in pieces.items()}
    if model.get("unk_token") in new:
        model["unk_token"] = new[model["unk_token"]]
    if "merges" in model:  # of a renamed piece no merge may speak
        pairs = (merge if isinstance(merge, list) else merge.split(" ") for merge in model["merges"])
        model["merges"] = [[a, b] for a, b in pairs if not {a, b, a + b} & new.keys()]

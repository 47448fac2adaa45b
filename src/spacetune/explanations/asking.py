"""What can be asked of an explanation: where the tokens are looked at, and what a class is held against."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, Literal

__all__ = ["MEANINGS", "REST", "Against", "At"]

At = Literal["input", "states", "both"]
"""Where a token is looked at: its place in the input, its states where the head reads them, every depth between."""

MEANINGS: Mapping[str, str] = {
    "input": "A score is what a word, as it goes into the encoder, brings to the logit through all that became of it.",
    "both": "A score is what a word's place brings to the logit, on the mean over every depth from the word as it goes "
    "in to the states that are read.",
    "states": "A score is what a word's states bring to the logit where they are read, other words mixed into them.",
}  # as in explanation.js
"""What a score means, by where the tokens are looked at."""


class Against(enum.Enum):
    """What a class can be held against, besides another class."""

    REST = "rest"


REST: Final = Against.REST
"""All other classes together; the word ``"rest"`` means the same unless a class has that name."""

"""Why a prediction came out so: exact token and word scores."""

from spacetune.explanations.explanation import Explanation
from spacetune.explanations.meetings import strongest_meetings
from spacetune.explanations.text import MEANINGS, REST, At, TextExplanation
from spacetune.explanations.words import group_words

__all__ = ["MEANINGS", "REST", "At", "Explanation", "TextExplanation", "group_words", "strongest_meetings"]

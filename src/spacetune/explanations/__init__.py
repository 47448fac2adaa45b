"""Why a prediction came out so: exact token and word scores."""

from spacetune.explanations.explanation import Explanation, TextExplanation
from spacetune.explanations.meetings import strongest_meetings
from spacetune.explanations.words import group_words

__all__ = ["Explanation", "TextExplanation", "group_words", "strongest_meetings"]

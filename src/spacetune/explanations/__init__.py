"""Why a prediction came out so: exact token and word scores."""

from spacetune.explanations.asking import MEANINGS, REST, At
from spacetune.explanations.explanation import Explanation
from spacetune.explanations.meetings import strongest_meetings
from spacetune.explanations.text import TextExplanation, Unit
from spacetune.explanations.words import group_words

__all__ = ["MEANINGS", "REST", "At", "Explanation", "TextExplanation", "Unit", "group_words", "strongest_meetings"]

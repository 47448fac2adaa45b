"""Every error that spacetune raises on purpose, in one tree.

::

    SpacetuneError
    ├── UsageError (ValueError)          a call or a setting is wrong: exit code 2 on the command line
    ├── DataError (ValueError)           texts or labels cannot be used as they are
    ├── EncoderError                     an encoder cannot be found, verified, loaded or run
    │   └── UnsupportedByFamily          this encoder family cannot do what was asked
    ├── FeatureStoreError                the cache of token features is damaged or cannot be written
    ├── ModelFileError                   a saved model is missing, damaged or of another version
    ├── OutOfTime                        a fit did not end within its time limit
    └── MissingExtraError (ImportError)  an optional dependency is not installed

A message says what must hold, what came, and what to do. Beside the tree stands `Terminated`, a KeyboardInterrupt: a
fit ends by SIGTERM as it does by Ctrl-C, and by `TooMuchMemory`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

__all__ = [
    "DataError",
    "EncoderError",
    "FeatureStoreError",
    "MissingExtraError",
    "ModelFileError",
    "OutOfTime",
    "SpacetuneError",
    "Terminated",
    "TooMuchMemory",
    "UnsupportedByFamily",
    "UsageError",
    "agreed",
    "counted",
    "did_you_mean",
    "name_rows",
    "printable",
]

STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What steers a terminal or turns the reading direction, and halves of characters, which no file can hold."""


class SpacetuneError(Exception):
    """Base of every error that spacetune raises on purpose."""


class UsageError(SpacetuneError, ValueError):
    """A call or a setting is wrong; nothing was done."""


class DataError(SpacetuneError, ValueError):
    """Texts or labels cannot be used as they are."""


class EncoderError(SpacetuneError):
    """An encoder cannot be found, verified, loaded or run."""


class UnsupportedByFamily(EncoderError):  # noqa: N818 - reads as the sentence it is
    """The encoder's family cannot do what was asked; the message names those that can."""


class FeatureStoreError(SpacetuneError):
    """The cache of token features is damaged or cannot be written."""


class ModelFileError(SpacetuneError):
    """A saved model is missing, damaged or of another version."""


class OutOfTime(SpacetuneError):  # noqa: N818 - reads as what happened
    """A fit did not end within its time limit."""


class MissingExtraError(SpacetuneError, ImportError):
    """An optional dependency is not installed; the message holds the install command."""

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(f"{purpose} needs the '{extra}' extra: pip install 'spacetune[{extra}]'")


class Terminated(KeyboardInterrupt):
    """The process was asked to end; what Ctrl-C keeps is kept."""

    def __str__(self) -> str:
        return self.args[0] if self.args else "SIGTERM"


class TooMuchMemory(Terminated):
    """The process held more than it was given; what Ctrl-C keeps is kept."""


def counted(n: int, noun: str, nouns: str = "") -> str:
    """Write how many there are; the plural is `nouns`, else the noun with an s.

    >>> counted(1, "text"), counted(12_000, "text"), counted(2, "class", "classes")
    ('1 text', '12,000 texts', '2 classes')
    """
    return f"{n:,} {noun if n == 1 else nouns or f'{noun}s'}"


def agreed(n: int, template: str, **names: object) -> str:
    """Write how many there are, and a sentence whose words agree with the number.

    ``{s}`` is the noun's plural, ``{v}`` the verb's singular; ``{are}``, ``{have}`` and ``{were}`` are the verbs.

    >>> agreed(1, "row{s} repeat{v} {what!r}", what="a"), agreed(2, "text{s} {are} empty")
    ("1 row repeats 'a'", '2 texts are empty')
    """
    several = {"s": "s", "v": "", "are": "are", "have": "have", "were": "were"}
    single = {"s": "", "v": "s", "are": "is", "have": "has", "were": "was"}
    return f"{n:,} {template.format(**(single if n == 1 else several), **names)}"


def did_you_mean(word: str, options: Iterable[str]) -> str | None:
    """Return the option nearest to `word`, or None where none is near.

    >>> did_you_mean("labl", ["text", "label"])
    'label'
    """
    near = difflib.get_close_matches(word, list(options), n=1, cutoff=0.6)
    return near[0] if near else None


def name_rows(rows: Sequence[int], most: int = 5) -> str:
    """Name row numbers for people, the first few of them.

    >>> name_rows([3, 8, 12, 20, 31, 40, 41])
    'rows 3, 8, 12, 20, 31 and 2 more'
    """
    shown = ", ".join(str(row) for row in rows[:most])
    more = f" and {len(rows) - most:,} more" if len(rows) > most else ""
    return f"{'row' if len(rows) == 1 else 'rows'} {shown}{more}"


def printable(text: object, *, lines: bool = False) -> str:
    r"""Write out what would steer a terminal: control characters, overrides of the reading direction, half characters.

    Parameters
    ----------
    text
        What is to be shown.
    lines
        Whether line breaks and tabs stay as they are.

    >>> print(printable("\x1b[31mred\n"), printable("two\nlines", lines=True).splitlines())
    \x1b[31mred\n ['two', 'lines']
    """
    given = str(text).replace("\r\n", "\n") if lines else str(text)
    return STEERING.sub(lambda found: _written_out(found[0], lines), given)


def _written_out(character: str, lines: bool) -> str:
    return character if lines and character in "\n\t" else character.encode("unicode_escape").decode()

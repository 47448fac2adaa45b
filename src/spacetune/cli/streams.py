"""What goes to the terminal, whatever its encoding, and whoever reads it."""

from __future__ import annotations

import codecs
import contextlib
import errno
import json
import logging
import os
import sys
from typing import TYPE_CHECKING, TextIO

from spacetune.errors import printable

if TYPE_CHECKING:
    from spacetune.results import Result

__all__ = ["close_output", "drop_output", "lost_output", "print_json", "ready_streams", "say", "tell"]


def say(message: str, *, to_stderr: bool = True) -> None:
    """Print a sentence for people; nothing in it steers the terminal."""
    print(printable(message, lines=True), file=sys.stderr if to_stderr else sys.stdout)


def tell(message: str, *, to_stderr: bool = True) -> None:
    """Print a sentence that ``--quiet`` leaves out: what was done, and not what is wrong."""
    if logging.getLogger("spacetune").level <= logging.INFO:
        say(message, to_stderr=to_stderr)


def ready_streams() -> None:
    """Make the standard streams take any text: what a code page lacks is written out as an escape."""
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        reconfigure = getattr(stream, "reconfigure", None)
        if stream is None:  # closed by the caller, as in `>&-`
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - open to the end
        elif reconfigure is not None:
            reconfigure(errors="backslashreplace")


def close_output(code: int) -> int:
    """Hand over what standard output still holds; return the exit code, 1 where it could not be written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return lost_output(error, code)
    return code


def lost_output(error: OSError, code: int = 0) -> int:
    """Give up standard output, which could not be written; return the exit code, 1 but where nobody reads any more."""
    drop_output()
    if nobody_reads(error):
        return code
    if not code:
        say(f"spacetune: standard output cannot be written: {error.strerror}")
    return code or 1


def nobody_reads(error: OSError) -> bool:
    """Tell whether who read the output, such as ``head``, has gone; Windows calls that an invalid argument."""
    return isinstance(error, BrokenPipeError) or (
        os.name == "nt" and error.errno == errno.EINVAL and not error.filename
    )


def drop_output() -> None:
    """Send what standard output still holds nowhere, so that Python does not complain of it at the end."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_json(result: Result) -> None:
    """Print a result as JSON; where stdout is not UTF-8, all beyond ASCII is escaped."""
    text = result.to_json(indent=2)
    if codecs.lookup(sys.stdout.encoding or "utf-8").name != "utf-8":
        text = json.dumps(json.loads(text), indent=2)
    print(text)  # noqa: T201

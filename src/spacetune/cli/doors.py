"""What every command shares: errors as sentences, people's text apart from data, places to write to."""

from __future__ import annotations

import functools
import logging
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

import typer

from spacetune.cli.ending import TERMINATED
from spacetune.errors import SpacetuneError, Terminated, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from spacetune.results import Result

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout, and nothing else.")]
ENDINGS = (".html", ".md", ".png", ".json", ".csv")
NAMED = ".html, .md, .png, .json or .csv"
Report = Annotated[Path | None, typer.Option("--out", "-o", help=f"File for the result: {NAMED}.")]

P = ParamSpec("P")
R = TypeVar("R")


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Turn a command's errors into one sentence and an exit code: 1 the work failed, 2 the call was wrong."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except SpacetuneError as error:
            print(f"spacetune: {error}", file=sys.stderr)  # noqa: T201
            raise typer.Exit(2 if isinstance(error, UsageError) else 1) from None
        except KeyboardInterrupt as stop:
            by = str(stop) or "Ctrl-C"
            print(f"spacetune: stopped by {by}; no result was printed", file=sys.stderr)  # noqa: T201
            raise typer.Exit(TERMINATED if isinstance(stop, Terminated) else 130) from None
        except BrokenPipeError:
            sys.stderr.close()
            raise typer.Exit(0) from None
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            print(f"spacetune: {where}{error.strerror or error}", file=sys.stderr)  # noqa: T201
            raise typer.Exit(1) from None

    return run


def write_place(out: Path | None, *endings: str, option: str = "--out") -> Path | None:
    """Return the file to write, or say that nothing can be written there, before the work and not after it.

    Raises
    ------
    UsageError
        If it is a folder, lies in no folder, or has another ending.
    """
    if out is None:
        return None
    if out.is_dir():
        raise UsageError(f"{option} must name a file, and {out} is a folder")
    if endings and out.suffix not in endings:
        raise UsageError(f"{option} must end in {' or '.join(endings)}, got {out.name}")
    if not out.parent.is_dir():
        raise UsageError(f"{option} must lie in a folder that exists, and {out.parent} does not")
    return out


def people(to_stderr: bool) -> Console:
    """Return where text for people goes: stderr when stdout is data."""
    from rich.console import Console

    return Console(stderr=to_stderr, soft_wrap=False)


def show(result: Result, as_json: bool, draw: Callable[[Console, Any], None], out: Path | None = None) -> None:
    """Print a result, as JSON on stdout or drawn for people; write it to a file too where one is named."""
    if out is not None:
        from spacetune.reports import render

        render(result, out)
        people(True).print(f"report written to {out}", highlight=False, soft_wrap=True)
    if as_json:
        print(result.to_json(indent=2))  # noqa: T201
    else:
        draw(people(False), result)


def quiet_libraries() -> None:
    """Let spacetune's own notices through to stderr, and nobody else's noise."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    log = logging.getLogger("spacetune")
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False
    warnings.simplefilter("ignore")

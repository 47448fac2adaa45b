"""What every command shares: errors and signals as sentences, people's text apart from data, places to write to."""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
import signal
import threading
import warnings
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, ParamSpec, TypeVar

import typer

from spacetune.cli.places import NAMED, write_place
from spacetune.cli.streams import drop_output, nobody_reads, print_json, say, tell
from spacetune.errors import SpacetuneError, Terminated, TooMuchMemory, UsageError, printable
from spacetune.memory import ended_beyond

if TYPE_CHECKING:
    from rich.console import Console

    from spacetune.results import Result

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout, and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but the result, warnings and errors.")]
MaxMemory = Annotated[
    str | None,
    typer.Option("--max-memory", help="Memory limit in gigabytes (or as 800MB); a run above it ends as by Ctrl-C."),
]
Report = Annotated[Path | None, typer.Option("--out", "-o", help=f"File for the result: {NAMED}.")]

__all__ = [
    "NAMED",
    "TERMINATED",
    "AsJson",
    "Draw",
    "Report",
    "guarded",
    "hand_over",
    "heeding_sigterm",
    "people",
    "quiet_libraries",
    "say",
    "show",
    "tell",
    "write_place",
]

TERMINATED = 128 + int(signal.SIGTERM)
"""Exit code of a command that SIGTERM ended."""

Draw = Callable[["Console", Any], None]
P = ParamSpec("P")
R = TypeVar("R")


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Turn a command's errors into one sentence and an exit code: 1 the work failed, 2 the call was wrong.

    Every command has the options ``--quiet``, which is the level of the logger ``spacetune``, and ``--max-memory``.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        logging.getLogger("spacetune").setLevel(logging.WARNING if kwargs.pop("quiet", False) else logging.INFO)
        limit: Any = kwargs.pop("max_memory", None)
        try:
            with ended_beyond(limit) as beyond:
                made = command(*args, **kwargs)
            if beyond:
                leave(f"stopped by {beyond[0]}", 1)
            return made
        except SpacetuneError as error:
            leave(str(error), 2 if isinstance(error, UsageError) else 1)
        except KeyboardInterrupt as stop:
            by = str(stop) or "Ctrl-C"
            code = TERMINATED if isinstance(stop, Terminated) else 130
            leave(f"stopped by {by}; no result was printed", 1 if isinstance(stop, TooMuchMemory) else code)
        except OSError as error:
            if nobody_reads(error):
                drop_output()
                raise typer.Exit(0) from None
            where = f"{error.filename}: " if error.filename else ""
            leave(f"{where}{error.strerror or error}", 1)
        except (MemoryError, RuntimeError) as error:
            if not isinstance(error, MemoryError) and "allocate memory" not in str(error):  # torch's own way to say it
                raise
            leave(f"there is not enough memory for this: {error}; give fewer texts or smaller settings", 1)

    signature = inspect.signature(command, eval_str=True)
    quiet = inspect.Parameter("quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Quiet)
    memory = inspect.Parameter("max_memory", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=MaxMemory)
    parameters = [*signature.parameters.values(), quiet, memory]
    run.__signature__ = signature.replace(parameters=parameters)  # pyright: ignore[reportAttributeAccessIssue]
    return run


def leave(message: str, code: int) -> NoReturn:
    """Say why nothing more is done, and end with this exit code."""
    say(f"spacetune: {message}")
    raise typer.Exit(code) from None


@contextlib.contextmanager
def heeding_sigterm() -> Generator[list[str]]:
    """Raise `Terminated` where SIGTERM or SIGHUP comes; give the list of the names of those that came.

    Schedulers, containers and closed terminals send them: a fit ends by them as by Ctrl-C.

    A signal that is ignored (``nohup``) stays ignored. Outside the main thread, where Python gives no signals, nothing
    changes.
    """
    came: list[str] = []

    def end(number: int, frame: Any) -> None:
        del frame
        came.append(signal.Signals(number).name)
        raise Terminated(came[-1])

    names = ("SIGTERM", "SIGHUP", "SIGBREAK") if threading.current_thread() is threading.main_thread() else ()
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, end)
    try:
        yield came
    finally:
        for number in numbers:
            signal.signal(number, before[number])


def people(to_stderr: bool) -> Console:
    """Return where text for people goes: stderr when stdout is data."""
    from rich.console import Console

    return Console(stderr=to_stderr, soft_wrap=False, markup=False, emoji=False, highlight=False)


def show(result: Result, as_json: bool, out: Path | None = None, draw: Draw | None = None) -> None:
    """Print a result, as JSON on stdout or drawn for people; write it to a file too where one is named.

    `draw` is for what was asked of the drawing alone; by default it is drawn as every result of its kind.
    """
    from spacetune.reports import draw_result

    if out is not None:
        from spacetune.reports import render

        render(result, out)
        tell(f"report written to {out}")
    if as_json:
        print_json(result)
    else:
        (draw or draw_result)(people(False), result)


def hand_over(result: Result, as_json: bool, out: Path | None, what: str = "") -> None:
    """Write a result to a file where one is named, and print it where none is, or as JSON where that is asked for."""
    if out is not None:
        from spacetune.reports import render

        render(result, out)
        tell(f"{what}written to {out}")
    if out is None or as_json:
        show(result, as_json)


def quiet_libraries() -> None:
    """Let spacetune's own notices through to stderr, and nobody else's noise."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.addFilter(_printable_record)
    log = logging.getLogger("spacetune")
    log.handlers[:] = [handler]
    log.propagate = False
    warnings.simplefilter("ignore")


def _printable_record(record: logging.LogRecord) -> bool:
    record.msg, record.args = printable(record.getMessage(), lines=True), None
    return True

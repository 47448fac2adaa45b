"""The command line: every command reads its arguments, calls one function of the library, and shows the result."""

from __future__ import annotations

import atexit
import gc
import sys
from typing import Annotated, Any

import typer

from spacetune.cli.data import check, drift, suggest, thresholds
from spacetune.cli.demo import demo
from spacetune.cli.dissect import dissect, terms
from spacetune.cli.doctor import cache, doctor, encoders
from spacetune.cli.encode import encode
from spacetune.cli.explain import explain
from spacetune.cli.export import export
from spacetune.cli.fit import fit
from spacetune.cli.geometry import compare, measure, perturb
from spacetune.cli.predict import predict, score, simplex, spaces
from spacetune.cli.push import push
from spacetune.cli.serve import serve
from spacetune.cli.streams import close_output, lost_output, ready_streams
from spacetune.errors import printable

__all__ = ["app", "main"]

COMMANDS = (
    fit,
    score,
    predict,
    explain,
    spaces,
    simplex,
    push,
    export,
    serve,
    encode,
    dissect,
    measure,
    compare,
    perturb,
    check,
    suggest,
    drift,
    thresholds,
    demo,
    doctor,
    encoders,
    cache,
)

app = typer.Typer(
    name="spacetune",
    help="Small, explained text classifiers in the latent space of a frozen Transformer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in COMMANDS:
    app.command()(command)
app.add_typer(terms)


def main() -> None:
    """Run the command line.

    torch and the libraries beside it make some hundred thousand objects that live as long as the process. Python's
    garbage collector walks over them again and again while they are loaded, and once more at the end, for a third of
    a short command's time: here it looks less often, and at the end not at all.
    """
    gc.set_threshold(50_000, 20, 100)
    atexit.register(gc.freeze)
    ready_streams()
    sys.exit(close_output(run_app()))


def run_app() -> int:
    """Run the command that was typed, and return its exit code."""
    try:
        code = app(standalone_mode=False, windows_expand_args=False)  # a text with * or % is a text
    except SystemExit as ended:  # rich ends the process where nobody reads its output any more
        code = ended.code
    except OSError as error:  # of what is printed before a command begins: its help, the version
        code = lost_output(error)
    except Exception as error:
        if not hasattr(error, "format_message"):  # a complaint about the words typed, which it repeats
            raise
        from typer.rich_utils import rich_format_error

        complaint: Any = error
        complaint.message = printable(complaint.message, lines=True)
        rich_format_error(complaint)
        code = complaint.exit_code
    return code if isinstance(code, int) else 0


@app.callback(invoke_without_command=True)
def about(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Small, explained text classifiers in the latent space of a frozen Transformer."""
    if version:
        import spacetune

        print(spacetune.__version__)  # noqa: T201
        raise typer.Exit

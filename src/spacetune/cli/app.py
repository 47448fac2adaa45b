"""The command line: every command reads its arguments, calls one function of the library, and shows the result."""

from __future__ import annotations

from typing import Annotated

import typer

from spacetune.cli.demo import demo
from spacetune.cli.dissect import dissect
from spacetune.cli.fit import fit
from spacetune.cli.geometry import compare, measure, perturb
from spacetune.cli.look import cache, check, doctor
from spacetune.cli.serve import serve
from spacetune.cli.use import explain, predict, score, simplex, spaces

__all__ = ["app", "main"]

COMMANDS = (
    fit,
    score,
    predict,
    explain,
    spaces,
    simplex,
    serve,
    dissect,
    measure,
    compare,
    perturb,
    check,
    demo,
    doctor,
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


def main() -> None:
    """Run the command line."""
    app()


@app.callback(invoke_without_command=True)
def about(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """Small, explained text classifiers in the latent space of a frozen Transformer."""
    if version:
        import spacetune

        print(spacetune.__version__)  # noqa: T201
        raise typer.Exit

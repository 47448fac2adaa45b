"""The command ``push``: a saved model goes to the hub, after what it would show was shown."""

from __future__ import annotations

from typing import Annotated

import typer

from spacetune.cli.guarded import guarded, people, quiet_libraries, say
from spacetune.cli.loading import ModelEncoder, load
from spacetune.errors import UsageError

__all__ = ["push"]

LeaveOut = Annotated[
    list[str] | None,
    typer.Option(
        "--leave-out",
        help="hashes, by which texts can be told to have been trained on.",
    ),
]


@guarded
def push(
    model: Annotated[str, typer.Argument(help="Folder of a saved model.")],
    repo: Annotated[str, typer.Argument(help="user/name on the hub; made where it is not there yet.")],
    private: Annotated[bool, typer.Option("--private", help="Only you can see it, where it is made.")] = False,
    revision: Annotated[str | None, typer.Option(help="Branch; else the main one.")] = None,
    leave_out: LeaveOut = None,
    encoder: ModelEncoder = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before it goes.")] = False,
) -> None:
    """Publish a saved model on the hub; what it would show is listed first."""
    quiet_libraries()
    from spacetune.model_folder import publish, published, without

    saved = without(load(model, encoder).to_save(), leave_out or ())
    say(f"{repo} would show:")
    for row in published(saved):
        name = row["can be left out as"]
        say(f"  {row['part']}: {row['what']}" + (f"; --leave-out {name}" if name else ""))
    if not yes:
        if not people(True).is_terminal:
            raise UsageError("this would be published: say --yes where nobody can be asked")
        typer.confirm(f"Publish it as {repo}?", abort=True, err=True)
    say(f"published: {publish(saved, repo, private=private or None, revision=revision)}")

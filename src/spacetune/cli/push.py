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
        help="Part to leave out: 'hashes', which tell whether a text was trained on. Repeatable.",
    ),
]


@guarded
def push(
    model: Annotated[str, typer.Argument(help="Folder of a saved model.")],
    repo: Annotated[str, typer.Argument(help="user/name on the hub; created where it does not exist.")],
    private: Annotated[bool, typer.Option("--private", help="If it is created, let only you see it.")] = False,
    revision: Annotated[str | None, typer.Option(help="Branch; by default the main one.")] = None,
    leave_out: LeaveOut = None,
    encoder: ModelEncoder = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Publish without asking first.")] = False,
) -> None:
    """Publish a saved model on the hub, with its README.md as the card; what it would show is listed first."""
    quiet_libraries()
    from spacetune.model_folder import publish, published, with_card, without

    saved = with_card(without(load(model, encoder).to_save(), leave_out or ()), model)
    say(f"{repo} would show:")
    for row in published(saved):
        name = row["can be left out as"]
        say(f"  {row['part']}: {row['what']}" + (f"; --leave-out {name}" if name else ""))
    if not yes:
        if not people(True).is_terminal:
            raise UsageError("there is no terminal to ask on: add --yes to publish what is listed above")
        typer.confirm(f"Publish it as {repo}?", abort=True, err=True)
    say(f"published: {publish(saved, repo, private=private or None, revision=revision)}")

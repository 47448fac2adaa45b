"""The commands that look at the installation: encoders, the cache, versions."""

from __future__ import annotations

from typing import Annotated

import typer

from spacetune.cli.guarded import AsJson, Report, guarded, quiet_libraries, say, show, write_place
from spacetune.errors import UsageError

__all__ = ["cache", "doctor", "encoders"]


@guarded
def encoders(
    speed: Annotated[bool, typer.Option("--speed", help="Measure the speed of those at hand on this machine.")] = False,
    out: Report = None,
    as_json: AsJson = False,
) -> None:
    """List encoders: short names for ``--encoder``, which are at hand, how large, for what; nothing is downloaded."""
    out = write_place(out)
    quiet_libraries()
    from spacetune.studies import list_encoders

    show(list_encoders(speed=speed), as_json, out)


@guarded
def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove all cached features.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the cache of token features holds, or clear it."""
    quiet_libraries()
    from spacetune.encoders import default_store

    store = default_store()
    if store is None:
        raise UsageError("there is no cache: SPACETUNE_CACHE is set to 'off'")
    if clear:
        freed = store.clear()
        say(f"{freed / 1e6:,.1f} MB freed", to_stderr=as_json)
    show(store.summary(), as_json)


@guarded
def doctor(as_json: AsJson = False) -> None:
    """Show versions, devices, the default encoder, and what is missing."""
    quiet_libraries()
    from spacetune.studies import diagnose

    found = diagnose()
    show(found, as_json)
    if found.problems:
        raise typer.Exit(1)

"""What a fit leaves behind when it is interrupted: the best so far, or the last whole epoch to go on from."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Generator
from pathlib import Path
from typing import Any

from spacetune.errors import UsageError
from spacetune.estimators import TextEstimator
from spacetune.model_folder import Claim, claim, is_model

__all__ = ["output", "save", "save_again", "was_interrupted"]

log = logging.getLogger("spacetune")


def was_interrupted(model: TextEstimator) -> bool:
    """Tell whether Ctrl-C or SIGTERM ended the training of a fitted model."""
    return model.history_ is not None and model.history_.ended == "interrupted"


@contextlib.contextmanager
def output(place: Path | None, resume: bool) -> Generator[Claim | None]:
    """Hold the folder that a fit saves to, and say after an interruption what is kept.

    Parameters
    ----------
    place
        The folder; None saves nothing.
    resume
        Whether an interrupted fit's last epoch is gone on from; else it is kept until an epoch of this fit has ended.

    Raises
    ------
    UsageError
        If the folder is not free, cannot be written to, or another run holds it; or a finished fit is to be resumed.
    """
    if place is None:
        yield None
        return
    with claim(place) as out, _apart(out, resume):
        if resume and not out.checkpoint.exists() and is_model(out.place):
            found = "no epoch is left to go on from" if _was_stopped(out.place) else "is finished"
            raise UsageError(f"the fit of {place} {found}: leave --resume out to fit anew, in place of that model")
        if resume and not out.checkpoint.exists():
            log.warning("there is no interrupted fit of %s to continue; this one starts from the beginning", place)
        try:
            yield out
        except KeyboardInterrupt:
            if out.written and not out.checkpoint.exists():
                log.warning("the model was fitted and saved to %s; only its scores are missing", place)
            elif out.checkpoint.exists():
                log.warning("the last whole epoch is kept; go on from it with --resume")
            raise


@contextlib.contextmanager
def _apart(out: Claim, resume: bool) -> Generator[None]:
    """Keep an interrupted fit's last epoch out of a new fit's way, until the new one has something in its place."""
    before = out.checkpoint.with_name("before.safetensors")
    if before.exists() and not out.checkpoint.exists():  # a kill came in between
        before.replace(out.checkpoint)
    before.unlink(missing_ok=True)
    if not resume and out.checkpoint.exists():
        out.checkpoint.replace(before)
        log.warning(
            "an interrupted fit of %s is given up once an epoch of this one has ended; before, stop this one and go on "
            "from that with --resume and its texts and settings",
            out.place,
        )
    try:
        yield
    finally:
        if before.exists() and not (out.written or out.checkpoint.exists()):
            before.replace(out.checkpoint)
        before.unlink(missing_ok=True)


def _was_stopped(place: Path) -> bool:
    """Tell whether a saved model's training was ended by Ctrl-C or SIGTERM."""
    config: dict[str, Any] = json.loads((place / "config.json").read_bytes())
    history: dict[str, Any] = config.get("history", {})
    return history.get("ended") == "interrupted"


def save(model: TextEstimator, out: Claim) -> None:
    """Save a fitted model; the last epoch stays to go on from where the training was interrupted."""
    out.write(model.to_save())
    if was_interrupted(model):
        then = "; --resume goes on from the last whole epoch" if out.checkpoint.exists() else ""
        log.warning("saved to %s as it is now%s", out.place, then)
    else:
        out.checkpoint.unlink(missing_ok=True)


def save_again(model: TextEstimator, out: Claim) -> None:
    """Save the model once more, with the scores and baselines found since; the first stays where that fails."""
    try:
        out.write(model.to_save())
    except UsageError as error:
        log.warning("the model is saved; its table could not be added to it: %s", error)

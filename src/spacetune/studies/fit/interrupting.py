"""What a fit leaves behind when it is interrupted: the best so far, or the last whole epoch to go on from."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator
from pathlib import Path

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
        Whether an interrupted fit's last epoch is gone on from; else it is removed.

    Raises
    ------
    UsageError
        If the folder is not free, cannot be written to, or another run holds it; or a finished fit is to be resumed.
    """
    if place is None:
        yield None
        return
    with claim(place) as out:
        if resume and not out.checkpoint.exists() and is_model(out.place):
            raise UsageError(f"the fit of {place} is finished: leave --resume out to fit anew, in place of that model")
        if resume and not out.checkpoint.exists():
            log.warning("there is no interrupted fit of %s to continue; this one starts from the beginning", place)
        if not resume and out.checkpoint.exists():
            log.warning("the last epoch of an interrupted fit of %s is given up; --resume would have gone on", place)
            out.checkpoint.unlink()
        try:
            yield out
        except KeyboardInterrupt:
            if out.written and not out.checkpoint.exists():
                log.warning("the model was fitted and saved to %s; only its scores are missing", place)
            elif out.checkpoint.exists():
                log.warning("the last whole epoch is kept; go on from it with --resume")
            raise


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

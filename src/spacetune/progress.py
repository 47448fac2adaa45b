"""A progress bar on a terminal with rate and time left, for what takes over two seconds; nothing anywhere else."""

from __future__ import annotations

import logging
import sys
from typing import Any

from tqdm import tqdm

__all__ = ["progress_bar"]

DELAY = 2.0
"""Seconds before a bar is shown."""


def progress_bar(
    total: int | None, description: str, unit: str, *, show: bool | None = None, done: int = 0
) -> tqdm[Any]:
    """Open a bar of `total` units; use it as a context manager and call `update(n)`.

    Parameters
    ----------
    total
        How many units of work there are; None where that is not known.
    description
        What is being done, in two or three words.
    unit
        The unit's plural, as in ``texts``.
    show
        True or False to force the bar on or off; None shows it after two seconds, where standard error is a terminal
        and the logger ``spacetune`` has not been set to warnings alone.
    done
        Units that were done before: they do not count for the rate.
    """
    wanted = sys.stderr.isatty() and logging.getLogger("spacetune").level <= logging.INFO
    hidden = not (wanted if show is None else show)
    delay = 0.0 if show else DELAY
    return tqdm(
        total=total, desc=description, unit=f" {unit}", disable=hidden, smoothing=0.1, leave=False, delay=delay,
        dynamic_ncols=True, initial=done,
    )  # fmt: skip

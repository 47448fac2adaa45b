"""The command line: `spacetune fit`, `score`, `predict`, `explain`, `check`, `demo`, `doctor`."""

from spacetune.cli.app import main

__all__ = ["main"]

"""The command line: `main` runs the command that was typed."""

from spacetune.cli.app import main

__all__ = ["main"]

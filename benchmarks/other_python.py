"""A module of this folder run by another Python, whose packages do not install beside ours, asked in lines of JSON."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


class OtherPython:
    """A process that answers every line of JSON with one.

    Parameters
    ----------
    python
        The other interpreter.
    module
        What it runs, as after ``python -m``, and the arguments.
    **options
        Passed on to `subprocess.Popen`.
    """

    def __init__(self, python: str, *module: str, **options: Any) -> None:
        self._process = subprocess.Popen(
            [python, "-m", *module],
            cwd=HERE.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **options,
        )

    def exchange(self, request: Any) -> Any:
        """Send a request and wait for its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

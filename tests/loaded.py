"""What a process of its own has loaded once it has run some code."""

from __future__ import annotations

import json
import subprocess
import sys

__all__ = ["loaded_by"]


def loaded_by(code: str) -> set[str]:
    told = f"import sys, json\n{code}\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))

"""Run the studies of the papers: `python -m papers` all of them, `python -m papers latent_geometry` some.

A study is a folder with a `reproduce.py` that has `main()`. Each keeps what it has done beside itself and goes on from
there, so an interrupted run can be started again. One study's failure does not stop the others.
"""

from __future__ import annotations

import importlib
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent


def studies(folder: Path = HERE) -> list[str]:
    """Return the names of the studies found, in alphabetical order."""
    return sorted(path.parent.name for path in folder.glob("*/reproduce.py"))


def chosen(names: list[str], found: list[str]) -> list[str]:
    """Return the studies asked for, or all; exit with a sentence where one is unknown."""
    unknown = [name for name in names if name not in found]
    if unknown:
        sys.exit(f"there is no study {unknown[0]!r}: choose from {', '.join(found)}")
    return names or found


def main(names: list[str]) -> int:
    """Run studies one after the other; return 1 where one failed, else 0."""
    asked, failed = chosen(names, studies()), list[str]()
    for number, name in enumerate(asked, start=1):
        print(f"== {name} ({number} of {len(asked)})", flush=True)
        start = time.monotonic()
        try:
            importlib.import_module(f"papers.{name}.reproduce").main()
        except Exception:
            traceback.print_exc()
            failed.append(name)
        print(f"   {time.monotonic() - start:.0f} s", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

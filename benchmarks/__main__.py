"""Run the measurements: `python -m benchmarks` all of them, `python -m benchmarks speed sma` some.

`--quick`, `--rounds` and `--sizes` are handed to `speed`.
"""

from __future__ import annotations

import importlib
import sys

NAMES = ("speed", "sma", "sma_command", "tasks", "geometry")


def main(arguments: list[str]) -> None:
    cut = next((i for i, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    names, options = arguments[:cut], arguments[cut:]
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        sys.exit(f"there is no measurement {unknown[0]!r}: choose from {', '.join(NAMES)}")
    for name in names or NAMES:
        print(f"== {name}", flush=True)
        module = importlib.import_module(f"benchmarks.{name}")
        if name == "speed":
            module.main(options)
        else:
            module.main()


if __name__ == "__main__":
    main(sys.argv[1:])

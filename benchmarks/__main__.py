"""Run the measurements: `python -m benchmarks` all of them, `python -m benchmarks speed sma` some.

Options are handed to `speed`. `quality` takes long, so it runs only when named; it goes on where it stopped.
"""

from __future__ import annotations

import importlib
import sys

NAMES = (
    "demo",
    "speed",
    "sma",
    "sma_command",
    "geometry",
    "dissection",
    "explaining",
    "prefixes",
    "serving",
    "parity",
    "imdb",
    "promises",
    "streaming",
    "suggesting",
    "label_errors",
    "searching",
    "distributed",
    "gradients",
    "beside",
    "quality",
)


def main(arguments: list[str]) -> None:
    cut = next((i for i, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    names, options = arguments[:cut], arguments[cut:]
    if names[:1] == ["quality"]:  # what follows are data sets
        importlib.import_module("benchmarks.quality").main(names[1:])
        return
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        sys.exit(f"there is no measurement {unknown[0]!r}: choose from {', '.join(NAMES)}")
    for name in names or [name for name in NAMES if name != "quality"]:
        print(f"== {name}", flush=True)
        module = importlib.import_module(f"benchmarks.{name}")
        if name == "speed":
            module.main(options)
        else:
            module.main()


if __name__ == "__main__":
    main(sys.argv[1:])

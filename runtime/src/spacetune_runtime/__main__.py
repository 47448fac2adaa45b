"""``python -m spacetune_runtime FOLDER "a text" …``: predictions, and the words that speak for them."""

from __future__ import annotations

import io
import sys

from spacetune_runtime.classifier import Classifier
from spacetune_runtime.folder import ExportError


def main(arguments: list[str]) -> int:
    """Print every text's prediction and its strongest words; return the exit code."""
    if len(arguments) < 2:
        print('usage: python -m spacetune_runtime FOLDER "a text" …', file=sys.stderr)
        return 2
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what a code page lacks
    folder, *texts = arguments
    try:
        model = Classifier.load(folder, threads=1)  # a few texts are not worth waking others for
        for text, prediction in zip(texts, model.predict(texts), strict=True):
            words = model.explain(text).words()
            strongest = sorted(words, key=lambda row: -abs(row["score"]))[:5]
            print(f"{prediction}\t{text}\t" + ", ".join(f"{row['word']} {row['score']:+.2f}" for row in strongest))
    except (ExportError, ValueError) as error:
        print(f"spacetune_runtime: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
